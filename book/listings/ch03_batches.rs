//! Chapter 3: one write a batch.

// ANCHOR: all
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ostraca::prelude::*;
use thiserror::Error;
use tokio::sync::Semaphore;

/// A disk as slow as this program wants: a write ends when it is let.
#[derive(Clone)]
struct Disk {
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
    is_full: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the disk is full")]
struct DiskFull;

impl Disk {
    fn new() -> Self {
        Disk {
            begun: Arc::new(Semaphore::new(0)),
            may_end: Arc::new(Semaphore::new(0)),
            is_full: Arc::new(AtomicBool::new(false)),
            writes: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// Writes records in one go, however many.
    async fn write(&self, _records: impl Iterator<Item = (u64, i64)>) -> Result<(), DiskFull> {
        self.begun.add_permits(1);
        self.may_end.acquire().await.expect("nobody closes it").forget();
        self.writes.fetch_add(1, Ordering::Relaxed);
        if self.is_full.load(Ordering::Relaxed) { Err(DiskFull) } else { Ok(()) }
    }

    /// Ready when one more write has begun.
    async fn write_begun(&self) {
        self.begun.acquire().await.expect("nobody closes it").forget();
    }

    /// Lets `len` writes end.
    fn let_end(&self, len: usize) {
        self.may_end.add_permits(len);
    }
}

// ANCHOR: message
/// Money paid in; answered with the new balance.
#[derive(Message)]
#[message(reply = Result<i64, DiskFull>)]
struct Deposit {
    id: u64,
    cents: i64,
}
// ANCHOR_END: message

struct Accounts {
    cents: HashMap<u64, i64>,
    disk: Disk,
}

// ANCHOR: actor
#[actor(mailbox(len_max = 100, overflow = reject))]
impl Accounts {
    #[start]
    fn start(disk: Disk) -> Self {
        Accounts { cents: HashMap::new(), disk }
    }

    #[handler(batch(len_max = 64))]
    async fn deposit(&mut self, batch: Batch<Deposit>) -> Result<(), DiskFull> {
        // An error answers every deposit of the batch.
        self.disk.write(batch.iter().map(|deposit| (deposit.id, deposit.cents))).await?;
        for deposit in batch {
            let balance = self.cents.entry(deposit.id).or_default();
            *balance += deposit.cents;
            deposit.reply(*balance);
        }
        Ok(())
    }
}
// ANCHOR_END: actor

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let disk = Disk::new();
    let accounts = system.spawn::<Accounts>(disk.clone()).await?;

    // ANCHOR: batch
    accounts.deposit(Deposit { id: 1, cents: 100 }).tell()?;
    disk.write_begun().await; // one deposit is at the disk
    for _ in 0..9 {
        accounts.deposit(Deposit { id: 1, cents: 100 }).tell()?; // nine wait behind it
    }
    let (balance, ()) = tokio::join!(
        accounts.deposit(Deposit { id: 1, cents: 100 }), // and a tenth, whose caller waits
        async { disk.let_end(2) },
    );
    assert_eq!(balance, Ok(1_100));
    assert_eq!(disk.writes.load(Ordering::Relaxed), 2); // eleven deposits
    // ANCHOR_END: batch

    // ANCHOR: disk_full
    disk.is_full.store(true, Ordering::Relaxed);
    let (a, b, ()) = tokio::join!(
        accounts.deposit(Deposit { id: 1, cents: 100 }),
        accounts.deposit(Deposit { id: 2, cents: 100 }),
        async { disk.let_end(2) },
    );
    assert_eq!(a, Err(AskError::Refused(DiskFull)));
    assert_eq!(b, Err(AskError::Refused(DiskFull)));
    // ANCHOR_END: disk_full

    system.stop().await;
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
