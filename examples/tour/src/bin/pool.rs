//! Many hands for work without state: a pool picks the replica and grows with its load. And threads for work that
//! blocks.
//!
//! ```text
//! 64 pictures by 2 to 8 replicas
//! the pool grew: true
//! the sum is 873, from a thread of its own
//! ```

use std::time::Duration;

use ostraca::pool::Balance;
use ostraca::prelude::*;

struct Thumbnails;

#[actor]
impl Thumbnails {
    #[start]
    fn start() -> Self {
        Thumbnails
    }

    #[handler]
    async fn shrink(&mut self, picture: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(50)).await; // a slow service elsewhere
        picture / 2
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let thumbnails = system
        .pool::<Thumbnails>(())
        .named("thumbnails")
        .concurrency(2..=8)
        .balance(Balance::Adaptive) // to where a call is expected to end first
        .start()
        .await?;

    let pictures = (0..64).map(|picture| {
        let thumbnails = thumbnails.clone();
        tokio::spawn(async move { thumbnails.shrink(picture).await })
    });
    let mut done = 0;
    for picture in pictures.collect::<Vec<_>>() {
        picture.await??;
        done += 1;
    }
    println!("{done} pictures by 2 to 8 replicas");
    println!("the pool grew: {}", Pool::numbers(&thumbnails).grown > 0);

    // Work that blocks its thread goes to threads of its own, each with a state that it keeps.
    // ANCHOR: blocking
    let sums = system.blocking_pool(|| Ok(Vec::<u8>::new())).concurrency(1..=4).start().await?;
    let sum = sums
        .run(|buffer| {
            buffer.clear();
            buffer.extend_from_slice(b"ostracon");
            buffer.iter().map(|&byte| u64::from(byte)).sum::<u64>()
        })
        .within(Duration::from_secs(5))
        .await?;
    // ANCHOR_END: blocking
    println!("the sum is {sum}, from a thread of its own");
    system.stop().await;
    Ok(())
}
