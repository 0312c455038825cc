//! A server that stops with its system.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{ServerHandle, Service};
use actix_web::http::ConnectionType;
use actix_web::{App, HttpServer, rt, web};

use super::routes;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::system::System;

/// How long connections that are kept alive are served on after a stop began. A request that a client sent
/// before it learned of the stop arrives within this.
const LINGER: Duration = Duration::from_millis(250);

/// Serves HTTP on a listener, beside [`routes`](super::routes) what `configure` adds, until the system stops.
/// Gives the address, which tells the port when the listener was bound to port 0.
///
/// It is the first to stop: new connections are no longer accepted, each further response closes its
/// connection, and requests under way end, all before any actor stops. The process's signals are left to
/// [`System::run_until_signal`]. The server holds the system: one that is dropped without a stop goes on.
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
    let routes = routes(system);
    let closing = Arc::new(AtomicBool::new(false));
    let is_closing = closing.clone();
    let server = HttpServer::new(move || {
        let is_closing = is_closing.clone();
        App::new()
            .wrap_fn(move |request, app| {
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
            })
            .configure(routes.clone())
            .configure(&configure)
    })
    .disable_signals()
    .listen(listener)?;
    let runtime = &system.commons().runtime;
    let entered = runtime.enter();
    let server = server.run();
    drop(entered);
    system.on_stop(stop(server.handle(), closing));
    runtime.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(target: "ostraca::http", %address, "the server failed: {error}");
        }
    });
    tracing::info!(target: "ostraca::http", %address, "listening");
    Ok(address)
}

/// Takes no more connections, lets clients learn of it, then ends what is under way.
///
/// actix's own graceful stop closes a connection as soon as it is between two requests, and with it a request
/// that is in the socket and not yet read: hence the wait.
async fn stop(server: ServerHandle, closing: Arc<AtomicBool>) {
    // ORDERING: Relaxed; see its reader.
    closing.store(true, Ordering::Relaxed);
    server.pause().await;
    rt::time::sleep(LINGER).await;
    server.stop(true).await;
}
