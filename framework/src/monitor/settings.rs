//! What the monitor measures, how often, and what it keeps.

use std::time::Duration;

/// How often it pulls where nothing else is said.
const INTERVAL: Duration = Duration::from_secs(1);
/// More often than this it would be the load that it measures.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Settings of a system's monitor: see [`SystemBuilder::monitor`](crate::SystemBuilder::monitor).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorSettings {
    pub(crate) interval: Duration,
    pub(crate) keeps_history: bool,
    pub(crate) samplers: Samplers,
}

impl Default for MonitorSettings {
    /// Every second, with history, all samplers on.
    fn default() -> Self {
        MonitorSettings { interval: INTERVAL, keeps_history: true, samplers: Samplers::ALL }
    }
}

impl MonitorSettings {
    /// How often it pulls; at least 10 ms. 1 s by default.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(INTERVAL_MIN);
        self
    }

    /// Whether it keeps what it pulled; it does by default.
    #[must_use]
    pub fn history(mut self, keeps_history: bool) -> Self {
        self.keeps_history = keeps_history;
        self
    }

    /// Switches one sampler on or off; all are on by default. What is off costs nothing and is absent.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler, is_on: bool) -> Self {
        self.samplers = self.samplers.with(sampler, is_on);
        self
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
    pub const ALL: [Sampler; 11] = [
        Sampler::Waiting,
        Sampler::Handling,
        Sampler::Actors,
        Sampler::Caches,
        Sampler::Batches,
        Sampler::Pools,
        Sampler::Buffers,
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
            Sampler::Process => "process",
            Sampler::Container => "container",
            Sampler::Pressure => "pressure",
            Sampler::Runtime => "runtime",
        }
    }
}

/// Which samplers are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samplers(u16);

impl Samplers {
    pub(crate) const ALL: Samplers = Samplers((1 << Sampler::ALL.len()) - 1);

    /// Whether this one is.
    pub const fn has(self, sampler: Sampler) -> bool {
        self.0 & (1 << sampler as u16) != 0
    }

    pub(crate) const fn with(self, sampler: Sampler, is_on: bool) -> Self {
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
        assert_eq!(MonitorSettings::default().interval(Duration::ZERO).interval, INTERVAL_MIN);
    }
}
