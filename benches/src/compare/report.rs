//! The table, for people, or a JSON object a line, for programs.

use std::collections::HashMap;

use serde::Serialize;

use super::{Best, Outcome, unit, verdict};
use crate::calibrate::Calibration;
use crate::work::Work;

pub(super) struct Report {
    calibration: Calibration,
    json: bool,
    group: Option<&'static str>,
    /// Ostraca's figures so far.
    ours: HashMap<&'static str, f64>,
}

#[derive(Serialize)]
struct Line<'a> {
    group: &'a str,
    work: &'a str,
    peer: &'a str,
    /// Of a row in bytes: bytes an actor; of a row of misses: percent.
    ns_per_op: Option<f64>,
    /// The peer's by Ostraca's.
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

impl Report {
    pub(super) fn begin(calibration: Calibration, json: bool) -> Self {
        let text = describe(&calibration);
        // The JSON on stdout holds results and nothing else.
        if json {
            eprintln!("{text}")
        } else {
            println!("{text}")
        }
        Report { calibration, json, group: None, ours: HashMap::new() }
    }

    pub(super) fn print<'a>(&mut self, group: &'static str, work: &Work, outcomes: &'a [Outcome]) {
        if !self.json && self.group != Some(group) {
            println!("\n{group}\n");
            println!(
                "{:<20} {:<26} {:>12} {:<5} {:>8}  of its variants the best; bars",
                "work", "peer", "an op", "", "ratio"
            );
        }
        self.group = Some(group);
        for (at, row) in work.rows.iter().enumerate() {
            let of = |outcome: &'a Outcome| outcome.figures.as_ref().ok().map(|figures| &figures[at]);
            let ours = outcomes.iter().find(|outcome| outcome.peer == "ostraca").and_then(of);
            if let Some(ours) = ours {
                self.ours.insert(row.name, ours.figure);
            }
            for outcome in outcomes {
                let best = of(outcome);
                let line = Line {
                    group,
                    work: row.name,
                    peer: outcome.peer,
                    ns_per_op: best.map(|best| best.figure),
                    ratio: best.zip(ours).map(|(best, ours)| best.figure / ours.figure),
                    failed: outcome.figures.as_ref().err().map(ToString::to_string),
                };
                if self.json {
                    println!("{}", serde_json::to_string(&line).expect("a line is JSON"));
                } else {
                    let mut note = best.map_or(String::new(), variants);
                    if outcome.peer == "ostraca" {
                        note = [note, self.bars(work, at, outcomes)].concat();
                    }
                    print_line(&line, unit(row), &note);
                }
            }
        }
    }

    fn bars(&self, work: &Work, row: usize, outcomes: &[Outcome]) -> String {
        let mut text = String::new();
        for &bar in &work.rows[row].bars {
            let fetch_add_ns = self.calibration.fetch_add_ns;
            if let Some(verdict) = verdict(bar, row, outcomes, fetch_add_ns, &self.ours) {
                let word = if verdict.is_met { "met" } else { "MISSED" };
                text += &format!("  [{} {word}]", verdict.text);
            }
        }
        text
    }
}

/// The variant that counts, and what the others gave.
fn variants(best: &Best) -> String {
    let others: Vec<_> =
        best.others.iter().map(|(variant, figure)| format!("{variant} {figure:.0}")).collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join("; ")) };
    format!("{}{others}", best.variant)
}

fn describe(calibration: &Calibration) -> String {
    let Calibration { machine, line_round_trip_ns, fetch_add_ns, fetch_add_contended_ns, mutex_ns, clock_ns } =
        calibration;
    format!(
        "machine: {machine}\n\
         calibration, ns: line to another core and back {line_round_trip_ns:.0}, fetch-add {fetch_add_ns:.1}, \
         fetch-add by two threads {fetch_add_contended_ns:.1} an operation, mutex {mutex_ns:.1}, clock \
         {clock_ns:.1}"
    )
}

fn print_line(line: &Line<'_>, unit: &str, note: &str) {
    let (work, peer) = (line.work, line.peer);
    match (line.ns_per_op, &line.failed) {
        (Some(figure), _) => {
            let ratio = line.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            println!("{work:<20} {peer:<26} {figure:>12.1} {unit:<5} {ratio:>8}  {note}");
        }
        (None, failed) => {
            let why = failed.as_deref().unwrap_or_default();
            println!("{work:<20} {peer:<26} {:>12} {:<5} {:>8}  {why}", "failed", "", "-");
        }
    }
}
