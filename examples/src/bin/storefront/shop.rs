//! What every actor of the shop is started with.
//!
//! Their restart limits are alike and wide: a start reads some rows and takes a millisecond, and a panic on one
//! message says little about the next. Whoever fails ten times a second for ten seconds has something that a start
//! does not mend, and is given up.

use crate::chaos::Chaos;
use crate::store::Database;

/// The database, and the panics on purpose.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) chaos: Chaos,
}
