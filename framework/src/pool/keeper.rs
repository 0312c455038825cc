//! Who makes a pool grow and shrink: an actor beside it, for pools with two bounds.
//!
//! The signal is the load of a replica: the mean number of calls at it, those that wait included, since the last look;
//! or the messages in its mailbox, where those are more. By Little's law that is the rate of calls times how long
//! each takes, waiting included, so it needs no clock but the keeper's.
//!
//! ```text
//!   load of a replica     0 ─────── 0.5 ──────────────── 2 ─────────>
//!                         shrink by one │   stays      │ grow to where it would be 1,
//!                         after 10 s    │              │ to twice as many at most
//! ```
//!
//! A replica that is always busy and lets nobody wait has a load of 1, in the middle of the band. After a change
//! nothing is changed for two looks, whose calls still come from before it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::replicas::Replicas;
use super::spec::Concurrency;
use crate::actor::{
    Actor, AnyParent, Birth, Cell, Commons, Context, Envelope, Handled, HandlerInfo, Inline, Message,
    NoMethods, RawReply, Route, Settings, SpawnError, StartError, StartOn, Turn, takes_only,
};
use crate::sync::atomic::{AtomicBool, Ordering};

/// When it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) look: Duration,
    pub(super) shrink_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { look: Duration::from_millis(100), shrink_after: Duration::from_secs(10) }
    }
}

/// Above this load of a replica a pool grows.
const GROW_ABOVE: f64 = 2.0;
/// Below this it shrinks.
const SHRINK_BELOW: f64 = 0.5;
/// Looks after a change that change nothing.
const SETTLES: u32 = 2;

/// What is to be done about the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Grow(usize),
    Shrink,
}

/// The decisions, without the deeds.
#[derive(Debug)]
pub(super) struct Decider {
    bounds: Concurrency,
    shrink_after: Duration,
    settling: u32,
    /// Since when the load has been low.
    low_since: Option<Instant>,
}

impl Decider {
    pub(super) fn new(bounds: Concurrency, shrink_after: Duration) -> Self {
        Decider { bounds, shrink_after, settling: 0, low_since: None }
    }

    /// `calls` is the mean number of calls under way, or the messages that wait.
    pub(super) fn decide(&mut self, now: Instant, len: usize, calls: f64) -> Change {
        let load = calls / len as f64;
        if load >= SHRINK_BELOW || len <= self.bounds.min {
            self.low_since = None;
        }
        if self.settling > 0 {
            self.settling -= 1;
            return Change::Nothing;
        }
        if load > GROW_ABOVE && len < self.bounds.max {
            self.settling = SETTLES;
            let wanted = (calls.ceil() as usize).min(2 * len).min(self.bounds.max);
            return Change::Grow(wanted - len);
        }
        if load < SHRINK_BELOW && len > self.bounds.min {
            let since = *self.low_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= self.shrink_after {
                self.low_since = Some(now);
                self.settling = SETTLES;
                return Change::Shrink;
            }
        }
        Change::Nothing
    }
}

/// A pool whose replicas are of a type that the keeper does not know.
trait Kept: Send + Sync {
    fn now(&self) -> u64;
    fn len(&self) -> usize;
    fn call_time(&self, now: u64) -> u64;
    fn queue_len(&self) -> usize;
    fn grow(self: Arc<Self>) -> Pin<Box<dyn Future<Output = bool> + Send>>;
    fn shrink(&self);
    fn stop_idle(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<A: Actor> Kept for Replicas<A> {
    fn now(&self) -> u64 {
        self.now()
    }

    fn len(&self) -> usize {
        self.balancer.count()
    }

    fn call_time(&self, now: u64) -> u64 {
        self.call_time(now)
    }

    fn queue_len(&self) -> usize {
        self.queue_len()
    }

    fn grow(self: Arc<Self>) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        Box::pin(async move { Replicas::grow(&self).await })
    }

    fn shrink(&self) {
        self.shrink();
    }

    fn stop_idle(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { Replicas::stop_idle(&self).await })
    }
}

/// Starts the keeper of a pool, beside the pool's supervisor: it stops first.
pub(super) fn start<A: Actor>(
    commons: &Arc<Commons>,
    parent: Arc<AnyParent>,
    replicas: &Arc<Replicas<A>>,
    bounds: Concurrency,
    pace: Pace,
) -> Result<(), SpawnError> {
    let pool: Arc<dyn Kept> = replicas.clone();
    let args = Args { pool, bounds, pace };
    let birth = Birth { parent, name: None, shard: None };
    Cell::<PoolKeeper>::spawn(commons, birth, args, StartOn::Workers, RawReply::nobody()).map(drop)
}

#[derive(Clone)]
pub(super) struct Args {
    pool: Arc<dyn Kept>,
    bounds: Concurrency,
    pace: Pace,
}

