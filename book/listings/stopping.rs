//! Stopping: phases and hooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ostraca::Phase;
use ostraca::prelude::*;

#[derive(Clone, Default)]
struct Journal {
    written: Arc<AtomicUsize>,
    synced: Arc<AtomicUsize>,
}

impl Journal {
    async fn sync(&self) {
        self.synced.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

struct Accounts {
    journal: Journal,
}

#[actor]
impl Accounts {
    #[start]
    fn start(journal: Journal) -> Self {
        Accounts { journal }
    }

    #[handler]
    fn deposit(&mut self) {
        self.journal.written.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let journal = Journal::default();
    let accounts = system.spawn::<Accounts>(journal.clone()).await?;
    // ANCHOR: hooks
    let synced = journal.clone();
    system.on_stop(Phase::Sync, "journal", async move { synced.sync().await });
    // ANCHOR_END: hooks

    // ANCHOR: stop
    for _ in 0..100 {
        accounts.deposit().tell()?; // queued when the stop begins
    }
    let report = system.stop().await;
    assert!(report.is_clean());
    assert_eq!(journal.synced.load(Ordering::Relaxed), 100);
    // ANCHOR_END: stop
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
