//! Requests that nobody meant: pieces of right and wrong ones, put together and broken by chance. No panic, nothing out of
//! the folder, and each answer is one.

use std::time::{Duration, Instant};

use fastrand::Rng;
use ostraca_tests::runs::number;

use crate::client::Client;
use crate::place::Place;

/// Lies beside the folder.
const SECRET: &str = "nobody may read this";

const METHODS: &[&str] = &["GET", "HEAD", "POST", "get", "OPTIONS", "CONNECT", "G", "GET ", "\0", "PRI", ""];
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/b/c",
    "/large",
    "/../secret",
    "/%2e%2e/secret",
    "/..%2fsecret",
    "/b/../../secret",
    "/.%00./secret",
    "/out",
    "/out/x",
    "http://a/a",
    "//a",
    "/a?b#c",
    "/%",
    "/%zz",
    "/\u{e9}",
    "*",
    "a",
    "/b/",
    "/.a",
    "/pipe",
    "/%c0%ae%c0%ae/secret",
    "/..\\secret",
    "/b/%2e%2e/%2e%2e/secret",
    "/./a",
    "/a/",
    "/proc/self/environ",
];
const VERSIONS: &[&str] =
    &["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "", "HTTP/9"];
const FIELDS: &[&str] = &[
    "host: a",
    "host: b",
    "connection: close",
    "connection: keep-alive",
    "content-length: 0",
    "content-length: 5",
    "content-length: -1",
    "content-length: 99999999999999999999",
    "transfer-encoding: chunked",
    "transfer-encoding: identity",
    "range: bytes=0-0",
    "range: bytes=-1",
    "range: bytes=1-,0-0",
    "range: bytes=0-0,1-1,2-2",
    "range: bytes=18446744073709551615-",
    "range: bytes=5-1",
    "range: x=1-2",
    "range: bytes=0-18446744073709551615",
    "if-none-match: *",
    "if-none-match: \"x\", W/\"y\"",
    "if-match: \"",
    "if-match: *",
    "if-range: \"x\"",
    "if-range: Sun, 06 Nov 1994 08:49:37 GMT",
    "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT",
    "if-unmodified-since: Sun, 06 Nov 2094 08:49:37 GMT",
    "if-modified-since: \u{ff}",
    " folded: x",
    "x : y",
    "x",
    ": y",
    "x:\0",
    "expect: 100-continue",
    "upgrade: h2c",
    "host:",
    "host: a/b",
    "x: \u{7f}",
];
const ENDS: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", ""];

fn request(chance: &mut Rng) -> Vec<u8> {
    let mut any = |of: &[&'static str]| of[chance.usize(..of.len())];
    let mut bytes = Vec::new();
    // Most are right, or nothing but the first mistake would ever be seen.
    let method = if any(&["", "", "", "x"]).is_empty() { "GET" } else { any(METHODS) };
    let version = if any(&["", "", "", "x"]).is_empty() { "HTTP/1.1" } else { any(VERSIONS) };
    for part in [method, " ", any(PATHS), " ", version, any(&ENDS[..6]), "host: a\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    for _ in 0..chance.usize(..5) {
        bytes.extend_from_slice(FIELDS[chance.usize(..FIELDS.len())].as_bytes());
        bytes.extend_from_slice(ENDS[chance.usize(..ENDS.len())].as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    if chance.u8(..8) == 0 {
        break_some(&mut bytes, chance);
    }
    bytes
}

fn break_some(bytes: &mut Vec<u8>, chance: &mut Rng) {
    for _ in 0..chance.usize(1..4) {
        let at = chance.usize(..bytes.len());
        match chance.u8(..4) {
            0 => bytes[at] = chance.u8(..),
            1 => bytes.truncate(at.max(1)),
            2 => bytes.insert(at, chance.u8(..)),
            _ => {
                let part = bytes[at..].to_vec();
                bytes.extend(part.iter().copied().cycle().take(chance.usize(..12_000)));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_break_nothing_and_read_nothing_out_of_the_folder() {
    let seed = number("OSTRACA_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let seconds = number("OSTRACA_FUZZ_SECONDS").unwrap_or(2);
    println!("OSTRACA_SEED={seed}, {seconds} s");
    let place = Place::new().await;
    std::fs::write(place.above().join("secret"), SECRET).unwrap();
    std::os::unix::fs::symlink("..", place.path("out")).unwrap();
    std::os::unix::fs::symlink("../secret", place.path("linked")).unwrap();
    for (name, content) in
        [("a", "x".to_owned()), ("b/c", "y".repeat(20_000)), ("large", "z".repeat(100_000))]
    {
        place.put(name, content);
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let address = place.address();
    let attackers: Vec<_> = (0..4)
        .map(|attacker| {
            tokio::spawn(async move {
                let mut chance = Rng::with_seed(seed + attacker);
                let (mut connections, mut answers) = (0_u64, 0_u64);
                while Instant::now() < end {
                    let requests: Vec<_> = (0..chance.usize(1..6)).map(|_| request(&mut chance)).collect();
                    let mut client = Client::connect(address).await;
                    client.send(requests.concat()).await;
                    // What is half a request would be waited for.
                    let _ = rustix::net::shutdown(&client.socket, rustix::net::Shutdown::Write);
                    connections += 1;
                    answers += client.raw_answers(SECRET).await;
                }
                (connections, answers)
            })
        })
        .collect();
    let (mut connections, mut answers) = (0, 0);
    for attacker in attackers {
        let (some, more) = attacker.await.unwrap();
        (connections, answers) = (connections + some, answers + more);
    }
    println!("{connections} connections, {answers} answers");
    assert!(answers > connections / 2, "most are answered");
    assert_eq!(place.spec.numbers().panicked, 0);
    place.close().await;
}
