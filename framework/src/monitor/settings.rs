//! What the monitor measures, how often, and what it keeps.

use std::time::Duration;

/// How often it pulls where nothing else is said.
const INTERVAL: Duration = Duration::from_secs(1);
/// More often than this it would be the load that it measures.
pub(crate) const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Settings of a system's monitor: see [`SystemBuilder::monitor`](crate::SystemBuilder::monitor). By default it pulls every
/// second, keeps a history, and all samplers are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonitorSettings {
    interval: Option<Duration>,
    keeps_history: Option<bool>,
    /// Those that somebody has switched, and those of them that are on.
    switched: Samplers,
    switched_on: Samplers,
}

impl MonitorSettings {
    /// How often it pulls; at least 10 ms. 1 s by default.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.max(INTERVAL_MIN));
        self
    }

    /// Whether it keeps what it pulled; it does by default.
    #[must_use]
    pub fn history(mut self, keeps_history: bool) -> Self {
        self.keeps_history = Some(keeps_history);
        self
    }

    /// Switches one sampler on or off; all are on by default. What is off costs nothing and is absent.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler, is_on: bool) -> Self {
        self.switched = self.switched.with(sampler, true);
        self.switched_on = self.switched_on.with(sampler, is_on);
        self
    }

    /// What is not set here is as in `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        let of_other = other.switched.0 & !self.switched.0;
        MonitorSettings {
            interval: self.interval.or(other.interval),
            keeps_history: self.keeps_history.or(other.keeps_history),
            switched: Samplers(self.switched.0 | of_other),
            switched_on: Samplers(self.switched_on.0 | (other.switched_on.0 & of_other)),
        }
    }

    pub(super) fn pulls_every(&self) -> Duration {
        self.interval.unwrap_or(INTERVAL)
    }

    pub(super) fn keeps_history(&self) -> bool {
        self.keeps_history.unwrap_or(true)
    }

    pub(super) fn samplers(&self) -> Samplers {
        Samplers(Samplers::ALL.0 & !self.switched.0 | self.switched_on.0)
    }
}

/// One thing that is measured, to be switched on or off by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sampler {
    /// How long messages wait before they are handled, by handler.
    Waiting,
    /// How long handlers take, by handler; and how busy actors are.
    Handling,
    /// Each actor by itself.
    Actors,
    /// Keyed caches.
    Caches,
    /// Batched handlers.
    Batches,
    /// Pools of replicas and of threads.
    Pools,
    /// Pools of buffers.
    Buffers,
    /// File lanes.
    Lanes,
    /// Processor time, memory, threads, file descriptors and context switches of the process.
    Process,
    /// What its control group allows and uses.
    Container,
    /// How long the machine's tasks wait for processor, memory and disk.
    Pressure,
    /// The tokio runtime.
    Runtime,
}

impl Sampler {
    /// All of them.
    pub const ALL: [Sampler; 12] = [
        Sampler::Waiting,
        Sampler::Handling,
        Sampler::Actors,
        Sampler::Caches,
        Sampler::Batches,
        Sampler::Pools,
        Sampler::Buffers,
        Sampler::Lanes,
        Sampler::Process,
        Sampler::Container,
        Sampler::Pressure,
        Sampler::Runtime,
    ];

    /// As the configuration names it.
    pub const fn name(self) -> &'static str {
        match self {
            Sampler::Waiting => "waiting",
            Sampler::Handling => "handling",
            Sampler::Actors => "actors",
            Sampler::Caches => "caches",
            Sampler::Batches => "batches",
            Sampler::Pools => "pools",
            Sampler::Buffers => "buffers",
            Sampler::Lanes => "lanes",
            Sampler::Process => "process",
            Sampler::Container => "container",
            Sampler::Pressure => "pressure",
            Sampler::Runtime => "runtime",
        }
    }
}

/// Which samplers are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samplers(u16);

impl Samplers {
    const ALL: Samplers = Samplers((1 << Sampler::ALL.len()) - 1);

    /// Whether this one is.
    pub const fn has(self, sampler: Sampler) -> bool {
        self.0 & (1 << sampler as u16) != 0
    }

    const fn with(self, sampler: Sampler, is_on: bool) -> Self {
        let bit = 1 << sampler as u16;
        Samplers(if is_on { self.0 | bit } else { self.0 & !bit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sampler_is_switched_by_itself() {
        for off in Sampler::ALL {
            let samplers = Samplers::ALL.with(off, false);
            Sampler::ALL.iter().for_each(|&one| assert_eq!(samplers.has(one), one != off, "{one:?}"));
            assert_eq!(samplers.with(off, true), Samplers::ALL);
        }
    }

    #[test]
    fn an_interval_of_nothing_is_the_shortest() {
        assert_eq!(MonitorSettings::default().interval(Duration::ZERO).pulls_every(), INTERVAL_MIN);
    }

    #[test]
    fn what_the_program_has_not_set_is_as_the_operator_says() {
        let program = MonitorSettings::default().sampler(Sampler::Pools, true).history(false);
        let operator = MonitorSettings::default()
            .interval(Duration::from_secs(5))
            .history(true)
            .sampler(Sampler::Pools, false)
            .sampler(Sampler::Caches, false);
        let both = program.or(operator);
        assert_eq!((both.pulls_every(), both.keeps_history()), (Duration::from_secs(5), false));
        assert_eq!(both.samplers(), Samplers::ALL.with(Sampler::Caches, false));
        assert_eq!(MonitorSettings::default().samplers(), Samplers::ALL);
    }
}
