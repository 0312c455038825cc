//! A pool's replicas: actors of one type under one supervisor, who of them is called, and what came of it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::balance::{Balancer, Call, LoadNumbers, MEMBERS_MAX, Member, Outcome};
use crate::actor::{Actor, ActorRef, AskError, Commons, PoolSource, Resizing, short_type_name};
use crate::stats::{PoolNumbers, SharedCounter, nanos};
use crate::supervisor::{ChildId, ChildSpec, StopLimit, SupervisorRef};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// One replica.
pub(super) struct Replica<A: Actor> {
    pub(super) actor: ActorRef<A>,
    child: ChildId,
}

pub(super) type Underway<A> = Call<Replica<A>>;

/// What all references to one pool have in common.
pub(super) struct Replicas<A: Actor> {
    commons: Arc<Commons>,
    epoch: Instant,
    name: Option<Arc<str>>,
    /// The most that it may grow to.
    len_max: AtomicUsize,
    /// A keeper sees to its size.
    is_kept: bool,
    /// One change of size at a time.
    resizing: tokio::sync::Mutex<()>,
    pub(super) balancer: Balancer<Replica<A>>,
    pub(super) supervisor: SupervisorRef,
    refusals_fail: bool,
    weights: Box<[u32]>,
    args: A::Args,
    /// Replicas that leave: no call begins at them, and those that have begun end first.
    leaving: Mutex<Vec<Arc<Member<Replica<A>>>>>,
    /// What those that are gone have done.
    retired: Mutex<LoadNumbers>,
    next_id: AtomicU64,
    pub(super) grown: SharedCounter,
    pub(super) shrunk: SharedCounter,
}

/// What a pool is made of.
pub(super) struct Makings<A: Actor> {
    pub(super) commons: Arc<Commons>,
    pub(super) name: Option<Arc<str>>,
    pub(super) len_max: usize,
    pub(super) is_kept: bool,
    pub(super) supervisor: SupervisorRef,
    pub(super) balance: super::Balance,
    pub(super) settings: super::balance::Settings,
    pub(super) refusals_fail: bool,
    pub(super) weights: Box<[u32]>,
    pub(super) args: A::Args,
}

impl<A: Actor> Replicas<A> {
    /// A pool of the first `actors`.
    pub(super) fn new(makings: Makings<A>, first: Vec<Replica<A>>) -> Arc<Self> {
        let Makings {
            commons,
            name,
            len_max,
            is_kept,
            supervisor,
            balance,
            settings,
            refusals_fail,
            weights,
            args,
        } = makings;
        let next_id = first.len() as u64;
        let member = |(id, replica)| member(id as u64, &weights, replica, None);
        let members = first.into_iter().enumerate().map(member).collect();
        let replicas = Arc::new(Replicas {
            epoch: commons.now(),
            balancer: Balancer::new(balance, settings, members),
            name,
            len_max: AtomicUsize::new(len_max),
            is_kept,
            resizing: tokio::sync::Mutex::default(),
            supervisor,
            refusals_fail,
            weights,
            args,
            leaving: Mutex::default(),
            retired: Mutex::default(),
            next_id: AtomicU64::new(next_id),
            grown: SharedCounter::default(),
            shrunk: SharedCounter::default(),
            commons,
        });
        let source: Arc<dyn PoolSource> = replicas.clone();
        replicas.commons.enter_pool(Arc::downgrade(&source));
        replicas
    }

    pub(super) fn commons(&self) -> &Arc<Commons> {
        &self.commons
    }

    /// The system's clock, as the strategies count it.
    pub(super) fn now(&self) -> u64 {
        nanos(self.commons.now().saturating_duration_since(self.epoch)) + 1
    }

    pub(super) fn begin(&self, key: u64) -> Underway<A> {
        self.balancer.begin(self.now(), key, self.random(), queued)
    }

    /// A message that nobody waits for was sent; or it was not, and it is as if nobody had been picked.
    pub(super) fn sent<E>(&self, call: &Underway<A>, sent: &Result<(), E>) {
        match sent {
            Ok(()) => self.balancer.told(call, self.now()),
            Err(_) => self.balancer.take_back(call, self.now()),
        }
    }

