//! Counts by handler, against those of whoever asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use ostraca::monitor::{ActorState, Snapshot};
use ostraca::prelude::*;

use crate::shop::{Fate, Many, Shop};

/// What one handler came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Came {
    handled: u64,
    refused: u64,
    failed: u64,
}

impl Came {
    fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Accept => self.handled += 1,
            Fate::Refuse => {
                self.handled += 1;
                self.refused += 1;
            }
            Fate::Panic => self.failed += 1,
        }
    }
}

type Truth = BTreeMap<&'static str, Came>;

fn said(snapshot: &Snapshot, type_name: &str) -> Truth {
    let handlers = &snapshot.of_type(type_name).unwrap().handlers;
    let came = |of: &ostraca::monitor::HandlerNumbers| {
        (of.handler, Came { handled: of.handled, refused: of.refused, failed: of.failed })
    };
    handlers.iter().map(came).collect()
}

/// A sequence that is the same every time: which handler, what becomes of it, asked or told.
struct Choices(u64);

impl Choices {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn fate(&mut self) -> Fate {
        match self.next(20) {
            0 => Fate::Panic,
            1..=4 => Fate::Refuse,
            _ => Fate::Accept,
        }
    }
}

/// Asks and tells a shop at random, and counts what came of it.
async fn customer(shop: ActorRef<Shop>, seed: u64, visits: u64) -> Truth {
    let (mut choices, mut truth) = (Choices(seed), Truth::new());
    for _ in 0..visits {
        let (handler, fate, is_told) = (choices.next(4), choices.fate(), choices.next(2) == 0);
        let name = match handler {
            0 => {
                match is_told {
                    true => shop.plain(fate).send().await.unwrap(),
                    false => drop(shop.plain(fate).await),
                }
                "plain"
            }
            1 => {
                shop.sure().await.unwrap();
                truth.entry("sure").or_default().add(Fate::Accept);
                continue;
            }
            2 => {
                match is_told {
                    true => shop.slow(fate).send().await.unwrap(),
                    false => drop(shop.slow(fate).await),
                }
                "slow"
            }
            _ => {
                // Of a batch that panics all items fail: what they came to, only those who asked can say.
                let fate = if fate == Fate::Panic { Fate::Refuse } else { fate };
                match is_told {
                    true => shop.many(Many { fate }).send().await.unwrap(),
                    false => drop(shop.many(Many { fate }).await),
                }
                truth.entry("many").or_default().add(fate);
                continue;
            }
        };
        truth.entry(name).or_default().add(fate);
    }
    truth
}

