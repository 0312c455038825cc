//! Overload: what is not taken, so that what is taken is answered in time. Usable alone.
//!
//! ```text
//!   arrives ──> limit: is there room for one of this priority? ──> waits ──> shed: has it waited too long?
//!                  │ no                                                         │ yes
//!                  └──> refused at once <── breaker: does its kind fail now? <──┘          ──> runs
//! ```
//!
//! | what | as an attribute | alone | over HTTP |
//! |---|---|---|---|
//! | how many at once, learned | `#[actor(limit)]` | [`Limit`] | [`http::Overload`](crate::http::Overload) |
//! | how long they may wait | `#[actor(shed)]` | [`Shedder`] | |
//! | who goes first | `#[handler(priority = high)]` | [`Priority`] | likewise |
//! | what fails anyway | `#[handler(breaker(..))]` | [`Breaker`] | |
//!
//! **What it is.** Beyond its capacity a service that takes everything answers nothing in time: the queue grows until
//! each answer comes after its asker has gone. These parts refuse early instead. What they refuse has not run, and is
//! told so: [`AskError::Shed`](crate::AskError::Shed), `TellError::Shed` with the message, 503 with `Retry-After`.
//!
//! **Guarantees.** A permit that is dropped gives itself back, whatever became of its call: nothing is stuck because a
//! call never ended. No state lasts longer than its cap: see each type. An actor without these attributes pays
//! nothing: what checks them is compiled out.
//!
//! **Deadlines** are the other half: an ask has one by [`within`](crate::Request::within) or a client's header
//! ([`http::Deadline`](crate::http::Deadline)), and the asks that its handler makes inherit it. An actor with `shed`
//! leaves out what nobody waits for any more.
//!
//! **Cost.** A permit: a few atomic operations, a clock reading at both ends, and a lock over some additions at the end.
//!
//! **Bad at.** Fairness among clients: they are not told apart. Order: a mailbox keeps it, so a high priority is shed
//! last and not served first.

mod breaker;
mod clock;
mod guard;
mod limit;
mod priority;
mod shedder;
mod window;

pub use breaker::{Breaker, BreakerNumbers, BreakerPermit, BreakerState, Open};
pub use guard::{Guard, Guarded, Stamp, pass};
pub use limit::{Limit, LimitNumbers, LimitPermit, LimitSettings};
pub use priority::Priority;
pub use shedder::{Shedder, ShedderNumbers};
