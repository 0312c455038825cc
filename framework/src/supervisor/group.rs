//! A group of children, live: drives the core, and does what it says.
//!
//! **What it is.** The [`Parent`] of the children's cells. It outlives the incarnations of its supervisor's actor, and
//! so do the cells of the children that the supervisor was given: their references stay good.
//!
//! **Guarantees.** Events are decided in the order in which they came under the lock; commands are carried out in the
//! order in which they were decided, by one thread at a time, and never under the lock: an order to a cell can run that
//! cell where it stands, on a runtime that is lost.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use super::core::{
    ChildError, ChildId, Command, Core, End, Event, Outcome, Request, StopCause, Ticket, Timer,
};
use super::member::{ChildInfo, Member, MemberCell, Seat, StartTime, close_reason};
use super::plan::ChildSpec;
use super::spec::{Recipe, SupervisorSpec};
use super::window::Window;
use crate::actor::{
    ActorId, AnyRef, ChildSlot, Commons, Control, Failure, IncarnationEnd, Label, Owner, Parent, Restart,
    StartError, StopReason, Verdict,
};
use crate::sync::Mutex;

pub(super) struct Group {
    me: Weak<Group>,
    pub(super) commons: Arc<Commons>,
    /// Its actor's own end is decided by another group.
    is_nested: bool,
    standing: watch::Sender<Standing>,
    inner: Mutex<Inner>,
}

/// Where its actor's incarnation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Off(Outcome),
    Starting,
    Up,
}

struct Inner {
    core: Core,
    members: BTreeMap<ChildId, Member>,
    next_id: u32,
    seats: HashMap<u32, Seat>,
    next_slot: u32,
    /// Whose cell is being made.
    adopting: Option<ChildId>,
    commands: VecDeque<Command>,
    /// A thread carries out commands.
    is_busy: bool,
    timers: HashMap<Timer, AbortHandle>,
    tickets: HashMap<Ticket, oneshot::Sender<Result<(), ChildError>>>,
    next_ticket: u64,
    owner: Option<Owner>,
    /// Children empty their mailboxes before they stop.
    drains: bool,
    /// Why it ended for good.
    closed: Option<StopReason>,
}

impl Group {
    pub(super) fn new(commons: &Arc<Commons>, spec: &SupervisorSpec, is_nested: bool) -> Arc<Self> {
        let mut inner = Inner {
            core: Core::new(spec.plan.clone(), Vec::new()),
            members: BTreeMap::new(),
            next_id: 0,
            seats: HashMap::new(),
            next_slot: 0,
            adopting: None,
            commands: VecDeque::new(),
            is_busy: false,
            timers: HashMap::new(),
            tickets: HashMap::new(),
            next_ticket: 0,
            owner: None,
            drains: false,
            closed: None,
        };
        let now = commons.now();
        let enter =
            |(child, recipe): &(ChildSpec, Recipe)| (inner.enter(child, recipe, true, now), child.clone());
        let given = spec.children.iter().map(enter).collect();
        inner.core = Core::new(spec.plan.clone(), given);
        let standing = watch::Sender::new(Standing::Off(Outcome::Stopped));
        let commons = commons.clone();
        let group = Arc::new_cyclic(|me| Group {
            me: me.clone(),
            commons,
            is_nested,
            standing,
            inner: Mutex::new(inner),
        });
        group.commons.enter(group.me.clone());
        group
    }

    // For its actor.

    /// Starts the children. Ready when all run, or none.
    pub(super) async fn begin(&self, owner: Owner) -> Result<(), StartError> {
        let mut standing = self.standing.subscribe();
        // Children of an incarnation that was killed may be on their way out. The sender is in `self`, here and below.
        drop(standing.wait_for(|standing| matches!(standing, Standing::Off(_))).await);
        self.inner.lock().owner = Some(owner);
        self.standing.send_replace(Standing::Starting);
        self.feed(Event::Start);
        let started = standing.wait_for(|&standing| standing != Standing::Starting).await.map(|s| *s);
        match started {
            Ok(Standing::Off(outcome)) => Err(StartError::new(self.describe(outcome))),
            _ => Ok(()),
        }
    }

