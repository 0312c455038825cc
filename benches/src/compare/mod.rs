//! Runs tables of works, interleaved, and prints what came of it.
//!
//! ```text
//! for each work:  for each round:  for each peer, for each of its variants:  a process of its own
//! ```
//!
//! **What it guarantees.** Each measurement runs alone in a child process (this program again, with `--one`): a
//! fresh heap and fresh threads for each, and a panic or a hang of one peer is a row that says `failed`. Peers of
//! one work run turn by turn, so that a slow minute of the machine hits all of them. A figure is the median of its
//! rounds; of a peer's variants the one with the best median counts, and the table says which.
//!
//! **What it costs.** The time of all variants: one that took over [`HOPELESS`] times as long as its peer's best
//! in two rounds is not run again.

mod child;
mod report;

use std::collections::HashMap;
use std::fmt;
use std::io::{IsTerminal, stderr};

pub use child::{Failed, run_one};
use report::Report;

use crate::calibrate::calibrate;
use crate::work::{Bar, Entry, Group, Row, Work};

const HOPELESS: f64 = 1.5;
const ROUNDS: usize = 5;

/// What to run, and how to print it.
pub struct Options {
    pub groups: Vec<String>,
    pub only: Option<String>,
    pub rounds: usize,
    pub json: bool,
}

impl Options {
    /// From the arguments of `compare`.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn from_args(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Options { groups: Vec::new(), only: None, rounds: ROUNDS, json: false };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = |what: &str| args.next().ok_or_else(|| format!("{arg} needs {what}"));
            match arg.as_str() {
                "--json" => options.json = true,
                "--only" => options.only = Some(value("a part of a work's name")?),
                "--rounds" => {
                    let rounds = value("a number")?.parse().ok().filter(|&rounds| rounds > 0);
                    options.rounds = rounds.ok_or("--rounds needs a number above 0")?;
                }
                flag if flag.starts_with('-') => {
                    return Err(format!(
                        "{flag}? usage: compare [GROUP..] [--only SUBSTRING] [--rounds N] [--json]"
                    ));
                }
                group => options.groups.push(group.to_owned()),
            }
        }
        Ok(options)
    }
}

/// The figures of one peer in one work.
pub(crate) struct Outcome {
    pub(crate) peer: &'static str,
    /// One figure a row, and the variant that gave it.
    pub(crate) figures: Result<Vec<Best>, Failed>,
}

pub(crate) struct Best {
    pub(crate) figure: f64,
    pub(crate) variant: &'static str,
    /// What its other variants gave.
    pub(crate) others: Vec<(&'static str, f64)>,
}

/// What one variant gave so far.
struct Tried<'a> {
    entry: &'a Entry,
    rounds: Vec<Vec<f64>>,
    failed: Option<Failed>,
    is_hopeless: bool,
}

/// Runs the groups and prints them.
///
/// # Errors
///
/// When a group or a work is not known.
pub fn compare(groups: &[Group], options: &Options) -> Result<(), String> {
    let wanted =
        |group: &&Group| options.groups.is_empty() || options.groups.iter().any(|name| name == group.name);
    if let Some(name) = options.groups.iter().find(|name| !groups.iter().any(|group| group.name == **name)) {
        let known: Vec<_> = groups.iter().map(|group| group.name).collect();
        return Err(format!("there is no group {name}, only {}", known.join(", ")));
    }
    let mut report = Report::begin(calibrate(), options.json);
    let mut seen = 0;
    for group in groups.iter().filter(wanted) {
        for work in group.works.iter().filter(|work| is_wanted(work, options)) {
            seen += 1;
            let outcomes = run_work(work, options.rounds.min(work.rounds_max));
            report.print(group.name, work, &outcomes);
        }
    }
    if seen == 0 { Err("no work has such a name".to_owned()) } else { Ok(()) }
}

fn is_wanted(work: &Work, options: &Options) -> bool {
    options.only.as_ref().is_none_or(|part| work.rows.iter().any(|row| row.name.contains(part.as_str())))
}

fn run_work(work: &Work, rounds: usize) -> Vec<Outcome> {
    let mut tried: Vec<Tried<'_>> = work
        .entries
        .iter()
        .map(|entry| Tried { entry, rounds: Vec::new(), failed: None, is_hopeless: false })
        .collect();
    for round in 0..rounds {
        for tried in tried.iter_mut().filter(|tried| tried.failed.is_none() && !tried.is_hopeless) {
            progress(format_args!(
                "{} {}/{rounds}: {} {}",
                work.name(),
                round + 1,
                tried.entry.peer,
                tried.entry.variant
            ));
            match child::measure(work, tried.entry) {
                Ok(figures) => tried.rounds.push(figures),
                Err(failed) => tried.failed = Some(failed),
            }
        }
        if round == 1 {
            give_up_the_hopeless(&mut tried);
        }
    }
    progress(format_args!(""));
    outcomes(work, &tried)
}

