//! An actor that knows where it runs, machines in files, and a log.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use ostraca::cores::{CpuSet, Machine};
use ostraca::prelude::*;
use ostraca_tests::process::mask_of_this_thread;
use tempfile::TempDir;
use tracing::Level;

/// Says where it was made and where it runs.
pub(crate) struct Stander {
    made_on: Standing,
}

/// A thread, and the kernel's own word of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) thread: String,
    pub(crate) mask: CpuSet,
}

pub(crate) fn standing() -> Standing {
    // The kernel's name of it is cut off after 15 bytes.
    Standing { thread: thread::current().name().unwrap().to_owned(), mask: mask_of_this_thread() }
}

#[actor]
impl Stander {
    #[start]
    fn start() -> Self {
        Stander { made_on: standing() }
    }

    #[handler]
    fn made_on(&self) -> Standing {
        self.made_on.clone()
    }

    #[handler]
    fn runs_on(&mut self) -> Standing {
        standing()
    }

    #[handler]
    fn runs_for(&mut self, #[key] key: u64) -> (u64, Standing) {
        (key, standing())
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure");
    }
}

/// The cores that this process may use.
pub(crate) fn allowed() -> Vec<usize> {
    Machine::read().allowed.expect("Linux says which").iter().collect()
}

/// A machine in files below a folder.
pub(crate) fn machine(files: &[(&str, String)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// Two nodes with these cores.
pub(crate) fn two_nodes(nodes: [&CpuSet; 2]) -> TempDir {
    let all: CpuSet = nodes[0].iter().chain(nodes[1].iter()).collect();
    machine(&[
        ("sys/devices/system/cpu/online", all.to_string()),
        ("sys/devices/system/node/node0/cpulist", nodes[0].to_string()),
        ("sys/devices/system/node/node1/cpulist", nodes[1].to_string()),
        ("proc/self/status", format!("Cpus_allowed_list:\t{all}\n")),
    ])
}

/// What this process has logged at info and above.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to the log of the whole process: of several that listen each on a thread of its own, one may miss the first
/// event of a place in the code. What is returned gives what was said of the cores of one system, by its name.
pub(crate) fn log() -> impl Fn(&str) -> Vec<String> {
    static LOG: OnceLock<Log> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::INFO)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    });
    |system| {
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let is_of_it =
            |line: &&str| line.contains("ostraca::cores") && line.contains(&format!("system=\"{system}\""));
        text.lines().filter(is_of_it).map(str::to_owned).collect()
    }
}
