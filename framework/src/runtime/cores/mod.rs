//! The machine's processors: which there are, which this process may use, and which threads stand on which.
//!
//! ```text
//!   /sys/devices/system/cpu/online       ─┐
//!   /sys/devices/system/node/node*/      ─┤                                       ┌─> thread 0 ─ sched_setaffinity ─ core 0
//!   /proc/self/status Cpus_allowed_list  ─┼─> Machine ── which cores for n ───────┼─> thread 1 ─ sched_setaffinity ─ core 1
//!   cgroup: cpuset, cpu.max              ─┘   threads    node after node          └─> ..
//!                                                                                    each mask read back from the kernel
//!
//!   shards 0 .. n-1  ── equal runs of neighbours ──> threads in the order of their cores: a run stays on one node
//! ```
//!
//! **What it is.** [`Machine`] is read once, from files. [`Cores`] is what a system did with it: its pinned threads,
//! each with the mask that the kernel says it has. Both are values to look at and to print; the log has the same text.
//!
//! **Guarantees.** No number is invented: what cannot be read is absent, and a machine without such files has one node
//! of unknown cores. A thread stands on the core that was asked for, or the report says that it does not, and why:
//! where the kernel refuses (a cpuset, a sandbox, another system than Linux), the thread runs wherever it may.
//! Threads that the machine places go to cores that this process may use, at most as many as its quota has processors,
//! and fill a node before they begin the next. State that an actor makes in its `#[start]` there is first touched by
//! its own thread, so that the kernel takes the memory from that thread's node.
//!
//! **Cost.** A dozen small files, at the start of a system with pinned threads.
//!
//! **Bad at.** Cores that come and go later. Moving memory: it stays on the node where it was first touched. Messages
//! are made by their senders, and lie on the senders' node.
//!
//! **Sources.** Linux: `Documentation/ABI/stable/sysfs-devices-node`, `admin-guide/cgroup-v2.rst` and
//! `cgroup-v1/cpusets.rst`, `sched_setaffinity(2)`.

mod affinity;
pub(crate) mod cgroup;
mod cpu_set;
mod machine;
mod plan;

pub(super) use affinity::{pin_to, read_back};
pub use cpu_set::{CpuSet, CpuSetError};
pub use machine::{Machine, Node};
pub(crate) use plan::{share, thread_of};

use std::fmt;
use std::sync::Arc;

/// What a system knows of the machine, and the threads that it pinned.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cores {
    /// The machine, as it was when the system started.
    pub machine: Machine,
    /// The pinned threads, by their number in [`Home::Pinned`](crate::Home::Pinned).
    pub threads: Vec<PinnedThread>,
}

/// A thread that was to stand on a core.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PinnedThread {
    /// The core that was asked for.
    pub core: usize,
    /// The NUMA node that it is on, where the machine says so.
    pub node: Option<usize>,
    /// The cores that the kernel lets the thread run on, read back from it. `None`: it could not be asked.
    pub mask: Option<CpuSet>,
    /// Why the kernel refused to pin it. It runs all the same.
    pub refusal: Option<Arc<str>>,
    /// Whether it is one of actix's `Arbiter` threads.
    pub is_arbiter: bool,
}

impl PinnedThread {
    /// Whether the thread runs on its core and no other.
    pub fn is_pinned(&self) -> bool {
        self.mask.as_ref().is_some_and(|mask| mask.iter().eq([self.core]))
    }
}

impl Cores {
    /// Says in the log what was done: one line, and one warning if anything was refused, however many threads it met.
    pub(crate) fn log(&self, system: &str) {
        if self.threads.is_empty() {
            return;
        }
        tracing::info!(target: "ostraca::cores", system, "{self}");
        if let Some((count, reason)) = self.refused() {
            tracing::warn!(
                target: "ostraca::cores", system,
                "the kernel refused to pin {count} of {} threads ({reason}): they run on {}",
                self.threads.len(), self.machine.allowed_text(),
            );
        }
    }

    /// How many threads were refused, and the first's reason.
    fn refused(&self) -> Option<(usize, &str)> {
        let mut refusals = self.threads.iter().filter_map(|thread| thread.refusal.as_deref());
        refusals.next().map(|first| (1 + refusals.count(), first))
    }
}

/// One line: `2 pinned threads: core 0 (node 0), core 4 (node 1); 2 nodes, 8 cores, 8 allowed`.
impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arbiters = if self.threads.iter().any(|thread| thread.is_arbiter) { " (arbiters)" } else { "" };
        write!(f, "{} pinned threads{arbiters}", self.threads.len())?;
        for (at, thread) in self.threads.iter().enumerate() {
            write!(f, "{} {thread}", if at == 0 { ":" } else { "," })?;
        }
        write!(f, "; {}", self.machine)
    }
}

impl fmt::Display for PinnedThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core {}", self.core)?;
        match (self.node, self.is_pinned()) {
            (Some(node), true) => write!(f, " (node {node})"),
            (None, true) => Ok(()),
            (_, false) => f.write_str(" (not pinned)"),
        }
    }
}

#[cfg(test)]
mod tests;
