//! Reading without asking: a view that is published, and a read by key that is kept.
//!
//! ```text
//! the total is 12, read without a message
//! 3 pears, asked once
//! after the sale 1 pear, and 10 in all
//! the owner was asked for pears 2 times in 1001 reads
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use ostraca::prelude::*;

struct Stock {
    pieces: HashMap<&'static str, u32>,
    counted: AtomicU32,
}

#[actor]
impl Stock {
    #[start]
    fn start() -> Self {
        Stock { pieces: HashMap::from([("pears", 3), ("plums", 9)]), counted: AtomicU32::new(0) }
    }

    /// Published after every turn that changed it: a read is a load from memory, from any thread.
    #[cached]
    fn total(&self) -> u32 {
        self.pieces.values().sum()
    }

    /// Made when somebody asks for this product, then kept for five seconds or until a handler changes it.
    #[cached(ttl = "5s")]
    fn pieces(&self, #[key] product: &'static str) -> u32 {
        self.counted.fetch_add(1, Ordering::Relaxed);
        self.pieces.get(product).copied().unwrap_or_default()
    }

    /// Before its caller has the answer, what was kept of this product is gone.
    #[handler(invalidates(pieces))]
    fn sell(&mut self, #[key] product: &'static str, pieces: u32) -> bool {
        let Some(left) = self.pieces.get_mut(product) else { return false };
        let is_there = *left >= pieces;
        if is_there {
            *left -= pieces;
        }
        is_there
    }

    #[handler]
    fn counted(&self) -> u32 {
        self.counted.load(Ordering::Relaxed)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let stock = system.spawn::<Stock>(()).await?;

    println!("the total is {}, read without a message", stock.total().expect("it has started"));
    for _ in 0..999 {
        stock.pieces("pears").await?;
    }
    println!("{} pears, asked once", stock.pieces("pears").await?);
    assert!(stock.sell("pears", 2).await?);
    let (pears, total) = (stock.pieces("pears").await?, stock.total().expect("it has started"));
    println!("after the sale {pears} pear, and {total} in all");
    println!("the owner was asked for pears {} times in 1001 reads", stock.counted().await?);
    system.stop().await;
    Ok(())
}
