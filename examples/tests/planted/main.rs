//! Three mistakes that every system of actors has had once, planted, and found by the test kit within a thousand seeds.
//!
//! | file | mistake | found by |
//! |---|---|---|
//! | `handlers` | two handlers race: one begins what another ends | the order in which things run |
//! | `update` | an update is lost across an await | the order in which things run |
//! | `supervisor` | children that belong together are restarted alone | a panic |
//!
//! Each test also runs the cure over the same seeds. To see a report: `cargo test -p ostraca-examples --test planted
//! -- --nocapture`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod handlers;
mod supervisor;
mod update;

use ostraca::testkit::Found;

/// What all three have in common: it replays, and less is left of it.
fn check(found: Found, says: &str) -> Found {
    println!("{found}\n");
    assert!(found.tried() <= 1_000 && found.failure().text().contains(says), "{found}");
    assert!(found.is_replayed(), "{found}");
    assert!(found.decisions_left() < found.decisions(), "{found}");
    found
}
