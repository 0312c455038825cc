//! State without a lock: a hundred tasks change it, one message at a time.
//!
//! `tell` does not wait, an ask waits for its answer, and both are handled in the order in which one sender sent them.
//!
//! ```text
//! 100 tasks have added 100
//! told and then asked: 105
//! ```

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[start]
    fn start(count: u64) -> Self {
        Counter { count }
    }

    #[handler]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[handler]
    fn count(&self) -> u64 {
        self.count
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let counter = system.spawn::<Counter>(0).await?;

    let tasks = (0..100).map(|_| {
        let counter = counter.clone(); // a reference, and cheap
        tokio::spawn(async move { counter.add(1).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    println!("100 tasks have added {}", counter.count().await?);

    counter.add(5).tell()?; // on its way; nobody waits
    println!("told and then asked: {}", counter.count().await?);
    system.stop().await;
    Ok(())
}
