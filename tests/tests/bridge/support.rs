//! Messages that are counted while they live, an actor of ours and one of actix's that take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::ActorContext;
use ostraca::prelude::*;
use tokio::sync::Semaphore;

/// Counts what lives, and the most that ever did at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    pub(crate) fn ticket(&self) -> Ticket {
        let live = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(live, Ordering::SeqCst);
        Ticket(self.clone())
    }

    pub(crate) fn live(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
pub(crate) struct Ticket(Gauge);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The `number`th message of a sender.
#[derive(Debug, Message)]
#[message(reply = u64)]
pub(crate) struct Note {
    pub(crate) from: usize,
    pub(crate) number: u64,
    #[expect(dead_code, reason = "it counts as long as it lives")]
    pub(crate) ticket: Ticket,
}

impl actix::Message for Note {
    type Result = Result<u64, AskError>;
}

/// The same as another message, whose answer in actix has no place for our errors.
#[derive(Debug, Message)]
#[message(reply = u64)]
pub(crate) struct Jot(pub(crate) Note);

impl actix::Message for Jot {
    type Result = u64;
}

/// Refused when it is odd.
#[derive(Debug, Message)]
#[message(reply = Result<u64, String>)]
pub(crate) struct Even(pub(crate) u64);

impl actix::Message for Even {
    type Result = Result<u64, String>;
}

#[derive(Debug, Message)]
#[message(reply = u64)]
pub(crate) struct Fail;

impl actix::Message for Fail {
    type Result = Result<u64, AskError>;
}

/// As [`Fail`], without a place for our errors.
#[derive(Debug, Message)]
#[message(reply = u64)]
pub(crate) struct FailBare;

impl actix::Message for FailBare {
    type Result = u64;
}

/// What came, in its order, and whether it may be handled now.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) seen: Arc<std::sync::Mutex<Vec<(usize, u64)>>>,
    /// A permit a message.
    pub(crate) open: Arc<Semaphore>,
}

impl Desk {
    pub(crate) fn closed() -> Self {
        Desk { seen: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    pub(crate) fn open() -> Self {
        let desk = Desk::closed();
        desk.let_through(1 << 30);
        desk
    }

    pub(crate) fn let_through(&self, messages: usize) {
        self.open.add_permits(messages);
    }

    async fn enter(&self, note: Note) -> u64 {
        self.open.acquire().await.unwrap().forget();
        self.note(note)
    }

    fn note(&self, note: Note) -> u64 {
        self.seen.lock().unwrap().push((note.from, note.number));
        note.number
    }

    pub(crate) fn seen(&self) -> Vec<(usize, u64)> {
        self.seen.lock().unwrap().clone()
    }

    /// Each sender's messages came in its order. How many of each.
    pub(crate) fn orderly(&self, senders: usize) -> Vec<usize> {
        let seen = self.seen();
        let of = |sender| {
            let numbers: Vec<_> =
                seen.iter().filter(|(from, _)| *from == sender).map(|(_, number)| *number).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "sender {sender}: {numbers:?}");
            numbers.len()
        };
        (0..senders).map(of).collect()
    }
}

/// Ours.
pub(crate) struct Clerk {
    desk: Desk,
}

#[actor(mailbox(len_max = 8), restart(max = 1000, within = "1s", backoff = "0ms..0ms"))]
impl Clerk {
    #[start]
    fn start(desk: Desk) -> Self {
        Clerk { desk }
    }

    #[handler]
    async fn note(&mut self, #[message] note: Note) -> u64 {
        self.desk.enter(note).await
    }

    #[handler]
    async fn jot(&mut self, #[message] jot: Jot) -> u64 {
        self.desk.enter(jot.0).await
    }

    #[handler]
    fn even(&mut self, #[message] number: Even) -> Result<u64, String> {
        even(number)
    }

    #[handler]
    fn fail(&mut self, #[message] _fail: Fail) -> u64 {
        panic!("a planned failure");
    }

    #[handler]
    fn fail_bare(&mut self, #[message] _fail: FailBare) -> u64 {
        panic!("a planned failure");
    }
}

fn even(Even(number): Even) -> Result<u64, String> {
    if number.is_multiple_of(2) { Ok(number) } else { Err(format!("{number} is odd")) }
}

/// Actix's.
pub(crate) struct Scribe {
    pub(crate) desk: Desk,
}

impl actix::Actor for Scribe {
    type Context = actix::Context<Self>;
}

impl actix::Handler<Note> for Scribe {
    type Result = actix::AtomicResponse<Self, Result<u64, AskError>>;

    fn handle(&mut self, note: Note, _ctx: &mut Self::Context) -> Self::Result {
        let desk = self.desk.clone();
        actix::AtomicResponse::new(Box::pin(actix::fut::wrap_future(
            async move { Ok(desk.enter(note).await) },
        )))
    }
}

impl actix::Handler<Even> for Scribe {
    type Result = Result<u64, String>;

    fn handle(&mut self, number: Even, _ctx: &mut Self::Context) -> Self::Result {
        even(number)
    }
}

impl actix::Handler<Fail> for Scribe {
    type Result = Result<u64, AskError>;

    fn handle(&mut self, _fail: Fail, _ctx: &mut Self::Context) -> Self::Result {
        panic!("a planned failure of actix's");
    }
}

/// Ends in order.
#[derive(Message)]
#[message(reply = ())]
pub(crate) struct End;

impl actix::Message for End {
    type Result = ();
}

impl actix::Handler<End> for Scribe {
    type Result = ();

    fn handle(&mut self, _end: End, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// An actix system whose clock is paused.
pub(crate) fn actix_paused<F: Future>(run: F) -> F::Output {
    let tokio =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    actix::System::with_tokio_rt(tokio).block_on(run)
}

/// Lets what is ready run, and virtual time pass.
pub(crate) async fn settle() {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
}

/// Tasks of the runtime that this runs on, apart from itself.
pub(crate) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
