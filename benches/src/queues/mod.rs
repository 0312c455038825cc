//! Works of queues alone.

use crate::work::Group;

/// The group `queues`.
pub fn group() -> Group {
    Group { name: "queues", works: Vec::new() }
}