fn add(sum: &mut Truth, truth: Truth) {
    for (name, came) in truth {
        let sum = sum.entry(name).or_default();
        sum.handled += came.handled;
        sum.refused += came.refused;
        sum.failed += came.failed;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counts_by_handler_are_what_was_done_whoever_ran_it_and_however_it_ended() {
    let system = System::builder().workers(3).start().unwrap();
    let monitor = system.monitor().clone();
    let mut truth = Truth::from([("idle", Came::default()), ("rests", Came::default())]);
    let mut customers = Vec::new();
    let mut shops = Vec::new();
    for seed in 0..8 {
        let shop = system.spawn::<Shop>(()).await.unwrap();
        for customer_seed in 0..3 {
            let (shop, seed) = (shop.clone(), seed * 100 + customer_seed);
            customers.push(tokio::spawn(customer(shop, seed, 1_000)));
        }
        shops.push(shop);
    }
    for customer in customers {
        add(&mut truth, customer.await.unwrap());
    }
    for shop in &shops {
        // Behind all that was told; what the asker saw first is counted by then.
        shop.slow(Fate::Accept).await.unwrap();
        truth.entry("slow").or_default().add(Fate::Accept);
        while ActorRef::mailbox_len(shop) > 0 {
            tokio::task::yield_now().await;
        }
    }
    // The last handler lets its answer out a moment before its turn has ended.
    for shop in &shops {
        ActorRef::stop(shop);
        ActorRef::wait_stopped(shop).await;
    }
    let snapshot = monitor.latest().await;
    assert_eq!(said(&snapshot, "Shop"), truth);
    let numbers = &snapshot.of_type("Shop").unwrap().numbers;
    let sum = |of: fn(&Came) -> u64| truth.values().map(of).sum::<u64>();
    assert_eq!(numbers.handled, sum(|came| came.handled));
    assert_eq!(numbers.refused, sum(|came| came.refused));
    assert_eq!(numbers.failed, sum(|came| came.failed));
    assert_eq!(numbers.restarts, sum(|came| came.failed), "every panic was followed by a restart");
}

#[tokio::test(start_paused = true)]
async fn an_err_is_counted_however_it_is_given_and_an_actor_of_one_handler_counts_too() {
    let system = System::start().unwrap();
    let shop = system.spawn::<Shop>(()).await.unwrap();
    for _ in 0..40 {
        shop.plain(Fate::Refuse).await.unwrap_err();
        shop.plain(Fate::Refuse).tell().unwrap();
        shop.many(Many { fate: Fate::Refuse }).tell().unwrap();
    }
    shop.slow(Fate::Refuse).await.unwrap_err();
    let snapshot = system.monitor().latest().await;
    let of = |handler| {
        let numbers = snapshot.of_handler("Shop", handler).unwrap();
        (numbers.handled, numbers.refused, numbers.errors(), numbers.error_part())
    };
    assert_eq!(of("plain"), (80, 80, 80, Some(1.0)));
    assert_eq!(of("many"), (40, 40, 40, Some(1.0)));
    assert_eq!(of("slow"), (1, 1, 1, Some(1.0)));
    assert_eq!(of("idle"), (0, 0, 0, None));
    let monitors = snapshot.of_type("SystemMonitor").unwrap();
    assert_eq!(monitors.handlers.len(), 1);
    assert_eq!(monitors.handlers[0].handled, monitors.numbers.handled);
}

/// Supervises a shop.
struct Owner {
    shop: ActorRef<Shop>,
}

#[actor]
impl Owner {
    #[start]
    async fn start(ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
        Ok(Owner { shop: ctx.child::<Shop>(())? })
    }

    #[handler]
    fn child(&mut self) -> ActorRef<Shop> {
        self.shop.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_is_shown_with_its_state_its_supervisor_and_its_last_panic() {
    let system = System::start().unwrap();
    let owner = system.spawn::<Owner>(()).await.unwrap();
    let shop = owner.child().await.unwrap();
    shop.sure().await.unwrap();
    let snapshot = system.monitor().latest().await;
    let of_shop = snapshot.of_actor(ActorRef::id(&shop)).unwrap();
    assert_eq!(of_shop.state, ActorState::Running);
    assert_eq!(of_shop.parent, Some(ActorRef::id(&owner)));
    assert_eq!(of_shop.mailbox_len_max, Some(100_000));
    assert_eq!(of_shop.last_failure, None);
    assert_eq!(snapshot.of_actor(ActorRef::id(&owner)).unwrap().parent, None);

    shop.rests(std::time::Duration::from_secs(3)).tell().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let snapshot = system.monitor().latest().await;
    assert_eq!(snapshot.of_actor(ActorRef::id(&shop)).unwrap().state, ActorState::Suspended);

    shop.plain(Fate::Panic).await.unwrap_err();
    shop.sure().await.unwrap();
    let snapshot = system.monitor().latest().await;
    let of_shop = snapshot.of_actor(ActorRef::id(&shop)).unwrap();
    let failure = of_shop.last_failure.clone().unwrap();
    assert_eq!((&*failure.text, failure.at.as_secs()), ("panicked in plain: as told", 3));
    assert_eq!((of_shop.state, of_shop.numbers.restarts), (ActorState::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn the_high_water_mark_stays_when_the_mailbox_is_empty_again() {
    let system = System::start().unwrap();
    let shop = system.spawn::<Shop>(()).await.unwrap();
    for _ in 0..250 {
        shop.sure().tell().unwrap();
    }
    shop.slow(Fate::Accept).await.unwrap();
    let snapshot = system.monitor().latest().await;
    let numbers = &snapshot.of_actor(ActorRef::id(&shop)).unwrap().numbers;
    assert_eq!(numbers.mailbox_len, 0);
    assert!((250..=251).contains(&numbers.mailbox_high_water), "{}", numbers.mailbox_high_water);
    let of_type = &snapshot.of_type("Shop").unwrap().numbers;
    assert_eq!(of_type.mailbox_high_water, numbers.mailbox_high_water);
}

#[tokio::test(start_paused = true)]
async fn buffers_are_shown_for_as_long_as_they_are_kept() {
    use ostraca::monitor::{BufferNumbers, BufferSource};

    struct Fixed;
    impl BufferSource for Fixed {
        fn numbers(&self) -> BufferNumbers {
            let mut numbers = BufferNumbers::named("replies");
            numbers.in_use = 3;
            numbers
        }
    }
    let system = System::start().unwrap();
    let fixed: Arc<dyn BufferSource> = Arc::new(Fixed);
    system.monitor().add_buffers(Arc::downgrade(&fixed));
    let snapshot = system.monitor().latest().await;
    assert_eq!((&*snapshot.buffers[0].name, snapshot.buffers[0].in_use), ("replies", 3));
    drop(fixed);
    assert!(system.monitor().latest().await.buffers.is_empty());
}
