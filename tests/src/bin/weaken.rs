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
//! ordering alone); such an ordering is left alone, printed as told, and counted.
//!
//! **What counts as noticed.** A model that fails (loom's limit of steps in one run is a failure: a loop without an
//! end), or that breaks down by a signal of its own making (a panic while it unwinds aborts it). Not: a mutant that does
//! not build, models that run out of time, models that were killed, and models that are not there. Each of these is
//! printed as what it is and is as bad as a survivor. A file in which anything is ordered and that is in none of the
//! lists below is bad, too.
//!
//! **What loom cannot show.** It takes sequentially consistent loads, stores and read-modify-writes for acquire and
//! release ones, and only fences in earnest: so an access that says SeqCst is always a survivor, and proves nothing
//! else. It does not let a read-modify-write read anything but the newest value, nor a weak exchange fail for nothing.
//! It watches cells and atomics and not memory: what frees must say so in the model. Of two threads it tries the order
//! in which the load of the one comes before the store of the other, and then may not try the reverse if the other has
//! loaded as well: a model with a side that only loads gives the first turn to the side that stores.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
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
    ("cache/view.rs", &["cache::view"]),
    ("mailbox/room.rs", &["mailbox::"]),
    ("queue/claim.rs", &["queue::claim", "queue::mpsc", "mailbox::"]),
    ("actor/reply.rs", &["reply"]),
    ("buf/depot.rs", &["buf::"]),
    ("buf/local.rs", &["buf::"]),
    ("runtime/handle.rs", &["handle"]),
    ("runtime/slot.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/ring.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/injector.rs", &["runtime::queues", "runtime::run_queue"]),
    ("runtime/idle.rs", &["runtime::idle", "runtime::queues", "runtime::run_queue"]),
    ("runtime/run_queue.rs", &["runtime::queues", "runtime::run_queue"]),
];

/// Files that order something and have no models, and why.
const WITHOUT_MODELS: &[(&str, &str)] = &[
    ("sync.rs", "hands orderings on, and orders nothing itself"),
    ("queue/rivals.rs", "a rival and an oracle of the queue's, for benches and tests alone"),
    (
        "cache/keyed.rs",
        "its epoch is compared at every look at a map that is another crate's, which loom does not see",
    ),
    (
        "actor/cell/counts.rs",
        "one release of counters that are 0, to a reader whose numbers may be of any moment: to loom a lost one is old",
    ),
    (
        "pool/balance/load.rs",
        "sums in Relaxed, and a beginning against a leaving in SeqCst, which loom takes for less: no weakening would show",
    ),
    (
        "files/connections.rs",
        "a seat that rests against a lane that closes, store before load in SeqCst on both sides: no weakening would show",
    ),
    (
        "runtime/worker.rs",
        "a count, and one of the models' own in `loom_the_runtime_dropped_against_schedule`",
    ),
];

/// The models of one file get this much time for one mutant: many times what they need.
const TIME_MAX: Duration = Duration::from_secs(240);

/// The signals by which a model ends itself: SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV.
const CRASHES: &[i32] = &[4, 5, 6, 7, 11];

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

/// The weakenings of a file, and those that are explained beside their orderings instead.
#[derive(Default)]
struct Found {
    mutants: Vec<Mutant>,
    told: Vec<(usize, &'static str)>,
}

/// What became of a mutant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Noticed,
    Survived,
    DoesNotBuild,
    TimedOut,
    /// Killed by somebody, or not run at all.
    NotRun,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::Noticed => "",
            Fate::Survived => "ALIVE",
            Fate::DoesNotBuild => "BROKEN",
            Fate::TimedOut => "SLOW",
            Fate::NotRun => "NOT RUN",
        }
    }
}

