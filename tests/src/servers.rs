//! Redis servers for tests: started on free loopback ports in folders of their own, and gone with the test.
//!
//! They need the Debian package redis-server (or Valkey, as `redis-server`). A test begins with
//! [`RedisServer::start`], which says by its own words what is not run where the package is missing.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection, FromRedisValue, RedisResult};
use tempfile::TempDir;

use crate::process::{Signal, send};
use crate::runs::missing;

/// For how long a server may take to come up, or a cluster to agree.
const UP_WITHIN: Duration = Duration::from_secs(20);

/// A server. It is killed, and its folder removed, when the test lets go of it.
#[derive(Debug)]
pub struct RedisServer {
    child: Option<Child>,
    folder: TempDir,
    port: u16,
    more: Vec<String>,
}

/// Three primaries that share the slots.
#[derive(Debug)]
pub struct RedisCluster {
    /// The first has the lowest slots.
    pub nodes: [RedisServer; 3],
}

impl RedisServer {
    /// A server with nothing in it. `None`, and a line about `what` is not run, where there is no redis-server.
    pub fn start(what: &str) -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            missing(what, "redis-server");
            return None;
        }
        Some(Self::start_with(&[]))
    }

    fn start_with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let more = more.iter().map(|&word| word.to_owned()).collect();
        let mut server = RedisServer { child: None, folder, port: free_port(), more };
        server.start_again();
        server
    }

    /// Starts it again on its port, with what it has saved, if it has saved anything.
    pub fn start_again(&mut self) {
        self.kill();
        let log = File::create(self.folder.path().join("log")).expect("the folder is there");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"]);
        command.args(["--port", &self.port.to_string(), "--dir"]).arg(self.folder.path()).args(&self.more);
        let child = command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("redis-server was there before"));
        self.until("it answers", |server| server.command::<String>(&["PING"]).is_ok());
    }

    /// `redis://` and where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection to it.
    ///
    /// # Errors
    ///
    /// If it does not answer within ten seconds.
    pub fn connection(&self) -> RedisResult<Connection> {
        let limit = Duration::from_secs(10);
        let connection = Client::open(self.url())?.get_connection_with_timeout(limit)?;
        connection.set_read_timeout(Some(limit))?;
        Ok(connection)
    }

    /// Runs one command.
    ///
    /// # Errors
    ///
    /// The server's, and if it cannot be reached.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut self.connection()?)
    }

    /// As FLUSHALL does.
    pub fn flush(&self) {
        self.command::<()>(&["FLUSHALL"]).expect("the server is up");
    }

    /// As a crash does: what is not saved is lost.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have gone on its own.
            let _gone = child.kill();
            child.wait().expect("it is our child");
        }
    }

    /// Stops it where it is: it takes connections and bytes, and does not answer.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        send(self.child.as_ref().expect("it runs"), signal);
    }

    /// Its folder, where a `SAVE` puts dump.rdb.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < UP_WITHIN, "waiting until {what}: {}", log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl RedisCluster {
    /// Three servers that have agreed. `None`, and a line, where there is no redis-server.
    pub fn start(what: &str) -> Option<Self> {
        RedisServer::start(what)?;
        let nodes = [(); 3].map(|()| {
            let bus = free_port().to_string();
            let timeout = ["--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"];
            RedisServer::start_with(
                &[&["--cluster-enabled", "yes", "--cluster-port", &bus], &timeout[..]].concat(),
            )
        });
        let ranges = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        for (at, (node, (first, last))) in nodes.iter().zip(ranges).enumerate() {
            let epoch = (at + 1).to_string();
            node.command::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).expect("the node is new");
            node.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", first, last]).expect("the slots are free");
        }
        for node in &nodes[1..] {
            let bus = &node.more[3];
            let port = node.port.to_string();
            nodes[0].command::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]).expect("both are up");
        }
        for node in &nodes {
            node.until("the cluster has agreed", |node| {
                let info: String = node.command(&["CLUSTER", "INFO"]).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            });
        }
        Some(RedisCluster { nodes })
    }

    /// Where the nodes are.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }
}

/// A port that nobody has now.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