/// On a terminal, the line that says what is running.
fn progress(what: fmt::Arguments<'_>) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}

fn give_up_the_hopeless(tried: &mut [Tried<'_>]) {
    let mut best: HashMap<&str, f64> = HashMap::new();
    for tried in tried.iter().filter(|tried| tried.failed.is_none()) {
        let time = tried.median(0);
        let best = best.entry(tried.entry.peer).or_insert(time);
        *best = best.min(time);
    }
    for tried in tried.iter_mut().filter(|tried| tried.failed.is_none()) {
        tried.is_hopeless = tried.median(0) > HOPELESS * best[tried.entry.peer];
    }
}

impl Tried<'_> {
    fn median(&self, row: usize) -> f64 {
        let mut figures: Vec<f64> = self.rounds.iter().map(|figures| figures[row]).collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        if figures.len().is_multiple_of(2) {
            f64::midpoint(figures[middle - 1], figures[middle])
        } else {
            figures[middle]
        }
    }
}

/// For each peer, in the order of the table, the best of its variants.
fn outcomes(work: &Work, tried: &[Tried<'_>]) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for entry in &work.entries {
        let peer = entry.peer;
        if outcomes.iter().any(|outcome| outcome.peer == peer) {
            continue;
        }
        let of_peer = || tried.iter().filter(|tried| tried.entry.peer == peer);
        // A variant that fails once has failed: it is not counted by the rounds it came through.
        let whole: Vec<_> = of_peer().filter(|tried| tried.failed.is_none()).collect();
        let best = |row: usize| {
            let mut all: Vec<_> =
                whole.iter().map(|tried| (tried.entry.variant, tried.median(row))).collect();
            all.sort_by(|a, b| a.1.total_cmp(&b.1));
            let others = all.split_off(all.len().min(1));
            all.pop().map(|(variant, figure)| Best { figure, variant, others })
        };
        let figures: Option<Vec<Best>> = (0..work.rows.len()).map(best).collect();
        let failed = || of_peer().find_map(|tried| tried.failed.clone()).expect("it has no figure");
        outcomes.push(Outcome { peer, figures: figures.ok_or_else(failed) });
    }
    outcomes
}

/// Whether a row reaches a bar: the ratio or figure that it has, and the one it must have.
pub(crate) struct Verdict {
    pub(crate) text: String,
    pub(crate) is_met: bool,
}

pub(crate) fn verdict(
    bar: Bar,
    row: usize,
    outcomes: &[Outcome],
    fetch_add_ns: f64,
    earlier: &HashMap<&'static str, f64>,
) -> Option<Verdict> {
    let figure = |peer: &str| {
        let outcome = outcomes.iter().find(|outcome| outcome.peer == peer)?;
        outcome.figures.as_ref().ok().map(|figures| figures[row].figure)
    };
    let ours = figure("ostraca")?;
    let at_most =
        |limit: f64, of: String| Verdict { text: format!("<= {limit:.1}{of}"), is_met: ours <= limit };
    Some(match bar {
        Bar::AtLeast { times, of } => {
            let known = of.iter().filter_map(|peer| Some((*peer, figure(peer)?)));
            let (name, best) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
            let ratio = best / ours;
            Verdict { text: format!(">= {times:.2} x {name}: {ratio:.2}"), is_met: ratio >= times }
        }
        Bar::WithinPoints { points, of } => {
            let known = of.iter().filter_map(|peer| Some((*peer, figure(peer)?)));
            let (name, best) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
            let text = format!("within {points} of {name}: {:+.2}", ours - best);
            Verdict { text, is_met: ours - best <= points }
        }
        Bar::AtMost(limit) => at_most(limit, String::new()),
        Bar::AtMostScaled(limit) => {
            at_most(limit * fetch_add_ns / 6.0, format!(" ({limit} where a fetch-add takes 6 ns)"))
        }
        Bar::AtMostOf { row, times } => at_most(earlier.get(row)? * times, format!(" ({times} x {row})")),
    })
}

/// How a figure of the row is called.
pub(crate) fn unit(row: &Row) -> &'static str {
    match row.unit {
        crate::work::Unit::Nanoseconds => "ns",
        crate::work::Unit::Bytes => "bytes",
        crate::work::Unit::Percent => "%",
    }
}
