//! The state of a run: who is ready, who waits, what was decided and what happened.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, MutexGuard};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::choices::{Chooser, Kind, Source};
use super::explore::Settings;
use super::trace::{Event, Trace, What};
use crate::runtime::Pace;
use crate::sync::Mutex;

/// What a run knows, from wherever it is asked. One thread asks; the lock is for the types, and is held while nothing
/// foreign runs.
pub(super) struct State {
    inner: Mutex<Inner>,
    pub(super) settings: Arc<Settings>,
    /// When the run began.
    origin: Instant,
}

pub(super) struct Inner {
    pub(super) chooser: Chooser,
    pub(super) trace: Trace,
    /// What is ready to run, oldest first.
    pub(super) ready: VecDeque<Ready>,
    /// The cells' turns that are held up, and until when.
    pub(super) late: Vec<(Instant, Ready)>,
    /// Of each run queue, the jobs in it, oldest first.
    pub(super) queues: Vec<VecDeque<u32>>,
    /// Of each job, by its number, whose turn it is.
    pub(super) jobs: Vec<usize>,
    pub(super) strands: Vec<Strand>,
    /// By address.
    pub(super) cells: HashMap<usize, CellInfo>,
    /// All messages of watched mailboxes, by ticket.
    pub(super) messages: Vec<Sent>,
    /// The strand that runs, if one does.
    pub(super) current: Option<u32>,
    pub(super) driver: Option<Waker>,
    pub(super) steps: u64,
    /// What happens from now on is not the run's any more.
    pub(super) is_over: bool,
}

/// Something that is ready to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// A job of a run queue: a cell's turn, which may have been held up.
    Job { queue: usize, job: u32, was_late: bool },
    /// A task.
    Strand(u32),
}

