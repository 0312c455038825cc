//! Moving actors between homes.

use ostraca::Home;
use ostraca::prelude::*;

struct Ledger {
    cents: i64,
}

#[actor]
impl Ledger {
    #[start]
    fn start() -> Self {
        Ledger { cents: 0 }
    }

    #[handler]
    fn deposit(&mut self, #[key] _id: u64, cents: i64) -> i64 {
        self.cents += cents;
        self.cents
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: cores
    let system = System::builder().pinned_cores([0]).start()?;
    let ledger = system.shards::<Ledger>(4, ()).await?;
    // ANCHOR_END: cores

    // ANCHOR: move
    let busy = Shards::owner(&ledger, &7u64);
    for _ in 0..100 {
        ledger.deposit(7, 1).tell()?;
    }
    let moved = ActorRef::move_to(&busy, Home::Pinned(0)).await?;
    println!("it paused for {:?}", moved.pause);
    assert_eq!(ActorRef::home(&busy), Home::Pinned(0));
    assert_eq!(ledger.deposit(7, 1).await?, 101); // all before it, and in order
    // ANCHOR_END: move
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
