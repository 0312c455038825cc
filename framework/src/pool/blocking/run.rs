//! Work that is asked for.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::threads::{Ended, Threads, Work};
use crate::actor::{AskError, earlier, inherited_deadline, until};

/// Work for a blocking pool. Nothing is sent before it is awaited.
///
/// Without [`within`](Self::within) or [`by`](Self::by) the deadline is that of the ask being handled, if the caller is
/// a handler, or none.
///
/// # Cancellation
///
/// Dropped, the work does not run unless a thread has begun with it; then it runs to its end.
#[must_use = "work is not sent until it is awaited"]
pub struct Run<'a, S: 'static, F> {
    threads: &'a Arc<Threads<S>>,
    work: F,
    deadline: Option<Instant>,
}

impl<'a, S: 'static, F> Run<'a, S, F> {
    pub(super) fn new(threads: &'a Arc<Threads<S>>, work: F) -> Self {
        Run { threads, work, deadline: None }
    }

    /// Waits for room and for the answer no longer than `limit` from now.
    pub fn within(self, limit: Duration) -> Self {
        let deadline = self.threads.commons().now() + limit;
        self.by(deadline)
    }

    /// Waits for room and for the answer no longer than until `deadline`.
    pub fn by(mut self, deadline: impl Into<Instant>) -> Self {
        self.deadline = earlier(self.deadline, Some(deadline.into()));
        self
    }
}

impl<'a, S, T, F> IntoFuture for Run<'a, S, F>
where
    S: 'static,
    F: FnOnce(&mut S) -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = Result<T, AskError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let Run { threads, work, deadline } = self;
        Box::pin(ask(threads, work, deadline))
    }
}

async fn ask<S, T, F>(threads: &Arc<Threads<S>>, work: F, deadline: Option<Instant>) -> Result<T, AskError>
where
    S: 'static,
    F: FnOnce(&mut S) -> T + Send + 'static,
    T: Send + 'static,
{
    let deadline = earlier(deadline, inherited_deadline());
    let runtime = &threads.commons().runtime;
    match until(runtime, deadline, threads.room.acquire()).await {
        Some(Ok(permit)) => permit.forget(),
        Some(Err(_)) => return Err(AskError::Stopped),
        None => return Err(AskError::Full),
    }
    let (tx, rx) = oneshot::channel();
    let answer = Answer { threads: threads.clone(), tx: Some(tx), deadline };
    if threads.send(work, |work| boxed(work, answer)).is_err() {
        return Err(AskError::Stopped);
    }
    match until(runtime, deadline, rx).await {
        Some(Ok(answer)) => answer,
        // Dropped in the queue: its answer says so, and this is not reached.
        Some(Err(_)) => Err(AskError::Dropped),
        None => Err(AskError::Deadline),
    }
}

/// Where an answer goes. Dropped, the work did not run.
struct Answer<S: 'static, T> {
    threads: Arc<Threads<S>>,
    tx: Option<oneshot::Sender<Result<T, AskError>>>,
    deadline: Option<Instant>,
}

impl<S: 'static, T> Answer<S, T> {
    fn send(&mut self, answer: Result<T, AskError>) {
        let counts = &self.threads.counts;
        let counter = match &answer {
            Ok(_) => &counts.answered,
            Err(AskError::Panicked) => &counts.failed,
            Err(_) => &counts.left,
        };
        counter.add(1);
        if let Some(tx) = self.tx.take() {
            // An asker that has gone meanwhile wants nothing.
            drop(tx.send(answer));
        }
    }

    /// Whether nobody waits for it any more.
    fn is_unwanted(&self) -> bool {
        let is_late = self.deadline.is_some_and(|deadline| deadline <= self.threads.commons().now());
        is_late || self.tx.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl<S: 'static, T> Drop for Answer<S, T> {
    fn drop(&mut self) {
        if self.tx.is_some() {
            self.send(Err(AskError::Dropped));
        }
    }
}

fn boxed<S, T, F>(work: F, mut answer: Answer<S, T>) -> Work<S>
where
    S: 'static,
    F: FnOnce(&mut S) -> T + Send + 'static,
    T: Send + 'static,
{
    Box::new(move |state| {
        if answer.is_unwanted() {
            answer.send(Err(AskError::Deadline));
            return Ended::LeftOut;
        }
        match catch_unwind(AssertUnwindSafe(|| work(state))) {
            Ok(value) => {
                answer.send(Ok(value));
                Ended::Done
            }
            Err(_) => {
                answer.send(Err(AskError::Panicked));
                Ended::Panicked
            }
        }
    })
}

impl<S: 'static, F> fmt::Debug for Run<'_, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