/// A task: the test's own, those it has spawned, and those of actors and of the framework.
pub(super) struct Strand {
    pub(super) name: u32,
    pub(super) is_tokios: bool,
    pub(super) state: StrandState,
    /// Of tokio's task.
    pub(super) waker: Option<Waker>,
    pub(super) last_ask: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StrandState {
    Waits,
    Ready,
    /// It was chosen; tokio is to poll it.
    Chosen,
    Runs,
    /// It runs and was woken.
    RunsAgain,
    Gone,
}

pub(super) struct CellInfo {
    pub(super) name: u32,
    pub(super) panic_rate: f64,
    /// What its handler has in hand.
    pub(super) tickets: Vec<u32>,
    /// The unfinished handler.
    pub(super) busy: Option<&'static str>,
    /// The event whose handler is not known yet.
    event: Option<usize>,
    pub(super) last_ask: Option<u32>,
}

pub(super) struct Sent {
    pub(super) to: u32,
    pub(super) handler: &'static str,
    pub(super) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Queued,
    Refused,
    InHand,
    Handled,
}

impl State {
    pub(super) fn new(settings: &Arc<Settings>, source: Source) -> Arc<Self> {
        let inner = Inner {
            chooser: Chooser::new(source),
            trace: Trace::default(),
            ready: VecDeque::new(),
            late: Vec::new(),
            queues: Vec::new(),
            jobs: Vec::new(),
            strands: Vec::new(),
            cells: HashMap::new(),
            messages: Vec::new(),
            current: None,
            driver: None,
            steps: 0,
            is_over: false,
        };
        Arc::new(State { inner: Mutex::new(inner), settings: settings.clone(), origin: Instant::now() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Since the run began.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn note(&self, inner: &mut Inner, who: u32, what: What) -> usize {
        if !inner.is_over {
            inner.trace.events.push(Event { at: self.now(), who, what });
        }
        inner.trace.events.len() - 1
    }

    /// A strand, ready to run.
    pub(super) fn add_strand(&self, name: String, is_tokios: bool) -> u32 {
        let mut inner = self.lock();
        let name = inner.name(name);
        let strand = inner.strands.len() as u32;
        let state = StrandState::Waits;
        inner.strands.push(Strand { name, is_tokios, state, waker: None, last_ask: None });
        inner.make_ready(strand);
        strand
    }

    pub(super) fn wake_strand(&self, strand: u32) {
        let driver = {
            let mut inner = self.lock();
            match inner.strands[strand as usize].state {
                StrandState::Waits => inner.make_ready(strand),
                StrandState::Runs => inner.strands[strand as usize].state = StrandState::RunsAgain,
                _ => return,
            }
            inner.driver.clone()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// The strand begins to run.
    pub(super) fn enter_strand(&self, strand: u32) -> Pace {
        let mut inner = self.lock();
        inner.strands[strand as usize].state = StrandState::Runs;
        inner.current = Some(strand);
        let name = inner.strands[strand as usize].name;
        self.note(&mut inner, name, What::GoesOn);
        inner.pace()
    }

    pub(super) fn leave_strand(&self, strand: u32, is_done: bool) {
        let mut inner = self.lock();
        inner.current = None;
        let state = &mut inner.strands[strand as usize].state;
        let was_woken = *state == StrandState::RunsAgain;
        *state = if is_done { StrandState::Gone } else { StrandState::Waits };
        if was_woken && !is_done {
            inner.make_ready(strand);
        }
    }

    pub(super) fn end_strand(&self, strand: u32) {
        let mut inner = self.lock();
        let gone = &mut inner.strands[strand as usize];
        gone.state = StrandState::Gone;
        let waker = gone.waker.take();
        inner.ready.retain(|ready| *ready != Ready::Strand(strand));
        drop(inner);
        // Foreign code, without the lock.
        drop(waker);
    }

    /// A waker of a strand that the driver polls.
    pub(super) fn waker(self: &Arc<Self>, strand: u32) -> Waker {
        Waker::from(Arc::new(StrandWaker { state: self.clone(), strand }))
    }

    /// A strand of the test is about to go on: whether it is dropped instead.
    pub(super) fn is_cancelled(&self, strand: u32) -> bool {
        let mut inner = self.lock();
        let strikes = inner.chooser.strikes(Kind::Cancel, self.settings.faults.cancels);
        if strikes {
            let name = inner.strands[strand as usize].name;
            self.note(&mut inner, name, What::IsCancelled);
        }
        strikes
    }

    /// The name of whoever runs: `cell` if it is one, else the strand.
    pub(super) fn who(inner: &Inner, cell: usize) -> u32 {
        match inner.cells.get(&cell) {
            Some(cell) => cell.name,
            None => inner.current.map_or(OUTSIDE, |strand| inner.strands[strand as usize].name),
        }
    }
}

/// The name of whoever is not known.
const OUTSIDE: u32 = u32::MAX;

struct StrandWaker {
    state: Arc<State>,
    strand: u32,
}

impl Wake for StrandWaker {
    fn wake(self: Arc<Self>) {
        self.state.wake_strand(self.strand);
    }
}

impl Inner {
    pub(super) fn name(&mut self, name: String) -> u32 {
        self.trace.names.push(name);
        (self.trace.names.len() - 1) as u32
    }

    fn make_ready(&mut self, strand: u32) {
        self.strands[strand as usize].state = StrandState::Ready;
        self.ready.push_back(Ready::Strand(strand));
    }

    /// The job of the cell at `address` was put at the back of a run queue.
    pub(super) fn add_job(&mut self, queue: usize, address: usize) {
        let job = self.jobs.len() as u32;
        self.jobs.push(address);
        self.queues[queue].push_back(job);
        self.ready.push_back(Ready::Job { queue, job, was_late: false });
    }

    /// How far what is about to run may go before its awaits let others run.
    pub(super) fn pace(&mut self) -> Pace {
        match self.chooser.deviates(Kind::Pace, PACES) {
            0 => Pace::Free,
            steps => Pace::Steps(steps as u8 - 1),
        }
    }

    pub(super) fn add_cell(&mut self, address: usize, label: String, panic_rate: f64) {
        let name = self.name(label);
        let info =
            CellInfo { name, panic_rate, tickets: Vec::new(), busy: None, event: None, last_ask: None };
        self.cells.insert(address, info);
    }

    pub(super) fn begin_handler(&mut self, address: usize, tickets: &[u32], event: usize) {
        for &ticket in tickets {
            self.messages[ticket as usize].fate = Fate::InHand;
        }
        let known = tickets.last().map(|&ticket| self.messages[ticket as usize].handler);
        if let (Some(handler), Some(event)) = (known, self.trace.events.get_mut(event)) {
            event.what = What::Handles { handler };
        }
        if let Some(cell) = self.cells.get_mut(&address) {
            cell.tickets.extend(tickets);
            cell.event = Some(event);
            cell.last_ask = None;
        }
    }

    /// The handler was called, or fell before it could say so.
    pub(super) fn called(&mut self, address: usize, handler: &'static str, tickets: &[u32]) {
        for &ticket in tickets {
            self.messages[ticket as usize].fate = Fate::InHand;
        }
        let Some(cell) = self.cells.get_mut(&address) else { return };
        cell.tickets.extend(tickets);
        cell.busy = Some(handler);
        if let Some(event) = cell.event.take() {
            self.trace.events[event].what = What::Handles { handler };
        }
    }

    /// The handler has ended, in whatever way. Its name, if it had been unfinished.
    pub(super) fn end_handler(&mut self, address: usize) -> Option<&'static str> {
        let cell = self.cells.get_mut(&address)?;
        let tickets = std::mem::take(&mut cell.tickets);
        let busy = cell.busy.take();
        for ticket in tickets {
            self.messages[ticket as usize].fate = Fate::Handled;
        }
        busy
    }

    /// Who waits for whom: what a run that hangs is reported with.
    pub(super) fn waiting(&self) -> String {
        let mut lines = String::new();
        for strand in &self.strands {
            // Of the tasks that are not the test's, most wait for a timer or an end: those that asked are of interest.
            let is_shown = !strand.is_tokios || strand.last_ask.is_some();
            if strand.state == StrandState::Waits && is_shown {
                self.write_waiting(&mut lines, strand.name, None, strand.last_ask);
            }
        }
        let mut busy: Vec<_> = self.cells.values().filter(|cell| cell.busy.is_some()).collect();
        busy.sort_unstable_by_key(|cell| cell.name);
        for cell in busy {
            self.write_waiting(&mut lines, cell.name, cell.busy, cell.last_ask);
        }
        lines
    }

    fn write_waiting(&self, lines: &mut String, who: u32, handler: Option<&str>, last_ask: Option<u32>) {
        let name = self.trace.name(who);
        let place = handler.map_or(String::new(), |handler| format!(" in {handler}"));
        let written = match last_ask.map(|ticket| &self.messages[ticket as usize]) {
            None => writeln!(lines, "  {name} waits{place}, and has asked nobody"),
            Some(Sent { to, handler, fate }) => {
                let fate = match fate {
                    Fate::Queued => "which lies in the mailbox",
                    Fate::Refused => "for which there was no room",
                    Fate::InHand => "which is being handled",
                    Fate::Handled => "which was handled: perhaps it waits for a timer since",
                };
                writeln!(
                    lines,
                    "  {name} waits{place} since it asked {}: {handler}, {fate}",
                    self.trace.name(*to)
                )
            }
        };
        written.expect("a string takes all that is written");
    }
}

/// How many paces there are: free, or 0 to 3 steps.
const PACES: u64 = 5;
