//! What is wrong with all actors of a type: one shard has all the load, a cache or batches are in vain, a store holds
//! them up, they fall one after the other, or what is measured of them does not fit together.

use std::collections::{HashMap, HashSet};

use super::book::Seen;
use super::window::{BatchSample, CacheSample, LOOKS, TypeSample, Watched, WatchedType, Window};
use super::{FindingKind, Subject};
use crate::actor::ClosedBy;
use crate::mailbox::Activity;
use crate::monitor::numbers::ActorNumbers;
use crate::monitor::snapshot::Snapshot;

/// Readings that most is told from.
const SHORT: usize = 5;
/// And what is told by chance more easily.
const LONG: usize = 8;
/// A shard's load by the median of all, from where on it is hot if it is busy, and from where on if it is not.
const HOT: f64 = 3.0;
const VERY_HOT: f64 = 10.0;
/// Messages that are too few to tell.
const HOT_MESSAGES: u64 = 100;
/// Lookups in a window that tell of a cache.
const LOOKUPS: u64 = 500;
const HIT_RATIO: f64 = 0.01;
const BATCHES: u64 = 20;
const RESTARTS: u64 = 3;
/// Little's law is off by so much, where at least so many messages wait.
const LITTLE_OFF: f64 = 4.0;
const LITTLE_WAITING: f64 = 8.0;

/// All that is wrong with types of actors.
pub(super) fn detect(window: &Window, snapshot: &Snapshot, seen: &mut Vec<Seen>) {
    // Of most actors nothing is to be looked at here: they are no shards, and none of their type has anything waiting.
    let mut by_type = HashMap::<&'static str, Vec<Watched<'_>>>::new();
    let waiting: HashSet<_> =
        snapshot.types.iter().filter(|of| of.numbers.mailbox_len > 0).map(|of| of.type_name).collect();
    let is_wanted = |actor: &ActorNumbers| {
        actor.label.shard().is_some() || (!waiting.is_empty() && waiting.contains(actor.label.type_name()))
    };
    for actor in window.actors_that(snapshot, is_wanted) {
        by_type.entry(actor.now.label.type_name()).or_default().push(actor);
    }
    for of_type in window.types(snapshot) {
        let type_name = of_type.now.type_name;
        let actors = by_type.get(type_name).map_or(&[][..], |actors| actors);
        seen.extend(hot_shard(actors, window));
        seen.extend(store_bound(&of_type, actors, window));
        seen.extend(gave_up(&of_type, window));
        seen.extend(littles_law(&of_type, window));
        if let Some((first, last)) = of_type.ends(SHORT) {
            let caches = first.caches.iter().zip(&last.caches);
            seen.extend(caches.filter_map(|(before, now)| useless_cache(type_name, before, now)));
            let seconds = window.seconds(SHORT) * of_type.now.running.max(1) as f64;
            let batches = last.batches.iter().filter_map(|now| {
                let before = first.batches.iter().find(|before| before.handler == now.handler);
                batch_of_one(type_name, &before.copied().unwrap_or_default(), now, seconds)
            });
            seen.extend(batches);
        }
    }
}

/// What a shard did in the window.
struct ShardLoad<'a> {
    actor: Watched<'a>,
    messages: u64,
    /// Mean length of its mailbox.
    waiting: f64,
    /// The part of the time that it ran, or of the looks that found it at work.
    at_work: f64,
}

impl<'a> ShardLoad<'a> {
    /// None: it is no shard, or was not there all the time.
    fn of(actor: &Watched<'a>, seconds: f64) -> Option<Self> {
        actor.now.label.shard()?;
        let samples = actor.last(SHORT)?;
        let (first, last) = (samples[0], samples[SHORT - 1]);
        let waiting = samples.iter().map(|sample| f64::from(sample.mailbox_len)).sum::<f64>() / SHORT as f64;
        let busy = last.busy.zip(first.busy).map(|(last, first)| last.saturating_sub(first).as_secs_f64());
        let looks = samples.iter().filter(|sample| sample.activity != Activity::Idle).count() as f64;
        let at_work = (busy.unwrap_or(0.0) / seconds).max(looks / SHORT as f64);
        Some(ShardLoad { actor: *actor, messages: last.handled - first.handled, waiting, at_work })
    }
}

