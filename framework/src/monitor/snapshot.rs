//! What one pull found.

use std::time::{Duration, Instant};

use super::container::Container;
use super::findings::Finding;
use super::numbers::{ActorNumbers, HandlerNumbers, Numbers, Times, TypeNumbers};
use super::pressure::Pressure;
use super::process::Process;
use super::settings::Samplers;
use super::tokio_numbers::TokioNumbers;
use crate::actor::ActorId;
use crate::stats::{BufferNumbers, LaneNumbers, PoolNumbers};

/// Actors that a snapshot lists. With more, the listing would take the monitor longer than a second, and the snapshot
/// more memory than the actors.
pub const ACTORS_LEN_MAX: usize = 10_000;

/// What all actors of a system have done up to one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken, by the system's clock.
    pub taken_at: Instant,
    /// How long the system had been running.
    pub uptime: Duration,
    /// How long it took to take it.
    pub took: Duration,
    /// What was measured.
    pub samplers: Samplers,
    /// Messages that ended without being handled, since the start.
    pub dead_letters: u64,
    /// All actors together, those that have stopped included.
    pub total: Numbers,
    /// How long messages waited, over all handlers.
    pub waiting: Option<Times>,
    /// How long handlers took, over all of them.
    pub handling: Option<Times>,
    /// By type of actor, in the order of their names; those that have stopped included.
    pub types: Vec<TypeNumbers>,
    /// Each actor that runs, oldest first, up to [`ACTORS_LEN_MAX`]. All of them are in `total` and `types`.
    pub actors: Vec<ActorNumbers>,
    /// How many more run than are in `actors`.
    pub actors_left_out: usize,
    /// Each pool that somebody has a reference to, oldest first.
    pub pools: Vec<PoolNumbers>,
    /// Each set of pooled buffers.
    pub buffers: Vec<BufferNumbers>,
    /// Each file lane.
    pub lanes: Vec<LaneNumbers>,
    /// The process.
    pub process: Process,
    /// Its control group: what a container may use, and uses.
    pub container: Container,
    /// How long tasks waited for what the machine has too little of.
    pub pressure: Pressure,
    /// The tokio runtime.
    pub tokio: TokioNumbers,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

impl Snapshot {
    /// The numbers of one type of actor, by its name without path and generics: `Ledger`. `None` if there never
    /// was one.
    pub fn of_type(&self, type_name: &str) -> Option<&TypeNumbers> {
        self.types.iter().find(|numbers| numbers.type_name == type_name)
    }

    /// The numbers of one handler of a type of actor.
    pub fn of_handler(&self, type_name: &str, handler: &str) -> Option<&HandlerNumbers> {
        self.of_type(type_name)?.handler(handler)
    }

    /// The numbers of one actor that is listed.
    pub fn of_actor(&self, id: ActorId) -> Option<&ActorNumbers> {
        // They are in the order of their numbers.
        let at = self.actors.binary_search_by_key(&id, |actor| actor.label.id()).ok()?;
        Some(&self.actors[at])
    }

    /// The numbers of the first pool of actors of one type, or of threads with that state. `None` if there is none.
    pub fn pool_of(&self, type_name: &str) -> Option<&PoolNumbers> {
        self.pools.iter().find(|pool| pool.type_name == type_name)
    }
}