    /// Stops the children in order. Ready when all are down; if no restart can follow, gone.
    pub(super) async fn end(&self, reason: &StopReason) {
        if *reason == StopReason::SystemStopped {
            self.drain();
        }
        let mut standing = self.standing.subscribe();
        self.feed(Event::Stop);
        drop(standing.wait_for(|standing| matches!(standing, Standing::Off(_))).await);
        if !self.is_nested {
            let cells = self.descendants();
            self.close(reason);
            for cell in cells {
                cell.exit().wait().await;
            }
        }
    }

    /// Its actor is gone, whatever the children do.
    pub(super) fn kill(&self) {
        self.feed(Event::Kill);
    }

    /// From now on children are drained and not stopped.
    pub(super) fn drain(&self) {
        let groups = {
            let mut inner = self.inner.lock();
            inner.drains = true;
            inner.groups()
        };
        groups.iter().for_each(|group| group.drain());
    }

    /// Ends all children for good. Those of a child that is a supervisor end with it, by its exit.
    pub(super) fn close(&self, reason: &StopReason) {
        let (cells, tickets) = {
            let mut inner = self.inner.lock();
            inner.closed.get_or_insert(reason.clone());
            let members = inner.members.values_mut().rev();
            let cells: Vec<_> = members.filter_map(|m| Some((m.cell.take()?, m.end.take()))).collect();
            (cells, std::mem::take(&mut inner.tickets))
        };
        for (member, end) in cells {
            member.cell.order(Control::Close(close_reason(end, reason)));
        }
        // Whoever waits for an answer is told by the loss of its sender.
        drop(tickets);
        self.standing.send_if_modified(|standing| {
            let was_on = !matches!(standing, Standing::Off(_));
            if was_on {
                *standing = Standing::Off(Outcome::Stopped);
            }
            was_on
        });
    }

    // For its reference.

    pub(super) async fn ask(&self, request: Request) -> Result<(), ChildError> {
        let (tx, rx) = oneshot::channel();
        let ticket = {
            let mut inner = self.inner.lock();
            if inner.closed.is_some() {
                return Err(ChildError::Stopping);
            }
            inner.next_ticket += 1;
            let ticket = Ticket(inner.next_ticket);
            inner.tickets.insert(ticket, tx);
            ticket
        };
        self.feed(Event::Request(ticket, request));
        rx.await.unwrap_or(Err(ChildError::Stopping))
    }

    pub(super) async fn add(&self, child: ChildSpec, recipe: Recipe) -> Result<ChildId, ChildError> {
        let id = self.inner.lock().enter(&child, &recipe, false, self.commons.now());
        self.ask(Request::Add(id, child)).await?;
        Ok(id)
    }

    pub(super) fn list(&self) -> Vec<ChildInfo> {
        let inner = self.inner.lock();
        let info = |(id, _, state)| {
            let member: Option<&Member> = inner.members.get(&id);
            ChildInfo {
                id,
                name: member.and_then(|member| member.name.clone()),
                actor: member.and_then(|member| Some(member.cell.as_ref()?.cell.label())),
                state,
            }
        };
        inner.core.children().map(info).collect()
    }

    /// The cells of the children that have one, by their number, with their names.
    pub(super) fn cells(&self) -> Vec<(ChildId, Option<Arc<str>>, AnyRef)> {
        let inner = self.inner.lock();
        let cell = |(id, m): (&ChildId, &Member)| Some((*id, m.name.clone(), m.cell.as_ref()?.cell.clone()));
        inner.members.iter().filter_map(cell).collect()
    }

    /// The group of a child that is a supervisor, and its cell.
    pub(super) fn nested(
        &self,
        is_it: impl Fn(ChildId, Option<&str>) -> bool,
    ) -> Option<(AnyRef, Arc<Group>)> {
        let inner = self.inner.lock();
        let group = |(id, m): (&ChildId, &Member)| {
            let member = m.cell.as_ref().filter(|_| is_it(*id, m.name.as_deref()))?;
            Some((member.cell.clone(), member.group.clone()?))
        };
        inner.members.iter().find_map(group)
    }

