//! A supervised parser, on ostraca; before, it was on ractor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Restart, Strategy};

/// What outlives a parser.
#[derive(Default)]
struct Tally {
    starts: AtomicU32,
    parsed: AtomicU32,
}

// ANCHOR: actor
struct Parser {
    tally: Arc<Tally>,
}

#[actor]
impl Parser {
    #[start]
    fn start(tally: Arc<Tally>) -> Self {
        tally.starts.fetch_add(1, Ordering::Relaxed);
        Parser { tally }
    }

    #[handler]
    fn parse(&mut self, text: String) -> i64 {
        let number = text.parse().expect("a number");
        self.tally.parsed.fetch_add(1, Ordering::Relaxed);
        number
    }

    #[handler]
    fn counts(&self) -> (u32, u32) {
        let Tally { starts, parsed } = &*self.tally;
        (starts.load(Ordering::Relaxed), parsed.load(Ordering::Relaxed))
    }
}
// ANCHOR_END: actor

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::panic::set_hook(Box::new(|_panic| {})); // the panic below is part of the show
    let system = System::start()?;
    let supervisor = system
        .supervisor(Strategy::OneForOne, Restart::new(5, Duration::from_secs(10)))
        .child::<Parser>(Arc::default())
        .start()
        .await?;
    let parser = supervisor.actor::<Parser>().expect("it was started above");

    println!("parsed: {}", parser.parse("12".to_owned()).await?);
    println!("an answer: {}", parser.parse("ten".to_owned()).await.is_ok());
    let (starts, parsed) = parser.counts().await?; // the same reference
    println!("parsed so far: {parsed}, starts: {starts}");
    system.stop().await;
    Ok(())
}
// ANCHOR_END: main
