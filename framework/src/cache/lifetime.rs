//! How long a copy is served, and how.

use std::time::Duration;

/// How long a tier may serve its copy.
///
/// ```text
///   read from the source      fresh                    + stale                 + on_error
///   |--- served as it is ------|--- served while it is --|--- served if the -----|--- a miss
///                              |    being refreshed      |    source fails       |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    pub(super) fresh: Duration,
    pub(super) stale: Duration,
    pub(super) on_error: Duration,
}

impl Lifetime {
    /// Served for so long, and then not any more.
    pub const fn fresh(fresh: Duration) -> Self {
        Lifetime { fresh, stale: Duration::ZERO, on_error: Duration::ZERO }
    }

    /// And for so long after that, while one reader's refresh is on its way.
    #[must_use]
    pub const fn stale(mut self, stale: Duration) -> Self {
        self.stale = stale;
        self
    }

    /// And for so long after that, if the source fails.
    #[must_use]
    pub const fn on_error(mut self, on_error: Duration) -> Self {
        self.on_error = on_error;
        self
    }

    /// This one, but fresh for at most so long.
    pub(super) fn capped(self, fresh: Duration) -> Self {
        Lifetime { fresh: self.fresh.min(fresh), ..self }
    }
}