    fn descendants(&self) -> Vec<AnyRef> {
        let (mut cells, groups) = {
            let inner = self.inner.lock();
            let cells: Vec<_> = inner.seats.values().filter_map(|seat| seat.cell.clone()).collect();
            (cells, inner.groups())
        };
        groups.iter().for_each(|group| cells.extend(group.descendants()));
        cells
    }

    // The core, driven.

    fn feed(&self, event: Event) {
        let (now, random) = (self.commons.now(), self.commons.runtime.random());
        let mut inner = self.inner.lock();
        let mut commands = Vec::new();
        inner.core.handle(event, now, random, &mut commands);
        inner.commands.extend(commands);
        if std::mem::replace(&mut inner.is_busy, true) {
            return;
        }
        while let Some(command) = inner.commands.pop_front() {
            drop(inner);
            self.carry_out(command);
            inner = self.inner.lock();
        }
        inner.is_busy = false;
    }

    fn carry_out(&self, command: Command) {
        match command {
            Command::Start(id) => self.start(id),
            Command::Stop(id, cause) => {
                let drains = self.inner.lock().drains;
                self.order(
                    id,
                    match cause {
                        StopCause::Sibling => Control::Halt(StopReason::Restarting),
                        StopCause::End if drains => Control::Drain(StopReason::SystemStopped),
                        StopCause::End => Control::Halt(StopReason::Requested),
                    },
                );
            }
            Command::Kill(id) => {
                self.log_kill(id);
                self.order(id, Control::Cut);
            }
            Command::Abort(id) => self.abort_start(id),
            Command::Close(id) => {
                let (cell, end) = {
                    let mut inner = self.inner.lock();
                    let Some(member) = inner.members.get_mut(&id) else { return };
                    (member.cell.take(), member.end.take())
                };
                if let Some(cell) = cell {
                    cell.cell.order(Control::Close(close_reason(end, &StopReason::Requested)));
                }
            }
            Command::Forget(id) => {
                let mut inner = self.inner.lock();
                if inner.members.get(&id).is_some_and(|member| !member.is_given) {
                    inner.members.remove(&id);
                }
            }
            Command::Arm(timer, after) => self.arm(timer, after),
            Command::Disarm(timer) => {
                if let Some(task) = self.inner.lock().timers.remove(&timer) {
                    task.abort();
                }
            }
            Command::Answer(ticket, answer) => {
                if let Some(asker) = self.inner.lock().tickets.remove(&ticket) {
                    // An asker that is gone no longer wants to know.
                    let _ = asker.send(answer);
                }
            }
            Command::Up => drop(self.standing.send_replace(Standing::Up)),
            Command::Ended(outcome) => self.ended(outcome),
        }
    }

    /// Starts a child: again, or anew when it has no cell.
    fn start(&self, id: ChildId) {
        let Some(me) = self.me.upgrade() else { return };
        let now = self.commons.now();
        let (recipe, name) = {
            let mut inner = self.inner.lock();
            if inner.closed.is_some() {
                return;
            }
            let Some(member) = inner.members.get_mut(&id) else { return };
            (member.start.began, member.start.is_over) = (now, false);
            if let Some(member) = &member.cell {
                let cell = member.cell.clone();
                drop(inner);
                return cell.order(Control::Restart);
            }
            let made = (member.recipe.clone(), member.name.clone());
            inner.adopting = Some(id);
            made
        };
        // Foreign code: the `Clone` of arguments and the `Default` of views.
        let made = catch_unwind(AssertUnwindSafe(|| recipe.make(&me, name)));
        self.inner.lock().adopting = None;
        match made {
            Ok(Ok(group)) => {
                let mut inner = self.inner.lock();
                if let Some(cell) = inner.members.get_mut(&id).and_then(|member| member.cell.as_mut()) {
                    cell.group = group;
                }
            }
            Ok(Err(_stopping)) => self.feed(Event::Ended(id, End::Badly)),
            Err(payload) => {
                let failure = Failure::panic("start", &*payload);
                tracing::error!(target: "ostraca::supervisor", "a child could not be made: {failure}");
                if let Some(member) = self.inner.lock().members.get_mut(&id) {
                    member.end = Some(IncarnationEnd::Failed(failure));
                }
                self.feed(Event::Ended(id, End::Badly));
            }
        }
    }

