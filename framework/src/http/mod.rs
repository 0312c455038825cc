//! A service over HTTP, by actix-web (feature `http`).
//!
//! | what | how |
//! |---|---|
//! | actors in handlers | `ActorRef<A>`, `Shards<A>` and `Pool<A>` are extractors: register them by `app_data` |
//! | a deadline of the client's | [`Deadline`]: `ledger.withdraw(id, 500).by(deadline).await?` |
//! | a JSON body whose mistakes name their field | [`Json`] |
//! | requests refused in time | [`Overload`]: 503 with `Retry-After` beyond a learned limit, by priority |
//! | errors | `?` on an ask, a tell or a send gives its status |
//! | `/health`, `/ready`, `/metrics` | [`routes`] |
//! | a folder's files (feature `files`) | `files` |
//! | the dashboard at `/_ostraca` | [`routes`]; who may see it: [`Dashboard`] |
//! | a server that stops with the system | [`serve`] |
//! | a span a request, in its client's trace | `Trace`, with the feature `otel` |
//!
//! **Statuses.** The body of each is `{"error": ".."}`, but a refusal's, which is the user's own.
//!
//! | error | status | the message |
//! |---|---|---|
//! | `Full`, `Stopped`, `Dropped`, `Shed` | 503 with `Retry-After` | did not run: it is safe to try again |
//! | `Deadline` | 504 | may have run |
//! | `Panicked`, `Unanswered` | 500 | may have run |
//! | `WouldDeadlock` | 500 | did not run: a mistake in the service |
//! | `Refused(e)` | what `e`'s `ResponseError` says | ran and was refused |
//!
//! **Cost.** An extractor is a look-up by type and a reference count. `/metrics` is one pull of the
//! [monitor](crate::monitor).
//!
//! **Bad at.** Telling a client that its request is still running: a 504 leaves the handler to its end.
//!
//! ```no_run
//! use std::net::TcpListener;
//!
//! use actix_web::web;
//! use ostraca::http::{self, Deadline};
//! use ostraca::prelude::*;
//! # struct Counter { count: u64 }
//! # #[actor]
//! # impl Counter {
//! #     #[start]
//! #     fn start() -> Self { Counter { count: 0 } }
//! #     #[handler]
//! #     fn add(&mut self, by: u64) -> u64 { self.count += by; self.count }
//! # }
//!
//! async fn add(
//!     counter: ActorRef<Counter>,
//!     by: web::Path<u64>,
//!     deadline: Deadline,
//! ) -> actix_web::Result<String> {
//!     Ok(counter.add(*by).by(deadline).await?.to_string())
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = System::start()?;
//! let counter = system.spawn::<Counter>(()).await?;
//! let address = http::serve(&system, TcpListener::bind("127.0.0.1:8080")?, move |app| {
//!     app.app_data(counter.clone()).route("/add/{by}", web::post().to(add));
//! })?;
//! println!("http://{address}");
//! system.run_until_signal().await?;
//! # Ok(())
//! # }
//! ```

mod dashboard;
mod deadline;
mod extract;
#[cfg(all(feature = "files", target_os = "linux"))]
mod files;
mod json;
mod metrics;
mod overload;
mod routes;
mod serve;
mod status;
#[cfg(feature = "otel")]
mod trace;

pub use dashboard::{Dashboard, TokenError};
pub use deadline::{Deadline, DeadlineMax, TIMEOUT_HEADER};
#[cfg(all(feature = "files", target_os = "linux"))]
pub use files::files;
pub use json::{Json, JsonLenMax};
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use metrics::families;
pub use overload::{Overload, OverloadService};
pub use routes::routes;
pub use serve::serve;
#[cfg(feature = "otel")]
pub use trace::{Trace, TraceService};

#[cfg(test)]
mod tests;
