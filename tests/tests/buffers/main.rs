//! Pooled buffers and objects: what they show, where their memory goes, and that the books are exact.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod books;
mod buffer;
mod objects;
mod soak;

use ostraca::buf::{BufferClassStats, BufferPool};

/// The numbers of the class of this size.
fn class(pool: &BufferPool, bytes: usize) -> BufferClassStats {
    pool.stats().classes.into_iter().find(|class| class.bytes == bytes).unwrap()
}
