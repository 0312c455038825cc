//! Starts the built service and talks to it over plain sockets.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a test waits for comes within this, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// The program, with nothing of the caller's environment that would change what it prints.
pub(crate) fn storefront<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    command.args(args).env_remove("RUST_LOG").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

/// Runs a replay to its end: how it left, the report, and what it wrote to stderr.
pub(crate) fn replay(args: &[&str]) -> (ExitStatus, Value, String) {
    let fixed = ["--listen", "127.0.0.1:0", "--exit", "--json"];
    let output = storefront(fixed.iter().chain(args)).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    let report = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{error}: stdout is one JSON object, not {stdout:?}\n{stderr}"));
    (output.status, report, stderr.into_owned())
}

/// A running service. It is killed when the test lets go of it.
pub(crate) struct Service {
    child: Child,
    stderr: Option<JoinHandle<String>>,
    pub(crate) address: SocketAddr,
    pub(crate) database: PathBuf,
}

impl Service {
    /// Starts it on a free port and waits until it says where it listens.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_at(folder.join("shop.db"), args)
    }

    /// As [`start`](Self::start), with this database: a file, or a URL.
    pub(crate) fn start_at(database: PathBuf, args: &[&str]) -> Self {
        let mut command = storefront(["--listen", "127.0.0.1:0", "--database"]);
        command.arg(&database).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut said = Vec::new();
            stderr.read_to_end(&mut said).unwrap();
            String::from_utf8_lossy(&said).into_owned()
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (told, address) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let authority = line.split("http://").nth(1).map(|rest| rest.trim_end_matches('/'));
                if let Some(address) = authority.and_then(|authority| authority.parse().ok()) {
                    // The test may have what it waited for and be gone.
                    let _ = told.send(address);
                }
            }
        });
        let Ok(address) = address.recv_timeout(PATIENCE) else {
            // Ended by its id, so that its stderr comes to an end.
            child.kill().unwrap();
            panic!("it does not say where it listens: {}", stderr.join().unwrap());
        };
        Self { child, stderr: Some(stderr), address, database }
    }

    pub(crate) fn client(&self) -> Client {
        Client { address: self.address, stream: None }
    }

    /// A client of another port of its.
    #[allow(dead_code, reason = "one of the tests that share this asks")]
    pub(crate) fn client_at(address: SocketAddr) -> Client {
        Client { address, stream: None }
    }

    /// What it has in RAM, in bytes.
    #[allow(dead_code, reason = "one of the tests that share this asks")]
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has left: how, and what it had written to stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, self.stderr.take().unwrap().join().unwrap());
            }
            assert!(Instant::now() < deadline, "it does not leave");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One keep-alive connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What its `error` says.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error in {}", self.body)).to_owned()
    }
}

impl Client {
    /// Sends a request and waits for the answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.try_send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    /// As [`send`](Self::send); an error if the connection was refused or ended without an answer.
    pub(crate) fn try_send(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        let len = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {len}\r\n\r\n"
        );
        stream.get_mut().write_all((head + body).as_bytes())?;
        let answer = read_answer(&mut stream, method != "HEAD")?;
        if !answer.headers.contains("connection: close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

fn read_answer(stream: &mut BufReader<TcpStream>, has_body: bool) -> std::io::Result<Answer> {
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        if stream.read_line(&mut headers)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let headers = headers.to_ascii_lowercase();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    let len = headers.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
    let mut body = vec![0; if has_body { len.parse().unwrap() } else { 0 }];
    stream.read_exact(&mut body)?;
    Ok(Answer { status, headers, body: String::from_utf8(body).unwrap() })
}
