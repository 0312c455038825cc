//! Values that outlive the process: a disk behind the memory of a keyed read.
//!
//! The second system is as after a restart of the process: its memory is empty, and it need not ask.
//!
//! ```text
//! page 7, made by the first system
//! page 7, made by the first system, asked of the second
//! the disk answered 1 time, the owner 0 times
//! ```

use std::time::Duration;

use ostraca::cache::{Disk, Lifetime};
use ostraca::prelude::*;

struct Pages {
    maker: &'static str,
}

#[actor]
impl Pages {
    #[start]
    fn start(maker: &'static str) -> Self {
        Pages { maker }
    }

    /// Five seconds in memory; behind it the tiers of the system, each for as long as the system says.
    #[cached(ttl = "5s", tiers)]
    fn page(&self, #[key] number: u64) -> String {
        format!("page {number}, made by {}", self.maker)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let disk = Disk::open(folder.path().join("pages.redb"), 16 << 20)?; // 16 MiB at most
    let lifetime = Lifetime::fresh(Duration::from_secs(60));

    let first = System::builder().tier(disk.clone(), lifetime).start()?;
    let pages = first.spawn::<Pages>("the first system").await?;
    println!("{}", pages.page(7).await?);
    first.stop().await; // what is on its way to the disk arrives first

    let second = System::builder().tier(disk, lifetime).start()?;
    let pages = second.spawn::<Pages>("the second system").await?;
    println!("{}, asked of the second", pages.page(7).await?);

    let numbers = second.monitor().latest().await;
    let pages = numbers.of_type("Pages").and_then(|pages| pages.caches[0].tiered.clone());
    let pages = pages.expect("a keyed read with tiers has their numbers");
    let disk = pages.tier("disk").expect("it is one of them");
    println!("the disk answered {} time, the owner {} times", disk.hits, pages.loads);
    second.stop().await;
    Ok(())
}
