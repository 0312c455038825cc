//! What every actor of the shop is started with.

use crate::chaos::Chaos;
use crate::store::Database;

/// The database, and the panics on purpose.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) chaos: Chaos,
}
