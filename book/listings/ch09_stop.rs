//! Chapter 9: a service that stops, and loses nothing that it has acknowledged.

// ANCHOR: all
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::Phase;
use ostraca::prelude::*;
use ostraca::shard::shard_of;

const SHARDS: usize = 8;

// ANCHOR: journal
/// A file: what was appended is safe when it was synced. The program can look at both.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<File>>);

#[derive(Default)]
struct File {
    lines: Vec<(u64, i64)>,
    synced: usize,
}

impl Journal {
    fn append(&self, lines: impl Iterator<Item = (u64, i64)>) {
        self.0.lock().expect("nobody panics with the lock held").lines.extend(lines);
    }

    fn sync(&self) {
        let mut file = self.0.lock().expect("nobody panics with the lock held");
        file.synced = file.lines.len();
    }

    fn synced(&self) -> usize {
        self.0.lock().expect("nobody panics with the lock held").synced
    }
}
// ANCHOR_END: journal

/// A line of the journal; answered when it is written.
#[derive(Message)]
struct Append {
    id: u64,
    cents: i64,
}

// ANCHOR: clerk
/// Writes what all shards give it, in batches.
struct Clerk {
    journal: Journal,
}

#[actor(mailbox(len_max = 10_000))]
impl Clerk {
    #[start]
    fn start(journal: Journal) -> Self {
        Clerk { journal }
    }

    #[handler(batch(len_max = 256))]
    async fn append(&mut self, batch: Batch<Append>) {
        tokio::time::sleep(Duration::from_millis(1)).await; // a disk
        self.journal.append(batch.iter().map(|line| (line.id, line.cents)));
        for line in batch {
            line.reply(());
        }
    }
}
// ANCHOR_END: clerk

// ANCHOR: accounts
struct Accounts {
    cents: HashMap<u64, i64>,
    clerk: ActorRef<Clerk>,
}

#[actor]
impl Accounts {
    #[start]
    fn start(ctx: &mut Context<Self>, journal: Journal, clerk: ActorRef<Clerk>) -> Self {
        let shard = ctx.shard();
        let mut cents = HashMap::new();
        for &(id, paid) in &journal.0.lock().expect("nobody panics with the lock held").lines {
            if shard_of(&id, SHARDS) == shard {
                *cents.entry(id).or_default() += paid;
            }
        }
        Accounts { cents, clerk }
    }

    #[handler]
    async fn deposit(&mut self, #[key] id: u64, cents: i64) -> Result<i64, AskError> {
        self.clerk.append(Append { id, cents }).await?;
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        Ok(*balance)
    }
}
// ANCHOR_END: accounts

// ANCHOR: open
/// Whom the others need is started first, and stops last.
async fn open(journal: &Journal) -> Result<(System, Shards<Accounts>), Box<dyn std::error::Error>> {
    let system = System::builder().name("bank").stop_deadline(Duration::from_secs(5)).start()?;
    let clerk = system.spawn_named::<Clerk>("clerk", journal.clone()).await?;
    let accounts = system.shards::<Accounts>(SHARDS, (journal.clone(), clerk)).await?;
    let synced = journal.clone();
    system.on_stop(Phase::Sync, "journal", async move { synced.sync() });
    Ok((system, accounts))
}
// ANCHOR_END: open

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let journal = Journal::default();
    // ANCHOR: stop
    let (system, accounts) = open(&journal).await?;
    for id in 0..1_000 {
        accounts.deposit(id, 5).tell()?; // all of them are queued, or on their way to the clerk
    }
    let report = system.stop().await; // or: system.run_until_signal().await?
    assert!(report.is_clean());
    assert_eq!(journal.synced(), 1_000);
    // ANCHOR_END: stop

    // ANCHOR: again
    let (system, accounts) = open(&journal).await?;
    assert_eq!(accounts.deposit(7, 5).await?, 10);
    system.stop().await;
    // ANCHOR_END: again
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
