//! An actor that does as it is told, and writes down when it starts and ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Failure, Terminated};

/// What happened, in order: `+a` a start, `!a` a start that failed, `~a` a `#[stop]`, `-a` the end of an incarnation.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn write(&self, what: &str, name: &str) {
        self.0.lock().unwrap().push(format!("{what}{name}"));
    }

    /// What was written since it was last taken, in one line.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    /// How long `#[stop]` takes.
    pub(crate) stop: Duration,
    /// Starts that fail from now on.
    pub(crate) bad_starts: Arc<Mutex<u32>>,
}

impl Plan {
    pub(crate) fn new(name: &'static str, log: &Log) -> Self {
        Plan { name, log: log.clone(), stop: Duration::ZERO, bad_starts: Arc::default() }
    }

    pub(crate) fn slow(mut self, stop: Duration) -> Self {
        self.stop = stop;
        self
    }

    pub(crate) fn bad_starts(self, count: u32) -> Self {
        *self.bad_starts.lock().unwrap() = count;
        self
    }
}

pub(crate) struct Worker {
    plan: Plan,
    count: u32,
    gone: Vec<StopReason>,
}

#[actor(restart(max = 3, within = "10s", backoff = "100ms..1s"))]
impl Worker {
    #[start]
    fn start(plan: Plan) -> Result<Self, StartError> {
        let mut bad = plan.bad_starts.lock().unwrap();
        if *bad > 0 {
            *bad -= 1;
            plan.log.write("!", plan.name);
            return Err(StartError::new("a planned failure to start"));
        }
        drop(bad);
        plan.log.write("+", plan.name);
        Ok(Worker { plan, count: 0, gone: Vec::new() })
    }

    #[stop]
    async fn stop(&mut self, reason: &StopReason) {
        if *reason == StopReason::Restarting {
            self.plan.log.write("~", self.plan.name);
        }
        tokio::time::sleep(self.plan.stop).await;
    }

    #[handler]
    fn count(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure")
    }

    #[handler]
    fn quit(&mut self, ctx: &mut Context<Self>) {
        ctx.stop();
    }

    /// Never comes to its end.
    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    #[handler]
    fn link(&mut self, ctx: &mut Context<Self>, other: ActorRef<Worker>) {
        ctx.link(&other);
    }

    #[handler]
    fn link_and_fail(&mut self, ctx: &mut Context<Self>, other: ActorRef<Worker>) {
        ctx.link(&other);
        panic!("a planned failure")
    }

    #[handler]
    fn unlink(&mut self, ctx: &mut Context<Self>, other: ActorRef<Worker>) {
        ctx.unlink(&other);
    }

    #[handler]
    fn watch(&mut self, ctx: &mut Context<Self>, other: ActorRef<Worker>) {
        ctx.watch(&other);
    }

    #[handler]
    fn gone(&mut self, #[message] gone: Terminated) {
        self.gone.push(gone.reason);
    }

    #[handler]
    fn seen(&mut self) -> Vec<StopReason> {
        self.gone.clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.plan.log.write("-", self.plan.name);
    }
}

/// What a failure says when the worker was told to fail.
pub(crate) fn is_planned(failure: &Failure) -> bool {
    failure.text().contains("a planned failure")
}

/// Lets everything happen that is ready, in virtual time.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
