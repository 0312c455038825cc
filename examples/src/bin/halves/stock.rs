//! Our half: what the shop has. A message that crosses is a message to both frameworks.

use ostraca::prelude::*;
use ostraca::{Recipient, TellError};

use super::till::Order;

/// Little is left: time to order.
const LOW: u64 = 30;

pub(crate) struct Stock {
    jars: u64,
    taken: u64,
    restocked: u64,
    /// The buyer, who is actix's.
    orders: Recipient<Order>,
    is_ordered: bool,
}

/// Jars are taken out, and as many are answered; refused when there are too few.
#[derive(Message)]
#[message(reply = Result<u64, OutOfStock>)]
pub(crate) struct Take {
    pub(crate) jars: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("out of stock: {left} jars are left")]
pub(crate) struct OutOfStock {
    pub(crate) left: u64,
}

/// What the bridge itself has to say comes with the answer: the actor is stopped, it panicked.
impl actix::Message for Take {
    type Result = Result<u64, AskError<OutOfStock>>;
}

/// Jars come in.
#[derive(Message)]
#[message(reply = ())]
pub(crate) struct Restock {
    pub(crate) jars: u64,
}

impl actix::Message for Restock {
    type Result = ();
}

/// What was done so far.
#[derive(Message)]
#[message(reply = Numbers)]
pub(crate) struct GetNumbers;

impl actix::Message for GetNumbers {
    type Result = Result<Numbers, AskError>;
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) left: u64,
    pub(crate) taken: u64,
    pub(crate) restocked: u64,
}

#[actor]
impl Stock {
    #[start]
    fn start(jars: u64, orders: Recipient<Order>) -> Self {
        Stock { jars, taken: 0, restocked: 0, orders, is_ordered: false }
    }

    #[handler]
    fn take(&mut self, #[message] take: Take) -> Result<u64, OutOfStock> {
        if self.jars < take.jars {
            return Err(OutOfStock { left: self.jars });
        }
        self.jars -= take.jars;
        self.taken += take.jars;
        if self.jars < LOW && !self.is_ordered {
            self.is_ordered = match self.orders.request(Order { jars_left: self.jars }).tell() {
                Ok(()) => true,
                // With the next sale, then.
                Err(TellError::Full(_)) => false,
                Err(error) => {
                    eprintln!("nobody buys: {error}");
                    true
                }
            };
        }
        Ok(take.jars)
    }

    #[handler]
    fn restock(&mut self, #[message] restock: Restock) {
        self.jars += restock.jars;
        self.restocked += restock.jars;
        self.is_ordered = false;
    }

    #[handler]
    fn numbers(&mut self, #[message] _numbers: GetNumbers) -> Numbers {
        Numbers { left: self.jars, taken: self.taken, restocked: self.restocked }
    }
}
