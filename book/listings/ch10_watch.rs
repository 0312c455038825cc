//! Chapter 10: the accounts, watched.

// ANCHOR: all
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use ostraca::http;
use ostraca::monitor::{FindingKind, MonitorSettings};
use ostraca::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Accounts {
    cents: HashMap<u64, i64>,
}

#[actor(restart(max = 1_000, within = "10s", backoff = "1ms..10ms"))]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new() }
    }

    #[handler]
    fn deposit(&mut self, #[key] id: u64, cents: i64) -> i64 {
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }

    /// As in chapter 2: nobody thought of an account without owners.
    #[handler]
    fn share(&self, #[key] id: u64, owners: i64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default() / owners
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: serve
    // Ten looks a second, to have this chapter over soon; a service leaves it at one.
    let settings = MonitorSettings::default().interval(Duration::from_millis(100));
    let system = System::builder().name("bank").monitor(settings).start()?;
    let accounts = system.shards::<Accounts>(16, ()).await?;
    let shared = accounts.clone();
    let address = http::serve(&system, TcpListener::bind("127.0.0.1:0")?, move |app| {
        app.app_data(shared.clone());
    })?;
    println!("open http://{address}/_ostraca");
    // ANCHOR_END: serve

    // ANCHOR: load
    for n in 0..10_000 {
        let id = if n % 2 == 0 { 7 } else { n }; // half of it is about one account
        accounts.deposit(id, 5).await?;
    }
    // ANCHOR_END: load

    // ANCHOR: metrics
    let page = get(address, "/metrics").await?;
    assert!(page.contains(r#"ostraca_handler_messages_total{actor="Accounts",handler="deposit"} 10000"#));
    assert!(page.contains(r#"ostraca_actor_restarts_total{actor="Accounts"} 0"#));
    // ANCHOR_END: metrics

    // ANCHOR: falls
    let mut pulls = system.monitor().watch();
    let mut falls = 0;
    loop {
        assert_eq!(accounts.share(7, 0).await, Err(AskError::Panicked));
        falls += 1;
        let snapshot = pulls.next().await.ok_or("the system has stopped")?;
        let mut findings = snapshot.findings.iter();
        if let Some(finding) = findings.find(|finding| finding.kind == FindingKind::RestartLoop) {
            println!("{finding}\n{}", finding.remedy());
            break;
        }
    }
    // ANCHOR_END: falls

    // ANCHOR: numbers
    accounts.deposit(7, 5).await?; // so it runs again
    let page = get(address, "/metrics").await?;
    let failed = format!(r#"ostraca_handler_failed_total{{actor="Accounts",handler="share"}} {falls}"#);
    let restarts = format!(r#"ostraca_actor_restarts_total{{actor="Accounts"}} {falls}"#);
    assert!(page.contains(&failed) && page.contains(&restarts));
    assert!(page.contains("ostraca_ready 1")); // it was started again each time
    let shown = get(address, "/_ostraca/snapshot").await?;
    assert!(shown.contains("attempt to divide by zero"));
    // ANCHOR_END: numbers

    assert!(system.stop().await.is_clean());
    Ok(())
}

/// What curl does: the text of a page.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
