//! What a service says of itself: `/health`, `/ready`, `/metrics`, and the dashboard.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, Route, guard, web};
use serde::Serialize;

use super::dashboard::{self, Feed};
use super::metrics;
use crate::system::{Readiness, System};

/// Adds `/health`, `/ready`, `/metrics` and `/_ostraca` to an app: `App::new().configure(http::routes(&system))`.
/// [`serve`](super::serve) has them already.
///
/// Each takes GET, and HEAD as probes send it:
///
/// - `/health` is 200 while the process answers at all: what restarts a process asks this.
/// - `/ready` is 200 while the system takes work, else 503 with the reasons: what sends requests asks this. It names the
///   tiers of caches that are out of reach, too: the system does without them.
/// - `/metrics` is the monitor's numbers in the Prometheus text format 0.0.4.
/// - `/_ostraca` is the dashboard: the same, live, for people. On this machine alone, unless a
///   [`Dashboard`](super::Dashboard) says otherwise.
///
/// This starts the system's [monitor](crate::monitor).
pub fn routes(system: &System) -> impl FnOnce(&mut web::ServiceConfig) + Clone + Send + use<> {
    let system = system.clone();
    system.monitor();
    let feed = Arc::new(Feed::new(system.clone()));
    move |app| {
        dashboard::configure(app, &feed);
        let (ready, numbers) = (system.clone(), system);
        app.route("/health", read().to(async || HttpResponse::Ok().json(BTreeMap::from([("status", "ok")]))))
            .route("/ready", read().to(move || readiness(ready.readiness())))
            .route("/metrics", read().to(move || metrics::page(numbers.clone())));
    }
}

/// GET, and HEAD, whose answer's body actix-web leaves out.
pub(super) fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The answer of a system that is ready.
#[derive(Serialize)]
struct Ready {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without: Vec<String>,
}

async fn readiness(readiness: Readiness) -> HttpResponse {
    if readiness.is_ready() {
        return HttpResponse::Ok().json(Ready { status: "ready", without: readiness.without });
    }
    let stopping = readiness.is_stopping.then(|| "the system is stopping".to_owned());
    let given_up = readiness.given_up.iter().map(|gone| format!("{}: {}", gone.actor, gone.reason));
    let reasons: Vec<String> = stopping.into_iter().chain(given_up).collect();
    HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE).json(BTreeMap::from([("not_ready", reasons)]))
}
