//! A stock and a till, on ostraca; before, they were on actix.

use std::collections::HashMap;
use std::time::Duration;

use ostraca::prelude::*;
use thiserror::Error;

// ANCHOR: messages
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("only {left} left")]
pub(crate) struct SoldOut {
    left: u32,
}

/// A message that a timer sends has a type of its own; the macro makes that of `take`.
#[derive(Message)]
struct Restock {
    product: &'static str,
    pieces: u32,
}
// ANCHOR_END: messages

// ANCHOR: stock
struct Stock {
    pieces: HashMap<&'static str, u32>,
}

#[actor(mailbox(len_max = 64))]
impl Stock {
    #[start]
    fn start(ctx: &mut Context<Self>) -> Self {
        ctx.after(Duration::from_millis(10), Restock { product: "plums", pieces: 9 });
        Stock { pieces: HashMap::new() }
    }

    #[handler]
    fn take(&mut self, product: &'static str, pieces: u32) -> Result<u32, SoldOut> {
        let left = self.pieces.entry(product).or_default();
        if *left < pieces {
            return Err(SoldOut { left: *left });
        }
        *left -= pieces;
        Ok(*left)
    }

    #[handler]
    fn restock(&mut self, #[message] restock: Restock) {
        *self.pieces.entry(restock.product).or_default() += restock.pieces;
    }
}
// ANCHOR_END: stock

// ANCHOR: till
struct Till {
    stock: ActorRef<Stock>,
    sold: u32,
}

#[actor]
impl Till {
    #[start]
    fn start(stock: ActorRef<Stock>) -> Self {
        Till { stock, sold: 0 }
    }

    /// Holds the till across the await, as `ResponseActFuture` did not.
    #[handler]
    async fn sell(&mut self, product: &'static str, pieces: u32) -> Result<u32, AskError<SoldOut>> {
        let left = self.stock.take(product, pieces).await?;
        self.sold += pieces;
        Ok(left)
    }

    #[stop]
    fn stop(&mut self) {
        println!("the till has sold {}", self.sold);
    }
}
// ANCHOR_END: till

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let stock = system.spawn::<Stock>(()).await?;
    let till = system.spawn::<Till>(stock.clone()).await?;

    stock.restock(Restock { product: "pears", pieces: 3 }).tell()?;
    println!("pears left: {}", till.sell("pears", 2).await?);
    match till.sell("pears", 2).await {
        Ok(left) => println!("pears left: {left}"),
        Err(error) => println!("no pears: {error}"),
    }
    tokio::time::sleep(Duration::from_millis(100)).await; // the plums come by themselves
    println!("plums left: {}", till.sell("plums", 1).await?);
    system.stop().await; // returns when both have stopped
    Ok(())
}
// ANCHOR_END: main
