//! Buffers and objects that are used again: [`BufferPool`] and [`ObjectPool`].
//!
//! ```text
//!   get ──> this thread's magazine ──(empty: a half comes)──> the depot ──(empty)──> the allocator, within the budget
//!   drop ─> this thread's magazine ──(full: a half goes)────> the depot ──(not needed for long)──> the allocator
//! ```
//!
//! A buffer comes back to the magazine of the thread that drops it, whichever thread got it: where one thread produces
//! and another consumes, dozens of them return through the depot at once.
//!
//! **Guarantees.** No buffer shows memory that was never written; what others left in it is seen only through
//! [`PooledBuf::fill_with`] and [`bytes::BufMut`], and never with [`BufferPoolSettings::wipes`]. All buffers of the
//! classes together, idle ones too, have no more bytes than the budget. Statistics are exact when nobody works with the
//! pool meanwhile. When the last handle of a pool goes, its idle memory does; buffers in use stay, and are freed by their
//! users.
//!
//! **Cost.** A get and its drop are some plain loads and stores on the thread's own memory; one in dozens takes a lock.
//!
//! **Bad at.** Memory: the classes are powers of two, so up to half of a buffer is not asked for; and each thread keeps
//! up to 128 KiB of each class that it uses (of those above 64 KiB one buffer) until it ends or gives something back.

mod class;
mod depot;
mod local;
mod object;
mod pool;
mod pooled;
mod thread;
#[cfg(all(feature = "files", target_os = "linux"))]
pub mod transfer;

pub use object::{ObjectPool, ObjectPoolSettings, ObjectStats, Pooled, Reset};
pub use pool::{BufferClassStats, BufferPool, BufferPoolSettings, BufferStats, TryGetError};
pub use pooled::PooledBuf;
