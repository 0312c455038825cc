//! Handlers: rates, errors, times, and the columns of their heat maps.

use std::cmp::Reverse;

use serde::Serialize;

use super::{per_second, seconds, short};
use crate::monitor::{Distribution, HandlerNumbers, Quantiles, Snapshot, Times};

/// Handlers that a frame has, the busiest ones.
const HANDLERS_MAX: usize = 100;

/// Rows an octave of the heat map: the page counts so, too.
const ROWS_AN_OCTAVE: f64 = 4.0;

/// One handler of a type.
#[derive(Serialize)]
pub(super) struct Handler<'a> {
    a: &'a str,
    m: &'a str,
    handled: u64,
    refused: u64,
    failed: u64,
    rate: Option<f64>,
    error_rate: Option<f64>,
    error_part: Option<f64>,
    /// How many of its messages were being handled, on average: awaits included.
    work: Option<f64>,
    run: Option<Span>,
    wait: Option<Span>,
    heat: Option<Heat>,
}

/// What matters of times, in seconds.
#[derive(Serialize)]
pub(super) struct Span {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// A column of each heat map: `[row, count, row, count, ..]`, a row being a quarter of an octave of nanoseconds.
#[derive(Serialize)]
pub(super) struct Heat {
    run: Vec<u64>,
    wait: Vec<u64>,
}

impl Span {
    pub(super) fn new(of: &Quantiles) -> Self {
        Span {
            mean: seconds(of.mean),
            p50: seconds(of.p50),
            p90: seconds(of.p90),
            p99: seconds(of.p99),
            p999: seconds(of.p999),
            max: seconds(of.max),
        }
    }

    /// Of the last interval; `None` where nothing was timed in it.
    pub(super) fn recent(times: Option<&Times>) -> Option<Self> {
        times?.recent.as_ref().map(Span::new)
    }
}

/// All handlers that ever had a message, those that have the most to do first.
pub(super) fn handlers<'a>(before: Option<&Snapshot>, now: &'a Snapshot) -> Vec<Handler<'a>> {
    let of_types = now.types.iter().flat_map(|of| of.handlers.iter().map(move |handler| (of, handler)));
    let had_messages = of_types.filter(|(_, handler)| handler.handled + handler.failed > 0);
    let mut handlers: Vec<_> = had_messages
        .map(|(of_type, handler)| {
            let earlier = before.and_then(|before| before.of_handler(of_type.type_name, handler.handler));
            one(of_type.type_name, handler, before.is_some(), earlier)
        })
        .collect();
    // By twofold steps, and equals by name: rows that changed places each second could not be read.
    let steps =
        |number: Option<f64>| number.map_or(i32::MIN, |number| number.max(1e-9).log2().round() as i32);
    handlers.sort_by_key(|handler| {
        (Reverse(steps(handler.work)), Reverse(steps(handler.rate)), handler.a, handler.m)
    });
    handlers.truncate(HANDLERS_MAX);
    handlers
}

fn one<'a>(
    type_name: &'a str,
    now: &'a HandlerNumbers,
    had_before: bool,
    before: Option<&HandlerNumbers>,
) -> Handler<'a> {
    let rate = now.handled_per_second;
    let error_rate = now.errors_per_second;
    let error_part = match (rate, error_rate) {
        (Some(rate), Some(errors)) if rate + errors > 0.0 => {
            Some(short((errors / rate.max(errors)).min(1.0)))
        }
        _ => None,
    };
    let run = now.handling.as_ref().and_then(|times| times.recent);
    // Little's law: their rate times how long each takes.
    let work = run.zip(rate).map(|(run, rate)| short(run.mean.as_secs_f64() * rate));
    let heat = had_before.then(|| Heat {
        run: column(now.handling.as_ref(), before.and_then(|before| before.handling.as_ref())),
        wait: column(now.waiting.as_ref(), before.and_then(|before| before.waiting.as_ref())),
    });
    Handler {
        a: type_name,
        m: now.handler,
        handled: now.handled,
        refused: now.refused,
        failed: now.failed,
        rate: per_second(rate),
        error_rate: per_second(error_rate),
        error_part,
        work,
        run: run.as_ref().map(Span::new),
        wait: Span::recent(now.waiting.as_ref()),
        heat,
    }
}

fn column(now: Option<&Times>, before: Option<&Times>) -> Vec<u64> {
    let Some(now) = now else { return Vec::new() };
    match before {
        Some(before) => rows(&now.all.since(&before.all)),
        None => rows(&now.all),
    }
}

/// A distribution of nanoseconds as rows of a heat map.
fn rows(times: &Distribution) -> Vec<u64> {
    let mut rows: Vec<u64> = Vec::new();
    for (last, count) in times.buckets() {
        let row = ((last.max(1) as f64).log2() * ROWS_AN_OCTAVE).floor() as u64;
        match rows.len() {
            len if len > 0 && rows[len - 2] == row => rows[len - 1] += count,
            _ => rows.extend([row, count]),
        }
    }
    rows
}
