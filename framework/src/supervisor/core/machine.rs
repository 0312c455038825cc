//! The machine behind the decisions: children, the work under way, and what waits for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::goal::Goal;
use super::{
    ChildError, ChildId, ChildSpec, ChildState, Command, End, Event, Outcome, Plan, Request, StopCause,
    Ticket, Timer,
};
use crate::actor::Restart;
use crate::supervisor::plan::{AutoShutdown, RestartType, STOP_WITHIN, StopLimit, Strategy};
use crate::supervisor::window::{Backoff, Window};

/// A supervisor's decisions: see the module's doc.
pub struct Core {
    plan: Plan,
    /// The children it starts with.
    given: Vec<(ChildId, ChildSpec)>,
    /// Those it has, in the order of their start.
    children: Vec<Child>,
    window: Window,
    stage: Stage,
    waiting: VecDeque<Waiting>,
    timers: u64,
}

struct Child {
    key: ChildId,
    spec: ChildSpec,
    state: ChildState,
    /// Runs while it is started or stopped, or waits to be restarted.
    timer: Option<Timer>,
    backoff: Backoff,
    /// Its references wait for it: it was started and not closed since.
    is_open: bool,
}

enum Stage {
    Off,
    Idle,
    Working(Work),
    /// Waits for the end of children that were killed all at once.
    Dying,
}

/// What is under way.
struct Work {
    /// To be stopped, the last one first.
    stops: Vec<ChildId>,
    /// Then to be started, the first one first.
    starts: VecDeque<ChildId>,
    goal: Goal,
}

/// What is to be looked at when the work is done.
enum Waiting {
    Event(Event),
    /// The start of this child failed.
    TryAgain(ChildId),
}

/// What comes with an event, and where the commands go.
struct Turn<'a> {
    now: Instant,
    random: u64,
    out: &'a mut Vec<Command>,
}

impl Core {
    /// A supervisor that has not started. `given` are the children that it starts with, in their order.
    pub fn new(plan: Plan, given: Vec<(ChildId, ChildSpec)>) -> Self {
        Core {
            plan,
            given,
            children: Vec::new(),
            window: Window::default(),
            stage: Stage::Off,
            waiting: VecDeque::new(),
            timers: 0,
        }
    }

    /// The children, in the order of their start.
    pub fn children(&self) -> impl Iterator<Item = (ChildId, &ChildSpec, ChildState)> {
        self.children.iter().map(|child| (child.key, &child.spec, child.state))
    }

    /// How often children are restarted.
    pub fn limit(&self) -> &Restart {
        &self.plan.restart
    }

