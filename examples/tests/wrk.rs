//! The stop of the service while wrk drives it: every answer counted, and every socket error.
//!
//! `OSTRACA_STOP_SECONDS` says how long wrk drives before the service is told to stop (2 by default).

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]

#[expect(dead_code, reason = "shared with the other tests")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::Service;

/// For how long wrk goes on after the stop began, so that it is there to the end.
const AFTER: Duration = Duration::from_secs(2);
const STOP_DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn a_stop_under_wrk_answers_every_request_it_took_and_keeps_every_acknowledged_order() {
    if Command::new("wrk").arg("-v").output().is_err() {
        return not_run("the storefront's stop while wrk drives it: needs wrk");
    }
    let seconds = std::env::var("OSTRACA_STOP_SECONDS").map_or(2, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["--stop-deadline", &STOP_DEADLINE.as_secs().to_string()]);
    let drive = Duration::from_secs(seconds);
    let wrk = Command::new("wrk")
        .args(["--threads", "2", "--connections", "64", "--duration"])
        .arg(format!("{}s", (drive + AFTER).as_secs()))
        .arg("--script")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrk.lua"))
        .arg(format!("http://{}", service.address))
        .arg("--")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::park_timeout(drive);
    let begun = Instant::now();
    service.terminate();
    let database = service.database.clone();
    let (status, stderr) = service.wait();
    let took = begun.elapsed();
    let output = String::from_utf8(wrk.wait_with_output().unwrap().stdout).unwrap();
    println!("left with {status} after {took:?}\n{output}");

    assert!(status.success() && took < STOP_DEADLINE, "{status} after {took:?}: {stderr}");
    let counted = counted(&output);
    // Connections are refused once the port is closed, which wrk counts as errors of writing. A reset of one that
    // was taken is an error of reading; a request that nobody answers is one too, or a timeout.
    assert_eq!((counted["read"], counted["timeout"]), (0, 0), "{output}\n{stderr}");
    // 409 is a check-out of an empty cart, 503 a connection that came with the closing of the port.
    let unexpected: Vec<&String> = counted
        .keys()
        .filter(|key| !["200", "409", "503", "connect", "read", "write", "timeout"].contains(&key.as_str()))
        .collect();
    assert!(unexpected.is_empty(), "{output}\n{stderr}");

    let acknowledged: BTreeSet<String> = ["acknowledged-0", "acknowledged-1"]
        .iter()
        .flat_map(|file| {
            let orders = std::fs::read_to_string(folder.path().join(file)).unwrap();
            orders.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert!(acknowledged.len() > 10, "wrk has ordered: {output}");
    assert_eq!(stored_orders(&database), acknowledged, "left: stored, right: acknowledged");
}

/// The numbers that wrk.lua prints.
fn counted(output: &str) -> BTreeMap<String, u64> {
    let line = output.lines().find_map(|line| line.strip_prefix("counted "));
    serde_json::from_str(line.unwrap_or_else(|| panic!("wrk.lua counts nothing: {output}"))).unwrap()
}

fn stored_orders(database: &Path) -> BTreeSet<String> {
    let database = rusqlite::Connection::open(database).unwrap();
    let mut select = database.prepare("SELECT id FROM orders").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Says what this test needs, to whoever reads its output and to tests/all.sh.
fn not_run(what: &str) {
    println!("not run: {what}");
    if let Some(list) = std::env::var_os("OSTRACA_NOT_RUN") {
        let list = std::fs::File::options().append(true).open(list);
        writeln!(list.unwrap(), "{what}").unwrap();
    }
}
