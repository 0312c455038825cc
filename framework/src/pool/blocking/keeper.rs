//! The actor that owns a blocking pool's threads, so that they start, stop and end with the system.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::threads::Threads;
use crate::actor::{
    Actor, ActorRef, AnyCell, AnyParent, Birth, Cell, Commons, Context, Handled, HandlerInfo, Inline,
    NoMethods, Restart, Route, Settings, SpawnError, StartError, StartOn, StopReason, Turn, first_start,
    reply_pair,
};

/// Threads whose state is of a type that the keeper does not know.
pub(super) trait Kept: Send + Sync {
    fn start(self: Arc<Self>) -> Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>>;
    fn finish(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
    fn kill(&self);
}

impl<S: 'static> Kept for Threads<S> {
    fn start(self: Arc<Self>) -> Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>> {
        Box::pin(async move {
            for _ in 0..self.len_min() {
                let (tx, rx) = oneshot::channel();
                self.grow(self.len_min(), Some(tx))?;
                // A thread that panicked in it has told nobody.
                rx.await.unwrap_or_else(|_| {
                    Err(StartError::new("the thread's state panicked while it was made"))
                })?;
            }
            Ok(())
        })
    }

    fn finish(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            self.close();
            let handles = self.take_handles();
            let joined = self.commons().runtime.spawn_blocking(move || {
                // One that panicked outside its work has ended like the others.
                handles.into_iter().for_each(|handle| drop(handle.join()));
            });
            // Only a runtime that is being dropped cancels it.
            drop(joined.await);
        })
    }

    fn kill(&self) {
        self.kill();
    }
}

/// Named as it shall be seen among the user's actors. Takes no messages: work goes to the threads' own queue.
pub(super) struct BlockingPool {
    threads: Arc<dyn Kept>,
}

/// Starts the keeper and the first threads.
pub(super) async fn start<S: 'static>(
    commons: &Arc<Commons>,
    parent: Arc<AnyParent>,
    threads: Arc<Threads<S>>,
) -> Result<ActorRef<BlockingPool>, SpawnError> {
    let (outcome, started) = reply_pair(None);
    let birth = Birth { parent, name: None, shard: None };
    let threads: Arc<dyn Kept> = threads;
    let cell = Cell::<BlockingPool>::spawn(commons, birth, Args(threads), StartOn::Workers, started)?;
    first_start(outcome, || cell.label()).await?;
    Ok(ActorRef::new(cell))
}

#[derive(Clone)]
pub(super) struct Args(Arc<dyn Kept>);

impl Actor for BlockingPool {
    type Args = Args;
    type Message = Infallible;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[];

    fn settings() -> Settings {
        let settings = Settings::default().mailbox_len_max(1).inline(Inline::Never);
        Settings { restart: Restart::new(0, std::time::Duration::from_secs(1)), ..settings }
    }

    fn handler_of(message: &Infallible) -> usize {
        match *message {}
    }

    async fn start(_ctx: &mut Context<Self>, Args(threads): Args) -> Result<Self, StartError> {
        // Made first: dropped, it ends the threads that have started.
        let pool = BlockingPool { threads };
        pool.threads.clone().start().await?;
        Ok(pool)
    }

    async fn stop(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        self.threads.clone().finish().await;
    }

    fn handle<'a>(
        &'a mut self,
        message: Infallible,
        _ctx: &'a mut Context<Self>,
        _turn: Turn<'a>,
    ) -> Handled<'a> {
        match message {}
    }
}

impl Drop for BlockingPool {
    fn drop(&mut self) {
        // Of one that was stopped only work is left that no thread had a state for: its askers are told.
        self.threads.kill();
    }
}
