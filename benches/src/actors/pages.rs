//! A JSON page over HTTP: read by an ask, from a `DashMap`, and from a task by hand; loaded by `wrk`.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;

use actix_web::web::{self, Data, Path};
use actix_web::{App, HttpResponse, HttpServer};
use dashmap::DashMap;
use ostraca::prelude::*;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::host::WORKERS;
use super::peers::ostraca::system;
use super::peers::tokio::on_two_workers;
use crate::work::Figures;

const CONNECTIONS: &str = "64";
const SECONDS: &str = "2";
/// How many pages there are; `wrk` reads one of them.
const PAGES: u64 = 1000;

#[derive(Clone, Serialize)]
pub struct Page {
    id: u64,
    name: String,
    text: String,
    cents: u64,
    stock: u64,
}

fn pages() -> impl Iterator<Item = (u64, Arc<Page>)> {
    let page = |id| Page {
        id,
        name: format!("Potsherd {id}"),
        text: "Fired clay with room for one name, as used in the agora. Sold by the piece.".to_owned(),
        cents: 1250 + id,
        stock: id % 17,
    };
    (0..PAGES).map(move |id| (id, Arc::new(page(id))))
}

pub struct Catalog {
    pages: std::collections::HashMap<u64, Arc<Page>>,
}

#[actor]
impl Catalog {
    #[start]
    fn start() -> Self {
        Catalog { pages: pages().collect() }
    }

    #[handler(message = FindPage)]
    fn page(&self, id: u64) -> Option<Arc<Page>> {
        self.pages.get(&id).cloned()
    }
}

async fn by_ask(catalog: ActorRef<Catalog>, id: Path<u64>) -> actix_web::Result<HttpResponse> {
    Ok(respond(catalog.page(*id).await?))
}

/// By an ask through the extractor, served by `ostraca::http::serve`.
pub fn ostraca(_ops: u64) -> Figures {
    on_two_workers(|| async {
        let system = system();
        let catalog = system.spawn::<Catalog>(()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let configure = move |app: &mut web::ServiceConfig| {
            app.app_data(catalog.clone()).route("/pages/{id}", web::get().to(by_ask));
        };
        let address = ostraca::http::serve(&system, listener, configure).unwrap();
        load(address).await
    })
}

async fn from_map(pages: Data<DashMap<u64, Arc<Page>>>, id: Path<u64>) -> HttpResponse {
    respond(pages.get(&id).map(|page| page.clone()))
}

/// From a map that all handlers share.
pub fn dashmap(_ops: u64) -> Figures {
    let all = Data::new(pages().collect::<DashMap<_, _>>());
    serve(move |app| {
        app.app_data(all.clone()).route("/pages/{id}", web::get().to(from_map));
    })
}

type Wanted = (u64, oneshot::Sender<Option<Arc<Page>>>);

async fn from_task(task: Data<mpsc::UnboundedSender<Wanted>>, id: Path<u64>) -> HttpResponse {
    let (reply, answer) = oneshot::channel();
    assert!(task.send((*id, reply)).is_ok());
    respond(answer.await.unwrap())
}

/// From a task that owns the pages, on two workers beside the server's threads.
pub fn by_hand(_ops: u64) -> Figures {
    let (tx, mut rx) = mpsc::unbounded_channel::<Wanted>();
    let tx = Data::new(tx);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).build().unwrap();
    runtime.spawn(async move {
        let pages: std::collections::HashMap<_, _> = pages().collect();
        while let Some((id, reply)) = rx.recv().await {
            // A request that was cut off wants no answer.
            let _ = reply.send(pages.get(&id).cloned());
        }
    });
    serve(move |app| {
        app.app_data(tx.clone()).route("/pages/{id}", web::get().to(from_task));
    })
}

fn respond(page: Option<Arc<Page>>) -> HttpResponse {
    page.map_or_else(|| HttpResponse::NotFound().finish(), |page| HttpResponse::Ok().json(&*page))
}

/// A bare server of as many threads as Ostraca's.
fn serve(configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> Figures {
    on_two_workers(move || async move {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = HttpServer::new(move || App::new().configure(&configure))
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        tokio::spawn(server);
        load(address).await
    })
}

/// Loads the page, once to warm up: the time a page (all connections together), and the median latency.
async fn load(address: SocketAddr) -> Figures {
    let url = format!("http://{address}/pages/107");
    tokio::task::spawn_blocking(move || {
        wrk(&url, "1");
        let (each_ns, median_ns) = wrk(&url, SECONDS);
        Figures(vec![each_ns, median_ns])
    })
    .await
    .unwrap()
}

fn wrk(url: &str, seconds: &str) -> (f64, f64) {
    let args = ["-t1", "-c", CONNECTIONS, "-d", seconds, "--latency", url];
    let output = match Command::new("wrk").args(args).output() {
        Ok(output) => output,
        Err(error) => panic!("not run: wrk does not start ({error}); apt-get install wrk"),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_clean = !text.contains("Non-2xx") && !text.contains("Socket errors");
    assert!(output.status.success() && is_clean, "wrk says: {text}");
    let after = |name: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or_else(|| panic!("wrk says: {text}"))
    };
    (1e9 / after("Requests/sec:").parse::<f64>().unwrap(), nanoseconds(after("50%")))
}

/// `245.00us`, as wrk writes it.
fn nanoseconds(text: &str) -> f64 {
    let units = [("us", 1e3), ("ms", 1e6), ("s", 1e9)];
    let (number, unit) =
        units.iter().find_map(|(unit, ns)| Some((text.strip_suffix(unit)?, ns))).expect("wrk names its unit");
    number.parse::<f64>().unwrap() * unit
}
