//! The kinds of findings: what each means, and what to do about it.

use std::fmt;

use super::Severity;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FindingKind {
    /// Messages come faster than the actor handles them, or its mailbox is full.
    MailboxGrowing,
    /// One shard has several times the load of the others.
    HotShard,
    /// A handler keeps its thread: nothing else runs there meanwhile.
    BlockingHandler,
    /// Messages wait, and none of them is handled.
    StarvedActor,
    /// Actors ask each other in a circle: they wait for each other, or will when their asks meet.
    AskCycle,
    /// An actor fails and is started again, over and over.
    RestartLoop,
    /// A cache is looked into, and almost nothing is found there.
    UselessCache,
    /// A batched handler is called with one message a call, although it is busy or others wait.
    BatchOfOne,
    /// All replicas or threads of a pool are busy, there may be no more of them, and calls wait.
    PoolAtLimit,
    /// Actors spend their time waiting for something that is no actor, while their messages wait.
    StoreBound,
    /// The process takes more and more memory.
    MemoryGrowing,
    /// The mean number of messages that wait is not their rate times their waiting time: one of the three is measured
    /// wrong.
    LittlesLaw,
}

/// One row: how metrics and logs name it, how bad it is, what it means, what to do.
struct Row(&'static str, Severity, &'static str, &'static str);

impl FindingKind {
    /// All of them, in the order of the book's table.
    pub const ALL: [FindingKind; 12] = [
        FindingKind::MailboxGrowing,
        FindingKind::HotShard,
        FindingKind::BlockingHandler,
        FindingKind::StarvedActor,
        FindingKind::AskCycle,
        FindingKind::RestartLoop,
        FindingKind::UselessCache,
        FindingKind::BatchOfOne,
        FindingKind::PoolAtLimit,
        FindingKind::StoreBound,
        FindingKind::MemoryGrowing,
        FindingKind::LittlesLaw,
    ];

    const fn row(self) -> Row {
        use Severity::{Critical, Notice, Warning};
        match self {
            FindingKind::MailboxGrowing => Row(
                "mailbox_growing",
                Warning,
                "Messages come faster than the actor handles them, or its mailbox is full.",
                "Make the handler cheaper, batch it, spread the actor over shards or a pool, or refuse earlier: \
                 `#[actor(limit)]`.",
            ),
            FindingKind::HotShard => Row(
                "hot_shard",
                Warning,
                "One shard has at least three times the load of the median shard, and is busy.",
                "Look for the key that has most of the load: split it, or cache its reads with `#[cached]`; move the \
                 shard to a core of its own.",
            ),
            FindingKind::BlockingHandler => Row(
                "blocking_handler",
                Warning,
                "A handler keeps its thread for 50 ms and more: no other actor runs there, and no timer.",
                "Move the work off the thread: `ctx.blocking`, a `Blocking` pool; await instead of waiting; or cut it \
                 into several messages.",
            ),
            FindingKind::StarvedActor => Row(
                "starved_actor",
                Critical,
                "Messages wait, and for three seconds none was handled.",
                "If it waits for a thread, find who keeps that: a blocking handler, or too many actors on one core. If \
                 its handler is suspended, give what it waits for a deadline: `.within(..)`.",
            ),
            FindingKind::AskCycle => Row(
                "ask_cycle",
                Critical,
                "Actors ask each other in a circle: they wait for each other, or will as soon as their asks meet.",
                "Break the circle: tell instead of asking in one of the handlers, forward the ask, answer later from \
                 `ctx.spawn`; until then give the asks a deadline.",
            ),
            FindingKind::RestartLoop => Row(
                "restart_loop",
                Critical,
                "An actor fails and is started again, at least three times within ten seconds.",
                "Read its last panic. If a message kills it, refuse that message with an error; if its `#[start]` \
                 fails, what it needs is not there.",
            ),
            FindingKind::UselessCache => Row(
                "useless_cache",
                Notice,
                "A cache is looked into, and less than one look in a hundred finds something.",
                "Make it larger or its `ttl` longer if entries are dropped before they are read again; if keys do not \
                 come back, remove it: each miss pays for it.",
            ),
            FindingKind::BatchOfOne => Row(
                "batch_of_one",
                Notice,
                "A batched handler gets one message a call, although it is busy, waits for more, or more are queued.",
                "See why its batches are closed: `other_message`, keep other messages from in between; `bytes_max`, \
                 raise it; `empty`, call it concurrently; `wait`, nobody comes, so do not wait.",
            ),
            FindingKind::PoolAtLimit => Row(
                "pool_at_limit",
                Warning,
                "All replicas or threads of a pool are busy, it may have no more, and more calls wait than are handled.",
                "Raise its bound, if the machine and what stands behind the pool can take it; else refuse earlier: \
                 `overload::Limit`.",
            ),
            FindingKind::StoreBound => Row(
                "store_bound",
                Warning,
                "Actors spend their time suspended, not for another actor's answer, while their messages wait.",
                "The time goes to a database, a disk or a remote service: batch the calls, cache the reads, or let \
                 more actors wait at once (more shards, a pool).",
            ),
            FindingKind::MemoryGrowing => Row(
                "memory_growing",
                Warning,
                "The process takes more memory at every look, and a considerable part more each second.",
                "Look at mailboxes without bound, caches without a weight, and maps in actors that only grow.",
            ),
            FindingKind::LittlesLaw => Row(
                "littles_law",
                Notice,
                "Messages that wait, their rate and their waiting time do not fit Little's law: the measuring is wrong.",
                "Distrust lengths and times of this type. Load that comes in step with the monitor does this: give it \
                 another interval.",
            ),
        }
    }

    /// As metrics and logs name it.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        self.row().1
    }

    /// What it means.
    pub const fn meaning(self) -> &'static str {
        self.row().2
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        self.row().3
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