fn hot_shard(actors: &[Watched<'_>], window: &Window) -> Option<Seen> {
    let seconds = window.seconds(SHORT).max(1e-9);
    let mut loads: Vec<_> = actors.iter().filter_map(|actor| ShardLoad::of(actor, seconds)).collect();
    if loads.len() < 3 {
        return None;
    }
    loads.sort_by_key(|load| load.messages + load.waiting as u64);
    let median = loads[loads.len() / 2].messages.max(1) as f64;
    let all: u64 = loads.iter().map(|load| load.messages).sum();
    let hot = loads.last()?;
    let times = hot.messages as f64 / median;
    let part = hot.messages as f64 / all.max(1) as f64;
    let is_busy = hot.at_work >= 0.5 || hot.waiting >= 8.0;
    let is_hot = (times >= HOT && is_busy) || (times >= VERY_HOT && part >= 0.5);
    if hot.messages < HOT_MESSAGES || !is_hot {
        return None;
    }
    let summary = format!(
        "it has {times:.1} times the messages of the median shard, {:.0} % of all, and {:.0} wait for it",
        100.0 * part,
        hot.waiting
    );
    let seen = Seen::new(FindingKind::HotShard, Subject::Actor(hot.actor.now.label.clone()), summary);
    Some(
        seen.with("times_the_median", times, "")
            .with("part", part, "")
            .with("rate", hot.messages as f64 / seconds, "messages/s")
            .with("waiting", hot.waiting, "messages"),
    )
}

fn useless_cache(type_name: &'static str, before: &CacheSample, now: &CacheSample) -> Option<Seen> {
    if before.name != now.name {
        return None;
    }
    let (hits, misses) = (now.hits.saturating_sub(before.hits), now.misses.saturating_sub(before.misses));
    let (lookups, all) = (hits + misses, now.hits + now.misses);
    let ratio = hits as f64 / lookups.max(1) as f64;
    // One that fills has few hits at first.
    if lookups < LOOKUPS || all < 2 * LOOKUPS || ratio >= HIT_RATIO {
        return None;
    }
    let evictions = now.evictions.saturating_sub(before.evictions);
    let why = match evictions * 2 > misses {
        true => "entries make room for others before they are read again",
        false => "keys do not come back while their entries live",
    };
    let summary = format!("of {lookups} looks {hits} found something: {why}");
    let subject = Subject::Method { type_name, method: now.name };
    let seen = Seen::new(FindingKind::UselessCache, subject, summary);
    Some(seen.with("lookups", lookups as f64, "").with("hit_ratio", ratio, "").with(
        "evictions",
        evictions as f64,
        "",
    ))
}

/// `seconds` of all actors of the type together.
fn batch_of_one(
    type_name: &'static str,
    before: &BatchSample,
    now: &BatchSample,
    seconds: f64,
) -> Option<Seen> {
    let batches = now.batches.saturating_sub(before.batches);
    let messages = now.messages.saturating_sub(before.messages);
    let len = messages as f64 / batches.max(1) as f64;
    if batches < BATCHES || len >= 1.05 {
        return None;
    }
    let closed = |why: ClosedBy| now.closed[why as usize].saturating_sub(before.closed[why as usize]);
    let most = ClosedBy::ALL.into_iter().max_by_key(|why| closed(*why))?;
    let runs = now.runs.since(before.runs);
    // Of plain handlers one call in sixteen is timed.
    let busy = runs.mean().unwrap_or(0.0) * batches as f64 / seconds.max(1e-9);
    let why = match most {
        ClosedBy::OtherMessage => "messages of other kinds come in between".to_owned(),
        ClosedBy::BytesMax => "each message alone reaches `bytes_max`".to_owned(),
        ClosedBy::LenMax => "`len_max` is one".to_owned(),
        ClosedBy::Wait | ClosedBy::Deadline => "it waits for more, and none come".to_owned(),
        _ if busy >= 0.5 => {
            format!("it is busy {:.0} % of the time, and callers come one at a time", 100.0 * busy)
        }
        _ => return None,
    };
    let summary = format!("{batches} calls with {len:.2} messages each: {why}");
    let subject = Subject::Method { type_name, method: now.handler };
    let seen = Seen::new(FindingKind::BatchOfOne, subject, summary);
    Some(seen.with("calls", batches as f64, "").with("len", len, "messages").with("busy", busy, ""))
}

fn store_bound(of_type: &WatchedType<'_>, actors: &[Watched<'_>], window: &Window) -> Option<Seen> {
    let (first, last) = of_type.ends(SHORT)?;
    let handled = last.handled.saturating_sub(first.handled);
    if handled == 0 || last.mailbox_len == 0 {
        return None;
    }
    let (mut looks, mut waiting, mut outside) = (0, 0, 0);
    for samples in actors.iter().filter_map(|actor| actor.last(SHORT)) {
        for sample in samples {
            looks += 1;
            let has_waiting = sample.mailbox_len > 0;
            waiting += usize::from(has_waiting);
            let is_outside = sample.activity == Activity::Suspended && sample.awaits.is_none();
            outside += usize::from(has_waiting && is_outside);
        }
    }
    let is_held_up = waiting * 10 >= looks * 7 && outside * 10 >= waiting * 7;
    if looks == 0 || !is_held_up {
        return None;
    }
    let seconds = window.seconds(SHORT) * actors.len() as f64;
    let at_work = last.time_at_work(first) / seconds.max(1e-9);
    if at_work < 0.85 {
        return None;
    }
    let busy = busy_between(actors) / seconds.max(1e-9);
    if busy > 0.3 * at_work {
        return None;
    }
    let each = at_work * seconds / handled as f64 * 1e3;
    let summary = format!(
        "{:.0} % of their time goes to waiting for what is no actor, {each:.1} ms a message, while {} messages wait",
        100.0 * (at_work - busy).clamp(0.0, 1.0),
        last.mailbox_len
    );
    let seen = Seen::new(FindingKind::StoreBound, Subject::Type(of_type.now.type_name), summary);
    Some(seen.with("suspended", (at_work - busy).clamp(0.0, 1.0), "").with("each", each, "ms").with(
        "waiting",
        last.mailbox_len as f64,
        "messages",
    ))
}