    /// Begins a call at each replica, one after the other, until `send` has sent it: for a message that nobody waits
    /// for, and that a full mailbox gives back.
    pub(super) fn tell_any<M, E>(
        &self,
        key: u64,
        message: M,
        send: impl Fn(&ActorRef<A>, M) -> Result<(), E>,
        back: impl Fn(E) -> (M, bool),
        refused: impl Fn(M, bool) -> E,
    ) -> Result<(), E> {
        let first = self.begin(key);
        let mut others = None;
        let mut call = first;
        let mut message = message;
        let mut was_full = false;
        loop {
            let sent = send(&call.target().actor, message);
            self.sent(&call, &sent);
            let Err(error) = sent else { return Ok(()) };
            let (given_back, is_full) = back(error);
            message = given_back;
            was_full |= is_full;
            let tried = call.member().id;
            let others = others.get_or_insert_with(|| self.after(tried).into_iter());
            let next = others.find_map(|member| self.balancer.begin_at(&member, self.now()));
            match next {
                Some(next) => call = next,
                None => return Err(refused(message, was_full)),
            }
        }
    }

    /// The other members, from the one after this on.
    fn after(&self, id: u64) -> Vec<Arc<Member<Replica<A>>>> {
        let mut members = self.balancer.members();
        if let Some(at) = members.iter().position(|member| member.id == id) {
            members.rotate_left(at);
            members.remove(0);
        }
        members
    }

    pub(super) fn end<T, E>(&self, call: &Underway<A>, answer: &Result<T, AskError<E>>) {
        let outcome = match answer {
            Ok(_) => Outcome::Answered,
            Err(AskError::Refused(_)) if !self.refusals_fail => Outcome::Answered,
            // Says nothing of the replica: the caller's own mistake, or the pool's end.
            Err(AskError::WouldDeadlock | AskError::Stopped) => Outcome::Left,
            Err(_) => Outcome::Failed,
        };
        self.balancer.end(call, self.now(), outcome);
    }

    pub(super) fn left(&self, call: &Underway<A>) {
        self.balancer.end(call, self.now(), Outcome::Left);
    }

    fn random(&self) -> u64 {
        if self.commons.is_seeded() { self.commons.runtime.random() } else { thread_random() }
    }

    // For its keeper.

    /// Starts one more replica, slowly.
    pub(super) async fn grow(&self) -> bool {
        self.add(Some(self.now())).await
    }

    async fn add(&self, fresh_since: Option<u64>) -> bool {
        // One that does not start is no replica: the next look at the load tries again.
        let Ok(added) = self.supervisor.add::<A>(child(), self.args.clone()).await else { return false };
        let replica = Replica { actor: added.actor, child: added.id };
        // ORDERING: Relaxed; only uniqueness matters.
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let member = Arc::new(member(id, &self.weights, replica, fresh_since));
        self.balancer.change(|members| members.push(member));
        self.grown.add(1);
        true
    }

    /// Takes the youngest replica out of the roster. It stops when what it has is done.
    pub(super) fn shrink(&self) {
        let mut gone = None;
        self.balancer.change(|members| {
            if members.len() > 1 {
                gone = members.pop();
            }
        });
        if let Some(gone) = gone {
            gone.load.leave();
            self.leaving.lock().push(gone);
            self.shrunk.add(1);
        }
    }

    /// One of those that leave stays.
    fn take_spare(&self) -> bool {
        let Some(spare) = self.leaving.lock().pop() else { return false };
        spare.load.stay();
        self.balancer.change(|members| members.push(spare));
        self.grown.add(1);
        true
    }

    /// Stops those that leave and have nothing left to do.
    ///
    /// # Cancellation
    ///
    /// What is not done is done by the next call: whoever is no member and does not leave is to stop, also one whose start
    /// was waited for by a keeper that failed.
    pub(super) async fn stop_idle(&self) {
        let now = self.now();
        self.leaving.lock().retain(|member| {
            let is_done = member.load.is_idle() && ActorRef::mailbox_len(&member.target.actor) == 0;
            if is_done {
                add(&mut self.retired.lock(), &member.load.numbers(now));
            }
            !is_done
        });
        let mut known: Vec<ChildId> = self.leaving.lock().iter().map(|member| member.target.child).collect();
        known.extend(self.balancer.members().iter().map(|member| member.target.child));
        let strays = self.supervisor.children().into_iter().filter(|child| !known.contains(&child.id));
        for stray in strays.map(|child| child.id) {
            // Its last message may still run: that is waited for. A supervisor that stops does the same.
            if self.supervisor.terminate(stray).await.is_ok() {
                // Gone already, if the supervisor was faster.
                let _ = self.supervisor.remove(stray).await;
            }
        }
    }

    /// Time that calls have spent here together, in nanoseconds: its growth is the mean number of calls under way.
    pub(super) fn call_time(&self, now: u64) -> u64 {
        self.balancer.members().iter().map(|member| member.load.call_time(now)).fold(0, u64::wrapping_add)
    }

    /// Messages in the replicas' mailboxes.
    pub(super) fn queue_len(&self) -> usize {
        self.balancer.members().iter().map(|member| ActorRef::mailbox_len(&member.target.actor)).sum()
    }