    /// Ends a start that takes too long.
    fn abort_start(&self, id: ChildId) {
        let late = {
            let mut inner = self.inner.lock();
            let Some(member) = inner.members.get_mut(&id) else { return };
            member.start.is_over = true;
            member.cell.as_ref().map(|cell| cell.cell.clone()).zip(member.start.failure())
        };
        if let Some((cell, failure)) = late {
            tracing::warn!(target: "ostraca::supervisor", actor = %cell.label(), "{failure}");
            cell.order(Control::Cut);
        }
    }

    fn order(&self, id: ChildId, control: Control) {
        let cell = self.inner.lock().members.get(&id).and_then(|m| Some(m.cell.as_ref()?.cell.clone()));
        if let Some(cell) = cell {
            cell.order(control);
        }
    }

    fn log_kill(&self, id: ChildId) {
        let inner = self.inner.lock();
        if let Some(cell) = inner.members.get(&id).and_then(|member| member.cell.as_ref()) {
            let actor = cell.cell.label();
            tracing::info!(target: "ostraca::supervisor", %actor, "killed by its supervisor");
        }
    }

    fn arm(&self, timer: Timer, after: Duration) {
        let group = self.me.clone();
        let task = self.commons.runtime.spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(group) = group.upgrade() {
                group.inner.lock().timers.remove(&timer);
                group.feed(Event::Timer(timer));
            }
        });
        self.inner.lock().timers.insert(timer, task.abort_handle());
    }

    /// The children are down.
    fn ended(&self, outcome: Outcome) {
        let owner = self.inner.lock().owner.clone();
        let reason = match outcome {
            Outcome::GaveUp(id) => Some(StopReason::GaveUp(self.failure_of(id))),
            Outcome::AutoShutdown(_) => Some(StopReason::AutoShutdown),
            Outcome::Stopped | Outcome::NotStarted(_) => None,
        };
        self.standing.send_replace(Standing::Off(outcome));
        if let (Some(reason), Some(owner)) = (reason, owner.and_then(|owner| owner.upgrade())) {
            owner.order(Control::Quit(reason));
        }
    }

    fn describe(&self, outcome: Outcome) -> String {
        match outcome {
            Outcome::NotStarted(id) => self.failure_of(id).to_string(),
            Outcome::GaveUp(id) => StopReason::GaveUp(self.failure_of(id)).to_string(),
            Outcome::AutoShutdown(_) => StopReason::AutoShutdown.to_string(),
            Outcome::Stopped => StopReason::Requested.to_string(),
        }
    }

    fn failure_of(&self, id: ChildId) -> Failure {
        match self.inner.lock().members.get(&id) {
            Some(member) => member.failure(),
            None => Failure::member("a child", "it did not start"),
        }
    }

    /// The child whose current cell has this place.
    fn current(&self, slot: ChildSlot) -> Option<ChildId> {
        let inner = self.inner.lock();
        let id = inner.seats.get(&slot.0)?.id;
        let cell = inner.members.get(&id)?.cell.as_ref()?;
        (cell.slot == slot.0).then_some(id)
    }
}

impl Inner {
    fn enter(&mut self, child: &ChildSpec, recipe: &Recipe, is_given: bool, now: Instant) -> ChildId {
        let id = ChildId(self.next_id);
        self.next_id += 1;
        let (name, recipe) = (child.name.clone(), recipe.clone());
        let start = StartTime { limit: child.start, began: now, is_over: false };
        self.members.insert(id, Member { name, recipe, is_given, cell: None, end: None, start });
        id
    }

    fn groups(&self) -> Vec<Arc<Group>> {
        let cells = self.members.values().filter_map(|member| member.cell.as_ref());
        cells.filter_map(|cell| cell.group.clone()).collect()
    }
}

