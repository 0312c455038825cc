//! One measurement in a process of its own.

use std::env;
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::work::{Entry, Figures, Group, Work};

/// A measurement that takes longer hangs.
const TIME_MAX: Duration = Duration::from_secs(180);

/// Why a measurement gave no figure.
#[derive(Clone, Debug)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Starts this program again for one entry of a work.
pub(super) fn measure(work: &Work, entry: &Entry) -> Result<Vec<f64>, Failed> {
    let program = env::current_exe().expect("a running program has a path");
    let mut command = Command::new(program);
    command.args(["--one", work.name(), entry.peer, entry.variant]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Failed(format!("not started: {error}")))?;
    let output = read_both(&mut child);
    if let Ok((out, _)) = &output
        && let Some(figures) = parse(out)
    {
        // A peer may print its figures and then hang in letting go of its actors: that is no part of the work.
        let _ = child.kill();
        child.wait().map_err(|error| Failed(error.to_string()))?;
        return Ok(figures);
    }
    let _ = child.kill();
    let status = child.wait().map_err(|error| Failed(error.to_string()))?;
    let Ok((_, err)) = output else { return Err(Failed(format!("hangs: over {} s", TIME_MAX.as_secs()))) };
    let reason = err.lines().find(|line| !line.is_empty() && !line.contains("panicked at"));
    Err(Failed(reason.map_or_else(|| status.to_string(), str::to_owned)))
}

/// What the child printed, unless it takes too long.
fn read_both(child: &mut Child) -> Result<(String, String), mpsc::RecvTimeoutError> {
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (tx, rx) = mpsc::channel();
    let read = |pipe: &mut Option<_>| read_all(pipe);
    let errors = thread::spawn(move || read_all(&mut err));
    thread::spawn(move || {
        let text = read(&mut out);
        // Nobody listens any more if the time was over.
        let _ = tx.send((text, errors.join().unwrap_or_default()));
    });
    rx.recv_timeout(TIME_MAX)
}

fn read_all(pipe: &mut Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(pipe) = pipe {
        // What was read before an error is all there is.
        let _: io::Result<usize> = pipe.read_to_string(&mut text);
    }
    text
}

fn parse(out: &str) -> Option<Vec<f64>> {
    let line = out.lines().find_map(|line| line.strip_prefix("figures "))?;
    line.split(' ').map(|figure| figure.parse().ok()).collect()
}

/// The child's side: does the work and prints its figures. `ops` is for counting instructions.
///
/// # Errors
///
/// When there is no such work, peer or variant.
pub fn run_one(groups: &[Group], [work, peer, variant]: [&str; 3], ops: Option<u64>) -> Result<(), String> {
    let mut works = groups.iter().flat_map(|group| &group.works);
    let found = works.find(|candidate| candidate.name() == work).ok_or(format!("no work {work}"))?;
    let entry = found.entry(peer, variant).ok_or(format!("{work} has no {peer} with '{variant}'"))?;
    let Figures(figures) = (entry.run)(ops.unwrap_or(entry.ops));
    let figures: Vec<String> = figures.iter().map(f64::to_string).collect();
    println!("figures {}", figures.join(" "));
    Ok(())
}