/// Named as it shall be seen among the user's actors.
struct PoolKeeper {
    pool: Arc<dyn Kept>,
    decider: Decider,
    last: (u64, u64),
    /// A change is being carried out, by a task of the keeper's.
    is_busy: Arc<AtomicBool>,
}

/// Look now.
struct Look;

impl Message for Look {
    type Reply = ();
    type Refusal = Infallible;
}

takes_only!(Look, PoolKeeper);

impl Actor for PoolKeeper {
    type Args = Args;
    type Message = Envelope<Look>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("look")];

    fn settings() -> Settings {
        Settings::default().inline(Inline::Never).mailbox_len_max(4)
    }

    fn handler_of(_message: &Envelope<Look>) -> usize {
        0
    }

    async fn start(ctx: &mut Context<Self>, args: Args) -> Result<Self, StartError> {
        ctx.every(args.pace.look, || Look);
        let now = args.pool.now();
        Ok(PoolKeeper {
            decider: Decider::new(args.bounds, args.pace.shrink_after),
            last: (now, args.pool.call_time(now)),
            is_busy: Arc::default(),
            pool: args.pool,
        })
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<Look>,
        ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (Look, reply) = message.open();
        self.look(ctx);
        reply.reply(());
        turn.done()
    }
}

impl PoolKeeper {
    fn look(&mut self, ctx: &mut Context<Self>) {
        let pool = &self.pool;
        let now = pool.now();
        let call_time = pool.call_time(now);
        let (before, spent) = std::mem::replace(&mut self.last, (now, call_time));
        // A replica that left takes its time along: then the sum is smaller than it was.
        let spent = (call_time.wrapping_sub(spent) as i64).max(0);
        let calls = spent as f64 / now.saturating_sub(before).max(1) as f64;
        let calls = calls.max(pool.queue_len() as f64);
        // ORDERING: Relaxed, as below; one task at a time writes it, and this only asks whether it has ended.
        if self.is_busy.load(Ordering::Relaxed) {
            return;
        }
        let count = match self.decider.decide(ctx.now(), pool.len(), calls) {
            Change::Nothing => 0,
            Change::Grow(count) => count,
            Change::Shrink => {
                pool.shrink();
                0
            }
        };
        self.is_busy.store(true, Ordering::Relaxed);
        let (pool, is_busy) = (pool.clone(), self.is_busy.clone());
        // Beside the keeper: the supervisor may be stopping, and wait for it.
        ctx.spawn(async move {
            for _ in 0..count {
                if !pool.clone().grow().await {
                    break;
                }
            }
            pool.stop_idle().await;
            is_busy.store(false, Ordering::Relaxed);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decider(bounds: impl Into<Concurrency>) -> Decider {
        Decider::new(bounds.into(), Duration::from_secs(10))
    }

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_load_above_the_band_grows_the_pool_to_twice_its_size_at_most() {
        let start = Instant::now();
        let mut decider = decider(2..=16);
        assert_eq!(decider.decide(start, 2, 4.0), Change::Nothing, "two at a replica are not too many");
        assert_eq!(decider.decide(start, 2, 100.0), Change::Grow(2));
        assert_eq!(decider.decide(after(start, 100), 4, 100.0), Change::Nothing, "it settles");
        assert_eq!(decider.decide(after(start, 200), 4, 100.0), Change::Nothing);
        assert_eq!(decider.decide(after(start, 300), 12, 100.0), Change::Grow(4), "to its bound");
    }

    #[test]
    fn a_load_below_the_band_shrinks_it_one_by_one_and_not_before_it_was_so_for_long() {
        let start = Instant::now();
        let mut decider = decider(1..=4);
        assert_eq!(decider.decide(start, 4, 0.0), Change::Nothing);
        assert_eq!(decider.decide(after(start, 9_000), 4, 3.0), Change::Nothing, "load begins the wait anew");
        assert_eq!(decider.decide(after(start, 9_100), 4, 0.0), Change::Nothing);
        assert_eq!(decider.decide(after(start, 19_000), 4, 0.0), Change::Nothing);
        assert_eq!(decider.decide(after(start, 19_100), 4, 0.0), Change::Shrink);
        assert_eq!(decider.decide(after(start, 20_000), 3, 0.0), Change::Nothing, "one a wait");
    }

    #[test]
    fn within_the_band_and_at_its_bounds_a_pool_stays_as_it_is() {
        let start = Instant::now();
        let mut decider = decider(2..=4);
        for second in 0..100 {
            let now = after(start, 1_000 * second);
            assert_eq!(decider.decide(now, 3, 3.0), Change::Nothing);
            assert_eq!(decider.decide(now, 2, 0.0), Change::Nothing);
            assert_eq!(decider.decide(now, 4, 1e9), Change::Nothing);
        }
    }
}
