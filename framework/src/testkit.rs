//! Seeded runs: one thread, order and chance from a seed, so that a schedule can be replayed.
//!
//! What is here is small: a system whose cells run only when stepped. The seed says which ready cell a step
//! runs.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::actor::Inline;
use crate::runtime::Seeded;
use crate::system::System;

/// A system that runs only when stepped. Stops when it is dropped.
pub struct Stepped {
    system: System,
}

impl Stepped {
    /// A system on the caller's tokio runtime, best a current-thread one with paused time. `inline` says once
    /// for all actors whether asks of an idle one run where the asker stands.
    ///
    /// # Panics
    ///
    /// When the caller is in no tokio runtime.
    pub fn new(seed: u64, inline: Inline) -> Self {
        let seam = Arc::new(Seeded::new(seed));
        let system = System::builder().name("stepped").start_stepped(Handle::current(), seam, inline);
        Stepped { system }
    }

    /// The system.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Runs one ready cell for one activation. False when none is ready.
    pub fn step(&self) -> bool {
        self.system.commons().runtime.step()
    }

    /// Steps until no cell is ready. The number of steps.
    pub fn settle(&self) -> usize {
        std::iter::repeat_with(|| self.step()).take_while(|&ran| ran).count()
    }
}