impl Parent for Group {
    fn adopt(&self, child: AnyRef) -> Option<ChildSlot> {
        let mut inner = self.inner.lock();
        if inner.closed.is_some() {
            return None;
        }
        let id = inner.adopting.take()?;
        let slot = inner.next_slot;
        inner.next_slot += 1;
        inner.seats.insert(slot, Seat { id, cell: Some(child.clone()), falls: Window::default() });
        inner.members.get_mut(&id)?.cell = Some(MemberCell { slot, cell: child, group: None });
        Some(ChildSlot(slot))
    }

    fn decides(&self) -> bool {
        self.inner.lock().closed.is_none()
    }

    fn owner(&self) -> Option<ActorId> {
        Some(self.inner.lock().owner.as_ref()?.upgrade()?.id())
    }

    fn start_deadline(&self, child: ChildSlot) -> Option<Instant> {
        let now = self.commons.now();
        let inner = self.inner.lock();
        let id = inner.seats.get(&child.0)?.id;
        Some(inner.members.get(&id)?.start.answers_until(now))
    }

    fn started(&self, child: ChildSlot) {
        let Some(id) = self.current(child) else { return };
        if let Some(member) = self.inner.lock().members.get_mut(&id) {
            // It may have been told that its time is over just when it was done: that is a kill then.
            member.start.is_over = false;
        }
        self.feed(Event::Started(id));
    }

    fn ended(&self, child: ChildSlot, end: IncarnationEnd) {
        let Some(id) = self.current(child) else { return };
        let how = match &end {
            IncarnationEnd::InOrder(_) => End::InOrder,
            IncarnationEnd::Failed(_) | IncarnationEnd::Killed => End::Badly,
        };
        if let Some(member) = self.inner.lock().members.get_mut(&id) {
            member.end = Some(match (end, member.start.failure()) {
                (IncarnationEnd::Killed, Some(failure)) if member.start.is_over => {
                    IncarnationEnd::Failed(failure)
                }
                (end, _) => end,
            });
        }
        self.feed(Event::Ended(id, how));
    }

    /// Of a child that is being drained, which goes on with its messages by itself; or the group is closed.
    fn failed(&self, child: ChildSlot, _restart: &Restart, _failure: &Failure) -> Verdict {
        let now = self.commons.now();
        let mut inner = self.inner.lock();
        let restart = inner.core.limit().clone();
        let is_closed = inner.closed.is_some();
        if let Some(seat) = inner.seats.get_mut(&child.0).filter(|_| !is_closed)
            && seat.falls.allows(&restart, now)
        {
            return Verdict::Restart { after: restart.backoff_min };
        }
        Verdict::GiveUp
    }

    fn forget(&self, child: ChildSlot) -> bool {
        self.inner.lock().seats.get_mut(&child.0).and_then(|seat| seat.cell.take()).is_some()
    }

    fn stopped(&self, slot: ChildSlot, _child: &Label, reason: &StopReason) {
        let current = self.current(slot);
        {
            let mut inner = self.inner.lock();
            inner.seats.remove(&slot.0);
            if *reason == StopReason::RuntimeLost {
                inner.closed.get_or_insert(StopReason::RuntimeLost);
            }
            if let Some(member) = current.and_then(|id| inner.members.get_mut(&id)) {
                member.cell = None;
                member.end = Some(IncarnationEnd::InOrder(reason.clone()));
            }
        }
        // By itself, after a drain: a restart makes a new one.
        if let Some(id) = current.filter(|_| *reason != StopReason::RuntimeLost) {
            let how = if *reason == StopReason::Killed { End::Badly } else { End::InOrder };
            self.feed(Event::Ended(id, how));
        }
    }

    fn siblings(&self) -> Vec<(Option<Arc<str>>, AnyRef)> {
        self.cells().into_iter().map(|(_, name, cell)| (name, cell)).collect()
    }

    fn children(&self) -> Vec<AnyRef> {
        let inner = self.inner.lock();
        let mut cells: Vec<_> = inner.seats.values().filter_map(|seat| seat.cell.clone()).collect();
        drop(inner);
        cells.sort_unstable_by_key(|cell| cell.id());
        cells
    }
}
