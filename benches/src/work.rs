//! What a table of works is made of.

use std::time::Duration;

/// A table of works, by the name one gives to `compare`.
pub struct Group {
    pub name: &'static str,
    pub works: Vec<Work>,
}

/// One kind of work, done by each of its entries.
pub struct Work {
    /// What its figures are, in the order of an entry's figures. The first names the work.
    pub rows: Vec<Row>,
    pub entries: Vec<Entry>,
    /// Rounds are fewer than asked for where one costs long and repeats itself.
    pub rounds_max: usize,
}

/// One figure of a work: a line of the table for each peer.
pub struct Row {
    pub name: &'static str,
    pub unit: Unit,
    pub bars: Vec<Bar>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanoseconds,
    Bytes,
    Percent,
}

/// What the row must show.
#[derive(Clone, Copy)]
pub enum Bar {
    /// The best of these peers takes at least so many times as long as Ostraca.
    AtLeast { times: f64, of: &'static [&'static str] },
    /// Ostraca's figure, as it is.
    AtMost(f64),
    /// Ostraca's time where an uncontended fetch-add takes 6 ns; scaled by the one measured.
    AtMostScaled(f64),
    /// Ostraca's figure is at most so much above the best of these peers.
    WithinPoints { points: f64, of: &'static [&'static str] },
    /// Ostraca's figure by its figure in another row.
    AtMostOf { row: &'static str, times: f64 },
}

pub const FRAMEWORKS: &[&str] = &["kameo", "ractor", "actix"];
pub const BY_HAND: &[&str] = &["tokio"];

/// One way in which one peer does the work. Of a peer's variants the best counts.
pub struct Entry {
    pub peer: &'static str,
    pub variant: &'static str,
    /// How many operations a measurement does.
    pub ops: u64,
    pub run: fn(u64) -> Figures,
}

/// What a measurement found: one figure a row.
pub struct Figures(pub Vec<f64>);

impl Work {
    pub fn new(name: &'static str, bars: &[Bar]) -> Self {
        let row = Row { name, unit: Unit::Nanoseconds, bars: bars.to_vec() };
        Work { rows: vec![row], entries: Vec::new(), rounds_max: usize::MAX }
    }

    #[must_use]
    pub fn and_row(mut self, name: &'static str, bars: &[Bar]) -> Self {
        self.rows.push(Row { name, unit: Unit::Nanoseconds, bars: bars.to_vec() });
        self
    }

    #[must_use]
    pub fn in_bytes(mut self) -> Self {
        self.rows.iter_mut().for_each(|row| row.unit = Unit::Bytes);
        self
    }

    #[must_use]
    pub fn in_percent(mut self) -> Self {
        self.rows.iter_mut().for_each(|row| row.unit = Unit::Percent);
        self
    }

    #[must_use]
    pub fn rounds_max(mut self, rounds_max: usize) -> Self {
        self.rounds_max = rounds_max;
        self
    }

    #[must_use]
    pub fn by(
        mut self,
        peer: &'static str,
        variant: &'static str,
        ops: u64,
        run: fn(u64) -> Figures,
    ) -> Self {
        self.entries.push(Entry { peer, variant, ops, run });
        self
    }

    pub fn name(&self) -> &'static str {
        self.rows[0].name
    }

    pub fn entry(&self, peer: &str, variant: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.peer == peer && entry.variant == variant)
    }
}

impl Figures {
    /// The time of one of `ops` operations that took `took` together.
    pub fn each(took: Duration, ops: u64) -> Self {
        Figures(vec![took.as_nanos() as f64 / ops as f64])
    }

    /// The whole time, for criterion.
    pub fn took(&self, ops: u64) -> Duration {
        Duration::from_secs_f64(self.0[0] * ops as f64 / 1e9)
    }
}
