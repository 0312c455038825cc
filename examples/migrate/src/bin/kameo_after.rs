//! A queue for printing, on ostraca; before, it was on kameo.

use std::time::Duration;

use ostraca::prelude::*;
use thiserror::Error;

// ANCHOR: messages
#[derive(Debug, Error)]
#[error("{pages} pages are too many")]
pub(crate) struct TooLong {
    pages: u32,
}
// ANCHOR_END: messages

// ANCHOR: actor
struct Printer {
    pages_max: u32,
    printed: u32,
}

#[actor(mailbox(len_max = 64))]
impl Printer {
    #[start]
    fn start(pages_max: u32) -> Self {
        Printer { pages_max, printed: 0 }
    }

    #[handler]
    fn print(&mut self, pages: u32) -> Result<u32, TooLong> {
        if pages > self.pages_max {
            return Err(TooLong { pages });
        }
        self.printed += pages;
        Ok(self.printed)
    }

    #[handler]
    fn printed(&self) -> u32 {
        self.printed
    }
    // ANCHOR_END: actor

    // ANCHOR: later
    /// Takes its time, and must not hold up the others.
    #[handler]
    fn preview(&mut self, ctx: &mut Context<Self>, pages: u32, reply: ReplyTo<String>) {
        ctx.spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            reply.reply(format!("a picture of {pages} pages"));
        });
    }
}
// ANCHOR_END: later

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let printer = system.spawn::<Printer>(10).await?;

    printer.print(3).tell()?; // what kameo calls `try_send`; `.send().await` waits for room
    println!("printed: {}", printer.print(4).await?);
    match printer.print(11).await {
        Ok(printed) => println!("printed: {printed}"),
        Err(AskError::Refused(error)) => println!("refused: {error}"),
        Err(error) => println!("failed: {error}"),
    }
    // The preview is on its way while the printer answers others.
    let (preview, printed) = tokio::join!(printer.preview(2), printer.printed());
    println!("{}, while {} were printed", preview?, printed?);
    ActorRef::drain(&printer);
    let reason = ActorRef::wait_stopped(&printer).await;
    println!("alive: {}", reason != StopReason::Requested);
    system.stop().await;
    Ok(())
}
// ANCHOR_END: main
