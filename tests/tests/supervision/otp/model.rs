//! OTP's `supervisor`, from its documentation: an interpreter that does one thing after the other.
//!
//! Shares nothing with the framework's supervisor but the words for strategies and restart types. It is written as OTP
//! describes a supervisor: a process that takes one message after the other (the exit of a child, a call, a note to
//! itself to try again), and that starts and terminates children by waiting for them. Time passes only where it waits
//! for a child to terminate.
//!
//! Sources: the manual page of `supervisor` (strategies, restart types, shutdown, `auto_shutdown`, `start_child`,
//! `terminate_child`, `restart_child`, `delete_child`), and OTP Design Principles, "Supervisor Behaviour". Where they
//! leave the order open (what is started with a child that is restarted, when a start that failed is tried again) the
//! comments of `supervisor.erl` decide.
//!
//! What befalls a worker while *its* supervisor waits goes to that supervisor's mailbox. What befalls another part of
//! the tree meanwhile would need two things at once: it is put off until all is quiet. The acts as they were applied,
//! and when, are part of the result: the others follow them.

use std::collections::{BTreeMap, VecDeque};

use ostraca::{AutoShutdown, RestartType, StopLimit, Strategy};

use super::mistake::Mistake;
use super::tree::{
    Act, Answer, Case, Child, GRID, Group, How, Id, Note, ROOT, Standing, Story, What, Why, Wish,
};

/// What OTP makes of a case.
pub(crate) struct Told {
    pub(crate) story: Story,
    /// The acts that were applied, with their number in the case, and when.
    pub(crate) acts: Vec<(u64, usize, Act)>,
    /// When the tree is stopped.
    pub(crate) stop_at: u64,
}

pub(crate) fn tell(case: &Case, mistake: Option<Mistake>) -> Told {
    let mut model = Model {
        mistake,
        now: 0,
        stop_at: 0,
        is_up: false,
        pids: 0,
        due: case.acts.iter().enumerate().map(|(number, (at, act))| (*at, number, act.clone())).collect(),
        put_off: Vec::new(),
        applied: Vec::new(),
        workers: BTreeMap::new(),
        groups: BTreeMap::new(),
        busy: Vec::new(),
        story: Story::default(),
    };
    model.run(&case.root);
    Told { stop_at: model.stop_at, story: model.story, acts: model.applied }
}

struct Model {
    mistake: Option<Mistake>,
    now: u64,
    stop_at: u64,
    /// The root has started: nobody can reach it before.
    is_up: bool,
    pids: u64,
    due: VecDeque<(u64, usize, Act)>,
    put_off: Vec<(u64, usize, Act)>,
    applied: Vec<(u64, usize, Act)>,
    workers: BTreeMap<Id, WorkerProcess>,
    groups: BTreeMap<Id, GroupProcess>,
    /// Supervisors that are in the middle of something, outermost first.
    busy: Vec<Id>,
    story: Story,
}

#[derive(Default)]
struct WorkerProcess {
    pid: Option<u64>,
    parent: Id,
    starts: u32,
    /// It was told to shut down.
    is_dying: bool,
}

struct GroupProcess {
    spec: Group,
    pid: u64,
    parent: Option<Id>,
    /// In the order of their start.
    children: Vec<ChildRecord>,
    restarts: Vec<(u64, Id)>,
    mailbox: VecDeque<Message>,
}

#[derive(Clone)]
struct ChildRecord {
    spec: Child,
    pid: Pid,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pid {
    Undefined,
    Restarting,
    Is(u64),
}

enum Message {
    Exit(u64, Reason),
    Call(usize, Wish),
    TryAgain(Id),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Normal,
    Shutdown,
    Abnormal,
}

/// What a supervisor does after a message.
enum Then {
    Goes,
    Stops(Why),
}

impl Model {
    fn run(&mut self, root: &Group) {
        if self.start_group(ROOT, root, None).is_err() {
            self.story.end = Some(Why::NotStarted);
            self.stop_at = self.now;
            return;
        }
        self.is_up = true;
        loop {
            self.serve_all();
            // All is quiet: what was put off comes first.
            for act in std::mem::take(&mut self.put_off).into_iter().rev() {
                self.due.push_front(act);
            }
            let Some((at, number, act)) = self.due.pop_front() else { break };
            // Later than planned, but at its own place on the grid.
            let remainder = at % GRID;
            let late = self.now / GRID * GRID + remainder;
            self.now = at.max(if late > self.now { late } else { late + GRID });
            self.apply(number, act);
        }
        self.story.left = self.groups.iter().map(|(id, group)| (*id, standings(group))).collect();
        self.now += GRID;
        self.stop_at = self.now;
        if self.groups.contains_key(&ROOT) {
            self.stop_group(ROOT, Why::Stopped);
        }
    }

    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn note(&mut self, note: Note) {
        self.story.notes.push((self.now, note));
    }

