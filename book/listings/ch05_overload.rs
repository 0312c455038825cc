//! Chapter 5, the second half: more than can be done.

use std::time::Duration;

use ostraca::overload::{Limit, Priority};
use ostraca::prelude::*;

// ANCHOR: actor
/// Sells tickets, one every ten milliseconds.
struct Counter {
    sold: u64,
}

#[actor(shed(target = "50ms", interval = "200ms"), limit(min = 16))]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { sold: 0 }
    }

    #[handler(priority = high)]
    async fn sell(&mut self) -> u64 {
        self.work().await
    }

    #[handler(priority = low)]
    async fn suggest(&mut self) -> u64 {
        self.work().await
    }

    async fn work(&mut self) -> u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.sold += 1;
        self.sold
    }
}
// ANCHOR_END: actor

// ANCHOR: breaker
#[derive(Debug)]
pub(crate) struct NoBank;

struct Bank {
    is_there: bool,
}

#[actor]
impl Bank {
    #[start]
    fn start() -> Self {
        Bank { is_there: false }
    }

    #[handler(breaker(failures = 3, open = "1s..60s"))]
    async fn charge(&mut self, cents: i64) -> Result<i64, NoBank> {
        if self.is_there { Ok(cents) } else { Err(NoBank) }
    }
}
// ANCHOR_END: breaker

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let counter = system.spawn::<Counter>(()).await?;

    // ANCHOR: flood
    let mut asks = Vec::new();
    for _ in 0..1_000 {
        // Each ten milliseconds one wants a ticket and three only look.
        tokio::time::sleep(Duration::from_millis(10)).await;
        for is_sale in [true, false, false, false] {
            let counter = counter.clone();
            asks.push(tokio::spawn(async move {
                let answer = if is_sale { counter.sell().await } else { counter.suggest().await };
                (is_sale, answer)
            }));
        }
    }
    // ANCHOR_END: flood

    let (mut sold, mut shed) = (0, 0);
    for ask in asks {
        match ask.await? {
            (true, Ok(_)) => sold += 1,
            (false, Ok(_)) => {}
            (_, Err(error)) => {
                assert_eq!(error, AskError::Shed);
                shed += 1;
            }
        }
    }
    assert!(sold > 950 && shed > 2_900, "{sold} sold, {shed} refused");

    let bank = system.spawn::<Bank>(()).await?;
    // ANCHOR: open
    for _ in 0..3 {
        assert!(matches!(bank.charge(100).await, Err(AskError::Refused(NoBank))));
    }
    assert!(matches!(bank.charge(100).await, Err(AskError::Shed))); // not asked any more
    // ANCHOR_END: open

    // ANCHOR: limit
    let limit = Limit::default();
    match limit.try_acquire(Priority::Normal) {
        Some(permit) => {
            // .. the call ..
            permit.answered();
        }
        None => println!("too much to do"),
    }
    // ANCHOR_END: limit

    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
