//! Runs a test seed by seed, and makes what fails smaller.

use std::ops::AsyncFn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;

use super::choices::{Choices, Source};
use super::drive::{Driver, Local};
use super::faults::Faults;
use super::hook::{self, Quiet};
use super::report::{Failure, Found, Replay, Smaller};
use super::run::Run;
use super::shrink::Shrink;
use super::state::State;
use super::trace::Trace;
use crate::actor::PINNED_MAX;

/// Whether an ask of an idle actor runs where the asker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InlineAsks {
    /// As the seed decides, ask by ask.
    Seeded,
    /// Whenever the actor is idle.
    Always,
    /// Never: every message is a turn of its cell.
    Never,
}

/// What a run goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) faults: Faults,
    pub(super) inline: InlineAsks,
    /// Of each system.
    pub(super) pinned_cores: usize,
    pub(super) watches_mailboxes: bool,
    pub(super) steps_max: u64,
    pub(super) time_max: Duration,
    pub(super) shrink_runs_max: u64,
}

/// A test that is run over many seeds: [`explore`] with settings.
///
/// ```
/// use ostraca::testkit::{Explore, Faults};
///
/// Explore::new().seeds(50).faults(Faults::none().panics(0.02)).run(async |run| {
///     assert!(run.system().readiness().is_ready());
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Explore {
    first: u64,
    seeds: u64,
    settings: Settings,
}

/// Runs `test` with the seeds 1 to `seeds`, or those that the environment names (see the [module](super)).
///
/// # Panics
///
/// At the first seed that fails, with its report.
#[track_caller]
pub fn explore(seeds: u64, test: impl AsyncFn(Run)) {
    Explore::new().seeds(seeds).run(test);
}

/// How one run ended.
pub(super) struct Ended {
    pub(super) failure: Option<Failure>,
    pub(super) made: Choices,
    pub(super) trace: Trace,
}

impl Default for Explore {
    fn default() -> Self {
        Self::new()
    }
}

impl Explore {
    /// A thousand seeds, from 1; no faults; a run may take 100,000 steps and an hour of virtual time.
    pub fn new() -> Self {
        let settings = Settings {
            faults: Faults::none(),
            inline: InlineAsks::Seeded,
            pinned_cores: 0,
            watches_mailboxes: true,
            steps_max: 100_000,
            time_max: Duration::from_secs(3600),
            shrink_runs_max: 5_000,
        };
        Explore { first: 1, seeds: 1_000, settings }
    }

    /// How many seeds.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// The first seed.
    #[must_use]
    pub fn first(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// What may go wrong.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.settings.faults = faults;
        self
    }

    /// Whether an ask of an idle actor runs where the asker stands: for all actors, whatever their own settings say.
    #[must_use]
    pub fn inline(mut self, inline: InlineAsks) -> Self {
        self.settings.inline = inline;
        self
    }

    /// Gives each system of a run this many pinned cores, so that its actors can be [moved](crate::ActorRef::move_to);
    /// none by default. They are run queues as any other: whose turn it is, the seed decides.
    ///
    /// # Panics
    ///
    /// When there are more than 255, as in a system of production.
    #[must_use]
    #[track_caller]
    pub fn pinned_cores(mut self, count: usize) -> Self {
        assert!(count <= PINNED_MAX, "a system has at most {PINNED_MAX} pinned cores");
        self.settings.pinned_cores = count;
        self
    }

    /// Uses the mailboxes that production uses. What is sent is not in the trace then, and neither [`Faults::full`]
    /// nor [`Faults::reorders`] strikes.
    #[must_use]
    pub fn real_mailboxes(mut self) -> Self {
        self.settings.watches_mailboxes = false;
        self
    }

    /// A run that takes more steps fails.
    #[must_use]
    pub fn steps_max(mut self, steps_max: u64) -> Self {
        self.settings.steps_max = steps_max;
        self
    }

    /// A run that takes more virtual time hangs.
    #[must_use]
    pub fn time_max(mut self, time_max: Duration) -> Self {
        self.settings.time_max = time_max;
        self
    }

    /// Makes a failure smaller in at most this many runs.
    #[must_use]
    pub fn shrink_runs_max(mut self, runs_max: u64) -> Self {
        self.settings.shrink_runs_max = runs_max;
        self
    }

    /// Runs the test, with the seeds that the environment names if it does.
    ///
    /// # Panics
    ///
    /// At the first seed that fails, with its report; and when a variable holds what it cannot.
    #[track_caller]
    pub fn run(mut self, test: impl AsyncFn(Run)) {
        let found = match read("OSTRACA_CHOICES") {
            Some(choices) => self.check_choices(choices, test),
            None => {
                let (first, seeds) = (read("OSTRACA_SEED"), read("OSTRACA_SEEDS"));
                self.seeds = seeds.unwrap_or(if first.is_some() { 1 } else { self.seeds });
                self.first = first.unwrap_or(self.first);
                self.find(test)
            }
        };
        if let Some(found) = found {
            panic!("{found}");
        }
    }