    fn new_pid(&mut self) -> u64 {
        self.pids += 1;
        self.pids
    }

    // What befalls.

    /// Time passes while a supervisor waits.
    fn sleep(&mut self, millis: u64) {
        let until = self.now + millis;
        while self.due.front().is_some_and(|(at, ..)| *at < until) {
            let (at, number, act) = self.due.pop_front().expect("it was looked at");
            // It was due while something else was under way.
            let is_late = at < self.now;
            let whose = match &act {
                Act::End(worker, _) => self.workers.get(worker).map(|worker| worker.parent),
                Act::EndAtOnce(_) => None,
                Act::Ask(group, _) => Some(*group),
                Act::Stop(_) => None,
            };
            match whose {
                Some(group) if self.busy.contains(&group) && self.is_up && !is_late => {
                    self.now = at;
                    self.apply(number, act);
                }
                _ => self.put_off.push((at, number, act)),
            }
        }
        self.now = until;
    }

    fn apply(&mut self, number: usize, mut act: Act) {
        let runs = |id: &Id| self.workers.get(id).is_some_and(|w| w.pid.is_some() && !w.is_dying);
        let is_there = match &mut act {
            Act::End(id, _) => runs(id),
            Act::EndAtOnce(ends) => {
                ends.retain(|(id, _)| runs(id));
                !ends.is_empty()
            }
            Act::Stop(id) => self.groups.contains_key(id),
            Act::Ask(id, wish) => self.groups.get(id).is_some_and(|group| !is_being_added(group, wish)),
        };
        if !is_there {
            return;
        }
        self.applied.push((self.now, number, act.clone()));
        match act {
            Act::End(id, how) => self.exit(id, how),
            Act::EndAtOnce(ends) => ends.into_iter().for_each(|(id, how)| self.exit(id, how)),
            Act::Stop(id) => self.stop_group(id, Why::Stopped),
            Act::Ask(id, wish) => self.send(id, Message::Call(number, wish)),
        }
    }

    fn exit(&mut self, id: Id, how: How) {
        let worker = self.workers.get_mut(&id).expect("it is there");
        let (pid, parent) = (worker.pid.take().expect("it runs"), worker.parent);
        let reason = if how == How::Normal { Reason::Normal } else { Reason::Abnormal };
        self.note(Note::Down(id));
        self.send(parent, Message::Exit(pid, reason));
    }

    fn send(&mut self, to: Id, message: Message) {
        if let Some(group) = self.groups.get_mut(&to) {
            group.mailbox.push_back(message);
        }
    }

    fn serve_all(&mut self) {
        let has_mail = |group: &GroupProcess| !group.mailbox.is_empty();
        while let Some(id) = self.groups.iter().find(|(_, group)| has_mail(group)).map(|(id, _)| *id) {
            let message = self.groups.get_mut(&id).and_then(|group| group.mailbox.pop_front());
            self.busy.push(id);
            let then = self.handle(id, message.expect("it has mail"));
            self.busy.pop();
            if let Then::Stops(why) = then {
                self.stop_group(id, why);
            }
        }
    }

    // A supervisor's life.

    /// init: starts the children from left to right.
    fn start_group(&mut self, id: Id, spec: &Group, parent: Option<Id>) -> Result<u64, ()> {
        let pid = self.new_pid();
        let record = |child: &Child| ChildRecord { spec: child.clone(), pid: Pid::Undefined };
        let children = spec.children.iter().map(record).collect();
        let (spec, restarts, mailbox) = (spec.clone(), Vec::new(), VecDeque::new());
        self.groups.insert(id, GroupProcess { spec, pid, parent, children, restarts, mailbox });
        self.busy.push(id);
        let all = self.ids(id);
        let started = self.start_children(id, &all);
        self.busy.pop();
        if started.is_err() {
            self.end_group(id, Why::NotStarted);
            return Err(());
        }
        self.note(Note::Up(id));
        Ok(pid)
    }

