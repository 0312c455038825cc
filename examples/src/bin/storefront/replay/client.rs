//! One keep-alive HTTP/1.1 connection, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;

/// A connection to the service, opened at the first request and again after a failure.
pub(super) struct Client {
    address: SocketAddr,
    timeout: Duration,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// No answer came back: whether the request had an effect is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("failed to connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
}

impl Client {
    pub(super) fn new(address: SocketAddr, timeout: Duration) -> Self {
        Self { address, timeout, sender: None }
    }

    /// Asks for a page.
    pub(super) async fn fetch(&mut self, path: &str) -> Result<Answer, TransportError> {
        self.request(Method::GET, path, Bytes::new()).await
    }

    /// Sends JSON.
    pub(super) async fn post(&mut self, path: &str, body: &impl Serialize) -> Result<Answer, TransportError> {
        let body = serde_json::to_vec(body).expect("the shop's nouns are plain data");
        self.request(Method::POST, path, body.into()).await
    }

    /// Sends once and never again: a request that failed may have been carried out.
    async fn request(&mut self, method: Method, path: &str, body: Bytes) -> Result<Answer, TransportError> {
        // Taken out, so that a failed connection is not used again.
        let sender = self.sender.take();
        let exchange = exchange(sender, self.address, method, path, body);
        let timeout = self.timeout;
        let (answer, sender) =
            tokio::time::timeout(timeout, exchange).await.map_err(|_| TransportError::Timeout(timeout))??;
        self.sender = Some(sender);
        Ok(answer)
    }
}

type Exchanged = (Answer, SendRequest<Full<Bytes>>);

async fn exchange(
    sender: Option<SendRequest<Full<Bytes>>>,
    address: SocketAddr,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Exchanged, TransportError> {
    let mut sender = match usable(sender).await {
        Some(sender) => sender,
        None => connect(address).await?,
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(hyper::header::HOST, address.to_string())
        .header(hyper::header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .expect("paths are made of numbers and letters");
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((Answer { status, body }, sender))
}

/// The connection, unless the service has closed it.
async fn usable(sender: Option<SendRequest<Full<Bytes>>>) -> Option<SendRequest<Full<Bytes>>> {
    let mut sender = sender?;
    sender.ready().await.is_ok().then_some(sender)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, TransportError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender. What goes wrong in it comes out of the request that waits for it.
    tokio::spawn(connection);
    Ok(sender)
}
