//! Files: the lane, its place under a supervisor, its settings, the responder.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ostraca::files::{FileLane, Folder, KeepAlive, LaneSpec, Limits, Network};
use ostraca::prelude::*;
use ostraca::{Restart, Strategy, http};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let made = tempfile::tempdir()?;
    let path = made.path();
    std::fs::write(path.join("film.mp4"), vec![7; 100_000])?;
    let system = System::start()?;

    // ANCHOR: lane
    let folder = Folder::open(path)?.cache_control("max-age=3600");
    let lane = LaneSpec::listen("127.0.0.1:0", Network::default(), folder.clone())?
        .mount("/films")
        .limits(Limits::default().connections_len_max(2_000));
    system.serve_files(lane.clone()).await?;
    println!("http://{}/films/film.mp4", lane.address());
    // ANCHOR_END: lane
    let answer = get(lane.address(), "/films/film.mp4").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("content-type: video/mp4"));

    // ANCHOR: numbers
    let numbers = lane.numbers();
    println!("{} files, {} bytes, {} connections", numbers.sent, numbers.bytes, numbers.connections);
    // ANCHOR_END: numbers
    assert_eq!((numbers.sent, numbers.bytes), (1, 100_000));

    // ANCHOR: network
    let keep_alive = KeepAlive { idle: Duration::from_secs(300), ..KeepAlive::default() };
    let network = Network::default().backlog(4_096).keep_alive(keep_alive).send_buffer_bytes(256 << 10);
    let listener = network.listen("127.0.0.1:0")?;
    // ANCHOR_END: network

    // ANCHOR: responder
    let served = folder.clone();
    let address = http::serve(&system, listener, move |app| {
        app.service(http::files("/films", served.clone()));
    })?;
    // ANCHOR_END: responder
    assert!(get(address, "/films/film.mp4").await.starts_with("HTTP/1.1 200 OK"));

    // ANCHOR: supervised
    let spec = LaneSpec::listen("127.0.0.1:0", Network::default(), folder)?;
    let restart = Restart::new(5, Duration::from_secs(10));
    let supervisor = system.supervisor(Strategy::OneForOne, restart).child::<FileLane>(spec.clone());
    let supervisor = supervisor.start().await?;
    // ANCHOR_END: supervised
    assert!(supervisor.actor::<FileLane>().is_some());
    assert!(get(spec.address(), "/film.mp4").await.starts_with("HTTP/1.1 200 OK"));

    assert!(system.stop().await.is_clean());
    Ok(())
}

/// The head of an answer.
async fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let ask = move || {
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::task::spawn_blocking(ask).await.expect("no panic").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_program_runs_to_its_end() {
    main().expect("the program runs");
}
