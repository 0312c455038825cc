//! The monitor's numbers in the Prometheus text format 0.0.4.
//!
//! ```text
//!   FAMILIES: name, kind, labels, unit, help, and where its samples come from      the one list: `table`
//!        ├──> /metrics, one family after the other; one without samples is left out
//!        └──> book/src/metrics.md, which a test holds against it
//! ```
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>; names and units by
//! <https://prometheus.io/docs/practices/naming/>, checked by promtool in a test. Numbers are by type of actor, not by
//! actor: a service has thousands of those. Shards are few and have a place each. What could not be measured is left out.

mod actors;
mod lanes;
mod page;
mod process;
mod service;
#[cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unreachable_pub, reason = "what only this workspace's tests read has no reader then")
)]
mod table;

use actix_web::HttpResponse;

use crate::monitor::Snapshot;
use crate::system::{Readiness, System};
use page::Page;
#[cfg_attr(
    not(feature = "internals"),
    allow(unreachable_pub, reason = "public for this workspace's tests")
)]
pub use table::families;

/// Answers with a new pull.
pub(super) async fn page(system: System) -> HttpResponse {
    let snapshot = system.monitor().latest().await;
    let text = text(system.name(), &system.readiness(), &snapshot);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

/// What the page is made of.
struct Source<'a> {
    system: &'a str,
    readiness: &'a Readiness,
    snapshot: &'a Snapshot,
}

fn text(system: &str, readiness: &Readiness, snapshot: &Snapshot) -> String {
    let source = Source { system, readiness, snapshot };
    let mut page = Page::default();
    families().for_each(|family| page.write(family, &source));
    page.finish()
}

#[cfg(test)]
mod tests;