/// Seconds that these actors ran.
fn busy_between(actors: &[Watched<'_>]) -> f64 {
    let busy = |actor: &Watched<'_>| {
        let samples = actor.last(SHORT)?;
        Some(samples[SHORT - 1].busy?.saturating_sub(samples[0].busy?).as_secs_f64())
    };
    actors.iter().filter_map(busy).sum()
}

/// Actors that were given up took their restarts with them: the type has them.
fn gave_up(of_type: &WatchedType<'_>, window: &Window) -> Option<Seen> {
    let (first, last) = of_type.ends(LOOKS).or_else(|| of_type.ends(SHORT))?;
    let restarts = last.restarts.saturating_sub(first.restarts);
    if of_type.now.running > 0 || restarts < RESTARTS {
        return None;
    }
    let seconds = window.seconds(LOOKS);
    let summary = format!("they were started again {restarts} times within {seconds:.0} s, and given up");
    let seen = Seen::new(FindingKind::RestartLoop, Subject::Type(of_type.now.type_name), summary);
    Some(seen.with("restarts", restarts as f64, "").with("within", seconds, "s"))
}

fn littles_law(of_type: &WatchedType<'_>, window: &Window) -> Option<Seen> {
    let (first, last) = of_type.ends(LONG)?;
    // A message of a batch waits until its batch runs, and is counted as in a batch until that has run.
    let there = |sample: &TypeSample| (sample.mailbox_len + sample.in_batches) as f64;
    let lens: Vec<f64> = of_type.last(LONG)?.map(there).collect();
    let mean = lens.iter().sum::<f64>() / lens.len() as f64;
    let seconds = window.seconds(LONG).max(1e-9);
    let (mut waited, mut count, mut samples) = (0.0, 0, 0);
    for (now, before) in last.handlers.iter().zip(&first.handlers) {
        let handled = now.handled.saturating_sub(before.handled);
        let waiting = now.waiting.since(before.waiting);
        samples += waiting.count;
        // What was never timed is left out on both sides.
        if let Some(mean) = waiting.mean() {
            waited += mean * handled as f64;
            count += handled;
        }
    }
    for (now, before) in last.batches.iter().zip(&first.batches) {
        let messages = now.messages.saturating_sub(before.messages);
        waited += now.runs.since(before.runs).mean().unwrap_or(0.0) * messages as f64;
    }
    let expected = waited / seconds;
    let most = expected.max(mean);
    // A queue that grows or shrinks is no queue at rest, which the law is about.
    let moved = (lens[LONG - 1] - lens[0]).abs();
    if samples < 50 || most < LITTLE_WAITING || moved > 0.5 * most {
        return None;
    }
    let off = most / expected.min(mean).max(0.1);
    if off < LITTLE_OFF {
        return None;
    }
    let (rate, time) = (count as f64 / seconds, waited / count.max(1) as f64 * 1e3);
    let summary = format!(
        "{rate:.0} messages a second that wait {time:.1} ms each are {expected:.1} waiting at once, but {mean:.1} were seen"
    );
    let seen = Seen::new(FindingKind::LittlesLaw, Subject::Type(of_type.now.type_name), summary);
    Some(
        seen.with("seen", mean, "messages")
            .with("expected", expected, "messages")
            .with("rate", rate, "messages/s")
            .with("waited", time, "ms"),
    )
}
