//! Counters over HTTP: `cargo run -- ADDRESS JOURNAL`.

mod counters;
mod journal;
mod routes;
#[cfg(test)]
mod tests;

use std::net::TcpListener;
use std::path::PathBuf;

use ostraca::prelude::*;
use ostraca::{StopReport, http};
use tracing_subscriber::EnvFilter;

use crate::counters::Counters;
use crate::journal::Journal;

/// More than there are processors: the number is fixed, and an idle shard costs next to nothing.
const SHARDS: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    log();
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let path = PathBuf::from(args.next().unwrap_or_else(|| "counters.log".to_owned()));
    let listener = TcpListener::bind(&address).map_err(|error| format!("{address}: {error}"))?;

    let report = run(listener, path).await?;
    if report.is_clean() { Ok(()) } else { Err("not everything ended in time: see the log".into()) }
}

/// Serves until SIGTERM or Ctrl-C, then stops in order: HTTP first, the journal last.
async fn run(listener: TcpListener, path: PathBuf) -> Result<StopReport, Box<dyn std::error::Error>> {
    let system = System::builder().name("counters").config_env().configures::<Counters>().start()?;
    let counters = open(&system, path, SHARDS).await?;
    let address = http::serve(&system, listener, move |app| routes::configure(app, counters.clone()))?;
    println!("listening on http://{address}");
    Ok(system.run_until_signal().await?)
}

/// Starts the actors. They stop in the opposite order, so what the others need is started first.
async fn open(
    system: &System,
    path: PathBuf,
    shards: usize,
) -> Result<Shards<Counters>, Box<dyn std::error::Error>> {
    let journal = system.spawn_named::<Journal>("journal", path.clone()).await?;
    Ok(system.shards::<Counters>(shards, (path, journal, shards)).await?)
}

/// To stderr, as `RUST_LOG` says; by default what the system says, and warnings of everybody.
fn log() {
    ostraca::log_panics();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,ostraca::system=info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
