//! The catalog: product pages, sharded by product.
//!
//! A page that is in memory costs no message. One that is not is looked for on disk, where all shards keep their pages
//! and the next start of the service finds them; then it is read from the database by the shard that owns it: a point
//! read from SQLite's page cache takes less time than handing it to another thread would.

use std::sync::Arc;

use ostraca::prelude::*;

use crate::model::{self, ProductId};
use crate::shop::Shop;
use crate::store::{Reader, StoreError};

/// One shard of the catalog.
pub(crate) struct Catalog {
    shop: Shop,
    reader: Reader,
}

#[actor(restart(max = 100, within = "10s", backoff = "1ms..20ms"))]
impl Catalog {
    #[start]
    fn start(shop: Shop) -> Result<Self, StoreError> {
        Ok(Self { reader: shop.database.reader()?, shop })
    }

    /// The product of a page, or none if there is no such page.
    #[cached(ttl = "60s", tiers)]
    fn product(&self, #[key] id: ProductId) -> Option<Arc<model::Product>> {
        self.shop.chaos.strike();
        let found = self.reader.product(id);
        // Not a refusal: without its database the shard has failed, and a new start opens it again.
        found.unwrap_or_else(|error| panic!("product {id}: {error}")).map(Arc::new)
    }

    /// Sets a price, in the database first. Whoever has had the answer sees the new price.
    #[handler(invalidates(product))]
    async fn reprice(
        &mut self,
        ctx: &mut Context<Self>,
        #[key] id: ProductId,
        cents: i64,
    ) -> Result<(), RepriceError> {
        self.shop.chaos.strike();
        let database = self.shop.database.clone();
        if ctx.blocking(move || database.reprice(id, cents)).await? {
            Ok(())
        } else {
            Err(RepriceError::NoSuchProduct(id))
        }
    }
}

/// Why a price was not set.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RepriceError {
    #[error("there is no product {0}")]
    NoSuchProduct(ProductId),
    #[error(transparent)]
    Store(#[from] StoreError),
}
