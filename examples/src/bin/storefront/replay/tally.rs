//! What a replay counts.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use hyper::StatusCode;
use serde::Serialize;

use super::client::TransportError;

/// Why a request counts as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// 500: the handler panicked.
    Panicked,
    /// 503: nobody is there to answer.
    Unavailable,
    /// Another status than 200.
    Refused,
    /// A 200 that says something else than it must.
    WrongAnswer,
    /// No answer within the time limit.
    Timeout,
    /// The connection failed.
    Connection,
}

/// The counts of one connection, or of all.
#[derive(Debug)]
pub(super) struct Tally {
    /// Page requests.
    pub(super) requests: u64,
    /// Additions and check-outs.
    pub(super) writes: u64,
    pub(super) errors: BTreeMap<ErrorKind, u64>,
    /// The first few errors, each sentence once.
    pub(super) samples: Vec<String>,
    /// In microseconds, over page requests and writes.
    pub(super) latency: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        Self {
            requests: 0,
            writes: 0,
            errors: BTreeMap::new(),
            samples: Vec::new(),
            latency: latency.expect("the bounds are those that hdrhistogram allows"),
        }
    }
}

/// Above a client's time limit, so that nothing is cut off.
const LATENCY_US_MAX: u64 = 120_000_000;

const SAMPLES_LEN_MAX: usize = 10;

impl Tally {
    pub(super) fn took(&mut self, time: Duration) {
        self.latency.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LATENCY_US_MAX));
    }

    pub(super) fn refused(&mut self, status: StatusCode, body: &[u8]) {
        let body = String::from_utf8_lossy(body);
        let kind = match status {
            StatusCode::INTERNAL_SERVER_ERROR if body.contains("panicked") => ErrorKind::Panicked,
            StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
            _ => ErrorKind::Refused,
        };
        self.error(kind, format!("{status}: {body}"));
    }

    pub(super) fn broken(&mut self, error: &TransportError) {
        let kind = match error {
            TransportError::Timeout(_) => ErrorKind::Timeout,
            TransportError::Connect(_) | TransportError::Http(_) => ErrorKind::Connection,
        };
        self.error(kind, error.to_string());
    }

    pub(super) fn wrong_answer(&mut self, sentence: String) {
        self.error(ErrorKind::WrongAnswer, sentence);
    }

    fn error(&mut self, kind: ErrorKind, sentence: String) {
        *self.errors.entry(kind).or_default() += 1;
        self.sample(sentence);
    }

    fn sample(&mut self, sentence: String) {
        if self.samples.len() < SAMPLES_LEN_MAX && !self.samples.contains(&sentence) {
            self.samples.push(sentence);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.writes += other.writes;
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        other.samples.into_iter().for_each(|sentence| self.sample(sentence));
        self.latency.add(other.latency).expect("both histograms have the same bounds");
    }
}
