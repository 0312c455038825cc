//! Macros: an actor by the macro, the same by hand, and what can be reached without the generated method.

mod by_macro {
    // ANCHOR: by_macro
    use ostraca::prelude::*;

    pub(crate) struct Counter {
        count: u64,
    }

    #[actor(mailbox(len_max = 64))]
    impl Counter {
        #[start]
        fn start(count: u64) -> Self {
            Counter { count }
        }

        #[handler]
        fn add(&mut self, by: u64) -> u64 {
            self.count += by;
            self.count
        }
    }
    // ANCHOR_END: by_macro
}

mod by_hand {
    // ANCHOR: by_hand
    use std::convert::Infallible;

    use ostraca::{
        Actor, Context, Envelope, Handled, HandlerInfo, Handles, Message, NoMethods, Route, Settings,
        StartError, Turn,
    };

    pub(crate) struct Counter {
        count: u64,
    }

    /// What the macro makes of the arguments of `add`.
    pub(crate) struct Add {
        pub(crate) by: u64,
    }

    impl Message for Add {
        type Reply = u64;
        type Refusal = Infallible; // E, of a handler that returns a Result<_, E>
    }

    /// One variant a handler: what lies in the mailbox.
    pub(crate) enum CounterMessage {
        Add(Envelope<Add>),
    }

    impl Handles<Add> for Counter {
        fn wrap(envelope: Envelope<Add>) -> CounterMessage {
            CounterMessage::Add(envelope)
        }

        fn unwrap(message: CounterMessage) -> Envelope<Add> {
            let CounterMessage::Add(envelope) = message;
            envelope
        }
    }

    impl Actor for Counter {
        type Args = u64;
        type Message = CounterMessage;
        type Views = (); // of `#[cached]` methods
        type Methods<R: Route<Self>> = NoMethods<R>; // what references dereference to

        const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("add")];

        fn settings() -> Settings {
            Settings::default().mailbox_len_max(64)
        }

        fn handler_of(message: &CounterMessage) -> usize {
            let CounterMessage::Add(_) = message;
            0
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
            let CounterMessage::Add(envelope) = message;
            let (Add { by }, reply) = envelope.open();
            self.count += by;
            reply.reply(self.count);
            turn.done() // `turn.run(async move { .. })` of an async handler
        }
    }
    // ANCHOR_END: by_hand
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use ostraca::{ActorRef, System};

    let system = System::start()?;
    // ANCHOR: calls
    let counter = system.spawn::<by_macro::Counter>(0).await?;
    assert_eq!(counter.add(2).await?, 2);
    // The same message, for code that is generic over messages.
    assert_eq!(ActorRef::request(&counter, by_macro::Add { by: 3 }).await?, 5);

    let counter = system.spawn::<by_hand::Counter>(0).await?;
    assert_eq!(ActorRef::request(&counter, by_hand::Add { by: 2 }).await?, 2);
    // ANCHOR_END: calls
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
