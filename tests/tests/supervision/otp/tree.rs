//! A random tree and what befalls it, from a seed.

use std::time::Duration;

use ostraca::__internals::Plan;
use ostraca::{AutoShutdown, ChildSpec as Spec, Restart, RestartType, StopLimit, Strategy};

/// Names a worker or a supervisor of the tree; never used twice.
pub(crate) type Id = u32;

/// Stops and limits take a multiple of this many milliseconds; what befalls the tree, no two at the same remainder: so
/// nothing ends at the instant at which something befalls.
pub(crate) const GRID: u64 = 64;

#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) id: Id,
    pub(crate) restart: RestartType,
    pub(crate) stop: StopLimit,
    pub(crate) significant: bool,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Worker(Worker),
    Group(Group),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Worker {
    /// How long it takes to stop when its supervisor says so.
    pub(crate) stop_ms: u64,
    /// Bit `n` set: its start number `n` fails (and number `n + 32`).
    pub(crate) bad_starts: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) strategy: Strategy,
    pub(crate) max: u32,
    pub(crate) within_ms: u64,
    pub(crate) auto_shutdown: AutoShutdown,
    pub(crate) children: Vec<Child>,
}

/// What befalls the tree.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A worker ends.
    End(Id, How),
    /// Workers of one supervisor end, before it hears of any.
    EndAtOnce(Vec<(Id, How)>),
    /// A supervisor is stopped from outside.
    Stop(Id),
    /// A supervisor is asked for something.
    Ask(Id, Wish),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Normal,
    Crash,
    Killed,
}

#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Terminate(Id),
    Restart(Id),
    Remove(Id),
    Add(Child),
}

/// What came of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    NotFound,
    Running,
    Restarting,
    NotStarted,
    Stopping,
}

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// What happened, and at which millisecond.
    pub(crate) notes: Vec<(u64, Note)>,
    /// By the number of the act.
    pub(crate) answers: Vec<(usize, Answer)>,
    /// The children of each supervisor that runs before the tree is stopped, in their order.
    pub(crate) left: Vec<(Id, Vec<(Id, Standing)>)>,
    /// How the root ended, if it did before it was stopped.
    pub(crate) end: Option<Why>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Started(Id),
    NotStarted(Id),
    Down(Id),
    /// All children of a supervisor have started.
    Up(Id),
    /// A supervisor has ended.
    Gone(Id, Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    NotStarted,
    Stopped,
    GaveUp,
    AutoShutdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Up,
    Down,
    Restarting,
    /// Never, when all is quiet.
    Busy,
}

/// A tree, and what befalls it when.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) root: Group,
    pub(crate) acts: Vec<(u64, Act)>,
}

/// The root's own name.
pub(crate) const ROOT: Id = 0;

impl Group {
    pub(crate) fn plan(&self) -> Plan {
        Plan::new(self.strategy, self.restart()).auto_shutdown(self.auto_shutdown)
    }

    pub(crate) fn restart(&self) -> Restart {
        Restart::new(self.max, Duration::from_millis(self.within_ms))
    }
}