/// What was tried, and what came of it.
#[derive(Default)]
struct Count {
    tried: usize,
    told: usize,
    bad: usize,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    let copy = root.join("target/weaken");
    copy_tree(root, &copy.join("tree")).expect("the tree can be copied to target/weaken");
    let mut count = Count::default();
    for file in unlisted(&copy.join("tree/framework/src")) {
        println!("{file}: orders something, and is in no list");
        count.bad += 1;
    }
    for (file, models) in FILES {
        if words.is_empty() || words.iter().any(|word| file.contains(word.as_str())) {
            weaken(&copy, file, models, &mut count);
        }
    }
    let Count { tried, told, bad } = count;
    println!("{tried} weakened, {bad} not noticed; {told} told");
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn weaken(copy: &Path, file: &str, models: &[&str], count: &mut Count) {
    let path = copy.join("tree/framework/src").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("{file}: is not there");
        count.bad += 1;
        return;
    };
    let Found { mutants, told } = find(&text);
    for (line, ordering) in &told {
        println!("told    framework/src/{file}:{line}: {ordering}");
    }
    count.told += told.len();
    if !mutants.is_empty() && try_models(copy, models) != Fate::Survived {
        println!("{file}: its models fail, or do not run, as they are");
        count.bad += 1;
        return;
    }
    for mutant in mutants {
        count.tried += 1;
        fs::write(&path, &mutant.text).expect("the copy can be written");
        let began = Instant::now();
        let fate = try_models(copy, models);
        let Mutant { line, from, to, .. } = mutant;
        let time = began.elapsed().as_secs();
        println!("{:7} framework/src/{file}:{line}: {from} -> {to} ({time} s)", fate.word());
        count.bad += usize::from(fate != Fate::Noticed);
    }
    fs::write(&path, &text).expect("the copy can be written");
}

/// The files that order something and are in neither list. Tests are not looked at.
fn unlisted(src: &Path) -> Vec<String> {
    let mut unlisted = Vec::new();
    let mut folders = vec![src.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the copy can be read") {
            let path = entry.expect("the copy can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(src).expect("it lies there").to_string_lossy().into_owned();
            let mut listed =
                FILES.iter().map(|(file, _)| file).chain(WITHOUT_MODELS.iter().map(|(file, _)| file));
            let is_listed = name.ends_with("tests.rs") || listed.any(|file| *file == name);
            let text = if is_listed { String::new() } else { fs::read_to_string(&path).unwrap_or_default() };
            let is_ordered =
                |line: &str| ORDERINGS.iter().any(|name| line.contains(&format!("Ordering::{name}")));
            if text.lines().any(is_ordered) {
                unlisted.push(name);
            }
        }
    }
    unlisted.sort();
    unlisted
}

/// Copies what cargo needs, and of that only what changed, so that it builds no more than it must. What is gone goes
/// from the copy, too.
fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        let (copied, source) = (entry.path(), from.join(entry.file_name()));
        if source.exists() && source.is_dir() == copied.is_dir() {
            continue;
        }
        if copied.is_dir() { fs::remove_dir_all(copied)? } else { fs::remove_file(copied)? }
    }
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

const ORDERINGS: &[&str] = &["SeqCst", "AcqRel", "Acquire", "Release"];

/// Every ordering of the text, weakened by each step that there is, but those that say `weaken: `.
fn find(text: &str) -> Found {
    const WORD: &str = "Ordering::";
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Found::default();
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (column, _) in code.match_indices(WORD) {
            let at = start + column + WORD.len();
            let Some(access) = access_of(&text[..at]) else { continue };
            for &(from, to) in weaker(access).iter().filter(|(from, _)| text[at..].starts_with(from)) {
                if is_explained(&lines, index, from) {
                    found.told.push((index + 1, from));
                    continue;
                }
                let (before, after) = (&text[..at], &text[at + from.len()..]);
                let text = match before.strip_suffix("fence(Ordering::").filter(|_| to == REMOVED) {
                    Some(before) => format!("{before}({after}"),
                    None => format!("{before}{to}{after}"),
                };
                found.mutants.push(Mutant { line: index + 1, text, from, to });
            }
        }
        start += line.len() + 1;
    }
    found.told.dedup();
    found
}

/// What a fence that cannot be weaker becomes.
const REMOVED: &str = "nothing";

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
        Access::Fence => &[
            ("SeqCst", "AcqRel"),
            ("AcqRel", "Acquire"),
            ("AcqRel", "Release"),
            ("Acquire", REMOVED),
            ("Release", REMOVED),
        ],
    }
}

/// What the ordering at the end of `before` is for: the last call that was begun. One that has ended already is not it:
/// then the ordering goes to a function that passes it on, and can be any.
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
    if has_ended(&before[at..]) {
        return Some(Access::ReadModifyWrite);
    }
    // The second ordering of an exchange is for when it fails, and then only loads.
    let second = before[at..].matches("Ordering::").count() > 1;
    Some(if second && call.starts_with(".compare") { Access::Load } else { access })
}

