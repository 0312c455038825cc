//! Actix's half, as it was before: it knows its partners by `actix::Recipient`, and not that they are ostraca's.

use std::cell::RefCell;
use std::rc::Rc;

use actix::prelude::*;
use ostraca::AskError;

use super::stock::{OutOfStock, Restock, Take};

/// Sells, and keeps the receipts.
pub(crate) struct Till {
    stock: Recipient<Take>,
    /// Actix's actors need not be `Send`.
    receipts: Rc<RefCell<Vec<u64>>>,
}

impl Till {
    pub(crate) fn new(stock: Recipient<Take>) -> Self {
        Till { stock, receipts: Rc::default() }
    }
}

impl Actor for Till {
    type Context = Context<Self>;
}

pub(crate) struct Sell {
    pub(crate) jars: u64,
}

impl Message for Sell {
    type Result = Result<u64, OutOfStock>;
}

impl Handler<Sell> for Till {
    type Result = ResponseFuture<Result<u64, OutOfStock>>;

    fn handle(&mut self, sell: Sell, _ctx: &mut Self::Context) -> Self::Result {
        let taking = self.stock.send(Take { jars: sell.jars });
        let receipts = self.receipts.clone();
        Box::pin(async move {
            match taking.await {
                Ok(Ok(jars)) => {
                    receipts.borrow_mut().push(jars);
                    Ok(jars)
                }
                Ok(Err(AskError::Refused(refusal))) => Err(refusal),
                // A stock that is stopped or fails sells nothing.
                Ok(Err(_)) | Err(_) => Err(OutOfStock { left: 0 }),
            }
        })
    }
}

/// Buys more when it is told to. It hears where to deliver once.
#[derive(Default)]
pub(crate) struct Buyer {
    deliver: Option<Recipient<Restock>>,
    bought: u64,
}

impl Actor for Buyer {
    type Context = Context<Self>;
}

pub(crate) struct Supplies(pub(crate) Recipient<Restock>);

impl Message for Supplies {
    type Result = ();
}

impl Handler<Supplies> for Buyer {
    type Result = ();

    fn handle(&mut self, supplies: Supplies, _ctx: &mut Self::Context) {
        self.deliver = Some(supplies.0);
    }
}

/// From our half.
#[derive(ostraca::Message)]
#[message(reply = ())]
pub(crate) struct Order {
    pub(crate) jars_left: u64,
}

impl Message for Order {
    type Result = ();
}

impl Handler<Order> for Buyer {
    type Result = ();

    fn handle(&mut self, order: Order, _ctx: &mut Self::Context) {
        let jars = 100 - order.jars_left.min(100);
        let Some(deliver) = &self.deliver else { return };
        match deliver.try_send(Restock { jars }) {
            Ok(()) => self.bought += jars,
            Err(error) => eprintln!("not delivered: {error}"),
        }
    }
}

/// How many jars were bought.
pub(crate) struct Bought;

impl Message for Bought {
    type Result = u64;
}

impl Handler<Bought> for Buyer {
    type Result = u64;

    fn handle(&mut self, _bought: Bought, _ctx: &mut Self::Context) -> u64 {
        self.bought
    }
}
