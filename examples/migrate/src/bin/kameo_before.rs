//! A queue for printing, on kameo.

use std::time::Duration;

use kameo::actor::{ActorRef, Spawn};
use kameo::error::{Infallible, SendError};
use kameo::message::{Context, Message};
use kameo::reply::DelegatedReply;
use kameo::{Actor, mailbox};
use thiserror::Error;

// ANCHOR: messages
#[derive(Debug, Error)]
#[error("{pages} pages are too many")]
struct TooLong {
    pages: u32,
}

struct Print {
    pages: u32,
}

struct Preview {
    pages: u32,
}

struct Printed;
// ANCHOR_END: messages

// ANCHOR: actor
struct Printer {
    pages_max: u32,
    printed: u32,
}

impl Actor for Printer {
    type Args = u32;
    type Error = Infallible;

    async fn on_start(pages_max: u32, _printer: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Printer { pages_max, printed: 0 })
    }
}

impl Message<Print> for Printer {
    type Reply = Result<u32, TooLong>;

    async fn handle(&mut self, print: Print, _ctx: &mut Context<Self, Self::Reply>) -> Self::Reply {
        if print.pages > self.pages_max {
            return Err(TooLong { pages: print.pages });
        }
        self.printed += print.pages;
        Ok(self.printed)
    }
}

impl Message<Printed> for Printer {
    type Reply = u32;

    async fn handle(&mut self, _printed: Printed, _ctx: &mut Context<Self, u32>) -> u32 {
        self.printed
    }
}
// ANCHOR_END: actor

// ANCHOR: later
impl Message<Preview> for Printer {
    type Reply = DelegatedReply<String>;

    /// Takes its time, and must not hold up the others.
    async fn handle(&mut self, preview: Preview, ctx: &mut Context<Self, Self::Reply>) -> Self::Reply {
        ctx.spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            format!("a picture of {} pages", preview.pages)
        })
    }
}
// ANCHOR_END: later

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let printer = Printer::spawn_with_mailbox(10, mailbox::bounded(64));

    printer.tell(Print { pages: 3 }).await?;
    println!("printed: {}", printer.ask(Print { pages: 4 }).await?);
    match printer.ask(Print { pages: 11 }).await {
        Ok(printed) => println!("printed: {printed}"),
        Err(SendError::HandlerError(error)) => println!("refused: {error}"),
        Err(error) => println!("failed: {error}"),
    }
    // The preview is on its way while the printer answers others.
    let (preview, printed) = tokio::join!(async { printer.ask(Preview { pages: 2 }).await }, async {
        printer.ask(Printed).await
    },);
    println!("{}, while {} were printed", preview?, printed?);
    printer.stop_gracefully().await?;
    printer.wait_for_shutdown().await;
    println!("alive: {}", printer.is_alive());
    Ok(())
}
// ANCHOR_END: main
