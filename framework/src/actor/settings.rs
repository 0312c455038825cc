//! What an actor type says about its mailbox, its restarts and where it runs.

use std::any::TypeId;
use std::collections::HashMap;
use std::time::Duration;

use super::Actor;
use crate::mailbox::Overflow;

/// Settings of an actor type. `#[actor(..)]` writes them; every one has a default.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) mailbox_len_max: Option<usize>,
    pub(crate) overflow: Overflow,
    pub(crate) restart: Restart,
    pub(crate) inline: Inline,
}

/// How often and how soon a failed actor is started again.
///
/// More than `max` restarts within `within` and its supervisor gives it up. The wait before a restart starts at
/// the shortest backoff, doubles with each failure up to the longest, and is shortened by a random part of up to a
/// quarter, so that actors that fell together do not rise together; who has run for `within` without a failure
/// waits the shortest again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    pub(crate) max: u32,
    pub(crate) within: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
}

impl Default for Restart {
    /// 5 restarts within 10 s, backoff 50 ms to 5 s.
    fn default() -> Self {
        Restart::new(5, Duration::from_secs(10)).backoff(Duration::from_millis(50), Duration::from_secs(5))
    }
}

impl Restart {
    /// At most `max` restarts within any `within`, without a wait: OTP's intensity and period.
    pub const fn new(max: u32, within: Duration) -> Self {
        Restart { max, within, backoff_min: Duration::ZERO, backoff_max: Duration::ZERO }
    }

    /// The shortest and the longest wait before a restart.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.backoff_min = min;
        self.backoff_max = max.max(min);
        self
    }
}

/// Whether an ask of an idle actor runs its handler on the asker's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inline {
    /// When the actor was measured and was not slow in the last second: no two of 64 messages that were timed (of quick
    /// ones one in 128 is, of slow ones each) took over 50 microseconds.
    Auto,
    /// Whenever the actor is idle.
    Always,
    /// Never: always on a worker.
    Never,
}

impl Default for Settings {
    /// A mailbox of 1,024 messages that rejects, 5 restarts within 10 s, backoff 50 ms to 5 s, inline `auto`.
    fn default() -> Self {
        Settings {
            mailbox_len_max: Some(1024),
            overflow: Overflow::Reject,
            restart: Restart::default(),
            inline: Inline::Auto,
        }
    }
}

impl Settings {
    /// The mailbox's bound, in messages; at least 1.
    #[must_use]
    pub fn mailbox_len_max(mut self, len_max: usize) -> Self {
        self.mailbox_len_max = Some(len_max.max(1));
        self
    }

    /// No bound: a producer that outruns the actor takes the process's memory. For actors whose messages are
    /// bounded by something else, such as their own timers.
    #[must_use]
    pub fn mailbox_unbounded(mut self) -> Self {
        self.mailbox_len_max = None;
        self
    }

    /// What a full mailbox does with a tell.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How many failures within [`restart_within`](Self::restart_within) are restarted.
    #[must_use]
    pub fn restart_max(mut self, max: u32) -> Self {
        self.restart.max = max;
        self
    }

    /// The sliding window that failures are counted in.
    #[must_use]
    pub fn restart_within(mut self, within: Duration) -> Self {
        self.restart.within = within;
        self
    }

    /// The shortest and the longest wait before a restart.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.restart = self.restart.backoff(min, max);
        self
    }

    /// Whether an ask of an idle actor runs on the asker's thread.
    #[must_use]
    pub fn inline(mut self, inline: Inline) -> Self {
        self.inline = inline;
        self
    }
}

/// One setting of an actor type that a system's configuration changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SettingsChange {
    MailboxLenMax(Option<usize>),
    Overflow(Overflow),
    RestartMax(u32),
    RestartWithin(Duration),
    Backoff(Duration, Duration),
    Inline(Inline),
}

/// What a system's configuration changes, by actor type.
#[derive(Default)]
pub(crate) struct Configured(HashMap<TypeId, Vec<SettingsChange>>);

impl Configured {
    /// A later change wins.
    pub(crate) fn change(&mut self, actor: TypeId, change: SettingsChange) {
        self.0.entry(actor).or_default().push(change);
    }

    /// The settings of `A` in this system.
    pub(crate) fn settings<A: Actor>(&self) -> Settings {
        if self.0.is_empty() { A::settings() } else { self.apply(TypeId::of::<A>(), A::settings()) }
    }

    pub(crate) fn apply(&self, actor: TypeId, settings: Settings) -> Settings {
        let changes = self.0.get(&actor).into_iter().flatten();
        changes.fold(settings, |settings, change| match *change {
            SettingsChange::MailboxLenMax(Some(len_max)) => settings.mailbox_len_max(len_max),
            SettingsChange::MailboxLenMax(None) => settings.mailbox_unbounded(),
            SettingsChange::Overflow(overflow) => settings.overflow(overflow),
            SettingsChange::RestartMax(max) => settings.restart_max(max),
            SettingsChange::RestartWithin(within) => settings.restart_within(within),
            SettingsChange::Backoff(min, max) => settings.backoff(min, max),
            SettingsChange::Inline(inline) => settings.inline(inline),
        })
    }
}

/// One handler of an actor type, as the cell and the monitor know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlerInfo {
    name: &'static str,
    is_async: bool,
    reads: bool,
}

impl HandlerInfo {
    /// A plain `fn`: runs to its end where it is called.
    pub const fn sync(name: &'static str) -> Self {
        HandlerInfo { name, is_async: false, reads: false }
    }

    /// An `async fn`, or a deferred one: runs on a worker.
    pub const fn asynchronous(name: &'static str) -> Self {
        HandlerInfo { name, is_async: true, reads: false }
    }

    /// It takes `&self`: published views cannot have changed.
    #[must_use]
    pub const fn reads(mut self) -> Self {
        self.reads = true;
        self
    }

    /// The method's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn is_async(&self) -> bool {
        self.is_async
    }

    pub(crate) const fn is_read(&self) -> bool {
        self.reads
    }
}
