//! Where values come from.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::entry::Stamp;

/// Where a cache's values come from, and where its writes go.
///
/// A closure is one that only reads: [`from_fn`].
pub trait Source<K, V>: Send + Sync + 'static {
    /// Why it failed.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// Reads the value of `key`; [`Loaded::absent`] if there is none.
    fn load(&self, key: K) -> impl Future<Output = Result<Loaded<V>, Self::Error>> + Send;

    /// Writes the value of `key`, or removes it. Gives the version, if the source has versions: without them, two
    /// processes that write one key at once may leave the value of the first in their caches.
    ///
    /// # Panics
    ///
    /// Unless it is written: the source only reads.
    fn store(
        &self,
        key: K,
        value: Option<V>,
    ) -> impl Future<Output = Result<Option<Stamp>, Self::Error>> + Send {
        let _unused = (key, value);
        async { panic!("this source only reads: write its `store`") }
    }
}

/// What a source has of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<V> {
    pub(super) value: Option<V>,
    pub(super) stamp: Option<Stamp>,
    pub(super) tags: Vec<Arc<str>>,
}

impl<V> Loaded<V> {
    /// A value.
    pub fn new(value: V) -> Self {
        Loaded { value: Some(value), stamp: None, tags: Vec::new() }
    }

    /// There is none: kept too, as a negative entry, if the cache is told to.
    pub fn absent() -> Self {
        Loaded { value: None, stamp: None, tags: Vec::new() }
    }

    /// With the source's own version. Of a key all loads have one, or none.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.stamp = Some(Stamp::new(0, version));
        self
    }

    /// With the source's own epoch and version.
    #[must_use]
    pub fn stamp(mut self, stamp: Stamp) -> Self {
        self.stamp = Some(stamp);
        self
    }

    /// Removed with whatever else has this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Loaded::new(value)
    }
}

impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        Loaded { value, stamp: None, tags: Vec::new() }
    }
}

/// A source that only reads, by a function of the key.
pub fn from_fn<K, V, F, Fut, L, E>(load: F) -> FromFn<F, L>
where
    F: Fn(K) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<L, E>> + Send,
    L: Into<Loaded<V>>,
{
    FromFn { load, loaded: PhantomData }
}

/// See [`from_fn`].
pub struct FromFn<F, L> {
    load: F,
    loaded: PhantomData<fn() -> L>,
}

impl<K, V, F, Fut, L, E> Source<K, V> for FromFn<F, L>
where
    K: Send,
    F: Fn(K) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<L, E>> + Send,
    L: Into<Loaded<V>> + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
    V: Send,
{
    type Error = E;

    fn load(&self, key: K) -> impl Future<Output = Result<Loaded<V>, E>> + Send {
        let loading = (self.load)(key);
        async move { loading.await.map(Into::into) }
    }
}

impl<F, L> fmt::Debug for FromFn<F, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

/// Why there is no value. Everybody who waited for the same load gets the same.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The source failed.
    #[error("{0}")]
    Source(Arc<dyn Error + Send + Sync>),
    /// The source did not answer within the cache's limit.
    #[error("the source did not answer in time")]
    TimedOut,
    /// The source panicked.
    #[error("the source panicked")]
    Panicked,
    /// The source gave what is older than the reader asked for: a replica that is behind.
    #[error("the source is behind what was asked for")]
    Behind,
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A source of any type, as readers use it.
pub(crate) trait Loads<K, V>: Send + Sync {
    fn load(&self, key: K) -> BoxFuture<'_, Result<Loaded<V>, LoadError>>;
}

/// A source of any type, as writers use it.
pub(super) trait Stores<K, V>: Send + Sync {
    fn store(&self, key: K, value: Option<V>) -> BoxFuture<'_, Result<Option<Stamp>, LoadError>>;
}

impl<K: Send + 'static, V: Send + 'static, S: Source<K, V>> Loads<K, V> for S {
    fn load(&self, key: K) -> BoxFuture<'_, Result<Loaded<V>, LoadError>> {
        Box::pin(async move { Source::load(self, key).await.map_err(failed) })
    }
}

impl<K: Send + 'static, V: Send + 'static, S: Source<K, V>> Stores<K, V> for S {
    fn store(&self, key: K, value: Option<V>) -> BoxFuture<'_, Result<Option<Stamp>, LoadError>> {
        Box::pin(async move { Source::store(self, key, value).await.map_err(failed) })
    }
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> LoadError {
    LoadError::Source(Arc::from(error.into()))
}
