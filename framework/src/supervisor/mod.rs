//! Supervisors: who decides what becomes of an actor that failed.
//!
//! **What it is.** `OneForOne` restarts a failed child alone. Failures are counted in a sliding window
//! ([`Restart`](crate::Restart)): a child that fails more than `max` times `within` is given up, and whoever
//! stands above is told. The wait before a restart doubles with each failure in the window.
//!
//! **Guarantees.** A failure is decided once, on the failing child's own turn. A child given up is told so, its
//! mailbox is closed, and its failure goes up: to the actor that spawned it, which fails in turn, or to the
//! system, which goes on without it and is no longer ready.
//!
//! **Source.** The window and the escalation are those of OTP's supervisor (restart intensity and period).

mod one_for_one;
mod window;

pub(crate) use one_for_one::OneForOne;
