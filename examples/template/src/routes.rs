//! The counters over HTTP. `/health`, `/ready`, `/metrics` and, for this machine, `/_ostraca` are there already.

use actix_web::web::{self, Path, ServiceConfig};
use ostraca::Shards;
use ostraca::http::Deadline;

use crate::counters::Counters;

pub fn configure(app: &mut ServiceConfig, counters: Shards<Counters>) {
    app.app_data(counters)
        .route("/counters/{name}", web::get().to(count))
        .route("/counters/{name}", web::post().to(add));
}

async fn count(counters: Shards<Counters>, name: Path<String>, by: Deadline) -> actix_web::Result<String> {
    Ok(counters.count(name.into_inner()).by(by).await?.to_string())
}

async fn add(counters: Shards<Counters>, name: Path<String>, by: Deadline) -> actix_web::Result<String> {
    Ok(counters.add(name.into_inner()).by(by).await?.to_string())
}