    /// Says what follows from `event` at `now`. `random` is for the wait before a restart.
    pub fn handle(&mut self, event: Event, now: Instant, random: u64, out: &mut Vec<Command>) {
        let mut turn = Turn { now, random, out };
        if matches!(event, Event::Kill) {
            return self.kill_all(&mut turn);
        }
        let work = match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Off => {
                self.stage = Stage::Off;
                return self.handle_off(event, &mut turn);
            }
            Stage::Idle => {
                self.take(event, &mut turn);
                return self.go_on(&mut turn);
            }
            Stage::Working(work) => work,
            Stage::Dying => return self.handle_dying(event, &mut turn),
        };
        match self.reported(work, event, &mut turn) {
            Ok(work) => self.work(work, &mut turn),
            Err(work) => self.stage = Stage::Working(work),
        }
        self.go_on(&mut turn);
    }

    fn handle_off(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Start => {
                for child in self.children.drain(..) {
                    if !self.given.iter().any(|(key, _)| *key == child.key) {
                        turn.out.extend([Command::Close(child.key), Command::Forget(child.key)]);
                    }
                }
                self.children = self.given.iter().map(|(key, spec)| Child::new(*key, spec.clone())).collect();
                self.window = Window::default();
                let starts = self.given.iter().map(|(key, _)| *key).collect();
                self.work(Work { stops: Vec::new(), starts, goal: Goal::Init }, turn);
                self.go_on(turn);
            }
            Event::Request(ticket, request) => {
                if let Request::Add(key, _) = request {
                    turn.out.push(Command::Forget(key));
                }
                turn.out.push(Command::Answer(ticket, Err(ChildError::Stopping)));
            }
            Event::Stop => turn.out.push(Command::Ended(Outcome::Stopped)),
            // Reports and timers of what is over.
            Event::Started(_) | Event::Ended(..) | Event::Timer(_) | Event::Kill => {}
        }
    }

    /// All at once: nobody is left to do it in order.
    fn kill_all(&mut self, turn: &mut Turn<'_>) {
        let goal = match std::mem::replace(&mut self.stage, Stage::Dying) {
            Stage::Off => {
                self.stage = Stage::Off;
                return;
            }
            Stage::Working(work) => Some(work.goal),
            Stage::Idle | Stage::Dying => None,
        };
        if let Some(Goal::Add(ticket, _) | Goal::Terminate(ticket, _) | Goal::StartAgain(ticket, _)) = goal {
            turn.out.push(Command::Answer(ticket, Err(ChildError::Stopping)));
        }
        for key in self.keys() {
            self.disarm(key, turn);
            let child = self.child(key).expect("it is one of them");
            child.state = match child.state {
                ChildState::Up | ChildState::Starting | ChildState::Stopping => ChildState::Stopping,
                ChildState::Exited | ChildState::Restarting | ChildState::Down => ChildState::Down,
            };
            if child.state == ChildState::Stopping {
                turn.out.push(Command::Kill(key));
            }
        }
        self.look_for_the_last(turn);
    }

    fn handle_dying(&mut self, event: Event, turn: &mut Turn<'_>) {
        self.stage = Stage::Dying;
        match event {
            Event::Ended(key, _) if self.is(key, ChildState::Stopping) => {
                self.is_down(key, turn);
                self.look_for_the_last(turn);
            }
            Event::Request(..) => self.handle_off(event, turn),
            _ => {}
        }
    }

    fn look_for_the_last(&mut self, turn: &mut Turn<'_>) {
        if !self.children.iter().any(|child| child.state == ChildState::Stopping) {
            self.stage = Stage::Off;
            turn.out.push(Command::Ended(Outcome::Stopped));
            self.go_on(turn);
        }
    }

    /// Takes what waits, in order, as long as nothing is under way.
    fn go_on(&mut self, turn: &mut Turn<'_>) {
        while matches!(self.stage, Stage::Idle) {
            match self.waiting.pop_front() {
                Some(Waiting::Event(event)) => self.take(event, turn),
                Some(Waiting::TryAgain(key)) => {
                    if self.child(key).is_some_and(|child| child.state == ChildState::Restarting) {
                        self.restart(key, turn);
                    }
                }
                None => return,
            }
        }
        if matches!(self.stage, Stage::Off) {
            for waiting in std::mem::take(&mut self.waiting) {
                if let Waiting::Event(event @ Event::Request(..)) = waiting {
                    self.handle_off(event, turn);
                }
            }
        }
    }

    // While something is under way.

    /// An event during `work`. `Ok`: it was the one that is waited for.
    fn reported(&mut self, mut work: Work, event: Event, turn: &mut Turn<'_>) -> Result<Work, Work> {
        match event {
            Event::Started(key) if self.is(key, ChildState::Starting) => {
                let child = self.child(key).expect("it has a state");
                child.state = ChildState::Up;
                child.backoff.started(turn.now);
                self.disarm(key, turn);
                return Ok(work);
            }
            Event::Ended(key, _) if self.is(key, ChildState::Starting) => {
                self.not_started(key, &mut work, turn);
                return Ok(work);
            }
            Event::Ended(key, _) if self.is(key, ChildState::Stopping) => {
                self.is_down(key, turn);
                return Ok(work);
            }
            Event::Timer(timer)
                if self.is(timer.child, ChildState::Stopping) && self.take_timer(timer).is_some() =>
            {
                turn.out.push(Command::Kill(timer.child));
            }
            Event::Timer(timer)
                if self.is(timer.child, ChildState::Starting) && self.take_timer(timer).is_some() =>
            {
                turn.out.push(Command::Abort(timer.child));
            }
            Event::Ended(key, _) => {
                if let Some(child) = self.child(key)
                    && child.state == ChildState::Up
                {
                    child.state = ChildState::Exited;
                    self.waiting.push_back(Waiting::Event(event));
                }
            }
            _ => self.waiting.push_back(Waiting::Event(event)),
        }
        Err(work)
    }

    /// Goes on with `work` until something is to be waited for, or it is done.
    fn work(&mut self, mut work: Work, turn: &mut Turn<'_>) {
        while let Some(key) = work.stops.pop() {
            if self.begin_stop(key, work.goal.stop_cause(), turn) {
                self.stage = Stage::Working(work);
                return;
            }
        }
        while let Some(key) = work.starts.pop_front() {
            // A temporary one was forgotten when it was stopped.
            if let Some(child) = self.child(key) {
                child.state = ChildState::Starting;
                child.is_open = true;
                let limit = child.spec.start;
                turn.out.push(Command::Start(key));
                if let Some(limit) = limit {
                    self.arm(key, limit, turn);
                }
                self.stage = Stage::Working(work);
                return;
            }
        }
        self.stage = Stage::Idle;
        self.done(work.goal, turn);
    }

    /// True: its end is to be waited for.
    fn begin_stop(&mut self, key: ChildId, cause: StopCause, turn: &mut Turn<'_>) -> bool {
        let Some(child) = self.child(key) else { return false };
        match child.state {
            ChildState::Up => {
                child.state = ChildState::Stopping;
                match child.spec.stop.unwrap_or(StopLimit::Within(STOP_WITHIN)) {
                    StopLimit::Kill => turn.out.push(Command::Kill(key)),
                    StopLimit::Within(limit) => {
                        turn.out.push(Command::Stop(key, cause));
                        self.arm(key, limit, turn);
                    }
                    StopLimit::Unlimited => turn.out.push(Command::Stop(key, cause)),
                }
                true
            }
            ChildState::Exited => {
                let is_it = |event: &Event| matches!(event, Event::Ended(ended, _) if *ended == key);
                self.waiting.retain(|waiting| !matches!(waiting, Waiting::Event(event) if is_it(event)));
                self.is_down(key, turn);
                false
            }
            ChildState::Restarting => {
                self.is_down(key, turn);
                false
            }
            ChildState::Down | ChildState::Starting | ChildState::Stopping => false,
        }
    }

    /// A child that was to be stopped is down.
    fn is_down(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        self.disarm(key, turn);
        let child = self.child(key).expect("it was stopped");
        child.state = ChildState::Down;
        if child.spec.restart == RestartType::Temporary {
            self.forget(key, turn);
        }
    }

    fn not_started(&mut self, key: ChildId, work: &mut Work, turn: &mut Turn<'_>) {
        work.starts.clear();
        self.disarm(key, turn);
        let child = self.child(key).expect("it was to start");
        child.state = ChildState::Down;
        match work.goal {
            Goal::Init => {
                work.stops = self.keys();
                work.goal = Goal::Leave(Outcome::NotStarted(key));
            }
            Goal::Restart => {
                child.state = ChildState::Restarting;
                self.waiting.push_back(Waiting::TryAgain(key));
            }
            Goal::Add(ticket, key) => {
                self.forget(key, turn);
                turn.out.push(Command::Answer(ticket, Err(ChildError::NotStarted)));
            }
            Goal::StartAgain(ticket, key) => {
                self.close(key, turn);
                turn.out.push(Command::Answer(ticket, Err(ChildError::NotStarted)));
            }
            Goal::Wait(..) | Goal::Leave(_) | Goal::Terminate(..) => unreachable!("these start nothing"),
        }
    }

    fn done(&mut self, goal: Goal, turn: &mut Turn<'_>) {
        match goal {
            Goal::Init => turn.out.push(Command::Up),
            Goal::Restart => {}
            Goal::Wait(key, wait) => {
                self.child(key).expect("it is to be restarted").state = ChildState::Restarting;
                self.arm(key, wait, turn);
            }
            Goal::Leave(outcome) => {
                self.stage = Stage::Off;
                turn.out.push(Command::Ended(outcome));
            }
            // It was answered if its start failed.
            Goal::Add(ticket, key) | Goal::StartAgain(ticket, key) => {
                if self.is(key, ChildState::Up) {
                    turn.out.push(Command::Answer(ticket, Ok(())));
                }
            }
            Goal::Terminate(ticket, key) => {
                self.close(key, turn);
                self.close_orphans(turn);
                turn.out.push(Command::Answer(ticket, Ok(())));
            }
        }
    }

    // While nothing is under way.

    fn take(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Ended(key, end) => {
                let is_up = |child: &Child| matches!(child.state, ChildState::Up | ChildState::Exited);
                let Some(restart) = self.child(key).filter(|child| is_up(child)).map(|c| c.spec.restart)
                else {
                    return;
                };
                match (restart, end) {
                    (RestartType::Permanent, _) | (RestartType::Transient, End::Badly) => {
                        self.restart(key, turn);
                    }
                    (RestartType::Transient, End::InOrder) | (RestartType::Temporary, _) => {
                        self.gone(key, turn);
                    }
                }
            }
            Event::Timer(timer) => {
                if let Some(key) = self.take_timer(timer) {
                    self.restart_scope(key, turn);
                }
            }
            Event::Request(ticket, request) => self.request(ticket, request, turn),
            Event::Stop => self.leave(Outcome::Stopped, turn),
            Event::Start | Event::Started(_) | Event::Kill => {}
        }
    }

    /// A child ended by itself and is not restarted.
    fn gone(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        let child = self.child(key).expect("it ended");
        child.state = ChildState::Down;
        let (is_significant, restart) = (child.spec.is_significant, child.spec.restart);
        match restart {
            RestartType::Temporary => self.forget(key, turn),
            _ => self.close(key, turn),
        }
        let ends = match self.plan.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => is_significant,
            AutoShutdown::AllSignificant => {
                let is_left = |child: &Child| child.spec.is_significant && child.state != ChildState::Down;
                is_significant && !self.children.iter().any(is_left)
            }
        };
        if ends {
            self.leave(Outcome::AutoShutdown(key), turn);
        }
    }

    /// A child ended, or did not start, and is to be started again.
    fn restart(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        if !self.window.allows(&self.plan.restart, turn.now) {
            self.child(key).expect("it ended").state = ChildState::Down;
            return self.leave(Outcome::GaveUp(key), turn);
        }
        let restart = self.plan.restart.clone();
        let child = self.child(key).expect("it ended");
        child.state = ChildState::Down;
        let wait = child.backoff.failed(&restart, turn.now, turn.random);
        if wait.is_zero() {
            return self.restart_scope(key, turn);
        }
        let stops = self.scope(key);
        self.work(Work { stops, starts: VecDeque::new(), goal: Goal::Wait(key, wait) }, turn);
    }

    /// Stops what is to be restarted with a child and still runs; then starts it all.
    fn restart_scope(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        self.child(key).expect("it is to be restarted").state = ChildState::Down;
        let stops = self.scope(key);
        let starts = stops.iter().copied().collect();
        self.work(Work { stops, starts, goal: Goal::Restart }, turn);
    }

    /// Who is restarted with `key`, itself included.
    fn scope(&self, key: ChildId) -> Vec<ChildId> {
        let place = self.children.iter().position(|child| child.key == key).expect("it is a child");
        let scope = match self.plan.strategy {
            Strategy::OneForOne => &self.children[place..=place],
            Strategy::OneForAll => &self.children[..],
            Strategy::RestForOne => &self.children[place..],
        };
        scope.iter().map(|child| child.key).collect()
    }

    fn leave(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        let stops = self.keys();
        self.work(Work { stops, starts: VecDeque::new(), goal: Goal::Leave(outcome) }, turn);
    }

    fn request(&mut self, ticket: Ticket, request: Request, turn: &mut Turn<'_>) {
        match self.begin_request(ticket, request, turn) {
            Ok(Some(work)) => self.work(work, turn),
            Ok(None) => turn.out.push(Command::Answer(ticket, Ok(()))),
            Err(error) => turn.out.push(Command::Answer(ticket, Err(error))),
        }
    }

    fn begin_request(
        &mut self,
        ticket: Ticket,
        request: Request,
        turn: &mut Turn<'_>,
    ) -> Result<Option<Work>, ChildError> {
        let starts = |key, goal| Work { stops: Vec::new(), starts: VecDeque::from([key]), goal };
        match request {
            Request::Add(key, spec) => {
                if !spec.fits(self.plan.auto_shutdown) {
                    turn.out.push(Command::Forget(key));
                    return Err(ChildError::Significant);
                }
                self.children.push(Child::new(key, spec));
                Ok(Some(starts(key, Goal::Add(ticket, key))))
            }
            Request::Terminate(key) => {
                self.child(key).ok_or(ChildError::NotFound)?;
                let goal = Goal::Terminate(ticket, key);
                Ok(Some(Work { stops: vec![key], starts: VecDeque::new(), goal }))
            }
            Request::Restart(key) => {
                self.expect_down(key)?;
                Ok(Some(starts(key, Goal::StartAgain(ticket, key))))
            }
            Request::Remove(key) => {
                self.expect_down(key)?;
                self.forget(key, turn);
                Ok(None)
            }
        }
    }

    fn expect_down(&mut self, key: ChildId) -> Result<(), ChildError> {
        match self.child(key).ok_or(ChildError::NotFound)?.state {
            ChildState::Down => Ok(()),
            ChildState::Restarting => Err(ChildError::Restarting),
            _ => Err(ChildError::Running),
        }
    }

    // The children.

    fn child(&mut self, key: ChildId) -> Option<&mut Child> {
        self.children.iter_mut().find(|child| child.key == key)
    }

    fn is(&self, key: ChildId, state: ChildState) -> bool {
        self.children.iter().any(|child| child.key == key && child.state == state)
    }

    fn keys(&self) -> Vec<ChildId> {
        self.children.iter().map(|child| child.key).collect()
    }

    fn close(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        if let Some(child) = self.child(key)
            && std::mem::take(&mut child.is_open)
        {
            turn.out.push(Command::Close(key));
        }
    }

    fn forget(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        self.close(key, turn);
        self.children.retain(|child| child.key != key);
        turn.out.push(Command::Forget(key));
    }

    /// Closes those that were stopped for a restart that is off: nobody will start them.
    fn close_orphans(&mut self, turn: &mut Turn<'_>) {
        let is_restarting = |child: &&Child| child.state == ChildState::Restarting;
        let due: Vec<_> =
            self.children.iter().filter(is_restarting).flat_map(|c| self.scope(c.key)).collect();
        for child in &mut self.children {
            let is_orphan = child.is_open && child.state == ChildState::Down && !due.contains(&child.key);
            if is_orphan {
                child.is_open = false;
                turn.out.push(Command::Close(child.key));
            }
        }
    }

    // Timers.

    fn arm(&mut self, key: ChildId, after: Duration, turn: &mut Turn<'_>) {
        self.timers += 1;
        let timer = Timer { child: key, serial: self.timers };
        self.child(key).expect("it waits").timer = Some(timer);
        turn.out.push(Command::Arm(timer, after));
    }

    fn disarm(&mut self, key: ChildId, turn: &mut Turn<'_>) {
        if let Some(timer) = self.child(key).and_then(|child| child.timer.take()) {
            turn.out.push(Command::Disarm(timer));
        }
    }

    /// Whose timer it is, unless it was disarmed.
    fn take_timer(&mut self, timer: Timer) -> Option<ChildId> {
        let child = self.child(timer.child).filter(|child| child.timer == Some(timer))?;
        child.timer = None;
        Some(child.key)
    }
}

impl Child {
    fn new(key: ChildId, spec: ChildSpec) -> Self {
        let backoff = Backoff::default();
        Child { key, spec, state: ChildState::Down, timer: None, backoff, is_open: false }
    }
}
