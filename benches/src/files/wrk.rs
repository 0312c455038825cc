//! wrk, and what it says.

use std::process::Command;
use std::time::Duration;

/// What wrk did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) requests: u64,
    /// Heads and bodies.
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// Asks for `/file` over 32 kept connections.
///
/// # Panics
///
/// When wrk is not there, or an answer was not as it should be.
pub(super) fn run(port: u16, ms: u64) -> Load {
    let folder = tempfile::tempdir().expect("a folder for wrk's script");
    let script = folder.path().join("report.lua");
    std::fs::write(&script, REPORT).expect("wrk's script");
    // wrk takes whole seconds.
    let seconds = ms.div_ceil(1_000).max(1);
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", "32", "--duration", &format!("{seconds}s"), "--script"]);
    wrk.arg(&script).arg(format!("http://127.0.0.1:{port}/file"));
    let output = wrk.output().expect("wrk: install it (`sudo apt-get install wrk`)");
    let text = String::from_utf8_lossy(&output.stdout);
    let line =
        text.lines().find_map(|line| line.strip_prefix("load ")).unwrap_or_else(|| panic!("wrk: {text}"));
    let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [requests, bytes, micros, errors] = numbers[..] else { panic!("wrk: {line}") };
    assert_eq!(errors, 0, "wrk: {text}");
    Load { requests, bytes, took: Duration::from_micros(micros) }
}

const REPORT: &str = r#"
function done(summary)
    local errors = summary.errors
    local count = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("load %d %d %d %d", summary.requests, summary.bytes, summary.duration, count))
end
"#;
