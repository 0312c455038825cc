//! The whole way: from a request through an actor to the response.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, ResponseError, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::*;
use crate::actor::{
    Actor, ActorRef, Context, Envelope, Handled, HandlerInfo, Message, NoMethods, Route, Settings,
    StartError, Turn, takes_only,
};
use crate::shard::{Keyed, Shards};
use crate::system::System;

struct Counter(u64);

enum Order {
    Add(u64),
    Refuse,
    Panic,
    Block,
}

#[derive(Debug, thiserror::Error)]
#[error("it is enough")]
struct Enough;

impl ResponseError for Enough {
    fn status_code(&self) -> StatusCode {
        StatusCode::CONFLICT
    }
}

impl Message for Order {
    type Reply = u64;
    type Refusal = Enough;
}

impl Keyed for Order {
    type Key = u64;

    fn key(&self) -> &u64 {
        match self {
            Order::Add(by) => by,
            Order::Refuse | Order::Panic | Order::Block => &0,
        }
    }
}

takes_only!(Order, Counter);

impl Actor for Counter {
    type Args = ();
    type Message = Envelope<Order>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] =
        &[HandlerInfo::sync("order"), HandlerInfo::asynchronous("block")];

    fn settings() -> Settings {
        Settings::default().mailbox_len_max(1).restart_max(1).backoff(Duration::ZERO, Duration::ZERO)
    }

    fn handler_of(message: &Envelope<Order>) -> usize {
        usize::from(matches!(message.message(), Order::Block))
    }

    async fn start(_ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
        Ok(Counter(0))
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<Order>,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (order, reply) = message.open();
        match order {
            Order::Add(by) => {
                self.0 += by;
                reply.reply(self.0);
            }
            Order::Refuse => reply.refuse(Enough),
            Order::Panic => panic!("as ordered"),
            Order::Block => {
                return turn.run(async move {
                    pending::<()>().await;
                    drop(reply);
                });
            }
        }
        turn.done()
    }
}

fn order(name: &str) -> Order {
    match name {
        "refuse" => Order::Refuse,
        "panic" => Order::Panic,
        "block" => Order::Block,
        by => Order::Add(by.parse().unwrap()),
    }
}

async fn ask(
    counter: ActorRef<Counter>,
    name: web::Path<String>,
    deadline: Deadline,
) -> actix_web::Result<String> {
    Ok(ActorRef::request(&counter, order(&name)).by(deadline).await?.to_string())
}

async fn tell(counter: ActorRef<Counter>, name: web::Path<String>) -> actix_web::Result<&'static str> {
    ActorRef::request(&counter, order(&name)).tell()?;
    Ok("told")
}

async fn ask_shard(counters: Shards<Counter>, name: web::Path<String>) -> actix_web::Result<String> {
    Ok(Shards::request(&counters, order(&name)).await?.to_string())
}

fn configure(app: &mut web::ServiceConfig) {
    app.route("/ask/{name}", web::get().to(ask))
        .route("/tell/{name}", web::get().to(tell))
        .route("/shards/{name}", web::get().to(ask_shard));
}

/// Status and body of one request after the other.
async fn answers(system: &System, counter: &ActorRef<Counter>, paths: &[&str]) -> Vec<(u16, String)> {
    let app = App::new().app_data(counter.clone()).configure(configure).configure(routes(system));
    let app = init_service(app).await;
    let mut answers = Vec::new();
    for path in paths {
        let request = TestRequest::get().uri(path).insert_header((TIMEOUT_HEADER, "20")).to_request();
        let response = call_service(&app, request).await;
        let status = response.status().as_u16();
        answers.push((status, String::from_utf8(read_body(response).await.to_vec()).unwrap()));
    }
    answers
}

async fn counter() -> (System, ActorRef<Counter>) {
    let system = System::start().unwrap();
    let counter = system.spawn::<Counter>(()).await.unwrap();
    (system, counter)
}

fn statuses(answers: &[(u16, String)]) -> Vec<u16> {
    answers.iter().map(|(status, _)| *status).collect()
}

