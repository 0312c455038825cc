//! One server: a pool of connections, and one that tracks what is written.

use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::super::tier::TierError;
use super::link::{Events, Link, Live};

/// One server. Dropping it closes its connections.
pub(super) struct Node {
    links: Vec<Arc<Link>>,
    tracking: Arc<Link>,
    tasks: Vec<AbortHandle>,
}

/// How to connect to a server.
pub(super) struct Dial {
    pub(super) client: Client,
    pub(super) connections: usize,
    pub(super) timeout: Duration,
    /// What the names of signals begin with.
    pub(super) signals: String,
}

impl Node {
    pub(super) fn start(
        dial: &Dial,
        events: &Arc<dyn Events>,
        tracked: &Arc<dyn Events>,
        on: &Handle,
    ) -> Self {
        let link = |signals| Arc::new(Link::new(dial.client.clone(), signals, dial.timeout));
        let links: Vec<_> = (0..dial.connections).map(|_| link(None)).collect();
        let tracking = link(Some(dial.signals.clone()));
        let keep = |link: &Arc<Link>, events: &Arc<dyn Events>| {
            on.spawn(link.clone().keep(events.clone())).abort_handle()
        };
        let mut tasks: Vec<_> = links.iter().map(|link| keep(link, events)).collect();
        tasks.push(keep(&tracking, tracked));
        Node { links, tracking, tasks }
    }

    /// A live connection: the same for the same key, so that what is asked of a key is done in order, unless that one
    /// is down.
    pub(super) fn live(&self, key: u64) -> Result<Arc<Live>, TierError> {
        let first = (key % self.links.len() as u64) as usize;
        let links = self.links[first..].iter().chain(&self.links[..first]);
        links
            .filter_map(|link| link.live())
            .next()
            .ok_or_else(|| TierError::Unavailable(self.links[first].why()))
    }

    /// Why a connection is not live.
    pub(super) fn outage(&self) -> Option<Arc<str>> {
        let mut links = self.links.iter().chain([&self.tracking]);
        links.find(|link| link.live().is_none()).map(|link| link.why())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
