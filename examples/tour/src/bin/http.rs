//! An actor behind HTTP: references are arguments of the handlers, and every error has its status.
//!
//! A real service would bind a fixed port and end with `system.run_until_signal().await`.
//!
//! ```text
//! POST /accounts/ada/deposit/700: 200 700
//! POST /accounts/ada/withdraw/900: 409 the account has 700 cents
//! GET /accounts/ada: 200 700
//! GET /ready: 200 {"status":"ready"}
//! the stop was clean: true
//! ```

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};

use actix_web::http::StatusCode;
use actix_web::{ResponseError, web};
use ostraca::http::{self, Deadline};
use ostraca::prelude::*;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A refusal is an answer, and says what it is over HTTP.
#[derive(Clone, Debug, Error)]
#[error("the account has {balance} cents")]
pub(crate) struct Insufficient {
    balance: i64,
}

impl ResponseError for Insufficient {
    fn status_code(&self) -> StatusCode {
        StatusCode::CONFLICT
    }
}

struct Accounts {
    cents: HashMap<String, i64>,
}

#[actor]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new() }
    }

    #[handler]
    fn balance(&self, #[key] owner: String) -> i64 {
        self.cents.get(&owner).copied().unwrap_or_default()
    }

    #[handler]
    fn change(&mut self, #[key] owner: String, cents: i64) -> Result<i64, Insufficient> {
        let balance = self.cents.entry(owner).or_default();
        if *balance + cents < 0 {
            return Err(Insufficient { balance: *balance });
        }
        *balance += cents;
        Ok(*balance)
    }
}

async fn balance(accounts: Shards<Accounts>, owner: web::Path<String>) -> actix_web::Result<String> {
    Ok(accounts.balance(owner.into_inner()).await?.to_string())
}

async fn deposit(
    accounts: Shards<Accounts>,
    path: web::Path<(String, i64)>,
    deadline: Deadline, // the client's, from `x-request-timeout-ms`; 504 if it is missed
) -> actix_web::Result<String> {
    let (owner, cents) = path.into_inner();
    Ok(accounts.change(owner, cents).by(deadline).await?.to_string())
}

async fn withdraw(
    accounts: Shards<Accounts>,
    path: web::Path<(String, i64)>,
    deadline: Deadline,
) -> actix_web::Result<String> {
    let (owner, cents) = path.into_inner();
    Ok(accounts.change(owner, -cents).by(deadline).await?.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let accounts = system.shards::<Accounts>(4, ()).await?;
    let address = http::serve(&system, TcpListener::bind("127.0.0.1:0")?, move |app| {
        app.app_data(accounts.clone())
            .route("/accounts/{owner}", web::get().to(balance))
            .route("/accounts/{owner}/deposit/{cents}", web::post().to(deposit))
            .route("/accounts/{owner}/withdraw/{cents}", web::post().to(withdraw));
    })?;

    for request in [
        "POST /accounts/ada/deposit/700",
        "POST /accounts/ada/withdraw/900",
        "GET /accounts/ada",
        "GET /ready",
    ] {
        println!("{request}: {}", call(address, request).await?);
    }
    // The server stops first, and drops no request; the actors after it.
    println!("the stop was clean: {}", system.stop().await.is_clean());
    Ok(())
}

/// A client as small as can be: the status and the body.
async fn call(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    Ok(format!("{status} {body}"))
}
