//! The program of two halves runs, adds up and stops.

use std::process::Command;

#[test]
fn a_program_half_actix_and_half_ostraca_runs_and_stops_cleanly() {
    let output = Command::new(env!("CARGO_BIN_EXE_halves")).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    assert_eq!(err, "");
    let lines: Vec<_> = out.lines().collect();
    let [sold, ours, theirs] = lines[..] else { panic!("{out}") };
    assert!(sold.contains(" jars sold in ") && sold.ends_with(" jars bought"), "{sold}");
    assert_eq!(ours, "ostraca stopped, clean: true; the address leads nowhere: true");
    assert_eq!(theirs, "actix stopped");
}
