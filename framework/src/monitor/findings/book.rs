//! What is open: a finding is opened when it was seen twice in a row, and closed when it was not three times.

use std::time::Instant;

use super::{Evidence, Finding, FindingKind, Severity, Subject};

/// Looks in a row that open a finding, and that close it.
const OPENS: u32 = 2;
const CLOSES: u32 = 3;

/// What a detector saw.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) kind: FindingKind,
    pub(super) severity: Severity,
    pub(super) subject: Subject,
    pub(super) summary: String,
    pub(super) evidence: Vec<Evidence>,
}

impl Seen {
    pub(super) fn new(kind: FindingKind, subject: Subject, summary: String) -> Self {
        Seen { kind, severity: kind.severity(), subject, summary, evidence: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        self.evidence.push(Evidence { name, value, unit });
        self
    }

    pub(super) fn of_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// What was seen lately.
#[derive(Default)]
pub(super) struct Book {
    entries: Vec<Entry>,
}

struct Entry {
    seen: Seen,
    /// Looks in a row that saw it; then, when it is open, that did not.
    count: u32,
    opened_at: Option<Instant>,
    is_seen: bool,
}

impl Book {
    /// Takes what one look saw.
    pub(super) fn take(&mut self, now: Instant, all: Vec<Seen>) {
        self.entries.iter_mut().for_each(|entry| entry.is_seen = false);
        for seen in all {
            let known = self
                .entries
                .iter_mut()
                .find(|entry| entry.seen.kind == seen.kind && entry.seen.subject == seen.subject);
            match known {
                Some(entry) => entry.see(now, seen),
                None => {
                    let entry = Entry { seen, count: 1, opened_at: None, is_seen: true };
                    self.entries.push(entry);
                }
            }
        }
        self.entries.retain_mut(|entry| entry.is_seen || entry.stays());
    }

    /// What is open, the worst first, and among equals the oldest.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let open = self.entries.iter().filter_map(Entry::finding);
        let mut open: Vec<_> = open.collect();
        open.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.opened_at.cmp(&b.opened_at)));
        open
    }
}

impl Entry {
    fn see(&mut self, now: Instant, seen: Seen) {
        self.is_seen = true;
        self.seen = seen;
        if self.opened_at.is_some() {
            self.count = 0;
            return;
        }
        self.count += 1;
        if self.count >= OPENS {
            self.count = 0;
            self.opened_at = Some(now);
            self.log_open();
        }
    }

    /// It was not seen. False: it is over.
    fn stays(&mut self) -> bool {
        if self.opened_at.is_none() {
            return false;
        }
        self.count += 1;
        if self.count >= CLOSES {
            let Seen { kind, subject, .. } = &self.seen;
            tracing::info!(target: "ostraca::monitor", %subject, finding = kind.name(), "closed");
        }
        self.count < CLOSES
    }

    fn log_open(&self) {
        let Seen { kind, severity, subject, summary, .. } = &self.seen;
        let (finding, remedy) = (kind.name(), kind.remedy());
        match severity {
            Severity::Notice => {
                tracing::info!(target: "ostraca::monitor", %subject, finding, remedy, "{summary}");
            }
            Severity::Warning | Severity::Critical => {
                tracing::warn!(target: "ostraca::monitor", %subject, finding, remedy, "{summary}");
            }
        }
    }

    fn finding(&self) -> Option<Finding> {
        let Seen { kind, severity, subject, summary, evidence } = self.seen.clone();
        Some(Finding { kind, severity, subject, summary, evidence, opened_at: self.opened_at? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(kind: FindingKind) -> Seen {
        Seen::new(kind, Subject::Process, "it grows".to_owned()).with("growth", 2.0, "B/s")
    }

    /// The names of what is open after each look.
    fn open(looks: &[&[FindingKind]]) -> Vec<Vec<&'static str>> {
        let mut book = Book::default();
        let now = Instant::now();
        let look = |kinds: &&[FindingKind]| {
            book.take(now, kinds.iter().copied().map(seen).collect());
            book.findings().iter().map(|finding| finding.kind.name()).collect()
        };
        looks.iter().map(look).collect()
    }

    const GROWS: &[FindingKind] = &[FindingKind::MemoryGrowing];

    #[test]
    fn a_finding_opens_when_it_was_seen_twice_and_closes_when_it_was_not_three_times() {
        let named = vec!["memory_growing"];
        let none = Vec::<&str>::new();
        assert_eq!(open(&[GROWS, &[], GROWS, &[]]), vec![none.clone(); 4], "once is not enough");
        let opened = open(&[GROWS, GROWS, &[], &[], GROWS, &[], &[], &[]]);
        let expected: Vec<Vec<&str>> = [0, 1, 1, 1, 1, 1, 1, 0]
            .map(|is_open| if is_open == 1 { named.clone() } else { none.clone() })
            .into();
        assert_eq!(opened, expected);
    }

    #[test]
    fn the_worst_comes_first() {
        let both: &[FindingKind] = &[FindingKind::BatchOfOne, FindingKind::AskCycle, FindingKind::HotShard];
        let opened = open(&[both, both]);
        assert_eq!(opened[1], ["ask_cycle", "hot_shard", "batch_of_one"]);
    }
}
