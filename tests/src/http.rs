//! One HTTP request over a plain socket, as no browser would send it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// An answer; its head in small letters.
#[derive(Debug)]
pub struct Answer {
    /// Of the first line.
    pub status: u16,
    /// All before the body.
    pub head: String,
    /// What is left.
    pub body: String,
}

/// A GET with these headers, `host` among them.
///
/// # Panics
///
/// As [`send`].
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(address, "GET", path, headers, "")
}

/// Sends a request with these headers, `host` among them, and reads to the end of the connection.
///
/// # Panics
///
/// If nobody answers, or not by HTTP/1.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).expect("the request is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("there is an answer");
    let answer = String::from_utf8(answer).expect("it is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head ends");
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a head begins with a status");
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}
