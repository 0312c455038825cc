//! The time: tokio's, so that a test that pauses it sees one clock and not two.

use std::time::Instant;

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
