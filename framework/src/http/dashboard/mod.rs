//! The dashboard at `/_ostraca`: one page, live.
//!
//! ```text
//!   GET  /_ostraca            the page          POST: the token, for a cookie
//!   GET  /_ostraca/events     server-sent events: a frame with each pull of the monitor
//!   GET  /_ostraca/snapshot   the same as one JSON object
//!   GET  /_ostraca/history    what was before   ?step=1|10|60 &of=Type.method
//!   GET  /_ostraca/*.js ..    the page's files
//! ```
//!
//! **What it is.** HTML, CSS and JavaScript as they stand in `page/`, in the binary: no build step, no request to another
//! host, no inline script or style. What it shows comes of one [`Snapshot`](crate::monitor::Snapshot) a second.
//!
//! **Who may see it.** This machine alone, unless a [`Dashboard`] says otherwise.
//!
//! **What it tells.** Names of types, methods, actors and pools, numbers, and the texts of panics, which hold what the
//! code that panics has put there. Never a message, an argument or a setting.
//!
//! **Cost.** Nothing while no page is open, in sight and not paused. Else a frame a second, made once for all pages, and
//! sent to each.
//!
//! **Bad at.** Several processes: it shows the one that serves it.

mod access;
mod assets;
mod frame;
mod history;
mod stream;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ContentType, LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::routes::read;
use super::status::failure;
use access::Denied;
use assets::guarded;

pub(super) use stream::Feed;

pub use access::{Dashboard, TokenError};

/// Adds the dashboard to an app.
pub(super) fn configure(app: &mut web::ServiceConfig, feed: &Arc<Feed>) {
    let (events_of, snapshot_of, history_of) = (feed.clone(), feed.clone(), feed.clone());
    app.service(web::resource("/_ostraca").route(read().to(page)).route(web::post().to(enter)))
        .route("/_ostraca/", read().to(without_slash))
        .route("/_ostraca/events", web::get().to(move |request| events(request, events_of.clone())))
        .route("/_ostraca/snapshot", read().to(move |request| snapshot(request, snapshot_of.clone())))
        .route(
            "/_ostraca/history",
            read().to(move |request, query| history(request, query, history_of.clone())),
        )
        .route("/_ostraca/{file}", read().to(file));
}

async fn page(request: HttpRequest) -> HttpResponse {
    match Dashboard::of(&request).check(&request) {
        Ok(()) => assets::page(),
        Err(Denied::Token) => assets::door("This system's dashboard is behind a token."),
        Err(denied) => refuse(denied),
    }
}

/// What the form sends.
#[derive(Deserialize)]
struct Key {
    token: String,
}

async fn enter(request: HttpRequest, key: web::Form<Key>) -> HttpResponse {
    let access = Dashboard::of(&request);
    match access.cookie(&key.token, request.path()) {
        Some(cookie) => guarded(HttpResponse::SeeOther())
            .insert_header((LOCATION, "_ostraca"))
            .insert_header((SET_COOKIE, cookie))
            .finish(),
        None => match access.check(&request) {
            Err(Denied::Off) => refuse(Denied::Off),
            _ => assets::door("That is not the token."),
        },
    }
}

async fn without_slash() -> HttpResponse {
    guarded(HttpResponse::PermanentRedirect()).insert_header((LOCATION, "../_ostraca")).finish()
}

async fn file(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    match Dashboard::of(&request).check(&request) {
        Err(Denied::Off) => refuse(Denied::Off),
        _ => assets::file(&name).unwrap_or_else(|| refuse(Denied::Off)),
    }
}

async fn events(request: HttpRequest, feed: Arc<Feed>) -> HttpResponse {
    if let Err(denied) = Dashboard::of(&request).check(&request) {
        return refuse(denied);
    }
    let Some(events) = feed.events() else {
        return error(StatusCode::SERVICE_UNAVAILABLE, "too many pages of the dashboard are open");
    };
    guarded(HttpResponse::Ok()).insert_header((CONTENT_TYPE, "text/event-stream")).body(events)
}

async fn snapshot(request: HttpRequest, feed: Arc<Feed>) -> HttpResponse {
    match Dashboard::of(&request).check(&request) {
        Ok(()) => json(feed.frame(&feed.system().monitor().snapshot())),
        Err(denied) => refuse(denied),
    }
}

async fn history(request: HttpRequest, query: web::Query<history::Query>, feed: Arc<Feed>) -> HttpResponse {
    if let Err(denied) = Dashboard::of(&request).check(&request) {
        return refuse(denied);
    }
    match history::answer(feed.system().monitor(), &query) {
        Some(answer) => json(answer.into()),
        None => error(StatusCode::BAD_REQUEST, "step is 1, 10 or 60, and of is Type.method"),
    }
}

fn json(body: web::Bytes) -> HttpResponse {
    guarded(HttpResponse::Ok()).content_type(ContentType::json()).body(body)
}

fn refuse(denied: Denied) -> HttpResponse {
    match denied {
        Denied::Off => error(StatusCode::NOT_FOUND, "there is nothing here"),
        Denied::Token => {
            error(StatusCode::UNAUTHORIZED, "the dashboard wants its token: authorization: Bearer ..")
        }
        Denied::NotLocal => error(
            StatusCode::FORBIDDEN,
            "the dashboard is for this machine alone: open it by http://localhost, or let the service give it a token \
             with app_data(Dashboard::with_token(..))",
        ),
    }
}

fn error(status: StatusCode, text: &str) -> HttpResponse {
    failure(status, text.to_owned()).as_response_error().error_response()
}