#[tokio::test(start_paused = true)]
async fn an_actor_is_asked_and_its_refusals_and_panics_have_their_statuses() {
    let (system, counter) = counter().await;
    let answers =
        answers(&system, &counter, &["/ask/2", "/ask/3", "/ask/refuse", "/ask/panic", "/ask/1"]).await;
    assert_eq!(statuses(&answers), [200, 200, 409, 500, 200]);
    assert_eq!((answers[1].1.as_str(), answers[2].1.as_str()), ("5", "it is enough"));
    assert!(answers[3].1.starts_with(r#"{"error":"the handler panicked"#), "{}", answers[3].1);
    assert_eq!(answers[4].1, "1", "it started again");
}

#[tokio::test(start_paused = true)]
async fn a_missed_deadline_is_504_and_a_full_mailbox_503() {
    let (system, counter) = counter().await;
    let answers = answers(&system, &counter, &["/ask/block", "/tell/1", "/tell/1", "/ask/1"]).await;
    assert_eq!(statuses(&answers), [504, 200, 503, 503], "blocked, queued, full, full until the deadline");
    assert!(answers[2].1.starts_with(r#"{"error":"the mailbox is full"#), "{}", answers[2].1);
}

#[tokio::test(start_paused = true)]
async fn shards_are_asked_by_key() {
    let system = System::start().unwrap();
    let shards = system.shards::<Counter>(4, ()).await.unwrap();
    let app = init_service(App::new().app_data(shards.clone()).configure(configure)).await;
    for sum in [7, 14] {
        let response = call_service(&app, TestRequest::get().uri("/shards/7").to_request()).await;
        assert_eq!(read_body(response).await, sum.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_registered_is_500_and_says_what_to_write() {
    let (system, counter) = counter().await;
    let answers = answers(&system, &counter, &["/shards/1"]).await;
    assert_eq!(answers[0].0, 500);
    assert!(answers[0].1.contains("Shards<ostraca::http::tests::Counter>"), "{}", answers[0].1);
    assert!(answers[0].1.contains(".app_data(..)"), "{}", answers[0].1);
}

#[tokio::test(start_paused = true)]
async fn a_running_system_is_healthy_and_ready_and_counts() {
    let (system, counter) = counter().await;
    let answers = answers(&system, &counter, &["/ask/1", "/ask/2", "/health", "/ready", "/metrics"]).await;
    assert_eq!(statuses(&answers), [200; 5]);
    assert_eq!(answers[2].1, r#"{"status":"ok"}"#);
    assert_eq!(answers[3].1, r#"{"status":"ready"}"#);
    let metrics = &answers[4].1;
    assert!(metrics.contains("\nostraca_messages_handled_total{actor=\"Counter\"} 2\n"), "{metrics}");
    assert!(metrics.contains("\nostraca_ready 1\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_system_with_an_actor_given_up_is_healthy_and_not_ready() {
    let (system, counter) = counter().await;
    let paths = ["/ask/panic", "/ask/panic", "/ask/1", "/health", "/ready", "/metrics"];
    let answers = answers(&system, &counter, &paths).await;
    assert_eq!(statuses(&answers), [500, 500, 503, 200, 503, 200]);
    assert!(answers[4].1.starts_with(r#"{"not_ready":["Counter#1: given up"#), "{}", answers[4].1);
    assert!(answers[5].1.contains("\nostraca_actors_given_up 1\n"), "{}", answers[5].1);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_system_is_not_ready_and_says_why() {
    let (system, counter) = counter().await;
    system.stop().await;
    let answers = answers(&system, &counter, &["/ask/1", "/ready"]).await;
    assert_eq!(statuses(&answers), [503, 503]);
    assert_eq!(answers[1].1, r#"{"not_ready":["the system is stopping"]}"#);
}

/// Where a request waits until the test lets it go on.
#[derive(Default)]
struct Gate {
    entered: Notify,
    opened: Notify,
}

async fn slow(counter: ActorRef<Counter>, gate: web::Data<Gate>) -> actix_web::Result<String> {
    gate.entered.notify_one();
    gate.opened.notified().await;
    Ok(ActorRef::request(&counter, Order::Add(1)).await?.to_string())
}

async fn send(connection: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
}

/// Reads up to the end of a body without length: the response's last bytes.
async fn receive(connection: &mut TcpStream, last: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(last) {
        let mut buffer = [0; 1024];
        let len = connection.read(&mut buffer).await.unwrap();
        assert!(len > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
    }
    text
}

async fn is_closed(connection: &mut TcpStream) -> bool {
    matches!(connection.read(&mut [0; 1]).await, Ok(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_the_requests_under_way_before_it_stops_the_actors() {
    let (system, counter) = counter().await;
    let gate = Arc::new(Gate::default());
    let shown = gate.clone();
    let address = serve(&system, std::net::TcpListener::bind("127.0.0.1:0").unwrap(), move |app| {
        let gate = web::Data::from(shown.clone());
        app.app_data(counter.clone()).app_data(gate).route("/slow", web::get().to(slow));
    })
    .unwrap();
    let mut under_way = TcpStream::connect(address).await.unwrap();
    let mut kept_alive = TcpStream::connect(address).await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    send(&mut kept_alive, "/ready").await;
    let response = receive(&mut kept_alive, "}").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    send(&mut idle, "/health").await;
    receive(&mut idle, "}").await;
    send(&mut under_way, "/slow").await;
    gate.entered.notified().await;

    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.stop().await }
    });
    while !system.readiness().is_stopping {
        tokio::task::yield_now().await;
    }
    // Sent after the stop began, over a new connection and one from before: answered, and told not to come again.
    let mut new = TcpStream::connect(address).await.unwrap();
    for connection in [&mut new, &mut kept_alive] {
        send(connection, "/ready").await;
        let response = receive(connection, "}").await.to_ascii_lowercase();
        assert!(response.starts_with("http/1.1 503") && response.contains("connection: close"), "{response}");
        assert!(response.ends_with(r#"{"not_ready":["the system is stopping"]}"#), "{response}");
    }
    gate.opened.notify_one();
    let response = receive(&mut under_way, "\r\n\r\n1").await.to_ascii_lowercase();
    assert!(response.starts_with("http/1.1 200"), "{response}");
    let report = stopping.await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    for connection in [&mut under_way, &mut kept_alive, &mut idle, &mut new] {
        assert!(is_closed(connection).await);
    }
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

async fn echo(body: Json<u64>) -> String {
    body.0.to_string()
}

/// The system is ready, and a client holds a request that it never sends to its end.
async fn held_up(path: &str) -> (System, ActorRef<Counter>, TcpStream) {
    let system = System::builder().stop_deadline(Duration::from_secs(2)).start().unwrap();
    let counter = system.spawn::<Counter>(()).await.unwrap();
    let address = serve(&system, std::net::TcpListener::bind("127.0.0.1:0").unwrap(), |app| {
        app.app_data(DeadlineMax(Duration::from_millis(100)))
            .route("/echo", web::post().to(echo))
            .route("/patient", web::post().to(async |body: web::Bytes| body.len().to_string()));
    })
    .unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n1"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    (system, counter, connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_408() {
    let (_system, _counter, mut connection) = held_up("/echo").await;
    let response = tokio::time::timeout(Duration::from_secs(30), receive(&mut connection, "}")).await;
    let response = response.expect("it is answered");
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    assert!(response.ends_with(r#"{"error":"the body was not there within 100ms"}"#), "{response}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_holds_its_request_back_does_not_take_the_actors_time_to_stop() {
    let (system, counter, connection) = held_up("/patient").await;
    // Answered, so that the server has read what came before it.
    let address = connection.peer_addr().unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    send(&mut other, "/health").await;
    receive(&mut other, "}").await;
    let report = system.stop().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(ActorRef::stop_reason(&counter), Some(crate::actor::StopReason::SystemStopped));
    drop(connection);
}

#[tokio::test(start_paused = true)]
async fn what_probes_read_they_may_ask_for_without_its_body() {
    let (system, _counter) = counter().await;
    let app = init_service(App::new().configure(routes(&system))).await;
    for path in ["/health", "/ready", "/metrics"] {
        let request = TestRequest::default().method(actix_web::http::Method::HEAD).uri(path).to_request();
        assert_eq!(call_service(&app, request).await.status(), StatusCode::OK, "{path}");
    }
}
