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
//! **Where it pays** (`compare buffers`). From 4 KiB it is no slower than glibc's malloc, and from 16 KiB than mimalloc
//! where the thread that gets a buffer drops it; where buffers cross threads glibc takes several times as long, and
//! mimalloc can be ahead. And wherever a budget or
//! exact counts are wanted.
//!
//! **Where it does not pay.** Buffers of up to some 2 KiB that live and die on one thread: of 64 in use at once, glibc hands
//! one out faster. What is copied in and frozen: `freeze` allocates, and costs then what `Bytes::from(Vec)` does. So the
//! frames of the tiers and JSON bodies, which are small or end up in foreign hands, are plain vectors.
//!
//! **Bad at.** Memory: the classes are powers of two, so up to half of a buffer is not asked for; and each thread keeps
//! up to 64 buffers of each class that it uses, and up to 512 KiB of them (of those above 256 KiB one), until it ends or
//! gives something back after a [`clear`](BufferPool::clear).

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
