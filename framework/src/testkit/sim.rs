//! A system's way to its run: the seam, and what its cells ask and tell.

use std::fmt::Display;
use std::sync::Arc;
use std::task::Waker;

use super::choices::Kind;
use super::explore::InlineAsks;
use super::probe;
use super::state::{Fate, Sent, State, StrandState};
use super::trace::What;
use crate::runtime::{Next, Pace, Passage, Seam, Sending, Sim};

/// One run queue of a system of the run.
#[derive(Clone)]
pub(super) struct SystemSim {
    pub(super) state: Arc<State>,
    /// The system's place among the run's systems.
    pub(super) system: usize,
    /// The queue's place among the run's queues.
    pub(super) queue: usize,
}

impl Seam for SystemSim {
    fn random(&self) -> u64 {
        self.state.lock().chooser.any(Kind::Jitter)
    }

    fn sim(&self) -> Option<Arc<dyn Sim>> {
        Some(Arc::new(self.clone()))
    }
}

impl Sim for SystemSim {
    fn queued(&self, cell: usize) {
        let driver = {
            let mut inner = self.state.lock();
            inner.add_job(self.queue, cell);
            inner.driver.clone()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    fn strand(&self, owner: usize) -> u32 {
        let name = {
            let inner = self.state.lock();
            match inner.cells.get(&owner) {
                Some(cell) => format!("a task of {}", inner.trace.name(cell.name)),
                None => "a task of the system".to_owned(),
            }
        };
        self.state.add_strand(name, true)
    }

    fn enter(&self, strand: u32, waker: &Waker) -> Option<Pace> {
        let (is_chosen, before) = {
            let mut inner = self.state.lock();
            let known = &mut inner.strands[strand as usize];
            (known.state == StrandState::Chosen, known.waker.replace(waker.clone()))
        };
        // Foreign code, without the lock.
        drop(before);
        is_chosen.then(|| self.state.enter_strand(strand))
    }

    fn leave(&self, strand: u32, is_done: bool) {
        self.state.leave_strand(strand, is_done);
    }

    fn wake(&self, strand: u32) {
        self.state.wake_strand(strand);
    }

    fn gone(&self, strand: u32) {
        self.state.end_strand(strand);
    }

    fn watches_mailboxes(&self) -> bool {
        self.state.settings.watches_mailboxes
    }

    fn born(&self, cell: usize, type_name: &'static str, label: &dyn Display) {
        let rate = match probe::is_probe(type_name) {
            true => 0.0,
            false => self.state.settings.faults.panic_rate(type_name),
        };
        let mut label = label.to_string();
        if self.system > 0 {
            label.push_str(&format!(" of system {}", self.system + 1));
        }
        self.state.lock().add_cell(cell, label, rate);
    }

    fn sends(&self, sender: usize, sending: &Sending) -> Passage {
        let Sending { to, handler, is_ask, is_bounded } = *sending;
        let mut inner = self.state.lock();
        let who = State::who(&inner, sender);
        let to = State::who(&inner, to);
        let ticket = inner.messages.len() as u32;
        inner.messages.push(Sent { to, handler, fate: Fate::Queued });
        let what = if is_ask { What::Asks { to, handler } } else { What::Tells { to, handler } };
        self.state.note(&mut inner, who, what);
        if is_ask {
            let current = inner.current;
            match (inner.cells.get_mut(&sender), current) {
                (Some(cell), _) => cell.last_ask = Some(ticket),
                (None, Some(strand)) => inner.strands[strand as usize].last_ask = Some(ticket),
                (None, None) => {}
            }
        }
        let rate = if is_bounded { self.state.settings.faults.full } else { 0.0 };
        let is_full = inner.chooser.strikes(Kind::Full, rate);
        drop(inner);
        if is_full {
            self.refused(ticket, "says that it is full");
        }
        Passage { ticket, sender: u64::from(who), is_full }
    }

    fn overtakes(&self, len: usize) -> usize {
        let mut inner = self.state.lock();
        let count = inner.chooser.strikes_by(Kind::Overtake, self.state.settings.faults.reorders, len as u64);
        if count > 0 {
            let who = inner.trace.events.last().map_or(0, |event| event.who);
            self.state.note(&mut inner, who, What::Overtakes(count as usize));
        }
        count as usize
    }

    fn refused(&self, ticket: u32, why: &'static str) {
        let mut inner = self.state.lock();
        inner.messages[ticket as usize].fate = Fate::Refused;
        let to = inner.messages[ticket as usize].to;
        let who = inner.trace.events.last().map_or(0, |event| event.who);
        self.state.note(&mut inner, who, What::Refused { to, why });
    }

    fn begins(&self, cell: usize, tickets: &[u32]) -> bool {
        let mut inner = self.state.lock();
        let who = State::who(&inner, cell);
        let event = self.state.note(&mut inner, who, What::Handles { handler: "" });
        inner.begin_handler(cell, tickets, event);
        let rate = inner.cells.get(&cell).map_or(0.0, |cell| cell.panic_rate);
        inner.chooser.strikes(Kind::Panic, rate)
    }

    fn called(&self, cell: usize, handler: &'static str, is_done: bool, tickets: &[u32]) -> Next {
        let mut inner = self.state.lock();
        inner.called(cell, handler, tickets);
        if is_done {
            inner.end_handler(cell);
        }
        let runs_inline = match self.state.settings.inline {
            InlineAsks::Always => true,
            InlineAsks::Never => false,
            InlineAsks::Seeded => inner.chooser.deviates(Kind::Elsewhere, 2) == 0,
        };
        Next { runs_inline, is_turn_over: inner.chooser.deviates(Kind::Turn, 2) == 1 }
    }

    fn polls(&self, cell: usize, is_first: bool) -> bool {
        let mut inner = self.state.lock();
        if is_first {
            return false;
        }
        let who = State::who(&inner, cell);
        self.state.note(&mut inner, who, What::GoesOn);
        let rate = inner.cells.get(&cell).map_or(0.0, |cell| cell.panic_rate);
        inner.chooser.strikes(Kind::Panic, rate)
    }

    fn done(&self, cell: usize) {
        let mut inner = self.state.lock();
        if let Some(handler) = inner.end_handler(cell) {
            let who = State::who(&inner, cell);
            self.state.note(&mut inner, who, What::Ended { handler });
        }
    }

    fn failed(&self, cell: usize, place: &'static str, failure: &dyn Display) {
        let mut inner = self.state.lock();
        inner.called(cell, place, &[]);
        inner.end_handler(cell);
        let who = State::who(&inner, cell);
        self.state.note(&mut inner, who, What::Says(failure.to_string()));
    }

    fn told(&self, cell: usize, what: &dyn Display) {
        let mut inner = self.state.lock();
        let who = State::who(&inner, cell);
        self.state.note(&mut inner, who, What::Says(what.to_string()));
    }
}
