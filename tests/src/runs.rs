//! What `tests/long.sh` gives the tests, and what they tell `tests/all.sh`.

use std::fmt::Debug;
use std::fs::File;
use std::io::Write as _;
use std::str::FromStr;

/// A number from the environment, by which a run is longer, or another one.
///
/// # Panics
///
/// If it is something else: a run that was asked for is not to be a shorter one.
pub fn number<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text} is no number: {error:?}")))
}

/// Says what is not run, `what: what it needs`, to whoever reads the test's output and to tests/all.sh, which counts
/// it as skipped.
pub fn not_run(line: &str) {
    println!("not run: {line}");
    if let Some(list) = std::env::var_os("OSTRACA_NOT_RUN") {
        let mut list = File::options().append(true).open(list).expect("all.sh has made the file");
        writeln!(list, "{line}").expect("all.sh's file takes a line");
    }
}

/// As [`not_run`], for want of a Debian package.
pub fn missing(what: &str, package: &str) {
    not_run(&format!("{what}: needs {package}"));
    println!("to install: sudo apt-get install {package}");
}
