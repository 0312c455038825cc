//! Chapter 8: the accounts over HTTP.

// ANCHOR: all
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, web};
use ostraca::http::{self, Deadline, DeadlineMax, Json};
use ostraca::prelude::*;
use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

// ANCHOR: refusal
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the account has {balance} cents")]
pub(crate) struct Insufficient {
    balance: i64,
}

impl ResponseError for Insufficient {
    fn status_code(&self) -> StatusCode {
        StatusCode::CONFLICT
    }
}
// ANCHOR_END: refusal

struct Accounts {
    cents: HashMap<u64, i64>,
}

#[actor(mailbox(len_max = 1024))]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new() }
    }

    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: u64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default()
    }

    #[handler(invalidates(balance))]
    fn pay(&mut self, #[key] id: u64, cents: i64) -> Result<i64, Insufficient> {
        let balance = self.cents.entry(id).or_default();
        if *balance + cents < 0 {
            return Err(Insufficient { balance: *balance });
        }
        *balance += cents;
        Ok(*balance)
    }

    /// Takes longer than anybody here wants to wait.
    #[handler]
    async fn audit(&mut self, #[key] _id: u64) -> usize {
        tokio::time::sleep(Duration::from_millis(400)).await;
        self.cents.len()
    }
}

// ANCHOR: handlers
async fn balance(accounts: Shards<Accounts>, id: web::Path<u64>) -> actix_web::Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(accounts.balance(*id).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    cents: i64,
}

async fn change(
    accounts: Shards<Accounts>,
    id: web::Path<u64>,
    change: Json<Change>,
    deadline: Deadline,
) -> actix_web::Result<HttpResponse> {
    let balance = accounts.pay(*id, change.0.cents).by(deadline).await?;
    Ok(HttpResponse::Ok().json(balance))
}
// ANCHOR_END: handlers

async fn audit(
    accounts: Shards<Accounts>,
    id: web::Path<u64>,
    deadline: Deadline,
) -> actix_web::Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(accounts.audit(*id).by(deadline).await?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: serve
    let system = System::start()?;
    let accounts = system.shards::<Accounts>(16, ()).await?;
    let listener = TcpListener::bind("127.0.0.1:0")?; // a free port; a service has a fixed one
    let address = http::serve(&system, listener, move |app| {
        app.app_data(accounts.clone())
            .app_data(DeadlineMax(Duration::from_millis(200)))
            .route("/accounts/{id}", web::get().to(balance))
            .route("/accounts/{id}", web::post().to(change))
            .route("/accounts/{id}/audit", web::get().to(audit));
    })?;
    // ANCHOR_END: serve

    // ANCHOR: calls
    let call = async |request, body| call(address, request, body).await;
    assert_eq!(call("POST /accounts/7", r#"{"cents": 500}"#).await?, (200, "500".to_owned()));
    assert_eq!(call("GET /accounts/7", "").await?, (200, "500".to_owned()));
    // Refused by the handler: the status is the refusal's.
    let refused = call("POST /accounts/7", r#"{"cents": -900}"#).await?;
    assert_eq!(refused, (409, "the account has 500 cents".to_owned()));
    // A mistake names its field.
    let (status, text) = call("POST /accounts/7", r#"{"cents": "many"}"#).await?;
    assert_eq!(status, 400);
    assert!(text.contains("cents"), "{text}");
    // Too late.
    let (status, text) = call("GET /accounts/8/audit", "").await?;
    assert_eq!(status, 504);
    assert!(text.starts_with(r#"{"error":"no answer before the deadline"#), "{text}");
    // ANCHOR_END: calls

    // ANCHOR: routes
    assert_eq!(call("GET /health", "").await?.0, 200);
    assert_eq!(call("GET /ready", "").await?.0, 200);
    assert!(call("GET /metrics", "").await?.1.contains("ostraca_"));
    // ANCHOR_END: routes

    assert!(system.stop().await.is_clean());
    Ok(())
}

/// A client as small as can be: the status and the body.
async fn call(address: SocketAddr, request: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut connection = TcpStream::connect(address).await?;
    let len = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {len}\r\n\r\n{body}"
    );
    connection.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok((status, body.to_owned()))
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
