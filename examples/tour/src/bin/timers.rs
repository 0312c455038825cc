//! A message to oneself, once and again and again; and long work beside the mailbox that reports when it is done.
//!
//! ```text
//! due
//! tick 1
//! tick 2
//! tick 3
//! the ticker stops itself
//! ```

use std::time::Duration;

use ostraca::prelude::*;

#[derive(Message)]
struct Tick;

#[derive(Message)]
struct Due {
    after: Duration,
}

struct Ticker {
    ticks: u32,
}

#[actor]
impl Ticker {
    /// Timers belong to one incarnation, so they are set here: again at every restart.
    #[start]
    fn start(ctx: &mut Context<Self>) -> Self {
        ctx.every(Duration::from_millis(40), || Tick);
        let after = Duration::from_millis(10);
        ctx.after(after, Due { after });
        Ticker { ticks: 0 }
    }

    #[handler]
    fn due(&mut self, #[message] due: Due) {
        assert_eq!(due.after, Duration::from_millis(10));
        println!("due");
    }

    #[handler]
    fn tick(&mut self, ctx: &mut Context<Self>, #[message] _tick: Tick) {
        self.ticks += 1;
        println!("tick {}", self.ticks);
        if self.ticks == 3 {
            // Runs beside the mailbox; what comes of it is a message.
            ctx.pipe(async { "stops itself" }, |word| Last { word });
        }
    }

    #[handler]
    fn last(&mut self, ctx: &mut Context<Self>, #[message] last: Last) {
        println!("the ticker {}", last.word);
        ctx.stop(); // and its timers end with it
    }
}

#[derive(Message)]
struct Last {
    word: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let ticker = system.spawn::<Ticker>(()).await?;
    assert_eq!(ActorRef::wait_stopped(&ticker).await, StopReason::Requested);
    system.stop().await;
    Ok(())
}
