//! The keys, and what each allows.

use std::fmt;
use std::sync::Arc;

use super::super::cores::Wanted;
use super::Outside;
use super::units;
use crate::actor::{Inline, PINNED_MAX, SettingsChange};
use crate::mailbox::Overflow;
use crate::monitor::{INTERVAL_MIN, MonitorSettings, Sampler};

/// A value as it was written.
#[derive(Debug)]
#[cfg_attr(not(feature = "toml"), allow(dead_code, reason = "only files have types"))]
pub(super) enum Raw<'a> {
    /// From the environment, which knows no types.
    Word(&'a str),
    Text(&'a str),
    /// A whole number that is no count of anything is `None`.
    Integer(Option<u64>, &'a str),
    /// A list of whole numbers.
    Numbers(Vec<u64>),
    /// Something that no key takes, such as `a table`.
    Other(&'static str),
}

impl Raw<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Raw::Word(text) | Raw::Text(text) => Some(text),
            Raw::Integer(..) | Raw::Numbers(_) | Raw::Other(_) => None,
        }
    }

    /// In the environment with commas between them.
    fn numbers(&self) -> Option<Vec<usize>> {
        match self {
            Raw::Word(text) => text.split(',').map(|number| number.trim().parse().ok()).collect(),
            Raw::Numbers(numbers) => numbers.iter().map(|&number| number.try_into().ok()).collect(),
            Raw::Text(_) | Raw::Integer(..) | Raw::Other(_) => None,
        }
    }

    fn count(&self) -> Option<usize> {
        let count = match self {
            Raw::Word(text) => text.parse().ok(),
            Raw::Integer(count, _) => *count,
            Raw::Text(_) | Raw::Numbers(_) | Raw::Other(_) => None,
        };
        count.and_then(|count| count.try_into().ok())
    }

    fn switch(&self) -> Option<bool> {
        self.word(&[("on", true), ("off", false)])
    }

    fn word<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone())
    }
}

/// As it stands in its source.
impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Word(text) | Raw::Integer(_, text) => write!(f, "`{text}`"),
            Raw::Text(text) => write!(f, "`{text:?}`"),
            Raw::Numbers(numbers) => write!(f, "`{numbers:?}`"),
            Raw::Other(kind) => f.write_str(kind),
        }
    }
}

/// A key, and what comes of its value.
pub(super) struct Key<C> {
    pub(super) name: &'static str,
    /// Said to whoever writes something else.
    pub(super) allowed: &'static str,
    pub(super) read: fn(&Raw<'_>) -> Option<C>,
}

type Set = Box<dyn FnOnce(&mut Outside)>;

const COUNT: &str = "a whole number from 1, such as 4";
const DURATION: &str = "a duration of a whole number and ns, us, ms, s, m or h, such as \"10s\"";

const SWITCH: &str = "\"on\" or \"off\"";

fn change_monitor(outside: &mut Outside, change: impl FnOnce(MonitorSettings) -> MonitorSettings) {
    outside.monitor = change(std::mem::take(&mut outside.monitor));
}

/// The switch of one sampler.
macro_rules! sampler_key {
    ($sampler:ident) => {
        Key {
            name: Sampler::$sampler.name(),
            allowed: SWITCH,
            read: |raw| {
                let is_on = raw.switch()?;
                Some(Box::new(move |outside| {
                    change_monitor(outside, |monitor| monitor.sampler(Sampler::$sampler, is_on));
                }))
            },
        }
    };
}

pub(super) const SYSTEM: &[Key<Set>] = &[
    Key {
        name: "name",
        allowed: "a text, such as \"shop\"",
        read: |raw| {
            let name: Arc<str> = raw.text().filter(|name| !name.is_empty())?.into();
            Some(Box::new(|outside| outside.name = Some(name)))
        },
    },
    Key {
        name: "workers",
        allowed: COUNT,
        read: |raw| {
            let workers = raw.count().filter(|&workers| workers > 0)?;
            Some(Box::new(move |outside| outside.workers = Some(workers)))
        },
    },
    Key {
        name: "pinned_cores",
        allowed: "a list of at most 255 processor cores, such as [2, 3], or 2,3 in the environment; or \"auto\"",
        read: |raw| {
            let wanted = match raw.word(&[("auto", Wanted::Most(PINNED_MAX))]) {
                Some(all) => all,
                None => Wanted::These(raw.numbers().filter(|cores| cores.len() <= PINNED_MAX)?),
            };
            Some(Box::new(|outside| outside.pinned_cores = Some(wanted)))
        },
    },
    Key {
        name: "stop_deadline",
        allowed: DURATION,
        read: |raw| {
            let deadline = units::duration(raw.text()?)?;
            Some(Box::new(move |outside| outside.stop_deadline = Some(deadline)))
        },
    },
];

pub(super) const MONITOR: &[Key<Set>] = &[
    Key {
        name: "interval",
        allowed: "a duration from 10 ms, such as \"1s\"",
        read: |raw| {
            let interval = units::duration(raw.text()?).filter(|&interval| interval >= INTERVAL_MIN)?;
            Some(Box::new(move |outside| change_monitor(outside, |monitor| monitor.interval(interval))))
        },
    },
    Key {
        name: "history",
        allowed: SWITCH,
        read: |raw| {
            let is_on = raw.switch()?;
            Some(Box::new(move |outside| change_monitor(outside, |monitor| monitor.history(is_on))))
        },
    },
    sampler_key!(Waiting),
    sampler_key!(Handling),
    sampler_key!(Actors),
    sampler_key!(Caches),
    sampler_key!(Batches),
    sampler_key!(Pools),
    sampler_key!(Buffers),
    sampler_key!(Lanes),
    sampler_key!(Process),
    sampler_key!(Container),
    sampler_key!(Pressure),
    sampler_key!(Runtime),
];

pub(super) const ACTOR: &[Key<SettingsChange>] = &[
    Key {
        name: "mailbox.len_max",
        allowed: "a whole number of messages from 1, such as 4096, or \"unbounded\"",
        read: |raw| match raw.count() {
            Some(len_max) => (len_max > 0).then_some(SettingsChange::MailboxLenMax(Some(len_max))),
            None => raw.word(&[("unbounded", SettingsChange::MailboxLenMax(None))]),
        },
    },
    Key {
        name: "mailbox.overflow",
        allowed: "\"reject\" or \"drop_oldest\"",
        read: |raw| {
            raw.word(&[
                ("reject", SettingsChange::Overflow(Overflow::Reject)),
                ("drop_oldest", SettingsChange::Overflow(Overflow::DropOldest)),
            ])
        },
    },
    Key {
        name: "restart.max",
        allowed: "a whole number from 0, such as 5",
        read: |raw| raw.count()?.try_into().ok().map(SettingsChange::RestartMax),
    },
    Key {
        name: "restart.within",
        allowed: DURATION,
        read: |raw| units::duration(raw.text()?).map(SettingsChange::RestartWithin),
    },
    Key {
        name: "restart.backoff",
        allowed: "a range of two durations, the shorter first, such as \"50ms..5s\"",
        read: |raw| units::range(raw.text()?).map(|(min, max)| SettingsChange::Backoff(min, max)),
    },
    Key {
        name: "inline",
        allowed: "\"auto\", \"always\" or \"never\"",
        read: |raw| {
            raw.word(&[
                ("auto", SettingsChange::Inline(Inline::Auto)),
                ("always", SettingsChange::Inline(Inline::Always)),
                ("never", SettingsChange::Inline(Inline::Never)),
            ])
        },
    },
];
