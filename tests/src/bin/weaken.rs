//! Weakens each memory ordering of the lock-free files by one step and wants a loom model to fail.
//!
//! ```text
//! cargo run -p ostraca-tests --bin weaken                  all files of the list below: some minutes a file
//! cargo run -p ostraca-tests --bin weaken senders claim    the files whose names hold one of these words
//! ```
//!
//! It works on a copy of the tree under `target/weaken`. A weakening that no model notices is a survivor: it is printed
//! with its place, and the exit code is 1. The author then weakens it for good, adds a model, or writes `weaken: `
//! and the reason why no model can show it on the line or in the comment above it (`weaken: Acquire: ` is of that
//! ordering alone); such an ordering is left alone.
//!
//! **What loom cannot show.** It takes sequentially consistent loads, stores and read-modify-writes for acquire and
//! release ones, and only fences in earnest: so an access that says SeqCst is always a survivor, and proves nothing
//! else. It does not let a read-modify-write read anything but the newest value, nor a weak exchange fail for nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The lock-free files, and the models that are run for them: words of the tests' names, the likeliest first.
const FILES: &[(&str, &[&str])] = &[
    ("queue/senders.rs", &["queue::mpsc", "mailbox::"]),
    ("queue/consumer.rs", &["queue::mpsc"]),
    ("queue/block.rs", &["queue::mpsc"]),
    ("queue/stack.rs", &["queue::stack"]),
    ("queue/lazy.rs", &["queue::lazy", "mailbox::"]),
    ("mailbox/room.rs", &["mailbox::"]),
    ("queue/claim.rs", &["queue::claim", "queue::mpsc", "mailbox::"]),
    ("actor/reply.rs", &["reply"]),
    ("runtime/handle.rs", &["handle"]),
    ("runtime/slot.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/ring.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/injector.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/idle.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/run_queue.rs", &["runtime::queues", "runtime::run_queue"]),
];

/// A mutant whose models run longer than this hangs, which is a failure too.
const HANG_TIME: Duration = Duration::from_secs(240);

/// What an ordering is an argument of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Load,
    Store,
    ReadModifyWrite,
    Fence,
}

/// One ordering, weakened.
struct Mutant {
    line: usize,
    /// The file's text with the weaker ordering.
    text: String,
    from: &'static str,
    to: &'static str,
}

/// What became of a mutant.
#[derive(PartialEq, Eq)]
enum Fate {
    Killed,
    Survived,
    DoesNotBuild,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    let copy = root.join("target/weaken");
    copy_tree(root, &copy.join("tree")).expect("the tree can be copied to target/weaken");
    let (mut tried, mut bad) = (0, 0);
    for (file, models) in FILES {
        if !words.is_empty() && !words.iter().any(|word| file.contains(word.as_str())) {
            continue;
        }
        let path = copy.join("tree/framework/src").join(file);
        let Ok(text) = fs::read_to_string(&path) else {
            println!("{file}: is not there");
            bad += 1;
            continue;
        };
        let mutants = mutants(&text);
        if !mutants.is_empty() && try_models(&copy, models) != Fate::Survived {
            println!("{file}: its models fail, or do not build, as they are");
            bad += 1;
            continue;
        }
        for mutant in mutants {
            tried += 1;
            fs::write(&path, &mutant.text).expect("the copy can be written");
            let began = Instant::now();
            let fate = try_models(&copy, models);
            let place = format!("framework/src/{file}:{}", mutant.line);
            let (from, to, time) = (mutant.from, mutant.to, began.elapsed().as_secs());
            match fate {
                Fate::Killed => println!("       {place}: {from} -> {to} ({time} s)"),
                Fate::Survived => println!("ALIVE  {place}: {from} -> {to} ({time} s)"),
                Fate::DoesNotBuild => println!("BROKEN {place}: {from} -> {to}"),
            }
            bad += usize::from(fate != Fate::Killed);
        }
        fs::write(&path, &text).expect("the copy can be written");
    }
    println!("{tried} weakened, {bad} not noticed");
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Copies what cargo needs, and of that only what changed, so that it builds no more than it must.
fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, name) = (entry.path(), entry.file_name());
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        let dest: PathBuf = to.join(&name);
        if source.is_dir() {
            copy_tree(&source, &dest)?;
        } else if fs::read(&dest).ok() != Some(fs::read(&source)?) {
            fs::copy(&source, &dest)?;
        }
    }
    Ok(())
}

/// Every ordering of the text, weakened by each step that there is, but those that say `weaken: `.
fn mutants(text: &str) -> Vec<Mutant> {
    const WORD: &str = "Ordering::";
    let lines: Vec<&str> = text.lines().collect();
    let mut mutants = Vec::new();
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (column, _) in code.match_indices(WORD) {
            let at = start + column + WORD.len();
            let Some(access) = access_of(&text[..at]) else { continue };
            for &(from, to) in weaker(access) {
                if text[at..].starts_with(from) && !is_explained(&lines, index, from) {
                    let text = format!("{}{to}{}", &text[..at], &text[at + from.len()..]);
                    mutants.push(Mutant { line: index + 1, text, from, to });
                }
            }
        }
        start += line.len() + 1;
    }
    mutants
}

