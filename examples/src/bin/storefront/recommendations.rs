//! What else a customer may like: a pool, because any of its actors can answer for any product.
//!
//! A recommendation reads some twenty pages of the catalog, most of them from its cache. It is the first thing that the
//! shop does without when it has too much to do: see [`routes`](crate::routes).

use std::sync::Arc;

use ostraca::prelude::*;

use crate::catalog::Catalog;
use crate::model::{Product, ProductId};

/// One of the pool. It has no state but the way to the catalog.
pub(crate) struct Recommender {
    catalog: Shards<Catalog>,
}

/// How far around a product others are looked at.
const NEIGHBOURS: ProductId = 10;
/// How many are recommended.
const LEN_MAX: usize = 4;

#[actor(restart(max = 100, within = "10s", backoff = "1ms..20ms"))]
impl Recommender {
    #[start]
    fn start(catalog: Shards<Catalog>) -> Self {
        Recommender { catalog }
    }

    /// Of the products around this one those of the nearest price, the nearest first. Its asks of the catalog inherit
    /// the deadline that this one has.
    #[handler]
    async fn like(&mut self, #[key] id: ProductId) -> Result<Vec<Arc<Product>>, LikeError> {
        let liked = self.catalog.product(id).await?.ok_or(LikeError::NoSuchProduct(id))?;
        let mut others = Vec::new();
        for other in id.saturating_sub(NEIGHBOURS)..=id.saturating_add(NEIGHBOURS) {
            if other != id {
                others.extend(self.catalog.product(other).await?);
            }
        }
        others.sort_by_key(|other| (other.cents.abs_diff(liked.cents), other.id));
        others.truncate(LEN_MAX);
        Ok(others)
    }
}

/// Why there is no recommendation.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LikeError {
    #[error("there is no product {0}")]
    NoSuchProduct(ProductId),
    #[error(transparent)]
    Catalog(#[from] AskError),
}
