//! What was before the page was opened, from the monitor's history.
//!
//! ```text
//!   /_ostraca/history?step=1                        the service's lines, and each handler's rate
//!   /_ostraca/history?step=60&of=Catalog.product    the heat map of one handler
//! ```
//!
//! Lines end now and are as long as there is something; a step without anything is `null`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::{per_second, short, unix_millis};
use crate::monitor::{HEAT_LEN, Heat, History, Monitor, Point, ProcessPoint, Quantiles, Resolution};

/// What a page asks for.
#[derive(Deserialize)]
pub(super) struct Query {
    /// Seconds: 1, 10 or 60.
    #[serde(default = "one")]
    step: u64,
    /// A handler, as `Type.method`.
    of: Option<String>,
}

fn one() -> u64 {
    1
}

/// Steps of a second that the page shows of the service.
const SECONDS_MAX: usize = 300;
/// And of each handler's rate.
const RATES_MAX: usize = 120;
/// The heat map's rows are quarters of octaves; those of the history are octaves.
const OCTAVE_ROWS: u64 = 4;
/// The octave of nanoseconds in which the first of the history's ends.
const FIRST_OCTAVE: u64 = 10;

#[derive(Default, Serialize)]
struct Lines {
    rate: Vec<Option<f64>>,
    errors: Vec<Option<f64>>,
    run: Vec<Option<f64>>,
    wait: Vec<Option<f64>>,
    mailboxes: Vec<Option<f64>>,
    restarts: Vec<Option<f64>>,
    cpu: Vec<Option<f64>>,
    memory: Vec<Option<u64>>,
}

#[derive(Serialize)]
struct Service {
    step: u64,
    service: Lines,
    handlers: BTreeMap<String, Vec<Option<f64>>>,
}

/// A column of a heat map.
#[derive(Serialize)]
struct Column {
    at: u64,
    cells: Vec<u64>,
    tall: u64,
    count: u64,
    p50: f64,
    p99: f64,
}

#[derive(Serialize)]
struct Map {
    step: u64,
    run: Vec<Option<Column>>,
    wait: Vec<Option<Column>>,
}

/// Answers a page. `None` if it asks for a step that there is not.
pub(super) fn answer(monitor: &Monitor, query: &Query) -> Option<Vec<u8>> {
    let resolution = Resolution::ALL.into_iter().find(|of| of.step().as_secs() == query.step)?;
    let span = Span::new(resolution, monitor.snapshot().uptime);
    let history = monitor.history();
    let json = match query.of.as_deref() {
        None => serde_json::to_vec(&service(monitor, &history, &span)),
        Some(of) => {
            let (type_name, method) = of.rsplit_once('.')?;
            serde_json::to_vec(&map(&history.of_handler(type_name, method, resolution), &span))
        }
    };
    Some(json.expect("plain data"))
}

/// The steps of a line.
struct Span {
    resolution: Resolution,
    uptime: Duration,
    len: usize,
    now_ms: u64,
}

impl Span {
    fn new(resolution: Resolution, uptime: Duration) -> Self {
        let len = match resolution {
            Resolution::Second => SECONDS_MAX,
            coarser => coarser.len_max(),
        };
        Span { resolution, uptime, len, now_ms: unix_millis() }
    }

    fn seconds(&self) -> f64 {
        self.resolution.step().as_secs_f64()
    }

    /// A value for each step that is over, of points that have their steps' beginnings.
    fn line<P, V>(
        &self,
        points: &[P],
        at: impl Fn(&P) -> Duration,
        value: impl Fn(&P) -> V,
    ) -> Vec<Option<V>> {
        let step_of = |at: Duration| (at.as_secs_f64() / self.seconds()).round() as usize;
        let now = (self.uptime.as_secs_f64() / self.seconds()).floor() as usize;
        let first = points
            .iter()
            .map(|point| step_of(at(point)))
            .min()
            .unwrap_or(now)
            .max(now.saturating_sub(self.len));
        let mut line: Vec<Option<V>> = (first..now).map(|_| None).collect();
        for point in points {
            // The step of now goes on.
            if let Some(place) = step_of(at(point)).checked_sub(first).and_then(|place| line.get_mut(place)) {
                *place = Some(value(point));
            }
        }
        line
    }

    fn unix_ms(&self, at: Duration) -> u64 {
        self.now_ms.saturating_sub(self.uptime.saturating_sub(at).as_millis() as u64)
    }
}

fn service(monitor: &Monitor, history: &History, span: &Span) -> Service {
    let points = history.total(span.resolution);
    let process = history.process(span.resolution);
    let seconds = span.seconds();
    let at = |point: &Point| point.at;
    let rate = |count: u64| short(count as f64 / seconds);
    let service = Lines {
        rate: span.line(&points, at, |point| rate(point.handled)),
        errors: span.line(&points, at, |point| rate(point.refused + point.failed)),
        run: flat(span.line(&points, at, |point| p99(point.handling))),
        wait: flat(span.line(&points, at, |point| p99(point.waiting))),
        mailboxes: span.line(&points, at, |point| point.mailbox_len as f64),
        restarts: span.line(&points, at, |point| rate(point.restarts)),
        cpu: flat(span.line(&process, |point: &ProcessPoint| point.at, |point| point.cpus.map(short))),
        memory: flat(span.line(&process, |point: &ProcessPoint| point.at, |point| point.resident_bytes)),
    };
    let mut handlers = BTreeMap::new();
    if span.resolution == Resolution::Second {
        let snapshot = monitor.snapshot();
        for of_type in &snapshot.types {
            for handler in &of_type.handlers {
                let points = history.of_handler(of_type.type_name, handler.handler, span.resolution);
                let line = span.line(&points, at, |point| rate(point.handled));
                if !line.is_empty() {
                    let last = line.len().saturating_sub(RATES_MAX);
                    // Of a handler a second without a message has no point: its rate was nothing, not unknown.
                    let rates = line[last..].iter().map(|rate| per_second(rate.or(Some(0.0)))).collect();
                    handlers.insert(format!("{}.{}", of_type.type_name, handler.handler), rates);
                }
            }
        }
    }
    Service { step: span.resolution.step().as_secs(), service, handlers }
}

fn flat<V>(line: Vec<Option<Option<V>>>) -> Vec<Option<V>> {
    line.into_iter().map(Option::flatten).collect()
}

fn p99(times: Option<Quantiles>) -> Option<f64> {
    times.map(|times| short(times.p99.as_secs_f64()))
}

fn map(points: &[Point], span: &Span) -> Map {
    let column = |at: Duration, times: Option<Quantiles>, heat: &Heat| {
        times.map(|times| Column {
            at: span.unix_ms(at),
            cells: cells(heat),
            tall: OCTAVE_ROWS,
            count: times.count,
            p50: short(times.p50.as_secs_f64()),
            p99: short(times.p99.as_secs_f64()),
        })
    };
    let at = |point: &Point| point.at;
    Map {
        step: span.resolution.step().as_secs(),
        run: flat(span.line(points, at, |point| column(point.at, point.handling, &point.handling_heat))),
        wait: flat(span.line(points, at, |point| column(point.at, point.waiting, &point.waiting_heat))),
    }
}

fn cells(heat: &Heat) -> Vec<u64> {
    let filled = (0..HEAT_LEN).zip(heat.parts()).filter(|(_, part)| **part > 0);
    filled
        .flat_map(|(octave, part)| [(FIRST_OCTAVE - 1 + octave as u64) * OCTAVE_ROWS, u64::from(*part)])
        .collect()
}
