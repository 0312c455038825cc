//! The system's pinned threads: which it was told to have, and what came of it.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::builder::StartSystemError;
use crate::runtime::cores::{Cores, Machine, PinnedThread, share};
use crate::runtime::{Pinned, Runtime, Seam};

/// Which cores are to have a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    These(Vec<usize>),
    /// So many at most, where the machine likes.
    Most(usize),
}

/// The threads, and what is known of them.
#[derive(Default)]
pub(super) struct Cored {
    pinned: Vec<Pinned>,
    pub(super) cores: Cores,
}

impl Cored {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the machine is known not to have one of the cores, or no thread is to be had: then those that there were end.
    pub(super) fn start(
        wanted: Option<Wanted>,
        machine_root: Option<&Path>,
        tokio: &Handle,
        seam: &Arc<impl Seam>,
    ) -> Result<Self, StartSystemError> {
        let Some(wanted) = wanted else { return Ok(Cored::default()) };
        let machine = machine_root.map_or_else(Machine::read, Machine::read_below);
        let mut cored = Cored { pinned: Vec::new(), cores: Cores { machine, threads: Vec::new() } };
        for core in wanted.cores(&cored.cores.machine)? {
            let seam: Arc<dyn Seam> = seam.clone();
            match Pinned::start(core, tokio, seam) {
                Ok(pinned) => cored.push(core, pinned),
                Err(source) => {
                    cored.pinned.iter().for_each(|pinned| pinned.runtime().close());
                    return Err(StartSystemError::Thread { core, source });
                }
            }
        }
        Ok(cored)
    }

    fn push(&mut self, core: usize, pinned: Pinned) {
        let standing = pinned.standing();
        self.cores.threads.push(PinnedThread {
            core,
            node: self.cores.machine.node_of(core),
            mask: standing.mask.clone(),
            refusal: standing.refusal.as_ref().map(|refusal| refusal.to_string().into()),
            is_arbiter: pinned.is_arbiter(),
        });
        self.pinned.push(pinned);
    }

    pub(super) fn queues(&self) -> Box<[Arc<Runtime>]> {
        self.pinned.iter().map(|pinned| pinned.runtime().clone()).collect()
    }

    /// Waits for the threads' ends. Their queues are closed, and no handler blocks them.
    pub(super) fn join(&self) {
        self.pinned.iter().for_each(Pinned::join);
    }
}

impl Wanted {
    fn cores(self, machine: &Machine) -> Result<Vec<usize>, StartSystemError> {
        match self {
            Wanted::Most(len_max) => {
                let cores = share(machine, len_max);
                // A machine that does not say what it has: one thread, which it may pin or not.
                Ok(if cores.is_empty() { vec![0] } else { cores })
            }
            Wanted::These(cores) => match cores.iter().find(|&&core| machine.lacks(core)) {
                Some(&core) => {
                    let online = machine.online.clone().unwrap_or_default();
                    Err(StartSystemError::NoCore { core, online })
                }
                None => Ok(cores),
            },
        }
    }
}
