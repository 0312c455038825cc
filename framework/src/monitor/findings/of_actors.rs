//! What is wrong with one actor: its mailbox grows, it keeps its thread, it gets none, it falls over and over.

use super::book::Seen;
use super::window::{BLOCKS, LOOKS, Sample, Watched, Window};
use super::{FindingKind, Severity, Subject};
use crate::actor::{ActorId, ActorState};
use crate::mailbox::Activity;
use crate::monitor::snapshot::Snapshot;

/// Readings that a trend is told from.
const TREND: usize = 5;
/// Messages that are not worth a word.
const FEW: u32 = 50;
/// A mailbox as full as this is full.
const FULL: f64 = 0.9;
/// Readings over which nothing moves: three seconds where one is pulled each second.
const STILL: usize = 4;
/// The same, for a handler that waits, as handlers do.
const STILL_SUSPENDED: usize = 6;
/// Restarts within the window that are a loop.
const RESTARTS: u32 = 3;

/// All that is wrong with actors one by one. `reader` is the one that took the snapshot.
pub(super) fn detect(window: &Window, snapshot: &Snapshot, reader: ActorId, seen: &mut Vec<Seen>) {
    for actor in window.actors(snapshot) {
        // Most actors rest.
        let sample = actor.samples[actor.samples.len() - 1];
        if sample.mailbox_len > 0 {
            seen.extend(mailbox_growing(&actor, window).or_else(|| mailbox_full(&actor, window)));
            seen.extend(starved(&actor, window));
        }
        let is_worth_a_look =
            sample.activity != Activity::Idle || sample.busy.is_some_and(|busy| busy > BLOCKS);
        if is_worth_a_look && actor.now.label.id() != reader {
            seen.extend(blocking(&actor, window, snapshot));
        }
        if sample.restarts >= RESTARTS {
            seen.extend(restart_loop(&actor, window));
        }
    }
}

fn subject(actor: &Watched<'_>) -> Subject {
    Subject::Actor(actor.now.label.clone())
}

/// Messages handled a second over these samples.
fn rate(samples: &[Sample], seconds: f64) -> f64 {
    let handled = samples[samples.len() - 1].handled - samples[0].handled;
    handled as f64 / seconds.max(1e-9)
}

fn mailbox_growing(actor: &Watched<'_>, window: &Window) -> Option<Seen> {
    let samples = actor.last(TREND)?;
    let lens: Vec<f64> = samples.iter().map(|sample| f64::from(sample.mailbox_len)).collect();
    let (first, last) = (lens[0], lens[TREND - 1]);
    let trend = Trend::of(&lens);
    if last < f64::from(FEW) || last < 1.5 * first || trend.fit < 0.8 {
        return None;
    }
    let seconds = window.seconds(TREND);
    let growth = trend.slope * (TREND - 1) as f64 / seconds.max(1e-9);
    let rate = rate(samples, seconds);
    let full_in = actor.now.mailbox_len_max.map(|len_max| (len_max as f64 - last).max(0.0) / growth);
    let then =
        full_in.map_or("it has no bound".to_owned(), |seconds| format!("it is full in {seconds:.0} s"));
    let summary = format!(
        "{last:.0} messages wait, {growth:.0} more each second, of which it handles {rate:.0}; {then}"
    );
    let seen = Seen::new(FindingKind::MailboxGrowing, subject(actor), summary)
        .with("waiting", last, "messages")
        .with("growth", growth, "messages/s")
        .with("handled", rate, "messages/s");
    Some(match full_in {
        Some(full_in) => seen.with("full_in", full_in, "s"),
        None => seen,
    })
}

