//! What a service says of itself: `/health`, `/ready`, `/metrics`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::metrics;
use crate::system::{Readiness, System};

/// Adds `/health`, `/ready` and `/metrics` to an app: `App::new().configure(http::routes(&system))`.
/// [`serve`](super::serve) has them already.
///
/// - `GET /health` is 200 while the process answers at all: what restarts a process asks this.
/// - `GET /ready` is 200 while the system takes work, else 503 with the reasons: what sends requests asks this.
/// - `GET /metrics` is the monitor's numbers in the Prometheus text format 0.0.4.
///
/// This starts the system's [monitor](crate::monitor).
pub fn routes(system: &System) -> impl FnOnce(&mut web::ServiceConfig) + Clone + Send + use<> {
    let system = system.clone();
    system.monitor();
    move |app| {
        let (ready, numbers) = (system.clone(), system);
        app.route(
            "/health",
            web::get().to(async || HttpResponse::Ok().json(BTreeMap::from([("status", "ok")]))),
        )
        .route("/ready", web::get().to(move || readiness(ready.readiness())))
        .route("/metrics", web::get().to(move || metrics::page(numbers.clone())));
    }
}

async fn readiness(readiness: Readiness) -> HttpResponse {
    if readiness.is_ready() {
        return HttpResponse::Ok().json(BTreeMap::from([("status", "ready")]));
    }
    let stopping = readiness.is_stopping.then(|| "the system is stopping".to_owned());
    let given_up = readiness.given_up.iter().map(|gone| format!("{}: {}", gone.actor, gone.reason));
    let reasons: Vec<String> = stopping.into_iter().chain(given_up).collect();
    HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE).json(BTreeMap::from([("not_ready", reasons)]))
}
