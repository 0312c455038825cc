//! The orders: one actor, whose batch is one transaction.
//!
//! While the disk takes one batch, the next one gathers in the mailbox: the busier the shop, the fewer waits for
//! the disk an order costs. Customers who have been answered together come back together, so a batch is held open for
//! them as long as that pays (64 callers: half the time an order, `compare orders`). The transaction runs on a thread for blocking work, because a commit waits for the
//! disk for as long as hundreds of other messages take.

use std::sync::Arc;

use crate::model::{self, CustomerId, OrderId};
use crate::shop::Shop;
use crate::store::{NotPlaced, Reader, StoreError};
use ostraca::prelude::*;

/// All orders.
pub(crate) struct Orders {
    shop: Shop,
    reader: Reader,
}

/// A cart to be turned into an order; answered with the order, also if it is there already.
#[derive(Message)]
#[message(reply = Result<model::Order, PlaceError>)]
pub(crate) struct Place {
    #[key]
    pub(crate) id: OrderId,
    pub(crate) customer: CustomerId,
}

#[actor(restart(max = 100, within = "10s", backoff = "1ms..20ms"))]
impl Orders {
    #[start]
    fn start(shop: Shop) -> Result<Self, StoreError> {
        Ok(Self { reader: shop.database.reader()?, shop })
    }

    /// Places the orders that wait, all in one transaction.
    #[handler(batch(len_max = 1024, wait_max = adaptive), invalidates(order))]
    async fn place(&mut self, ctx: &mut Context<Self>, batch: Batch<Place>) -> Result<(), PlaceError> {
        batch.iter().for_each(|_| self.shop.chaos.strike());
        let places: Vec<(OrderId, CustomerId)> =
            batch.iter().map(|place| (place.id.clone(), place.customer)).collect();
        let database = self.shop.database.clone();
        let placed = ctx.blocking(move || database.place(places)).await?;
        for (place, outcome) in batch.into_iter().zip(placed) {
            place.send(outcome.map_err(PlaceError::Refused));
        }
        Ok(())
    }

    /// An order, or none of that name. Orders do not change, so this is read once.
    #[cached(ttl = "60s")]
    fn order(&self, #[key] id: OrderId) -> Option<Arc<model::Order>> {
        self.shop.chaos.strike();
        let found = self.reader.order(&id);
        // Not a refusal: without its database the actor has failed, and a new start opens it again.
        found.unwrap_or_else(|error| panic!("order {id}: {error}")).map(Arc::new)
    }
}

/// Why there is no order.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error(transparent)]
    Refused(NotPlaced),
    #[error(transparent)]
    Store(#[from] StoreError),
}