    /// terminate: the children from right to left, then itself. Its supervisor gets the exit.
    fn stop_group(&mut self, id: Id, why: Why) {
        let group = &self.groups[&id];
        let (pid, parent) = (group.pid, group.parent);
        self.end_group(id, why);
        let reason = match why {
            Why::GaveUp if self.is(Mistake::GivingUpIsAbnormal) => Reason::Abnormal,
            Why::Stopped => Reason::Normal,
            _ => Reason::Shutdown,
        };
        match parent {
            Some(parent) => self.send(parent, Message::Exit(pid, reason)),
            None => self.story.end = (why != Why::Stopped).then_some(why),
        }
    }

    fn end_group(&mut self, id: Id, why: Why) {
        self.busy.push(id);
        for child in self.ids(id).into_iter().rev() {
            self.terminate(id, child);
        }
        self.busy.pop();
        let group = self.groups.remove(&id).expect("it runs");
        for message in group.mailbox {
            if let Message::Call(number, _) = message {
                self.answer(number, Answer::Stopping);
            }
        }
        self.note(Note::Gone(id, why));
    }

    fn handle(&mut self, id: Id, message: Message) -> Then {
        match message {
            Message::Exit(pid, reason) => {
                let is_it = |child: &&ChildRecord| child.pid == Pid::Is(pid);
                match self.groups[&id].children.iter().find(is_it).cloned() {
                    Some(child) => self.child_exited(id, &child.spec, reason),
                    None => Then::Goes,
                }
            }
            Message::TryAgain(child) => match self.find(id, child) {
                Some(ChildRecord { spec, pid: Pid::Restarting }) => self.restart(id, &spec, true),
                _ => Then::Goes,
            },
            Message::Call(number, wish) => {
                let (answer, then) = self.call(id, wish);
                self.answer(number, answer);
                then
            }
        }
    }

    fn child_exited(&mut self, id: Id, child: &Child, reason: Reason) -> Then {
        let is_restarted = match child.restart {
            RestartType::Permanent => true,
            RestartType::Transient => reason == Reason::Abnormal || self.is(Mistake::TransientIsPermanent),
            RestartType::Temporary => false,
        };
        if is_restarted {
            return self.restart(id, child, false);
        }
        self.delete_record(id, child);
        self.auto_shutdown(id, child)
    }

    fn auto_shutdown(&mut self, id: Id, child: &Child) -> Then {
        let group = &self.groups[&id];
        let is_alive = |other: &ChildRecord| other.spec.significant && other.pid != Pid::Undefined;
        let ends = child.significant
            && match group.spec.auto_shutdown {
                AutoShutdown::Never => false,
                AutoShutdown::AnySignificant => true,
                AutoShutdown::AllSignificant => !group.children.iter().any(is_alive),
            };
        if ends { Then::Stops(Why::AutoShutdown) } else { Then::Goes }
    }

    fn restart(&mut self, id: Id, child: &Child, is_another_try: bool) -> Then {
        let is_free = is_another_try && self.is(Mistake::TryingAgainIsFree);
        if !is_free && !self.add_restart(id, child.id) {
            self.delete_record(id, child);
            return Then::Stops(Why::GaveUp);
        }
        self.set(id, child.id, Pid::Undefined);
        let ids = self.ids(id);
        let place = ids.iter().position(|&other| other == child.id).expect("it is a child");
        let restarted = match self.groups[&id].spec.strategy {
            Strategy::OneForOne => {
                if self.is(Mistake::OneForOneMovesTheChild) {
                    let children = &mut self.groups.get_mut(&id).expect("it runs").children;
                    let record = children.remove(place);
                    children.push(record);
                }
                self.start_children(id, &[child.id])
            }
            Strategy::OneForAll => self.restart_several(id, &ids, child),
            Strategy::RestForOne => {
                let mut rest = &ids[place..];
                if self.is(Mistake::RestForOneForgetsTheLast) && rest.len() > 1 {
                    rest = &rest[..rest.len() - 1];
                }
                if self.is(Mistake::RestForOneStopsTheRestLate) {
                    match self.start_children(id, &rest[..1]) {
                        Ok(()) => self.restart_several(id, &rest[1..], child),
                        failed => failed,
                    }
                } else {
                    self.restart_several(id, rest, child)
                }
            }
        };
        if let Err(failed) = restarted {
            self.set(id, failed, Pid::Restarting);
            self.send(id, Message::TryAgain(failed));
        }
        Then::Goes
    }

