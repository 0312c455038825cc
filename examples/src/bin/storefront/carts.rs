//! The carts, sharded by customer.
//!
//! A shard keeps its customers' carts in memory and writes every change to the database before it answers, so
//! that the memory is never ahead of the database and a start finds everything that was acknowledged.

use std::collections::HashMap;

use ostraca::prelude::*;
use ostraca::shard::shard_of;

use crate::model::{self, CustomerId, Line, OrderId, ProductId};
use crate::orders::{Orders, PlaceError};
use crate::shop::Shop;
use crate::store::{Added, LINES_LEN_MAX, Reader, StoreError};

/// One shard of the carts.
pub(crate) struct Carts {
    shop: Shop,
    orders: ActorRef<Orders>,
    reader: Reader,
    carts: HashMap<CustomerId, Vec<Line>>,
}

/// A line to be put into a cart; answered with the cart.
#[derive(Message)]
#[message(reply = Result<model::Cart, AddError>)]
pub(crate) struct Add {
    #[key]
    pub(crate) customer: CustomerId,
    pub(crate) line: Line,
}

#[actor(restart(max = 100, within = "10s", backoff = "1ms..20ms"))]
impl Carts {
    #[start]
    fn start(
        ctx: &mut Context<Self>,
        shop: Shop,
        orders: ActorRef<Orders>,
        shards: usize,
    ) -> Result<Self, StoreError> {
        let reader = shop.database.reader()?;
        let mut carts = HashMap::new();
        for cart in reader.carts()? {
            if shard_of(&cart.customer, shards) == ctx.shard() {
                carts.insert(cart.customer, cart.lines);
            }
        }
        Ok(Self { shop, orders, reader, carts })
    }

    /// What a customer has put aside.
    #[handler]
    fn cart(&self, #[key] customer: CustomerId) -> model::Cart {
        self.shop.chaos.strike();
        self.cart_of(customer)
    }

    /// Puts lines into carts: those that wait together go to the disk together.
    #[handler(batch(len_max = 256))]
    async fn add(&mut self, ctx: &mut Context<Self>, batch: Batch<Add>) -> Result<(), AddError> {
        batch.iter().for_each(|_| self.shop.chaos.strike());
        let lines: Vec<(CustomerId, Line)> =
            batch.iter().map(|add| (add.customer, add.line.clone())).collect();
        let database = self.shop.database.clone();
        let outcomes = ctx.blocking(move || database.add_lines(lines)).await?;
        for (add, outcome) in batch.into_iter().zip(outcomes) {
            let (customer, product) = (add.customer, add.line.product);
            if outcome == Added::New {
                self.carts.entry(customer).or_default().push(add.line.clone());
            }
            add.send(match outcome {
                Added::New | Added::Known => Ok(self.cart_of(customer)),
                Added::NoSuchProduct => Err(AddError::NoSuchProduct(product)),
                Added::Full => Err(AddError::Full),
            });
        }
        Ok(())
    }

    /// Takes a product out of a cart; answered with the cart.
    #[handler]
    async fn remove(
        &mut self,
        ctx: &mut Context<Self>,
        #[key] customer: CustomerId,
        product: ProductId,
    ) -> Result<model::Cart, StoreError> {
        self.shop.chaos.strike();
        let database = self.shop.database.clone();
        ctx.blocking(move || database.remove(customer, product)).await?;
        if let Some(lines) = self.carts.get_mut(&customer) {
            lines.retain(|line| line.product != product);
        }
        Ok(self.cart_of(customer))
    }

    /// Turns a cart into an order. The order's transaction takes the lines out of the cart, so that they are in
    /// one or the other whoever panics when; here the cart is only read again.
    ///
    /// To be asked without a deadline: it would hold for the orders too, and a cart whose order missed it could be
    /// emptied after it was read.
    #[handler]
    async fn check_out(
        &mut self,
        #[key] customer: CustomerId,
        id: OrderId,
    ) -> Result<model::Order, CheckOutError> {
        self.shop.chaos.strike();
        let placed = self.orders.place(crate::orders::Place { id, customer }).await;
        // Whatever the answer is, the transaction is over, and the database knows what is left in the cart.
        self.carts.insert(customer, self.reader.cart(customer)?.lines);
        Ok(placed?)
    }
}

impl Carts {
    fn cart_of(&self, customer: CustomerId) -> model::Cart {
        model::Cart { customer, lines: self.carts.get(&customer).cloned().unwrap_or_default() }
    }
}

/// Why a line is not in its cart.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AddError {
    #[error("there is no product {0}")]
    NoSuchProduct(ProductId),
    #[error("a cart holds {LINES_LEN_MAX} lines at most: check it out, or remove some")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why there is no order.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CheckOutError {
    /// The orders did not take it, or did not say whether they did.
    #[error(transparent)]
    Orders(#[from] AskError<PlaceError>),
    #[error(transparent)]
    Store(#[from] StoreError),
}
