//! A shop's product pages, carts and orders over HTTP: what a service built on ostraca looks like.
//!
//! ```text
//!              HTTP (routes)              refuses what is too much, recommendations first
//!    |   |           |           |
//!    |  Catalog <-. Carts      Orders      actors: shards by product, shards by customer, and one
//!    |   |        |  | \______^  |         a check-out asks the orders
//!   Recommender --'  |           |         a pool: each asks the catalog
//!   pages|           |           |         pages on disk, between the catalog's memory and the store
//!        +-----------+-----+-----+        /downloads: files, through a lane with a port of its own
//!                        store             one SQLite file, or PostgreSQL
//! ```
//!
//! Start reading at [`run`] and [`open_shop`]; then the actors: [`catalog`], [`carts`], [`orders`]. `--trace` lets
//! [`replay`] load the service and check every answer, `--chaos` lets handlers panic.

mod carts;
mod catalog;
mod chaos;
mod config;
mod downloads;
mod failure;
mod model;
mod orders;
mod pages;
mod prepare;
mod recommendations;
mod replay;
mod routes;
mod shop;
mod store;
mod trace;

use std::error::Error;
use std::future::pending;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;

use ostraca::overload::{Limit, LimitSettings};
use ostraca::pool::Balance;
use ostraca::{System, http};

use crate::carts::Carts;
use crate::catalog::Catalog;
use crate::chaos::Chaos;
use crate::config::{BAD_SETTING, Config};
use crate::downloads::Downloads;
use crate::orders::Orders;
use crate::prepare::Prepared;
use crate::recommendations::Recommender;
use crate::replay::Replay;
use crate::routes::Doors;
use crate::shop::Shop;
use crate::store::Database;

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os()) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let fail = |code: u8, error: Box<dyn Error>| {
        eprintln!("storefront: {error}");
        ExitCode::from(code)
    };
    match Prepared::new(&config) {
        Ok(prepared) => run(config, prepared).unwrap_or_else(|error| fail(1, error)),
        Err(error) => fail(BAD_SETTING, error),
    }
}

/// Opens the shop, serves until a signal, or until the replay is over if that is all that is wanted.
#[tokio::main]
async fn run(config: Config, prepared: Prepared) -> Result<ExitCode, Box<dyn Error>> {
    log();
    let Prepared { trace, database, pages, downloads, listener, dashboard, _folder } = prepared;
    let chaos = Chaos::new(config.chaos, config.seed);
    let shop = Shop { database: database.clone(), chaos: chaos.clone() };

    let builder = System::builder().name("storefront").stop_deadline(config.stop_deadline);
    let system = pages.behind(builder).start()?;
    let doors = open_shop(&system, shop, &downloads, config.shards.get()).await?;
    // Made once: all of the server's threads share it.
    let limit = Limit::new(LimitSettings::default().bounds(limit_min(&config), LIMIT_MAX));
    let address = http::serve(&system, listener, move |app| {
        app.app_data(dashboard.clone());
        routes::configure(app, doors.clone(), limit.clone());
    })?;

    let mut stopped = pin!(system.run_until_signal());
    let replayed = async {
        announce(address, &database, config.json);
        match trace {
            Some(trace) => Replay::new(&config, trace, database, chaos).run(&system, address).await,
            None => pending().await,
        }
    };
    let report = tokio::select! {
        // In this order, so that signals are listened for before anybody is told where the service is.
        biased;
        // A replay that was cut short has shown nothing.
        stopped = &mut stopped => return Ok(exit_code(stopped?.is_clean() && !config.exit)),
        report = replayed => report?,
    };
    report.print(config.json)?;
    let is_good = report.is_good(config.chaos.is_some()) || !config.exit;
    let stopped = if config.exit { system.stop().await } else { stopped.await? };
    Ok(exit_code(stopped.is_clean() && is_good))
}

/// Starts the actors. They stop in the opposite order: a cart can check out until it has stopped itself.
async fn open_shop(
    system: &System,
    shop: Shop,
    downloads: &Downloads,
    shards: usize,
) -> Result<Doors, Box<dyn Error>> {
    let orders = system.spawn_named::<Orders>("orders", shop.clone()).await?;
    let carts = system.shards::<Carts>(shards, (shop.clone(), orders.clone(), shards)).await?;
    let catalog = system.shards::<Catalog>(shards, shop).await?;
    let recommenders = system
        .pool::<Recommender>(catalog.clone())
        .named("recommenders")
        .concurrency(RECOMMENDERS)
        .balance(Balance::Adaptive)
        .start()
        .await?;
    system.serve_files(downloads.lane.clone()).await?;
    let downloads_port = downloads.lane.address().port();
    Ok(Doors { catalog, carts, orders, recommenders, downloads_port })
}

/// To a replay a refused request is a failed one: all of its connections find room.
fn limit_min(config: &Config) -> u32 {
    let replayed = if config.trace.is_some() { 2 * u32::from(config.connections.get()) } else { 0 };
    config.limit_min.get().max(replayed)
}

/// Requests under way at most, whatever the limit has learned.
const LIMIT_MAX: u32 = 1_000;
/// How many recommend, by load.
const RECOMMENDERS: std::ops::RangeInclusive<usize> = 2..=8;

fn exit_code(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says where the service is and what there is to look at; on stderr if stdout is for the report.
fn announce(address: SocketAddr, database: &Database, on_stderr: bool) {
    let text = format!(
        r#"storefront listens on http://{address}

  open   http://{address}/products/107
         http://{address}/products/107/recommendations
         http://{address}/carts/1
         http://{address}/downloads/catalog.csv
         http://{address}/_ostraca   what it does, live
         http://{address}/metrics
  buy    curl http://{address}/carts/1/items --json '{{"id": "a", "product": 107, "quantity": 1}}'
         curl http://{address}/carts/1/checkout --json '{{"id": "my-order"}}'
  data   {}
  stop   Ctrl-C
"#,
        database,
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
