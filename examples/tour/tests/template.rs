//! What `examples/new.sh` makes is a service: it builds, its own tests pass, it serves, and a signal stops it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn new_service(folder: &Path) -> Output {
    Command::new("bash").arg(examples().join("new.sh")).arg(folder).output().unwrap()
}

/// Builds or tests what was made, of the crates that are here: with this workspace's versions, and in its target
/// folder, so that what is built already need not be built again.
fn cargo(folder: &Path, args: &[&str]) {
    let programs = Path::new(env!("CARGO_BIN_EXE_hello")).parent().unwrap();
    let output = Command::new(std::env::var("CARGO").unwrap())
        .args(args)
        .arg("--offline")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", programs.parent().unwrap())
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only") // as in this workspace
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}\n{}\n{errors}", String::from_utf8_lossy(&output.stdout));
}

/// A service that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, if all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The body of the answer.
fn call(address: &str, request: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Serves, counts `apples` once, and stops; gives what the count was before and after.
fn serve_once(program: &Path, journal: &Path) -> (String, String) {
    let mut command = Command::new(program);
    command
        .arg("127.0.0.1:0")
        .arg(journal)
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut service = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    let before = call(address, "GET /counters/apples");
    let after = call(address, "POST /counters/apples");
    assert_eq!(call(address, "GET /counters/apples"), after);
    assert_eq!(call(address, "GET /ready"), r#"{"status":"ready"}"#);
    let pid = Pid::from_raw(service.0.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = service.0.wait().unwrap();
    let mut log = String::new();
    service.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(status.success(), "{status}\n{log}");
    (before, after)
}

#[test]
fn a_new_service_builds_tests_itself_serves_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let service = folder.path().join("trial-service");
    let made = new_service(&service);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::copy(examples().join("../Cargo.lock"), service.join("Cargo.lock")).unwrap();

    cargo(&service, &["build", "--all-targets"]);
    cargo(&service, &["test"]);

    let program = Path::new(env!("CARGO_BIN_EXE_hello")).with_file_name("trial-service");
    let journal = folder.path().join("counters.log");
    assert_eq!(serve_once(&program, &journal), ("0".to_owned(), "1".to_owned()));
    assert_eq!(serve_once(&program, &journal), ("1".to_owned(), "2".to_owned()));
}

#[test]
fn nothing_is_left_to_fill_in_and_a_bad_name_or_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let service = folder.path().join("trial");
    assert!(new_service(&service).status.success());
    for entry in fs::read_dir(&service).unwrap() {
        let path = entry.unwrap().path();
        let is_left = path.is_file() && fs::read_to_string(&path).unwrap().contains("{{");
        assert!(!is_left, "{}", path.display());
    }
    assert!(!service.join("Cargo.toml.liquid").exists() && !service.join("cargo-generate.toml").exists());

    let again = new_service(&service);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    let bad = new_service(&folder.path().join("My Service"));
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("a crate's name"));
}
