//! One write for all that waits: a handler that takes its messages in batches, and answers each of them.
//!
//! ```text
//! 1000 callers, every one answered
//! fewer writes than callers: true
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ostraca::prelude::*;

/// A disk: a write takes a millisecond, however much is written.
#[derive(Clone, Default)]
struct Disk {
    writes: Arc<AtomicUsize>,
}

impl Disk {
    async fn write(&self, _lines: impl Iterator<Item = &str>) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.writes.fetch_add(1, Ordering::Relaxed);
    }
}

/// A line for the log; answered with its number when it is on the disk.
#[derive(Message)]
#[message(reply = u64)]
struct Append {
    line: String,
}

struct Log {
    disk: Disk,
    len: u64,
}

#[actor]
impl Log {
    #[start]
    fn start(disk: Disk) -> Self {
        Log { disk, len: 0 }
    }

    /// Takes what is queued at once, 256 lines at most. With `wait_max = "2ms"` it would wait for more.
    #[handler(batch(len_max = 256))]
    async fn append(&mut self, batch: Batch<Append>) {
        self.disk.write(batch.iter().map(|append| append.line.as_str())).await;
        for append in batch {
            self.len += 1;
            append.reply(self.len);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let disk = Disk::default();
    let log = system.spawn::<Log>(disk.clone()).await?;

    let callers = (0..1_000).map(|n| {
        let log = log.clone();
        tokio::spawn(async move { log.append(Append { line: format!("line {n}") }).await })
    });
    let mut numbers = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        numbers.push(caller.await??);
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=1_000));
    println!("1000 callers, every one answered");
    println!("fewer writes than callers: {}", disk.writes.load(Ordering::Relaxed) < 500);
    system.stop().await;
    Ok(())
}