fn weaker(access: Access) -> &'static [(&'static str, &'static str)] {
    match access {
        Access::Load => &[("SeqCst", "Acquire"), ("Acquire", "Relaxed")],
        Access::Store => &[("SeqCst", "Release"), ("Release", "Relaxed")],
        Access::ReadModifyWrite => &[
            ("SeqCst", "AcqRel"),
            ("AcqRel", "Acquire"),
            ("AcqRel", "Release"),
            ("Acquire", "Relaxed"),
            ("Release", "Relaxed"),
        ],
        // A fence cannot be Relaxed.
        Access::Fence => &[("SeqCst", "AcqRel"), ("AcqRel", "Acquire"), ("AcqRel", "Release")],
    }
}

/// What the ordering at the end of `before` is for: the last call that was begun.
fn access_of(before: &str) -> Option<Access> {
    const CALLS: &[(&str, Access)] = &[
        (".load(", Access::Load),
        (".store(", Access::Store),
        (".swap(", Access::ReadModifyWrite),
        (".fetch_", Access::ReadModifyWrite),
        (".compare_exchange", Access::ReadModifyWrite),
        ("fence(", Access::Fence),
    ];
    let found = CALLS.iter().filter_map(|(call, access)| Some((before.rfind(call)?, call, *access)));
    let (at, call, access) = found.max_by_key(|(at, ..)| *at)?;
    // The second ordering of an exchange is for when it fails, and then only loads.
    let second = before[at..].matches("Ordering::").count() > 1;
    Some(if second && call.starts_with(".compare") { Access::Load } else { access })
}

/// Whether the reason is given: of all orderings of the statement, or of those that it names.
fn is_explained(lines: &[&str], index: usize, ordering: &str) -> bool {
    const NAMES: &[&str] = &["SeqCst", "AcqRel", "Acquire", "Release"];
    // A call can stand on several lines under its comment.
    let statement = lines[..index].iter().rposition(|line| line.trim_start().starts_with("//"));
    let above = statement.filter(|comment| index - comment <= 4).map_or(index, |comment| {
        lines[..comment]
            .iter()
            .rposition(|line| !line.trim_start().starts_with("//"))
            .map_or(0, |code| code + 1)
    });
    let mut reasons = lines[above..=index].iter().filter_map(|line| Some(line.split_once("weaken: ")?.1));
    reasons.any(|reason| reason.starts_with(ordering) || !NAMES.iter().any(|name| reason.starts_with(name)))
}

/// Builds the models and runs them until one fails.
fn try_models(copy: &Path, models: &[&str]) -> Fate {
    let build = Command::new(env!("CARGO"))
        .current_dir(copy.join("tree"))
        .args(["test", "-p", "ostraca", "--no-default-features", "--lib", "--release", "--no-run"])
        .env("RUSTFLAGS", "--cfg ostraca_loom")
        .env("CARGO_TARGET_DIR", copy.join("build"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_INCREMENTAL", "1")
        .output()
        .expect("cargo starts: it started this program");
    let said = String::from_utf8_lossy(&build.stderr);
    let program =
        said.lines().find_map(|line| line.split_once("Executable")?.1.rsplit_once('(')?.1.strip_suffix(')'));
    let Some(program) = program.filter(|_| build.status.success()) else { return Fate::DoesNotBuild };
    let began = Instant::now();
    let fails = models.iter().any(|words| {
        // The path is the target directory's, which is absolute.
        fails(Path::new(program), words, HANG_TIME.saturating_sub(began.elapsed()))
    });
    if fails { Fate::Killed } else { Fate::Survived }
}

/// Runs the models with `words` in their names. True as soon as one fails, or when they hang.
fn fails(program: &Path, words: &str, limit: Duration) -> bool {
    let mut child = Command::new(program)
        .args([words])
        .args(["--test-threads", "2"])
        .env("LOOM_MAX_PREEMPTIONS", "2")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the models were just built");
    let output = child.stdout.take().expect("it is piped");
    let (tx, rx) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.ends_with("FAILED") && tx.send(()).is_err() {
                return;
            }
        }
    });
    // The reader drops its end when the models are through.
    let failed = match rx.recv_timeout(limit) {
        Ok(()) | Err(RecvTimeoutError::Timeout) => true,
        Err(RecvTimeoutError::Disconnected) => false,
    };
    if failed {
        // It may have ended by itself meanwhile.
        drop(child.kill());
    }
    let status = child.wait().expect("the child was started");
    reader.join().expect("a reader does not panic");
    failed || !status.success()
}
