//! An actor without any macro: everything the macro writes can be written.

use std::convert::Infallible;

use ostraca::{
    Actor, ActorRef, AskError, Context, Envelope, Handled, HandlerInfo, Handles, Message, NoMethods, Route,
    StartError, System, TellError, Turn,
};

struct Counter {
    count: u64,
}

struct Add(u64);

impl Message for Add {
    type Reply = u64;
    type Refusal = Infallible;
}

/// Refused when there is less than this.
struct Take(u64);

#[derive(Clone, Debug, PartialEq)]
struct TooLittle {
    left: u64,
}

impl Message for Take {
    type Reply = u64;
    type Refusal = TooLittle;
}

/// Waits for tokio between reading and writing the count.
struct AddSlowly(u64);

impl Message for AddSlowly {
    type Reply = u64;
    type Refusal = Infallible;
}

enum CounterMessage {
    Add(Envelope<Add>),
    Take(Envelope<Take>),
    AddSlowly(Envelope<AddSlowly>),
}

macro_rules! handles {
    ($($message:ident),+) => { $(
        impl Handles<$message> for Counter {
            fn wrap(envelope: Envelope<$message>) -> CounterMessage {
                CounterMessage::$message(envelope)
            }

            fn unwrap(message: CounterMessage) -> Envelope<$message> {
                match message {
                    CounterMessage::$message(envelope) => envelope,
                    _ => unreachable!("callers check which message it is"),
                }
            }
        }
    )+ };
}

handles!(Add, Take, AddSlowly);

impl Actor for Counter {
    type Args = u64;
    type Message = CounterMessage;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] =
        &[HandlerInfo::sync("add"), HandlerInfo::sync("take"), HandlerInfo::asynchronous("add_slowly")];

    fn handler_of(message: &CounterMessage) -> usize {
        match message {
            CounterMessage::Add(_) => 0,
            CounterMessage::Take(_) => 1,
            CounterMessage::AddSlowly(_) => 2,
        }
    }

    async fn start(_ctx: &mut Context<Self>, count: u64) -> Result<Self, StartError> {
        Ok(Counter { count })
    }

    fn handle<'a>(
        &'a mut self,
        message: CounterMessage,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        match message {
            CounterMessage::Add(envelope) => {
                let (Add(by), reply) = envelope.open();
                self.count += by;
                reply.reply(self.count);
                turn.done()
            }
            CounterMessage::Take(envelope) => {
                let (Take(by), reply) = envelope.open();
                let left = self.count.checked_sub(by).ok_or(TooLittle { left: self.count });
                self.count = *left.as_ref().unwrap_or(&self.count);
                reply.send(left);
                turn.done()
            }
            CounterMessage::AddSlowly(envelope) => turn.run(async move {
                let (AddSlowly(by), reply) = envelope.open();
                let before = self.count;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                self.count = before + by;
                reply.reply(self.count);
            }),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_written_by_hand_is_told_asked_and_stopped() {
    let system = System::start().unwrap();
    let counter = system.spawn::<Counter>(10).await.unwrap();
    ActorRef::request(&counter, Add(1)).tell().unwrap();
    assert_eq!(ActorRef::request(&counter, Add(1)).await, Ok(12));
    assert_eq!(ActorRef::request(&counter, Take(2)).await, Ok(10));
    assert_eq!(
        ActorRef::request(&counter, Take(11)).await,
        Err(AskError::Refused(TooLittle { left: 10 })),
        "a refusal is a reply"
    );
    assert!(system.stop().await.is_clean());
    assert_eq!(ActorRef::request(&counter, Add(1)).await, Err(AskError::Stopped));
    assert!(matches!(ActorRef::request(&counter, Add(3)).tell(), Err(TellError::Stopped(Add(3)))));
}

#[tokio::test(start_paused = true)]
async fn an_async_handler_holds_its_state_across_awaits() {
    let system = System::start().unwrap();
    let counter = system.spawn::<Counter>(0).await.unwrap();
    let slow = ActorRef::request(&counter, AddSlowly(1));
    let quick = ActorRef::request(&counter, Add(10));
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!((slow, quick), (Ok(1), Ok(11)), "the second message waited for the first");
}
