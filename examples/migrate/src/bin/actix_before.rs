//! A stock and a till, on actix.

use std::collections::HashMap;
use std::time::Duration;

use actix::prelude::*;
use thiserror::Error;

// ANCHOR: messages
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("only {left} left")]
struct SoldOut {
    left: u32,
}

#[derive(Message)]
#[rtype(result = "Result<u32, SoldOut>")]
struct Take {
    product: &'static str,
    pieces: u32,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Restock {
    product: &'static str,
    pieces: u32,
}
// ANCHOR_END: messages

// ANCHOR: stock
struct Stock {
    pieces: HashMap<&'static str, u32>,
}

impl Actor for Stock {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(64);
        ctx.notify_later(Restock { product: "plums", pieces: 9 }, Duration::from_millis(10));
    }
}

impl Handler<Take> for Stock {
    type Result = Result<u32, SoldOut>;

    fn handle(&mut self, take: Take, _ctx: &mut Context<Self>) -> Self::Result {
        let left = self.pieces.entry(take.product).or_default();
        if *left < take.pieces {
            return Err(SoldOut { left: *left });
        }
        *left -= take.pieces;
        Ok(*left)
    }
}

impl Handler<Restock> for Stock {
    type Result = ();

    fn handle(&mut self, restock: Restock, _ctx: &mut Context<Self>) {
        *self.pieces.entry(restock.product).or_default() += restock.pieces;
    }
}
// ANCHOR_END: stock

// ANCHOR: till
#[derive(Debug, Error)]
enum SaleError {
    #[error(transparent)]
    SoldOut(#[from] SoldOut),
    #[error("the stock is closed")]
    Closed,
}

#[derive(Message)]
#[rtype(result = "Result<u32, SaleError>")]
struct Sell {
    product: &'static str,
    pieces: u32,
}

struct Till {
    stock: Addr<Stock>,
    sold: u32,
}

impl Actor for Till {
    type Context = Context<Self>;

    fn stopped(&mut self, _ctx: &mut Context<Self>) {
        println!("the till has sold {}", self.sold);
    }
}

impl Handler<Sell> for Till {
    type Result = ResponseActFuture<Self, Result<u32, SaleError>>;

    fn handle(&mut self, sell: Sell, _ctx: &mut Context<Self>) -> Self::Result {
        let Sell { product, pieces } = sell;
        let taken = self.stock.send(Take { product, pieces });
        Box::pin(taken.into_actor(self).map(move |taken, till, _ctx| {
            let left = taken.map_err(|_closed| SaleError::Closed)??;
            till.sold += pieces;
            Ok(left)
        }))
    }
}
// ANCHOR_END: till

#[derive(Message)]
#[rtype(result = "()")]
struct Close;

impl Handler<Close> for Till {
    type Result = ();

    fn handle(&mut self, _close: Close, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

// ANCHOR: main
#[actix::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stock = Stock { pieces: HashMap::new() }.start();
    let till = Till { stock: stock.clone(), sold: 0 }.start();

    stock.do_send(Restock { product: "pears", pieces: 3 });
    println!("pears left: {}", till.send(Sell { product: "pears", pieces: 2 }).await??);
    match till.send(Sell { product: "pears", pieces: 2 }).await? {
        Ok(left) => println!("pears left: {left}"),
        Err(error) => println!("no pears: {error}"),
    }
    actix::clock::sleep(Duration::from_millis(100)).await; // the plums come by themselves
    println!("plums left: {}", till.send(Sell { product: "plums", pieces: 1 }).await??);
    till.send(Close).await?;
    actix::clock::sleep(Duration::from_millis(50)).await; // it stops a little later
    Ok(())
}
// ANCHOR_END: main
