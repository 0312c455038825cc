//! A client that sends bytes as they are, and reads answers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// A connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Client { socket: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that has closed does not read the rest.
        let _ = self.socket.write_all(bytes.as_ref()).await;
    }

    /// The next answer; `None` at the connection's end.
    pub(crate) async fn answer(&mut self, is_head: bool) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer(is_head)).await.expect("an answer")
    }

    async fn read_answer(&mut self, is_head: bool) -> Option<Answer> {
        let head_len = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            if self.more().await == 0 {
                assert!(self.read.is_empty(), "half a head: {:?}", String::from_utf8_lossy(&self.read));
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..head_len + 4).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let fields: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut answer = Answer { status, fields, body: Vec::new() };
        if !is_head && status != 304 {
            let len: usize = answer.field("content-length").expect("a length").parse().unwrap();
            while self.read.len() < len && self.more().await > 0 {}
            answer.body = self.read.drain(..len.min(self.read.len())).collect();
            assert_eq!(answer.body.len(), len, "the body is as long as its length says");
        }
        Some(answer)
    }

    async fn more(&mut self) -> usize {
        // A reset is an end, too.
        self.socket.read_buf(&mut self.read).await.unwrap_or(0)
    }

    /// Whether the server closes the connection, having sent nothing more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        assert!(self.read.is_empty(), "more: {:?}", String::from_utf8_lossy(&self.read));

        let len = timeout(PATIENCE, self.more()).await;
        assert!(self.read.is_empty(), "more: {:?}", String::from_utf8_lossy(&self.read));
        len == Ok(0)
    }
}

/// `GET path` with these fields, on a connection of its own.
pub(crate) async fn get_with(address: SocketAddr, path: &str, fields: &str) -> Answer {
    let mut client = Client::connect(address).await;
    client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n")).await;
    let answer = client.answer(false).await.expect("an answer");
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(client.is_closed().await);
    answer
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    get_with(address, path, "").await
}

/// Sends bytes, and gives the statuses of what is answered until the server closes.
pub(crate) async fn statuses(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    let mut statuses = Vec::new();
    while let Some(answer) = client.answer(false).await {
        statuses.push(answer.status);
    }
    statuses
}

impl Client {
    /// Reads to the end; how many heads are in what came. Nothing in it is `never`.
    pub(crate) async fn raw_answers(mut self, never: &str) -> u64 {
        while timeout(PATIENCE, self.more()).await.expect("an end") > 0 {}
        let finds = |bytes: &[u8]| self.read.windows(bytes.len()).filter(|window| window == &bytes).count();
        assert_eq!(finds(never.as_bytes()), 0);
        assert!(self.read.is_empty() || self.read.starts_with(b"HTTP/1.1 "), "an answer");
        finds(b"HTTP/1.1 ") as u64
    }
}
