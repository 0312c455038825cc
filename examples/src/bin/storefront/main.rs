//! A shop's product pages, carts and orders over HTTP: what a service built on ostraca looks like.
//!
//! ```text
//!              HTTP (routes)
//!        |           |           |
//!     Catalog      Carts      Orders       actors: shards by product, shards by customer, and one
//!        |           | \______^  |         a check-out asks the orders
//!        +-----------+-----+-----+
//!                        store             one SQLite file
//! ```
//!
//! Start reading at [`open_shop`]; then the actors: [`catalog`], [`carts`], [`orders`]. `--trace` lets [`replay`]
//! load the service and check every answer, `--chaos` lets handlers panic.

mod carts;
mod catalog;
mod chaos;
mod config;
mod failure;
mod model;
mod orders;
mod replay;
mod routes;
mod shop;
mod store;
mod trace;

use std::error::Error;
use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use ostraca::{System, http};
use tempfile::TempDir;

use crate::carts::Carts;
use crate::catalog::Catalog;
use crate::chaos::Chaos;
use crate::config::{BAD_SETTING, Config};
use crate::orders::Orders;
use crate::replay::{Replay, Report, Service};
use crate::routes::Doors;
use crate::shop::Shop;
use crate::store::Database;
use crate::trace::{PAGES, Trace};

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os()) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let fail = |code: u8, error: Box<dyn Error>| {
        eprintln!("storefront: {error}");
        ExitCode::from(code)
    };
    match Prepared::new(config) {
        Ok(prepared) => run(prepared).unwrap_or_else(|error| fail(1, error)),
        Err(error) => fail(BAD_SETTING, error),
    }
}

/// Everything that can be wrong with a setting has been tried.
struct Prepared {
    config: Config,
    trace: Option<Trace>,
    database: Database,
    /// The folder of a database that is not to be kept.
    _folder: Option<TempDir>,
    listener: TcpListener,
}

impl Prepared {
    fn new(config: Config) -> Result<Self, Box<dyn Error>> {
        let trace = config.trace.as_deref().map(Trace::open).transpose()?;
        let (path, folder) = match (&config.database, &trace) {
            (Some(path), _) => (path.clone(), None),
            (None, None) => (PathBuf::from("storefront.db"), None),
            (None, Some(_)) => {
                let folder = TempDir::with_prefix("storefront-")?;
                (folder.path().join("storefront.db"), Some(folder))
            }
        };
        let listener = TcpListener::bind(config.listen)
            .map_err(|error| format!("--listen {}: {error}", config.listen))?;
        let more = trace.as_ref().map(Trace::distinct).unwrap_or_default();
        let database = Database::open(&path, (0..PAGES).chain(more))?;
        Ok(Self { config, trace, database, _folder: folder, listener })
    }
}

#[tokio::main]
async fn run(prepared: Prepared) -> Result<ExitCode, Box<dyn Error>> {
    let Prepared { config, trace, database, _folder, listener } = prepared;
    let chaos = Chaos::new(config.chaos, config.seed);
    log();
    let system = System::builder().name("storefront").stop_deadline(config.stop_deadline).start()?;
    let shop = Shop { database: database.clone(), chaos: chaos.clone() };
    let doors = open_shop(&system, shop, config.shards.get()).await?;
    let address = http::serve(&system, listener, move |app| routes::configure(app, doors.clone()))?;
    announce(address, &database, config.json);

    if let Some(trace) = trace {
        let is_good = tokio::select! {
            is_good = replay(trace, &system, chaos, &config, address, database) => is_good?,
            stopped = system.run_until_signal() => {
                stopped?;
                return Err("stopped by a signal before the replay was over".into());
            }
        };
        if config.exit {
            let stopped = system.stop().await;
            return Ok(if is_good && stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    let stopped = system.run_until_signal().await?;
    Ok(if stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the actors. They stop in the opposite order: a cart can check out until it has stopped itself.
async fn open_shop(system: &System, shop: Shop, shards: usize) -> Result<Doors, Box<dyn Error>> {
    let orders = system.spawn_named::<Orders>("orders", shop.clone()).await?;
    let carts = system.shards::<Carts>(shards, (shop.clone(), orders.clone(), shards)).await?;
    let catalog = system.shards::<Catalog>(shards, shop).await?;
    Ok(Doors { catalog, carts, orders })
}

/// Replays the trace against the running service and prints the report. Says whether all was well.
async fn replay(
    trace: Trace,
    system: &System,
    chaos: Chaos,
    config: &Config,
    address: SocketAddr,
    database: Database,
) -> Result<bool, Box<dyn Error>> {
    let replay = Replay { trace, connections: config.connections, seed: config.seed, database };
    let count = Service::count(system.clone(), chaos, config.shards.get());
    let (outcome, service) = replay.run(address, count).await?;
    let report = Report::new(outcome, service, config.connections.get());
    if config.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("\n{report}");
    }
    Ok(report.is_good(config.chaos.is_some()))
}

/// Says where the service is and what there is to look at; on stderr if stdout is for the report.
fn announce(address: SocketAddr, database: &Database, on_stderr: bool) {
    let text = format!(
        r#"storefront listens on http://{address}

  open   http://{address}/products/107
         http://{address}/carts/1
         http://{address}/metrics
  buy    curl http://{address}/carts/1/items --json '{{"id": "a", "product": 107, "quantity": 1}}'
         curl http://{address}/carts/1/checkout --json '{{"id": "my-order"}}'
  data   {}
  stop   Ctrl-C
"#,
        database.path().display(),
    );
    if on_stderr { eprintln!("{text}") } else { println!("{text}") }
}

/// Logs to stderr: by default what the system says, and warnings of everybody.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,ostraca::system=info".into());
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .init();
    Chaos::quieten_hook();
}
