//! The peers: the same three actors in the way of each.

pub mod actix;
pub mod kameo;
pub mod ostraca;
pub mod ractor;
pub mod tokio;

pub use self::actix::Actix;
pub use self::kameo::Kameo;
pub use self::ostraca::{Batched, Ostraca, OstracaUnbounded, system};
pub use self::ractor::Ractor;
pub use self::tokio::{ByHand, ByHandBounded, on_two_workers, two_workers};
