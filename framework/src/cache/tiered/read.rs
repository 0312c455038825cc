//! A read, and how fresh it wants the value.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::super::entry::{Stamp, Timestamp};
use super::super::memory::Kept;
use super::super::source::{BoxFuture, LoadError};
use super::TieredCache;
use super::find::Want;
use crate::coop;

/// A read on its way. A hit in memory is ready at the first poll.
#[must_use = "a read does nothing until it is awaited"]
pub struct Read<'a, K, V> {
    cache: &'a TieredCache<K, V>,
    key: &'a K,
    want: Want,
    search: Option<BoxFuture<'a, Result<Kept<V>, LoadError>>>,
}

/// A value with its place in the order of its key's states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<V> {
    /// Nothing if the source has none.
    pub value: Option<V>,
    /// Its state.
    pub stamp: Stamp,
    /// When it was read from the source, or written there.
    pub made_at: Timestamp,
}

impl<'a, K, V> Read<'a, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(cache: &'a TieredCache<K, V>, key: &'a K) -> Self {
        Read { cache, key, want: Want::Fresh, search: None }
    }

    /// Takes what is at most so old, whatever the lifetimes say.
    pub fn max_stale(self, age_max: Duration) -> Self {
        Read { want: Want::Age(age_max), ..self }
    }

    /// Takes this state or a newer one: whoever got the stamp of a write reads that write.
    pub fn after(self, stamp: Stamp) -> Self {
        Read { want: Want::After(stamp), ..self }
    }

    /// Asks the source.
    pub fn latest(self) -> Self {
        Read { want: Want::Latest, ..self }
    }

    /// The value with its stamp.
    ///
    /// # Errors
    ///
    /// As of the read itself.
    pub async fn versioned(mut self) -> Result<Versioned<V>, LoadError> {
        let kept = std::future::poll_fn(|cx| self.poll_kept(cx)).await?;
        Ok(Versioned { value: kept.value, stamp: kept.stamp, made_at: kept.made_at })
    }

    fn poll_kept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Kept<V>, LoadError>> {
        let search = match &mut self.search {
            Some(search) => search,
            None => {
                // A loop of hits must not starve its task's neighbours.
                let budget = ready!(coop::poll_spend(cx));
                let core = &self.cache.core;
                if self.want != Want::Latest
                    && let Some(kept) = core.at_once(self.key, self.want, core.clock.now())
                {
                    budget.made_progress();
                    return Poll::Ready(Ok(kept));
                }
                let (core, key, source) = (core.clone(), self.key.clone(), self.cache.source.clone());
                self.search.insert(Box::pin(core.search(key, self.want, source)))
            }
        };
        search.as_mut().poll(cx)
    }
}

impl<K, V> Future for Read<'_, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Output = Result<Option<V>, LoadError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_kept(cx).map_ok(|kept| kept.value)
    }
}

impl<K, V> fmt::Debug for Read<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("want", &self.want).finish_non_exhaustive()
    }
}
