//! What OpenTelemetry's exporter gets: one trace from an HTTP request through the asks that it makes.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::web;
use opentelemetry::trace::{SpanId, SpanKind, TracerProvider as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use ostraca::http;
use ostraca::prelude::*;
use ostraca_tests::http::get;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How long the stock takes for one thing, and so long the next in its mailbox waits.
const TAKES: Duration = Duration::from_millis(40);

struct Stock;

/// One thing, taken in batches.
#[derive(Message)]
#[message(reply = u32)]
struct Pack(u32);

#[actor]
impl Stock {
    #[start]
    fn start() -> Self {
        Stock
    }

    #[handler]
    async fn take(&mut self, what: u32) -> u32 {
        tokio::time::sleep(TAKES).await;
        what
    }

    #[handler(batch(len_max = 4))]
    fn pack(&mut self, batch: Batch<Pack>) {
        for item in batch {
            let Pack(number) = *item;
            item.reply(number);
        }
    }

    #[handler]
    fn note(&mut self, _what: u32) {}
}

struct Shop {
    stock: ActorRef<Stock>,
}

#[actor]
impl Shop {
    #[start]
    fn start(stock: ActorRef<Stock>) -> Self {
        Shop { stock }
    }

    #[handler]
    async fn buy(&mut self, what: u32) -> u32 {
        let first = self.stock.take(what).tell();
        first.unwrap();
        let taken = self.stock.take(what).await.unwrap();
        self.stock.note(what).tell().unwrap();
        self.stock.pack(Pack(taken)).await.unwrap()
    }
}

async fn buy(shop: ActorRef<Shop>, what: web::Path<u32>) -> actix_web::Result<String> {
    Ok(shop.buy(*what).await?.to_string())
}

/// The exporter, behind the layers of a service: global, as actix-web's threads are not the test's.
fn exporter() -> (InMemorySpanExporter, SdkTracerProvider) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let filter = tracing_subscriber::EnvFilter::new("ostraca::http=info,ostraca::message=debug");
    tracing_subscriber::registry().with(filter).with(layer).init();
    (exporter, provider)
}

fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|pair| pair.key.as_str() == key);
    found.unwrap_or_else(|| panic!("no {key}: {span:#?}")).value.to_string()
}

fn took(span: &SpanData) -> Duration {
    span.end_time.duration_since(span.start_time).unwrap()
}

/// The spans of one trace, by what they are: `GET /buy/{what}`, `Shop#2.buy`, `waiting Shop#2.buy`.
fn named(spans: Vec<SpanData>) -> HashMap<String, SpanData> {
    let name = |span: &SpanData| match &*span.name {
        "message" => format!("{}.{}", attribute(span, "actor"), attribute(span, "handler")),
        "waiting" => format!("waiting {}", attribute(span, "message")),
        other => other.to_owned(),
    };
    spans.into_iter().map(|span| (name(&span), span)).collect()
}

#[test]
fn a_request_and_its_nested_asks_are_one_trace_with_their_waiting() {
    let (exporter, provider) = exporter();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (system, address) = runtime.block_on(async {
        let system = System::start().unwrap();
        let stock = system.spawn::<Stock>(()).await.unwrap();
        let shop = system.spawn::<Shop>(stock).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = http::serve(&system, listener, move |app| {
            app.app_data(shop.clone()).route("/buy/{what}", web::get().to(buy));
        });
        (system, address.unwrap())
    });
    let host = ("host", "localhost");
    let sent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(get(address, "/buy/7", &[host, sent]).status, 200);
    assert_eq!(get(address, "/health", &[host]).status, 200);
    assert!(runtime.block_on(system.stop()).is_clean());
    provider.force_flush().unwrap();

    let all = exporter.get_finished_spans().unwrap();
    let trace = all.iter().find(|span| span.span_kind == SpanKind::Server).unwrap().span_context.trace_id();
    assert_eq!(trace.to_string(), "0af7651916cd43dd8448eb211c80319c", "the client's");
    let (inside, outside): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|span| span.span_context.trace_id() == trace);
    let spans = named(inside);
    let id =
        |name: &str| spans.get(name).unwrap_or_else(|| panic!("{:#?}", spans.keys())).span_context.span_id();

    let request = &spans["GET /buy/{what}"];
    assert_eq!(request.parent_span_id, SpanId::from_hex("b7ad6b7169203331").unwrap());
    assert_eq!(attribute(request, "http.response.status_code"), "200");
    assert_eq!(attribute(request, "http.route"), "/buy/{what}");
    assert_eq!(attribute(request, "url.path"), "/buy/7");
    let parents = [
        ("Shop#2.buy", "GET /buy/{what}"),
        ("waiting Shop#2.buy", "GET /buy/{what}"),
        ("Stock#1.take", "Shop#2.buy"),
        ("waiting Stock#1.take", "Shop#2.buy"),
        ("Stock#1.pack", "Shop#2.buy"),
        ("waiting Stock#1.pack", "Shop#2.buy"),
        // A tell waits in its sender's trace; what it does is its own.
        ("waiting Stock#1.note", "Shop#2.buy"),
    ];
    for (child, parent) in parents {
        assert_eq!(spans[child].parent_span_id, id(parent), "{child} is below {parent}");
    }
    assert!(!spans.contains_key("Stock#1.note"), "a tell's span follows");
    let told =
        outside.iter().find(|span| span.attributes.iter().any(|pair| pair.value.as_str() == "note")).unwrap();
    assert_eq!(told.links.iter().next().unwrap().span_context.span_id(), id("Shop#2.buy"));

    let waited = took(&spans["waiting Stock#1.take"]);
    println!("waiting in the mailbox: {waited:?}, handling: {:?}", took(&spans["Stock#1.take"]));
    assert!(waited >= TAKES / 2 && waited < TAKES * 50, "behind the first: {waited:?}");
    assert!(took(&spans["Stock#1.take"]) >= TAKES / 2);
    assert!(outside.iter().all(|span| span.name != "GET /health"), "the service's own pages have none");
}