    /// Runs the test until a seed fails, and says all about it. The environment is not asked.
    pub fn find(self, test: impl AsyncFn(Run)) -> Option<Found> {
        let settings = Arc::new(self.settings);
        let _quiet = Quiet::begin();
        (self.first..self.first + self.seeds).enumerate().find_map(|(number, seed)| {
            let ended = run_once(&settings, Source::Seed(seed), &test);
            let failure = ended.failure.clone()?;
            let again = run_once(&settings, Source::Seed(seed), &test);
            let tried = number as u64 + 1;
            Some(conclude(&settings, Some(seed), tried, (ended, failure), again, &test))
        })
    }

    /// Runs the test once, by the choices that a report printed.
    ///
    /// # Panics
    ///
    /// When it fails, with its report; and when the text is no list of choices.
    #[track_caller]
    pub fn run_choices(self, choices: &str, test: impl AsyncFn(Run)) {
        let choices = choices.parse().unwrap_or_else(|error| panic!("{error}"));
        if let Some(found) = self.check_choices(choices, test) {
            panic!("{found}");
        }
    }

    fn check_choices(self, choices: Choices, test: impl AsyncFn(Run)) -> Option<Found> {
        let settings = Arc::new(Settings { shrink_runs_max: 0, ..self.settings });
        let _quiet = Quiet::begin();
        let ended = run_once(&settings, Source::List(Box::new(choices.clone())), &test);
        let failure = ended.failure.clone()?;
        let again = run_once(&settings, Source::List(Box::new(choices)), &test);
        Some(conclude(&settings, None, 1, (ended, failure), again, &test))
    }
}

fn read<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} cannot be {text:?}")))
}

/// What is said of a run that failed, was run again, and is made smaller.
fn conclude(
    settings: &Arc<Settings>,
    seed: Option<u64>,
    tried: u64,
    (ended, failure): (Ended, Failure),
    again: Ended,
    test: &impl AsyncFn(Run),
) -> Found {
    let replay = compare(&ended.trace, &again.trace);
    let decisions = ended.made.count(|_| true);
    let mut smallest = Ended { trace: ended.trace.clone(), ..ended };
    let mut runs = 0;
    if replay == Replay::Same {
        let run = |source| run_once(settings, source, test);
        (smallest, runs) = Shrink::new(&failure, settings.shrink_runs_max, run).shrink(smallest);
    }
    let trace = again.trace;
    let smaller = Smaller {
        choices: smallest.made,
        failure: smallest.failure.expect("only what fails is kept"),
        trace: smallest.trace,
        runs,
    };
    Found { seed, tried, failure, trace, decisions, replay, smaller }
}

fn compare(was: &Trace, is: &Trace) -> Replay {
    let (was, is) = (was.to_string(), is.to_string());
    if was == is {
        return Replay::Same;
    }
    let mut lines = was.lines().zip(is.lines()).enumerate();
    let differing = lines.find(|(_, (was, is))| was != is);
    let (line, was, is) = match differing {
        Some((line, (was, is))) => (line, was, is),
        None => (was.lines().count().min(is.lines().count()), "(one ends here)", "(the other does not)"),
    };
    Replay::Differs { line: line + 1, was: was.trim().to_owned(), is: is.trim().to_owned() }
}

/// One run, from a fresh runtime to its end.
pub(super) fn run_once(settings: &Arc<Settings>, source: Source, test: &impl AsyncFn(Run)) -> Ended {
    let seed = match source {
        Source::Seed(seed) => Some(seed),
        Source::List(_) | Source::ListInOrderOf(..) => None,
    };
    // Without I/O: what comes from outside cannot be replayed.
    let tokio = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the machine");
    let _entered = tokio.enter();
    let state = State::new(settings, source);
    let local = Rc::new(Local::default());
    let mut outcome = {
        let run = Run::new(&state, &local, seed);
        let main = std::pin::pin!(async move { test(run).await });
        let ended = tokio.block_on(Driver::new(state.clone(), local.clone(), main));
        state.lock().is_over = true;
        ended
    };
    let cleared = catch_unwind(AssertUnwindSafe(|| local.clear()));
    if let (Ok(()), Err(payload)) = (&outcome, cleared) {
        outcome = Err(Failure::panic("a drop at the end", &hook::describe(&*payload)));
    }
    let mut inner = state.lock();
    let trace = std::mem::take(&mut inner.trace);
    Ended { failure: outcome.err(), made: inner.chooser.made(), trace }
}