fn mailbox_full(actor: &Watched<'_>, window: &Window) -> Option<Seen> {
    let samples = actor.last(3)?;
    let len_max = actor.now.mailbox_len_max?;
    let is_full = |sample: &Sample| f64::from(sample.mailbox_len) >= FULL * len_max as f64;
    if len_max < 8 || !samples.iter().all(is_full) {
        return None;
    }
    let (waiting, rate) = (samples[2].mailbox_len, rate(samples, window.seconds(3)));
    let summary = format!("it is full: {waiting} of {len_max} messages wait, it handles {rate:.0} a second");
    let seen = Seen::new(FindingKind::MailboxGrowing, subject(actor), summary);
    Some(
        seen.with("waiting", f64::from(waiting), "messages")
            .with("len_max", len_max as f64, "messages")
            .with("handled", rate, "messages/s"),
    )
}

/// A line through values at even distances.
struct Trend {
    slope: f64,
    /// The part of the values' variance that the line explains.
    fit: f64,
}

impl Trend {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let (x_mean, y_mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in values.iter().enumerate() {
            let (x, y) = (x as f64 - x_mean, y - y_mean);
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
        Trend { slope: xy / xx, fit: if yy > 0.0 { xy * xy / (xx * yy) } else { 0.0 } }
    }
}

fn starved(actor: &Watched<'_>, window: &Window) -> Option<Seen> {
    let samples = actor.last(STILL)?;
    let is_still = |samples: &[Sample]| {
        samples.iter().all(|sample| sample.mailbox_len > 0 && sample.handled == samples[0].handled)
    };
    if !is_still(samples) || actor.now.state == ActorState::Down {
        return None;
    }
    let all = |samples: &[Sample], activity| samples.iter().all(|sample| sample.activity == activity);
    let waiting = actor.now.numbers.mailbox_len;
    let (seconds, why) = if all(samples, Activity::Queued) {
        (window.seconds(STILL), "it waits for a thread".to_owned())
    } else {
        let samples = actor.last(STILL_SUSPENDED)?;
        if !is_still(samples) || !all(samples, Activity::Suspended) {
            return None;
        }
        let whom =
            actor.now.awaits.map_or("something".to_owned(), |actor| format!("the answer of actor {actor}"));
        (window.seconds(STILL_SUSPENDED), format!("its handler waits for {whom}"))
    };
    let summary = format!("{waiting} messages wait, and none was handled for {seconds:.0} s: {why}");
    let seen = Seen::new(FindingKind::StarvedActor, subject(actor), summary);
    Some(seen.with("waiting", waiting as f64, "messages").with("still", seconds, "s"))
}

fn blocking(actor: &Watched<'_>, window: &Window, snapshot: &Snapshot) -> Option<Seen> {
    if let Some(samples) = actor.last(3)
        && samples.iter().all(|sample| sample.activity == Activity::Running)
        && samples[0].calls == samples[2].calls
        && samples[0].handled == samples[2].handled
    {
        let seconds = window.seconds(3);
        let summary = format!("it has kept its thread for {seconds:.0} s");
        let seen = Seen::new(FindingKind::BlockingHandler, subject(actor), summary);
        return Some(seen.of_severity(Severity::Critical).with("blocks", seconds, "s"));
    }
    let samples = actor.last(TREND)?;
    let (first, last) = (samples[0], samples[TREND - 1]);
    let calls = last.calls.saturating_sub(first.calls);
    let busy = last.busy?.saturating_sub(first.busy?);
    // A time that was sampled stands for many: once it may be the machine that was elsewhere.
    let ran = |pair: &[Sample]| Some(pair[1].busy?.saturating_sub(pair[0].busy?));
    let often = samples.windows(2).filter_map(ran).filter(|ran| *ran >= BLOCKS).count();
    if calls < 3 || often + 2 < TREND {
        return None;
    }
    let (name, slow) = slowest(actor, window, snapshot).unzip();
    let (slow, each) = (slow.unwrap_or(0), busy.as_secs_f64() / calls as f64);
    let is_always = each >= BLOCKS.as_secs_f64();
    // Its awaits are in the times of a handler, and not in those that it was busy.
    let is_now_and_then = slow >= 3 && busy.as_secs_f64() >= 0.8 * slow as f64 * BLOCKS.as_secs_f64();
    let (blocked, millis) = match (is_always, is_now_and_then) {
        (true, _) => (calls, each * 1e3),
        (false, true) => (slow, busy.as_secs_f64() * 1e3 / slow as f64),
        (false, false) => return None,
    };
    let subject = match name {
        Some(handler) => Subject::Handler { actor: actor.now.label.clone(), handler },
        None => subject(actor),
    };
    let summary = format!("{blocked} of {calls} calls kept its thread for about {millis:.0} ms each");
    let seen = Seen::new(FindingKind::BlockingHandler, subject, summary);
    Some(seen.with("blocks", millis, "ms").with("blocked", blocked as f64, "").with(
        "calls",
        calls as f64,
        "",
    ))
}

/// The handler of the actor's type that has been slow most often lately, or else took longest; and how often it was
/// slow.
fn slowest(actor: &Watched<'_>, window: &Window, snapshot: &Snapshot) -> Option<(&'static str, u64)> {
    let of_type = window.types(snapshot).find(|of| of.now.type_name == actor.now.label.type_name())?;
    let (first, last) = of_type.ends(TREND)?;
    let took = first.handlers.iter().zip(&last.handlers).filter_map(|(before, now)| {
        let mean = now.handling.since(before.handling).mean()?;
        Some((now.name, now.slow.saturating_sub(before.slow), mean))
    });
    let slowest = took.max_by(|a, b| a.1.cmp(&b.1).then(a.2.total_cmp(&b.2)));
    slowest.map(|(name, slow, _)| (name, slow))
}

fn restart_loop(actor: &Watched<'_>, window: &Window) -> Option<Seen> {
    let samples = actor.samples;
    let restarts = samples[samples.len() - 1].restarts.saturating_sub(samples[0].restarts);
    if restarts < RESTARTS {
        return None;
    }
    let seconds = window.seconds(samples.len().min(LOOKS));
    let last =
        actor.now.last_failure.as_ref().map_or(String::new(), |last| format!("; the last: {}", last.text));
    let summary = format!("it was started again {restarts} times within {seconds:.0} s{last}");
    let seen = Seen::new(FindingKind::RestartLoop, subject(actor), summary);
    Some(seen.with("restarts", f64::from(restarts), "").with("within", seconds, "s"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Detectors;
    use super::*;
    use crate::System;

    /// What is found of the monitor's own actor when its pulls keep their thread for 60 ms, where `reader` is who pulls.
    async fn found_of_slow_pulls(reader: Option<ActorId>) -> Vec<String> {
        let system = System::start().unwrap();
        let mut snapshot = (*system.monitor().latest().await).clone();
        let mut detectors = Detectors::new(reader.unwrap_or(snapshot.actors[0].label.id()));
        for pull in 1..=10 {
            snapshot.taken_at += Duration::from_secs(1);
            let numbers = &mut snapshot.actors[0].numbers;
            (numbers.handled, numbers.busy) = (pull, Some(Duration::from_millis(60) * pull as u32));
            detectors.take(&snapshot);
        }
        detectors.findings().iter().map(ToString::to_string).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pull_that_keeps_its_thread_is_no_handler_that_blocks() {
        assert_eq!(found_of_slow_pulls(None).await, [""; 0]);
        let found = found_of_slow_pulls(Some(ActorId(0))).await;
        assert!(found.len() == 1 && found[0].starts_with("SystemMonitor"), "of any other actor: {found:?}");
    }

    #[test]
    fn a_trend_is_a_line_and_noise_is_none() {
        let line = Trend::of(&[10.0, 20.0, 30.0, 40.0, 50.0]);
        assert!((line.slope - 10.0).abs() < 1e-9 && (line.fit - 1.0).abs() < 1e-9);
        assert!(Trend::of(&[50.0, 10.0, 60.0, 5.0, 55.0]).fit < 0.2);
        assert!(Trend::of(&[7.0; 5]).fit < 1e-9);
    }
}
