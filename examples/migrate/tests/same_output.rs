//! Each program prints the same before and after.

#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::process::Command;

/// Runs a program to its end and gives what it printed.
fn run(program: &str) -> String {
    let output = Command::new(program).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn assert_same(before: &str, after: &str, printed: &str) {
    assert_eq!(run(before), printed, "before");
    assert_eq!(run(after), printed, "after");
}

#[test]
fn the_program_from_actix_prints_the_same() {
    assert_same(
        env!("CARGO_BIN_EXE_actix_before"),
        env!("CARGO_BIN_EXE_actix_after"),
        "pears left: 1\nno pears: only 1 left\nplums left: 8\nthe till has sold 3\n",
    );
}

#[test]
fn the_program_from_kameo_prints_the_same() {
    assert_same(
        env!("CARGO_BIN_EXE_kameo_before"),
        env!("CARGO_BIN_EXE_kameo_after"),
        "printed: 7\nrefused: 11 pages are too many\n\
         a picture of 2 pages, while 7 were printed\nalive: false\n",
    );
}

#[test]
fn the_program_from_ractor_prints_the_same() {
    assert_same(
        env!("CARGO_BIN_EXE_ractor_before"),
        env!("CARGO_BIN_EXE_ractor_after"),
        "parsed: 12\nan answer: false\nparsed so far: 1, starts: 2\n",
    );
}
