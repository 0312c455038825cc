//! One line a minute while a server is out of reach.
//!
//! Calls fail at once meanwhile and nobody sees an error, so somebody has to say it; and not once a call.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::store::Shared;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const LINE_EVERY: Duration = Duration::from_secs(60);

pub(super) async fn report(shared: Weak<Shared>) {
    let mut last_line: Option<Instant> = None;
    let mut is_told = false;
    loop {
        sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let name = shared.name();
        match shared.outage() {
            None if is_told => {
                is_told = false;
                tracing::info!(target: "ostraca::cache", tier = name, "connected again");
            }
            Some(why) if last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) => {
                (last_line, is_told) = (Some(Instant::now()), true);
                tracing::warn!(target: "ostraca::cache", tier = name, "{why}; caches go on without it");
            }
            _ => {}
        }
    }
}
