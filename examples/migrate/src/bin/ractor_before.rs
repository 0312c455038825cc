//! A supervised parser, on ractor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ractor::rpc::CallResult;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};

/// What outlives a parser.
#[derive(Default)]
struct Tally {
    starts: AtomicU32,
    parsed: AtomicU32,
}

// ANCHOR: messages
enum ParserMessage {
    Parse(String, RpcReplyPort<i64>),
    Counts(RpcReplyPort<(u32, u32)>),
}
// ANCHOR_END: messages

// ANCHOR: actor
struct Parser;

struct ParserState {
    tally: Arc<Tally>,
}

impl Actor for Parser {
    type Msg = ParserMessage;
    type State = ParserState;
    type Arguments = Arc<Tally>;

    async fn pre_start(
        &self,
        _myself: ActorRef<ParserMessage>,
        tally: Arc<Tally>,
    ) -> Result<ParserState, ActorProcessingErr> {
        tally.starts.fetch_add(1, Ordering::Relaxed);
        Ok(ParserState { tally })
    }

    async fn handle(
        &self,
        _myself: ActorRef<ParserMessage>,
        message: ParserMessage,
        state: &mut ParserState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ParserMessage::Parse(text, reply) => {
                let number = text.parse().expect("a number");
                state.tally.parsed.fetch_add(1, Ordering::Relaxed);
                reply.send(number)?;
            }
            ParserMessage::Counts(reply) => {
                let Tally { starts, parsed } = &*state.tally;
                reply.send((starts.load(Ordering::Relaxed), parsed.load(Ordering::Relaxed)))?;
            }
        }
        Ok(())
    }
}
// ANCHOR_END: actor

// ANCHOR: supervisor
/// Starts the parser again when it fails. Its name stays, its reference does not.
struct Supervisor;

async fn start_parser(tally: Arc<Tally>, supervisor: ActorCell) -> Result<(), ActorProcessingErr> {
    Actor::spawn_linked(Some("parser".to_owned()), Parser, tally, supervisor).await?;
    Ok(())
}

impl Actor for Supervisor {
    type Msg = ();
    type State = Arc<Tally>;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        let tally = Arc::<Tally>::default();
        start_parser(tally.clone(), myself.get_cell()).await?;
        Ok(tally)
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        tally: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(..) = event {
            start_parser(tally.clone(), myself.get_cell()).await?;
        }
        Ok(())
    }
}
// ANCHOR_END: supervisor

// ANCHOR: main
/// Asks the parser as it is now. One that has just fallen does not answer, and the next has another reference.
async fn ask<T: Send + 'static>(message: impl Fn(RpcReplyPort<T>) -> ParserMessage) -> T {
    loop {
        if let Some(parser) = ActorRef::<ParserMessage>::where_is("parser")
            && let Ok(CallResult::Success(answer)) = parser.call(&message, None).await
        {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::panic::set_hook(Box::new(|_panic| {})); // the panic below is part of the show
    let (supervisor, supervised) = Actor::spawn(None, Supervisor, ()).await?;

    println!("parsed: {}", ask(|reply| ParserMessage::Parse("12".to_owned(), reply)).await);
    let parser = ActorRef::where_is("parser").expect("it was started above");
    let failed = parser.call(|reply| ParserMessage::Parse("ten".to_owned(), reply), None).await;
    println!("an answer: {}", failed.is_ok_and(|failed| failed.is_success()));
    let (starts, parsed) = ask(ParserMessage::Counts).await;
    println!("parsed so far: {parsed}, starts: {starts}");
    supervisor.stop(None);
    supervised.await?;
    Ok(())
}
// ANCHOR_END: main
