//! What a set of pooled buffers has done.

use std::sync::Arc;

/// What one set of pooled buffers holds and has done since its start. What a set does not count is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferNumbers {
    /// Its name, in metrics and on the page.
    pub name: Arc<str>,
    /// Buffers that somebody has.
    pub in_use: u64,
    /// Buffers that wait to be used again.
    pub free: u64,
    /// Bytes of both together.
    pub bytes: u64,
    /// The most bytes it may hold.
    pub bytes_max: Option<u64>,
    /// Buffers handed out.
    pub taken: u64,
    /// Those of them that had to be allocated.
    pub allocated: u64,
    /// Requests that were refused because it was at its limit.
    pub refused: Option<u64>,
}

impl BufferNumbers {
    /// The numbers of a set of this name that has done nothing.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        BufferNumbers { name: name.into(), ..BufferNumbers::default() }
    }
}

/// A set of pooled buffers, as the monitor knows it. Asked at every pull: it only reads counters.
pub trait BufferSource: Send + Sync + 'static {
    /// What it holds and has done up to now.
    fn numbers(&self) -> BufferNumbers;
}
