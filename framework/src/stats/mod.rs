//! Counters that cost next to nothing to write and are pulled by whoever wants to know. Knows no actor.
//!
//! | type | written by | a write costs |
//! |---|---|---|
//! | [`Counter`] | one thread at a time, its owner | a plain load and store |
//! | [`SharedCounter`] | any thread, now and then | an atomic addition |
//! | [`Histogram`] | one thread at a time, its owner | three of these |
//! | [`TimesCells`] | any thread, now and then | three atomic additions |
//! | [`Striped`] of them | many threads at once, often | an atomic addition on a cache line of few threads |
//!
//! **Guarantees.** Counts are exact when their writers rest. A reader meanwhile sees each count at some moment
//! of the recent past, not all counts at the same moment. Nothing is pushed and no clock is read: [`Rates`]
//! are made of the readings of whoever pulls.

mod buffers;
mod counter;
mod histogram;
mod lane;
mod pool;
mod rate;
mod striped;
mod times;

pub use buffers::{BufferNumbers, BufferSource};
pub(crate) use counter::{Counter, SharedCounter, nanos};
pub(crate) use histogram::Histogram;
pub use histogram::{Distribution, Quantiles};
pub use lane::LaneNumbers;
pub(crate) use lane::LaneSource;
pub use pool::PoolNumbers;
pub(crate) use rate::Rates;
pub(crate) use striped::Striped;
pub(crate) use times::TimesCells;
