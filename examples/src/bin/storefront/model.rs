//! The shop's nouns, as they stand in the database and in JSON. Prices are whole cents.

use serde::{Deserialize, Serialize};

/// The number of a product, and of its page.
pub(crate) type ProductId = u32;

/// The number of a customer.
pub(crate) type CustomerId = u32;

/// The name that a client gave its order; the same name again is the same order.
pub(crate) type OrderId = String;

/// Something for sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: ProductId,
    pub(crate) name: String,
    pub(crate) cents: i64,
}

impl Product {
    /// The product that a new catalog has under this number.
    pub(crate) fn generated(id: ProductId) -> Self {
        const FINISHES: [&str; 5] = ["Red-figure", "Black-figure", "Black-glazed", "White-ground", "Plain"];
        const VESSELS: [&str; 8] =
            ["amphora", "hydria", "krater", "kylix", "lekythos", "oinochoe", "pithos", "skyphos"];
        let mixed = u64::from(id).wrapping_mul(crate::chaos::GOLDEN) >> 32;
        let finish = FINISHES[(mixed % 5) as usize];
        let vessel = VESSELS[(mixed / 5 % 8) as usize];
        Self { id, name: format!("{finish} {vessel} no. {id}"), cents: 199 + (mixed / 40 % 20_000) as i64 }
    }
}

/// One addition to a cart. Its id is the client's: the same id again adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) product: ProductId,
    pub(crate) quantity: u32,
}

/// What a customer has put aside, in the order it was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cart {
    pub(crate) customer: CustomerId,
    pub(crate) lines: Vec<Line>,
}

/// A cart that was checked out, at the prices of that moment. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) customer: CustomerId,
    pub(crate) cents: i64,
    pub(crate) lines: Vec<OrderLine>,
}

/// A cart's line and what one piece of it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderLine {
    pub(crate) id: String,
    pub(crate) product: ProductId,
    pub(crate) quantity: u32,
    pub(crate) cents: i64,
}