    /// All restarts within the last period, this one included, are at most `max`.
    fn add_restart(&mut self, id: Id, child: Id) -> bool {
        let (now, excludes_edge) = (self.now, self.is(Mistake::WindowExcludesItsEdge));
        let for_the_child = self.is(Mistake::CountsForTheChild);
        let group = self.groups.get_mut(&id).expect("it runs");
        let period = group.spec.within_ms;
        group.restarts.push((now, child));
        group.restarts.retain(|(then, _)| match excludes_edge {
            true => now < then + period || now == *then,
            false => now <= then + period,
        });
        let count = group.restarts.iter().filter(|(_, of)| !for_the_child || *of == child).count();
        count <= group.spec.max as usize
    }

    /// Terminates from right to left, then starts from left to right.
    fn restart_several(&mut self, id: Id, ids: &[Id], trigger: &Child) -> Result<(), Id> {
        let is_reversed = !(self.is(Mistake::OneForAllStopsOldestFirst)
            && self.groups[&id].spec.strategy == Strategy::OneForAll);
        let mut order = ids.to_vec();
        if is_reversed {
            order.reverse();
        }
        let was_down = |model: &Self, &&other: &&Id| {
            model.find(id, other).is_some_and(|child| child.pid == Pid::Undefined && other != trigger.id)
        };
        let mut to_start = ids.to_vec();
        if self.is(Mistake::OneForAllLeavesTheEndedDown)
            && self.groups[&id].spec.strategy == Strategy::OneForAll
        {
            let down: Vec<Id> = ids.iter().filter(|other| was_down(self, other)).copied().collect();
            to_start.retain(|other| !down.contains(other));
        }
        for child in order {
            self.terminate(id, child);
            let spec = self.find(id, child).expect("it is a child").spec;
            if spec.restart == RestartType::Temporary && self.is(Mistake::TemporaryIsKept) {
                self.set(id, child, Pid::Undefined);
            } else {
                self.delete_record(id, &spec);
            }
        }
        self.start_children(id, &to_start)
    }

    fn start_children(&mut self, id: Id, ids: &[Id]) -> Result<(), Id> {
        for &child in ids {
            if self.find(id, child).is_some() {
                self.start(id, child).map_err(|()| child)?;
            }
        }
        Ok(())
    }

    fn call(&mut self, id: Id, wish: Wish) -> (Answer, Then) {
        let child = match wish {
            Wish::Add(child) => {
                let name = child.id;
                let record = ChildRecord { spec: child, pid: Pid::Undefined };
                self.groups.get_mut(&id).expect("it runs").children.push(record);
                if self.start(id, name).is_ok() {
                    return (Answer::Done, Then::Goes);
                }
                self.groups.get_mut(&id).expect("it runs").children.retain(|child| child.spec.id != name);
                return (Answer::NotStarted, Then::Goes);
            }
            Wish::Terminate(child) | Wish::Restart(child) | Wish::Remove(child) => child,
        };
        let Some(record) = self.find(id, child) else { return (Answer::NotFound, Then::Goes) };
        match (wish, record.pid) {
            (Wish::Terminate(_), _) => {
                self.terminate(id, child);
                self.delete_record(id, &record.spec);
                let then = match self.is(Mistake::TerminateCountsAsSignificant) {
                    true => self.auto_shutdown(id, &record.spec),
                    false => Then::Goes,
                };
                (Answer::Done, then)
            }
            (_, Pid::Restarting) => (Answer::Restarting, Then::Goes),
            (_, Pid::Is(_)) => (Answer::Running, Then::Goes),
            (Wish::Restart(_), Pid::Undefined) => match self.start(id, child) {
                Ok(()) => (Answer::Done, Then::Goes),
                Err(()) => (Answer::NotStarted, Then::Goes),
            },
            (_, Pid::Undefined) => {
                self.groups.get_mut(&id).expect("it runs").children.retain(|other| other.spec.id != child);
                (Answer::Done, Then::Goes)
            }
        }
    }

