//! It must stop: what is queued is handled, hooks run in their phases, and what does not end is named.
//!
//! A service calls `system.run_until_signal().await` where this calls `stop`: SIGTERM and Ctrl-C do the same.
//!
//! ```text
//! 100 messages are queued
//! stop: the ledger is told
//! flush: 100 written
//! sync: 100 safe
//! clean: true
//! clean: false, killed: 1
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ostraca::Phase;
use ostraca::prelude::*;

#[derive(Clone, Default)]
struct File {
    written: Arc<AtomicU32>,
}

struct Ledger {
    file: File,
}

#[actor]
impl Ledger {
    #[start]
    fn start(file: File) -> Self {
        Ledger { file }
    }

    #[handler]
    fn write(&mut self) {
        self.file.written.fetch_add(1, Ordering::Relaxed);
    }

    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    /// Runs after the last message.
    #[stop]
    fn stop(&mut self, reason: &StopReason) {
        if *reason == StopReason::SystemStopped {
            println!("stop: the ledger is told");
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let file = File::default();
    let ledger = system.spawn::<Ledger>(file.clone()).await?;
    let (flushed, synced) = (file.clone(), file.clone());
    system.on_stop(Phase::Sync, "file", async move {
        println!("sync: {} safe", synced.written.load(Ordering::Relaxed));
    });
    system.on_stop(Phase::Flush, "file", async move {
        println!("flush: {} written", flushed.written.load(Ordering::Relaxed));
    });

    for _ in 0..100 {
        ledger.write().tell()?;
    }
    println!("{} messages are queued", ActorRef::mailbox_len(&ledger));
    let report = system.stop().await;
    println!("clean: {}", report.is_clean());

    // One that hangs is killed at the deadline, and named.
    let system = System::builder().stop_deadline(Duration::from_millis(100)).start()?;
    let ledger = system.spawn::<Ledger>(file).await?;
    ledger.hang().tell()?;
    let report = system.stop().await;
    println!("clean: {}, killed: {}", report.is_clean(), report.killed.len());
    Ok(())
}