impl Child {
    pub(crate) fn spec(&self) -> Spec {
        let spec = match self.restart {
            RestartType::Permanent => Spec::permanent(),
            RestartType::Transient => Spec::transient(),
            RestartType::Temporary => Spec::temporary(),
        };
        let spec = spec.named(self.id.to_string()).stop(self.stop);
        if self.significant { spec.significant() } else { spec }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// Makes a case, and counts names.
struct Maker {
    chance: Chance,
    last: Id,
    /// The root's first.
    families: Vec<Family>,
    /// Workers end at once now and then.
    bursts: bool,
}

/// A supervisor and its children.
#[derive(Clone)]
struct Family {
    id: Id,
    auto_shutdown: AutoShutdown,
    children: Vec<Id>,
    workers: Vec<Id>,
}

impl Case {
    /// With `bursts`, workers of one supervisor end at once now and then: which real ones cannot do in an order that
    /// is known.
    pub(crate) fn from_seed(seed: u64, bursts: bool) -> Self {
        let mut maker = Maker { chance: Chance(seed), last: ROOT, families: Vec::new(), bursts };
        let times = maker.times();
        let root = maker.group(ROOT, 0, &times);
        let acts = times.into_iter().map(|at| (at, maker.act())).collect();
        Case { root, acts }
    }
}

impl Maker {
    fn times(&mut self) -> Vec<u64> {
        let mut at = 0;
        let count = 3 + self.chance.below(12);
        let times = (0..count).map(|number| {
            // Some while the last one's work is under way, some long after.
            at += self.chance.pick(&[1, 1, 2, 5, 20]) * GRID;
            at + number + 1
        });
        times.collect()
    }

    fn group(&mut self, id: Id, depth: u32, times: &[u64]) -> Group {
        let auto_shutdown = self.chance.pick(&[
            AutoShutdown::Never,
            AutoShutdown::Never,
            AutoShutdown::AnySignificant,
            AutoShutdown::AllSignificant,
        ]);
        let (first, second) = (self.chance.pick(times), self.chance.pick(times));
        // Often a restart is exactly as old as the window is long.
        let within_ms = match self.chance.below(3) {
            0 => first.abs_diff(second),
            1 => GRID * self.chance.below(20),
            _ => 1_000_000,
        };
        let place = self.families.len();
        self.families.push(Family { id, auto_shutdown, children: Vec::new(), workers: Vec::new() });
        let children =
            (0..1 + self.chance.below(4)).map(|_| self.child(auto_shutdown, depth, times)).collect();
        let children: Vec<Child> = children;
        let is_worker = |child: &&Child| matches!(child.what, What::Worker(_));
        self.families[place].children = children.iter().map(|child| child.id).collect();
        self.families[place].workers = children.iter().filter(is_worker).map(|child| child.id).collect();
        Group {
            strategy: self.chance.pick(&[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne]),
            max: self.chance.below(4) as u32,
            within_ms,
            auto_shutdown,
            children,
        }
    }

    fn child(&mut self, auto_shutdown: AutoShutdown, depth: u32, times: &[u64]) -> Child {
        self.last += 1;
        let id = self.last;
        let is_group = depth < 2 && self.chance.one_in(5);
        let restart = self.chance.pick(&[
            RestartType::Permanent,
            RestartType::Permanent,
            RestartType::Transient,
            RestartType::Temporary,
        ]);
        let can_be = auto_shutdown != AutoShutdown::Never && restart != RestartType::Permanent;
        let significant = can_be && self.chance.one_in(2);
        let within = StopLimit::Within(Duration::from_millis(GRID * (1 + self.chance.below(4))));
        let stop = match is_group {
            true => StopLimit::Unlimited,
            false => self.chance.pick(&[StopLimit::Kill, within, within, StopLimit::Unlimited]),
        };
        let what = match is_group {
            true => What::Group(self.group(id, depth + 1, times)),
            false => What::Worker(self.worker()),
        };
        Child { id, restart, stop, significant, what }
    }

    fn worker(&mut self) -> Worker {
        let stop_ms = GRID * self.chance.pick(&[0, 0, 1, 2, 5]);
        let mut bad_starts = 0;
        if self.chance.one_in(4) {
            // Seldom the first one: then nothing comes of the tree.
            bad_starts = self.chance.next() as u32 & self.chance.next() as u32;
            if !self.chance.one_in(8) {
                bad_starts &= !1;
            }
        }
        Worker { stop_ms, bad_starts }
    }

    fn act(&mut self) -> Act {
        let place = self.chance.below(self.families.len() as u64) as usize;
        let Family { id, auto_shutdown, children, workers } = self.families[place].clone();
        let child = self.chance.pick(&children);
        match self.chance.below(10) {
            0 => Act::Ask(id, Wish::Terminate(child)),
            1 => Act::Ask(id, Wish::Restart(child)),
            2 => Act::Ask(id, Wish::Remove(child)),
            3 => {
                let added = self.child(auto_shutdown, 2, &[1]);
                self.families[place].children.push(added.id);
                self.families[place].workers.push(added.id);
                Act::Ask(id, Wish::Add(added))
            }
            4 if self.bursts && !workers.is_empty() => {
                let some: Vec<Id> = workers.into_iter().filter(|_| !self.chance.one_in(3)).collect();
                Act::EndAtOnce(some.into_iter().map(|worker| (worker, self.how())).collect())
            }
            _ if workers.contains(&child) => Act::End(child, self.how()),
            _ => Act::Stop(child),
        }
    }

    fn how(&mut self) -> How {
        self.chance.pick(&[How::Crash, How::Crash, How::Killed, How::Normal])
    }
}