/// Whether the call that `text` begins with is complete.
fn has_ended(text: &str) -> bool {
    let mut depth = 0;
    text.chars().any(|char| {
        depth += i32::from(char == '(') - i32::from(char == ')');
        char == ')' && depth == 0
    })
}

/// Whether the reason is given: of all orderings of the statement, or of those that it names.
fn is_explained(lines: &[&str], index: usize, ordering: &str) -> bool {
    // A call can stand on several lines under its comment.
    let statement = lines[..index].iter().rposition(|line| line.trim_start().starts_with("//"));
    let above = statement.filter(|comment| index - comment <= 4).map_or(index, |comment| {
        lines[..comment]
            .iter()
            .rposition(|line| !line.trim_start().starts_with("//"))
            .map_or(0, |code| code + 1)
    });
    let mut reasons = lines[above..=index].iter().filter_map(|line| Some(line.split_once("weaken: ")?.1));
    reasons
        .any(|reason| reason.starts_with(ordering) || !ORDERINGS.iter().any(|name| reason.starts_with(name)))
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
    for words in models {
        // The path is the target directory's, which is absolute.
        match run(Path::new(program), words, TIME_MAX.saturating_sub(began.elapsed())) {
            Fate::Survived => {}
            fate => return fate,
        }
    }
    Fate::Survived
}

/// Runs the models with `words` in their names, until one fails.
fn run(program: &Path, words: &str, limit: Duration) -> Fate {
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
        let mut has_run = false;
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            has_run |= line.ends_with("... ok");
            if line.ends_with("... FAILED") && tx.send(()).is_err() {
                break;
            }
        }
        has_run
    });
    // The reader drops its end when the models are through.
    let said = rx.recv_timeout(limit);
    if said != Err(RecvTimeoutError::Disconnected) {
        // It may have ended by itself meanwhile.
        drop(child.kill());
    }
    let status = child.wait().expect("the child was started");
    drop(rx);
    let has_run = reader.join().expect("a reader does not panic");
    match said {
        Ok(()) => Fate::Noticed,
        Err(RecvTimeoutError::Timeout) => Fate::TimedOut,
        Err(RecvTimeoutError::Disconnected) if status.success() && has_run => Fate::Survived,
        Err(RecvTimeoutError::Disconnected)
            if status.signal().is_some_and(|signal| CRASHES.contains(&signal)) =>
        {
            Fate::Noticed
        }
        Err(RecvTimeoutError::Disconnected) => Fate::NotRun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<(&'static str, &'static str)> {
        find(text).mutants.iter().map(|mutant| (mutant.from, mutant.to)).collect()
    }

    #[test]
    fn an_ordering_is_weakened_as_its_access_allows() {
        assert_eq!(steps("x.load(Ordering::Acquire)"), [("Acquire", "Relaxed")]);
        assert_eq!(steps("x.store(1, Ordering::Relaxed)"), []);
        let exchange = "x.compare_exchange(f(0), 1, Ordering::AcqRel, Ordering::Acquire)";
        assert_eq!(steps(exchange), [("AcqRel", "Acquire"), ("AcqRel", "Release"), ("Acquire", "Relaxed")]);
    }

    #[test]
    fn an_ordering_that_is_passed_on_can_be_any() {
        assert_eq!(
            steps("x.load(Ordering::Relaxed); exchange(1, Ordering::Release)"),
            [("Release", "Relaxed")]
        );
    }

    #[test]
    fn a_fence_is_taken_away_when_it_cannot_be_weaker() {
        let found = find("fence(Ordering::Acquire);\nx.load(Ordering::Relaxed)");
        assert_eq!(found.mutants[0].text, "();\nx.load(Ordering::Relaxed)");
    }

    #[test]
    fn what_is_explained_is_told_and_left_alone() {
        let text = "// ORDERING: Release. weaken: no model can.\nx.store(1, Ordering::Release)";
        let Found { mutants, told } = find(text);
        assert!(mutants.is_empty());
        assert_eq!(told, [(2, "Release")]);
    }
}
