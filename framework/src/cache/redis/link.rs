//! One connection that is kept up.
//!
//! ```text
//!   connecting --- HELLO 3, INFO, (tracking on) ---> live --- closed, or a ping without an answer ---+
//!       ^                                                                                            |
//!       +----------------------- back-off with jitter, 20 ms to 1 s ---------------------------------+
//! ```
//!
//! Who wants to use it while it is not live gets an error at once. A server that hangs, or a network that swallows
//! everything, is found by the pings: TCP alone would need minutes.

use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, Value, cmd};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::layout::{RUN_ID_LEN, RunId};

const PING_EVERY: Duration = Duration::from_millis(500);
const WAIT_MIN: Duration = Duration::from_millis(20);
const WAIT_MAX: Duration = Duration::from_secs(1);

/// What a connection tells whoever uses it.
pub(super) trait Events: Send + Sync + 'static {
    /// It is up, with a server of this run id.
    fn up(&self, run_id: RunId);

    /// It is down.
    fn down(&self);

    /// Keys of the tracked prefix were written; `None`: the server was flushed.
    fn invalidated(&self, names: Option<&[Value]>);
}

/// A connection, or the reason why there is none.
pub(super) struct Link {
    client: Client,
    /// The prefix that it tracks, if that is what it is for.
    tracked: Option<String>,
    timeout: Duration,
    live: ArcSwapOption<Live>,
    why: ArcSwap<Box<str>>,
}

/// What one needs to use a connection.
pub(super) struct Live {
    pub(super) connection: MultiplexedConnection,
    pub(super) run_id: RunId,
}

impl Link {
    pub(super) fn new(client: Client, tracked: Option<String>, timeout: Duration) -> Self {
        let why = ArcSwap::from_pointee("not connected yet".into());
        Link { client, tracked, timeout, live: ArcSwapOption::empty(), why }
    }

    /// The connection while it is live.
    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live.load_full()
    }

    /// Why it is not.
    pub(super) fn why(&self) -> Arc<str> {
        Arc::from(&***self.why.load())
    }

    fn is_down(&self, why: impl fmt::Display) {
        self.why.store(Arc::new(why.to_string().into()));
    }

    /// Keeps it up until the future is dropped.
    pub(super) async fn keep(self: Arc<Self>, events: Arc<dyn Events>) {
        let mut wait = WAIT_MIN;
        loop {
            let closed = Arc::new(Notify::new());
            // The server may take the connection and say nothing: the whole of it has one limit.
            match timeout(2 * self.timeout, self.connect(&closed, &events)).await {
                Ok(Ok(live)) => {
                    wait = WAIT_MIN;
                    let live = Arc::new(live);
                    self.live.store(Some(live.clone()));
                    events.up(live.run_id);
                    self.until_down(&live, &closed).await;
                    self.live.store(None);
                    events.down();
                }
                Ok(Err(error)) => self.is_down(error),
                Err(_) => self.is_down("connecting takes too long"),
            }
            sleep(wait.mul_f64(0.5 + 0.5 * chance())).await;
            wait = (2 * wait).min(WAIT_MAX);
        }
    }

    async fn connect(&self, closed: &Arc<Notify>, events: &Arc<dyn Events>) -> Result<Live, RedisError> {
        let (closed, events) = (closed.clone(), events.clone());
        let on_push = move |push: PushInfo| {
            match push.kind {
                PushKind::Disconnection => closed.notify_one(),
                PushKind::Invalidate => match push.data.first() {
                    Some(Value::Array(names)) => events.invalidated(Some(names)),
                    _ => events.invalidated(None),
                },
                _ => {}
            }
            Ok::<(), Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_pipeline_buffer_size(1_024)
            .set_push_sender(on_push);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let server: String = cmd("INFO").arg("server").query_async(&mut connection).await?;
        if let Some(prefix) = &self.tracked {
            let mut tracking = cmd("CLIENT");
            tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(prefix);
            tracking.query_async::<()>(&mut connection).await?;
        }
        Ok(Live { connection, run_id: run_id_in(&server) })
    }

    async fn until_down(&self, live: &Live, closed: &Notify) {
        let mut connection = live.connection.clone();
        let pings = async {
            loop {
                sleep(PING_EVERY).await;
                if let Err(error) = cmd("PING").query_async::<Value>(&mut connection).await {
                    return error;
                }
            }
        };
        tokio::select! {
            () = closed.notified() => self.is_down("the connection was closed"),
            error = pings => self.is_down(error),
        }
    }
}

/// The run id in what INFO says of the server; zeros if it says none, as some proxies do.
fn run_id_in(server: &str) -> RunId {
    let line = server.lines().find_map(|line| line.strip_prefix("run_id:"));
    line.and_then(|id| id.trim().as_bytes().try_into().ok()).unwrap_or([b'0'; RUN_ID_LEN])
}

/// From 0 to 1.
fn chance() -> f64 {
    random() as f64 / u64::MAX as f64
}

/// A number that no other process draws, nor this one again. std seeds each hasher anew, the first from the system.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// As [`random`], for names: 128 bits.
pub(super) fn random_bytes() -> [u8; 16] {
    (u128::from(random()) << 64 | u128::from(random())).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_id_is_found() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(run_id_in(&format!("# Server\r\nrun_id:{id}\r\ntcp_port:1\r\n")), *id.as_bytes());
        assert_eq!(run_id_in("# Server\r\n"), [b'0'; RUN_ID_LEN]);
    }
}
