//! The stop of the service while wrk drives it: every answer counted, and every socket error.
//!
//! And the service under more requests than it answers in time: each is answered, if only by a refusal.
//!
//! `OSTRACA_STOP_SECONDS` says how long wrk drives before the service is told to stop (2 by default), and
//! `OSTRACA_OVERLOAD_SECONDS` how long it overloads (3 by default).

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

#[test]
fn four_times_what_it_can_do_is_answered_or_refused_and_takes_no_memory() {
    if Command::new("wrk").arg("-v").output().is_err() {
        return not_run("the storefront under overload: needs wrk");
    }
    let seconds = std::env::var("OSTRACA_OVERLOAD_SECONDS").map_or(3, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    // 64 connections keep it busy; here are four times as many.
    let service = Service::start(folder.path(), &["--limit-min", "16"]);
    let overload = |connections: u32, seconds: u64| {
        let output = Command::new("wrk")
            .args(["--threads", "2", "--timeout", "10s", "--connections", &connections.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--script"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/overload.lua"))
            .arg(format!("http://{}", service.address))
            .output()
            .unwrap();
        counted(&String::from_utf8(output.stdout).unwrap())
    };
    let rate = |counted: &BTreeMap<String, u64>, seconds: u64| counted["200"] as f64 / seconds as f64;
    let before = overload(64, seconds);
    let first = overload(256, seconds);
    let resident = service.resident_bytes();
    let second = overload(256, seconds);
    let grown = service.resident_bytes().saturating_sub(resident);
    let after = overload(64, seconds);
    println!(
        "64 connections {before:?}\n256 {first:?}\n256 {second:?}, {} KiB more\n64 {after:?}",
        grown / 1024
    );
    println!(
        "answers a second: {:.0}, {:.0}, {:.0}, {:.0}",
        rate(&before, seconds),
        rate(&first, seconds),
        rate(&second, seconds),
        rate(&after, seconds),
    );
    for counted in [&first, &second] {
        let unanswered: u64 =
            ["connect", "read", "write", "timeout", "mute"].iter().map(|kind| counted[*kind]).sum();
        assert_eq!(unanswered, 0, "{counted:?}");
        let others: Vec<_> =
            counted.keys().filter(|key| key.parse().is_ok_and(|key: u16| key != 200 && key != 503)).collect();
        assert!(others.is_empty(), "{counted:?}");
        assert!(
            counted["200"] > 100 && counted.get("503").is_some_and(|refused| *refused > 100),
            "{counted:?}"
        );
    }
    assert!(grown < 16 << 20, "{grown} bytes more");
}

/// The numbers that the scripts print.
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
