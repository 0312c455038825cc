//! The dashboard, behind a token.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use ostraca::System;
use ostraca::http::{self, Dashboard};

/// What the service answers when it is asked for the page's numbers.
fn ask(address: SocketAddr, header: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    write!(connection, "GET /_ostraca/snapshot HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n{header}\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let token = "only for the book: make your own";

    // ANCHOR: token
    let dashboard = Dashboard::with_token(token)?;
    let address = http::serve(&system, listener, move |app| {
        app.app_data(dashboard.clone());
    })?;
    // ANCHOR_END: token

    assert!(ask(address, "")?.starts_with("HTTP/1.1 401 "));
    let shown = ask(address, &format!("authorization: Bearer {token}\r\n"))?;
    assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains(r#""system":"ostraca""#));
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
