//! Chapter 3, first attempt: one write a message. The mailbox fills, and says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ostraca::prelude::*;
use tokio::sync::Semaphore;

// ANCHOR: disk
/// A disk as slow as this program wants: a write ends when it is let.
#[derive(Clone)]
struct Disk {
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
}

impl Disk {
    fn new() -> Self {
        Disk { begun: Arc::new(Semaphore::new(0)), may_end: Arc::new(Semaphore::new(0)) }
    }

    async fn write(&self) {
        self.begun.add_permits(1);
        self.may_end.acquire().await.expect("nobody closes it").forget();
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
// ANCHOR_END: disk

struct Accounts {
    cents: HashMap<u64, i64>,
    disk: Disk,
}

// ANCHOR: actor
#[actor(mailbox(len_max = 4, overflow = reject))]
impl Accounts {
    #[start]
    fn start(disk: Disk) -> Self {
        Accounts { cents: HashMap::new(), disk }
    }

    #[handler]
    async fn deposit(&mut self, id: u64, cents: i64) -> i64 {
        self.disk.write().await;
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }
}
// ANCHOR_END: actor

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let disk = Disk::new();
    let accounts = system.spawn::<Accounts>(disk.clone()).await?;

    // ANCHOR: full
    accounts.deposit(1, 100).tell()?;
    disk.write_begun().await; // the first deposit is at the disk, the mailbox is empty
    for _ in 0..4 {
        accounts.deposit(1, 100).tell()?;
    }
    let Err(TellError::Full(deposit)) = accounts.deposit(2, 50).tell() else {
        panic!("there are four places and four are taken");
    };
    assert_eq!((deposit.id, deposit.cents), (2, 50)); // nothing is lost: it is ours again
    // ANCHOR_END: full

    // ANCHOR: within
    let late = accounts.deposit(2, 50).within(Duration::from_millis(20)).await;
    assert_eq!(late, Err(AskError::Full));
    // ANCHOR_END: within

    // ANCHOR: send
    let (sent, ()) = tokio::join!(
        accounts.deposit(2, 50).send(), // waits for room
        async { disk.let_end(1) },      // makes some
    );
    sent?;
    // ANCHOR_END: send

    disk.let_end(usize::from(u16::MAX));
    assert_eq!(accounts.deposit(1, 0).await?, 500);
    assert_eq!(accounts.deposit(2, 0).await?, 50);
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