    pub(super) fn actors(&self) -> Vec<ActorRef<A>> {
        self.balancer.members().iter().map(|member| member.target.actor.clone()).collect()
    }
}

impl<A: Actor> PoolSource for Replicas<A> {
    fn numbers(&self) -> PoolNumbers {
        let now = self.now();
        let mut sum = *self.retired.lock();
        let members = self.balancer.members();
        let (mut active, mut ejected) = (0, 0);
        let leaving = self.leaving.lock().clone();
        for member in members.iter().chain(&leaving) {
            let numbers = member.load.numbers(now);
            active += usize::from(numbers.in_flight > 0);
            ejected += usize::from(numbers.is_out);
            add(&mut sum, &numbers);
        }
        let running = Duration::from_nanos(sum.busy);
        PoolNumbers {
            type_name: short_type_name::<A>(),
            name: self.name.clone(),
            replicas: members.len(),
            // ORDERING: Relaxed; a number.
            replicas_max: self.len_max.load(Ordering::Relaxed),
            ejected,
            active,
            in_flight: sum.in_flight as usize,
            queue_len: self.queue_len(),
            picks: sum.picks,
            answered: sum.answered,
            failed: sum.failed,
            left: sum.left,
            told: sum.told,
            ejections: sum.ejections,
            grown: self.grown.value(),
            shrunk: self.shrunk.value(),
            running,
            // One call at a time: what is not running waits.
            waiting: Duration::from_nanos(sum.took).saturating_sub(running),
        }
    }

    fn resize(self: Arc<Self>, len: usize, keeps_spares: bool) -> Option<Resizing> {
        if self.is_kept {
            return None;
        }
        let len = len.clamp(1, MEMBERS_MAX);
        Some(Box::pin(async move {
            let _alone = self.resizing.lock().await;
            // ORDERING: Relaxed; a number.
            self.len_max.store(len, Ordering::Relaxed);
            while self.balancer.count() > len {
                self.shrink();
            }
            // Without a slow start: they are there to be measured.
            while self.balancer.count() < len && (self.take_spare() || self.add(None).await) {}
            if !keeps_spares {
                self.stop_idle().await;
            }
        }))
    }
}

fn add(sum: &mut LoadNumbers, other: &LoadNumbers) {
    sum.in_flight += other.in_flight;
    sum.picks += other.picks;
    sum.answered += other.answered;
    sum.failed += other.failed;
    sum.left += other.left;
    sum.told += other.told;
    sum.took = sum.took.wrapping_add(other.took);
    sum.busy = sum.busy.wrapping_add(other.busy);
    sum.ejections += other.ejections;
}

fn member<A: Actor>(
    id: u64,
    weights: &[u32],
    replica: Replica<A>,
    fresh_since: Option<u64>,
) -> Member<Replica<A>> {
    let weight = if weights.is_empty() { 1 } else { weights[id as usize % weights.len()].max(1) };
    Member { id, weight, load: super::balance::Load::new(fresh_since), target: replica }
}

/// How a replica is supervised. One that leaves is waited for however long its handler takes.
pub(super) fn child() -> ChildSpec {
    ChildSpec::permanent().stop(StopLimit::Unlimited)
}

impl<A: Actor> Replica<A> {
    /// The child of this number, if it is one.
    pub(super) fn of(supervisor: &SupervisorRef, child: ChildId) -> Option<Self> {
        supervisor.actor_of(child).map(|actor| Replica { actor, child })
    }
}

/// What waits at a replica, tells included.
fn queued<A: Actor>(replica: &Replica<A>) -> u32 {
    ActorRef::mailbox_len(&replica.actor) as u32
}

/// A xorshift generator of the thread's own (Marsaglia, "Xorshift RNGs", 2003), multiplied once: picks need speed, and
/// no more chance than that.
fn thread_random() -> u64 {
    use std::cell::Cell;
    use std::hash::{BuildHasher, RandomState};
    static SEED: OnceLock<u64> = OnceLock::new();
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    STATE.with(|state| {
        let mut x = state.get();
        if x == 0 {
            let seed = *SEED.get_or_init(|| RandomState::new().hash_one(0u8));
            // Its address tells the thread from others.
            x = (seed ^ std::ptr::from_ref(state).addr() as u64) | 1;
        }
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    })
}

impl<A: Actor> Replicas<A> {
    /// The replica of a message that finds its own way there.
    pub(super) fn find(&self, key: u64) -> crate::actor::Target<'static, A> {
        let call = self.begin(key);
        self.balancer.told(&call, self.now());
        crate::actor::Target::owned(&call.target().actor)
    }
}
