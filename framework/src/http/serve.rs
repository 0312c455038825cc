//! A server that stops with its system.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{ServerHandle, Service};
use actix_web::http::ConnectionType;
use actix_web::{App, HttpServer, rt, web};

use super::routes;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::system::{Phase, System};

/// How long a stop serves on before it closes the port. Whoever sends requests here learns of the stop within
/// this: by `/ready`, or because each response closes its connection.
const LINGER: Duration = Duration::from_millis(250);

/// How long the accepting thread is given to hear that it is to pause, which it does not confirm. If it is too
/// short, that thread logs an error over the closed port.
const PAUSE: Duration = Duration::from_millis(10);

/// How long connections are served on after that. A request that a client sent before it learned of the stop
/// arrives within this.
const LAST_CALL: Duration = Duration::from_millis(100);

/// Serves HTTP on a listener, beside [`routes`](super::routes) what `configure` adds, until the system stops.
/// Gives the address, which tells the port when the listener was bound to port 0.
///
/// It is the first to stop, before any actor does. For a quarter of a second it serves on, says on `/ready` that
/// it is stopping, and closes each connection with its next response; then it refuses connections, and ends when
/// the requests under way have ended. A request is not dropped, unless it comes at the very end over a connection
/// that was idle until then. The process's signals are left to [`System::run_until_signal`]. The server holds the
/// system: one that is dropped without a stop goes on.
///
/// `configure` runs once in each of the server's threads, of which there is one for each core.
///
/// # Errors
///
/// When the listener has no address, or cannot be used for accepting.
pub fn serve(
    system: &System,
    listener: TcpListener,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let port = Port(listener.try_clone()?);
    let routes = routes(system);
    let closing = Arc::new(AtomicBool::new(false));
    let is_closing = closing.clone();
    let server = HttpServer::new(move || {
        let is_closing = is_closing.clone();
        let app = App::new().wrap_fn(move |request, app| {
            let (is_closing, response) = (is_closing.clone(), app.call(request));
            async move {
                let mut response = response.await?;
                // ORDERING: Relaxed; it says nothing about other memory, and a response that misses it is
                // followed by the server's own closing.
                if is_closing.load(Ordering::Relaxed) {
                    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                }
                Ok(response)
            }
        });
        #[cfg(feature = "otel")]
        let app = app.wrap(super::Trace);
        app.configure(routes.clone()).configure(&configure)
    })
    .disable_signals()
    .listen(listener)?;
    let runtime = &system.commons().runtime;
    let entered = runtime.enter();
    let server = server.run();
    drop(entered);
    system.on_stop(Phase::Intake, "http", stop(server.handle(), closing, port, system.stop_deadline()));
    runtime.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(target: "ostraca::http", %address, "the server failed: {error}");
        }
    });
    tracing::info!(target: "ostraca::http", %address, "listening");
    Ok(address)
}

/// Lets clients learn of the stop, takes no more connections, then ends what is under way.
///
/// ```text
/// served on, each response closes ── port closed, served on ── requests under way end
/// 0                                LINGER                      + LAST_CALL
/// ```
///
/// actix's own graceful stop resets the connections that wait to be accepted, and closes one that is between two
/// requests, and with it a request that is in the socket and not yet read: hence the steps and the waits.
///
/// All of it takes half of the stop's deadline at most, so that a client that sends or reads slowly does not take
/// the actors' time to empty their mailboxes. Its connection lives until the actors have stopped.
async fn stop(server: ServerHandle, closing: Arc<AtomicBool>, port: Port, deadline: Duration) {
    // ORDERING: Relaxed; see its reader.
    closing.store(true, Ordering::Relaxed);
    let close = async {
        rt::time::sleep(LINGER.min(deadline / 8)).await;
        server.pause().await;
        rt::time::sleep(PAUSE).await;
        let late = port.close();
        let turned_away = rt::task::spawn_blocking(move || turn_away(&late));
        rt::time::sleep(LAST_CALL.min(deadline / 8)).await;
        server.stop(true).await;
        // Nobody waits for what it has to say; it only ends before the stop does.
        let _ = turned_away.await;
    };
    if rt::time::timeout(deadline / 2, close).await.is_err() {
        tracing::warn!(target: "ostraca::http", "requests under way after half of the stop's deadline: left behind");
    }
}

/// The listening socket, beside the server's own handle to it.
struct Port(TcpListener);

impl Port {
    /// Refuses all further connections, and gives those that nobody has accepted.
    ///
    /// One that is made between the last look and the closing, some microseconds, is reset.
    fn close(self) -> Vec<TcpStream> {
        let mut late = Vec::new();
        // The server has set it to not block. An error is the end of the queue.
        while let Ok((connection, _)) = self.0.accept() {
            late.push(connection);
        }
        // The server holds the same socket, so that to drop this handle would not close it.
        let socket = TcpStream::from(OwnedFd::from(self.0));
        if let Err(error) = socket.shutdown(Shutdown::Read) {
            tracing::debug!(target: "ostraca::http", "the port stays open until the server's end: {error}");
        }
        late
    }
}

/// What a connection hears that came too late to be served.
const TOO_LATE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    connection: close\r\nretry-after: 1\r\ncontent-type: application/json\r\ncontent-length: 35\r\n\r\n\
    {\"error\":\"the service is stopping\"}";

/// Says to each that it is too late, once its client has begun to speak. Takes [`LAST_CALL`] at most, and about a
/// millisecond for each client that says nothing.
fn turn_away(connections: &[TcpStream]) {
    let until = Instant::now() + LAST_CALL;
    // A client that does not send or read what is due is not waited for.
    let told: Vec<_> = connections.iter().filter(|connection| tell(connection, until).is_ok()).collect();
    for connection in told {
        // Closed with something unread it would be reset, and the answer with it.
        while hear(connection, until).is_ok_and(|len| len > 0) {}
    }
}

fn tell(mut connection: &TcpStream, until: Instant) -> io::Result<()> {
    connection.set_nonblocking(false)?;
    if hear(connection, until)? > 0 {
        connection.write_all(TOO_LATE)?;
    }
    connection.shutdown(Shutdown::Write)
}

fn hear(mut connection: &TcpStream, until: Instant) -> io::Result<usize> {
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    connection.set_read_timeout(Some(left))?;
    connection.read(&mut [0; 1024])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_comes_too_late_is_told_to_try_again_and_the_next_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let _silent = TcpStream::connect(address).unwrap();
        let mut late = TcpStream::connect(address).unwrap();
        late.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        // As the server holds it.
        let _other_handle = listener.try_clone().unwrap();
        let connections = Port(listener).close();
        assert_eq!(connections.len(), 2);
        assert!(TcpStream::connect(address).is_err(), "refused");
        let turned_away = std::thread::spawn(move || turn_away(&connections));
        let mut answer = String::new();
        late.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nretry-after: "), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{answer}");
        assert_eq!(body, r#"{"error":"the service is stopping"}"#);
        drop(late);
        turned_away.join().unwrap();
    }
}