    fn answer(&mut self, number: usize, answer: Answer) {
        self.story.answers.push((number, answer));
    }

    // Children.

    fn start(&mut self, id: Id, child: Id) -> Result<(), ()> {
        let spec = self.find(id, child).expect("it is a child").spec;
        let pid = match &spec.what {
            What::Worker(plan) => {
                let worker = self.workers.entry(child).or_default();
                worker.parent = id;
                let number = worker.starts;
                worker.starts += 1;
                if plan.bad_starts >> (number % 32) & 1 == 1 {
                    self.note(Note::NotStarted(child));
                    return Err(());
                }
                let pid = self.new_pid();
                let worker = self.workers.get_mut(&child).expect("it was looked at");
                (worker.pid, worker.is_dying) = (Some(pid), false);
                self.note(Note::Started(child));
                pid
            }
            What::Group(group) => self.start_group(child, group, Some(id))?,
        };
        self.set(id, child, Pid::Is(pid));
        Ok(())
    }

    /// Waits until the child is gone; its exit, if it is in the mailbox already, is taken out.
    fn terminate(&mut self, id: Id, child: Id) {
        let record = self.find(id, child).expect("it is a child");
        let Pid::Is(pid) = record.pid else { return };
        match &record.spec.what {
            What::Worker(plan) => {
                if self.workers.get(&child).is_some_and(|worker| worker.pid == Some(pid)) {
                    self.workers.get_mut(&child).expect("it runs").is_dying = true;
                    match record.spec.stop {
                        StopLimit::Kill => {}
                        StopLimit::Within(limit) => self.sleep(plan.stop_ms.min(limit.as_millis() as u64)),
                        StopLimit::Unlimited => self.sleep(plan.stop_ms),
                    }
                    self.workers.get_mut(&child).expect("it runs").pid = None;
                    self.note(Note::Down(child));
                }
            }
            What::Group(_) => {
                if self.groups.get(&child).is_some_and(|group| group.pid == pid) {
                    self.end_group(child, Why::Stopped);
                }
            }
        }
        let group = self.groups.get_mut(&id).expect("it runs");
        group.mailbox.retain(|message| !matches!(message, Message::Exit(of, _) if *of == pid));
    }

    /// The child is down and is not restarted: a temporary one is no child any more.
    fn delete_record(&mut self, id: Id, child: &Child) {
        match child.restart {
            RestartType::Temporary => {
                let group = self.groups.get_mut(&id).expect("it runs");
                group.children.retain(|other| other.spec.id != child.id);
            }
            _ => self.set(id, child.id, Pid::Undefined),
        }
    }

    fn find(&self, id: Id, child: Id) -> Option<ChildRecord> {
        self.groups[&id].children.iter().find(|record| record.spec.id == child).cloned()
    }

    fn set(&mut self, id: Id, child: Id, pid: Pid) {
        let group = self.groups.get_mut(&id).expect("it runs");
        if let Some(record) = group.children.iter_mut().find(|record| record.spec.id == child) {
            record.pid = pid;
        }
    }

    fn ids(&self, id: Id) -> Vec<Id> {
        self.groups[&id].children.iter().map(|record| record.spec.id).collect()
    }
}

/// Whoever has asked for a child cannot name it before the answer.
fn is_being_added(group: &GroupProcess, wish: &Wish) -> bool {
    let wanted = match wish {
        Wish::Terminate(child) | Wish::Restart(child) | Wish::Remove(child) => *child,
        Wish::Add(_) => return false,
    };
    let adds_it =
        |message: &Message| matches!(message, Message::Call(_, Wish::Add(child)) if child.id == wanted);
    group.mailbox.iter().any(adds_it)
}

fn standings(group: &GroupProcess) -> Vec<(Id, Standing)> {
    let standing = |record: &ChildRecord| {
        let standing = match record.pid {
            Pid::Undefined => Standing::Down,
            Pid::Restarting => Standing::Restarting,
            Pid::Is(_) => Standing::Up,
        };
        (record.spec.id, standing)
    };
    group.children.iter().map(standing).collect()
}
