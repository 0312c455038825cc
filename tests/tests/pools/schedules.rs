//! Pools over seeded schedules: whatever panics, is dropped, is late, restarted or stopped, each item has one answer.
//!
//! Senders ask, tell and send through a pool, by load and by key, with a batched handler among the others, while its
//! replicas panic, mailboxes are full, tasks are dropped, replicas are stopped and killed, the pool grows and shrinks, and
//! in the end the system stops. Each item is counted where it ends, and each ask by its answer.
//!
//! `OSTRACA_SEED` is the first seed, `OSTRACA_SEEDS` how many there are (300 without).

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::pool::{Balance, ByKey};
use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Run};

/// What became of the items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ends {
    made: u64,
    /// A handler had it.
    ran: u64,
    /// Given back to the sender.
    returned: u64,
    /// Dropped without having run.
    dropped: u64,
    asked: u64,
    answered: u64,
    given_up: u64,
}

#[derive(Clone, Default)]
struct Books(Arc<Mutex<(Ends, Vec<String>)>>);

impl Books {
    fn note(&self, change: impl FnOnce(&mut Ends)) {
        change(&mut self.0.lock().unwrap().0);
    }

    fn complain(&self, what: String) {
        self.0.lock().unwrap().1.push(what);
    }

    fn item(&self) -> Item {
        let mut id = 0;
        self.note(|ends| {
            ends.made += 1;
            id = ends.made;
        });
        Item { books: self.clone(), id, end: AtomicU8::new(NOT_YET) }
    }
}

/// Ends once, in the books.
pub(crate) struct Item {
    books: Books,
    id: u64,
    end: AtomicU8,
}

const NOT_YET: u8 = 0;
const RAN: u8 = 1;
const RETURNED: u8 = 2;

impl Item {
    fn run(&self) -> u64 {
        if self.end.swap(RAN, Ordering::Relaxed) != NOT_YET {
            self.books.complain(format!("item {} ran twice", self.id));
        }
        self.id
    }

    fn come_back(self) {
        if self.end.swap(RETURNED, Ordering::Relaxed) != NOT_YET {
            self.books.complain(format!("item {} came back after it ran", self.id));
        }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        let end = *self.end.get_mut();
        self.books.note(|ends| match end {
            RAN => ends.ran += 1,
            RETURNED => ends.returned += 1,
            _ => ends.dropped += 1,
        });
    }
}

/// An ask. Dropped before its answer it is given up.
struct Asked {
    books: Books,
    id: u64,
    is_over: bool,
}

impl Asked {
    fn new(item: &Item) -> Self {
        item.books.note(|ends| ends.asked += 1);
        Asked { books: item.books.clone(), id: item.id, is_over: false }
    }

    fn ends<E: std::fmt::Debug>(mut self, answer: &Result<u64, AskError<E>>) {
        self.is_over = true;
        self.books.note(|ends| ends.answered += 1);
        if let Ok(echo) = answer
            && *echo != self.id
        {
            self.books.complain(format!("item {} had the answer of {echo}", self.id));
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.is_over {
            self.books.note(|ends| ends.given_up += 1);
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct No;

/// Written by several at once.
#[derive(Message)]
#[message(reply = Result<u64, No>)]
pub(crate) struct Row {
    #[key]
    key: u64,
    item: Item,
}

pub(crate) struct Replica;

#[actor(mailbox(len_max = 4), restart(max = 1_000, within = "1s", backoff = "1ms..4ms"))]
impl Replica {
    #[start]
    fn start() -> Self {
        Replica
    }

    #[handler]
    fn quick(&mut self, #[key] _key: u64, item: Item) -> Result<u64, No> {
        let id = item.run();
        if id.is_multiple_of(7) { Err(No) } else { Ok(id) }
    }

    #[handler]
    async fn slow(&mut self, #[key] key: u64, item: Item) -> Result<u64, No> {
        let id = item.run();
        tokio::time::sleep(Duration::from_millis(key % 4)).await;
        Ok(id)
    }

    #[handler(batch(len_max = 4))]
    async fn write(&mut self, batch: Batch<Row>) -> Result<(), No> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        for row in batch {
            // Of what is left out the batch's error is the answer.
            match row.item.run() {
                id if id.is_multiple_of(5) => drop(row),
                id => row.reply(id),
            }
        }
        Err(No)
    }
}

/// One that sends.
struct Sender {
    run: Run,
    books: Books,
    by_load: Pool<Replica>,
    by_key: Pool<Replica, ByKey>,
}

impl Sender {
    async fn sends(self) {
        for _ in 0..1 + self.run.below(6) {
            self.send().await;
        }
    }

    async fn send(&self) {
        let key = self.run.below(16);
        let item = self.books.item();
        let asked = Asked::new;
        match self.run.below(9) {
            0 => {
                if let Err(error) = self.by_load.quick(key, item).tell() {
                    error.into_inner().item.come_back();
                }
            }
            1 => {
                if let Ok(Err(error)) = self.run.cancellable(self.by_key.slow(key, item).send()).await {
                    error.into_inner().item.come_back();
                }
            }
            2 => {
                let asked = asked(&item);
                if let Ok(answer) = self.run.cancellable(self.by_load.quick(key, item)).await {
                    asked.ends(&answer);
                }
            }
            3 => {
                let asked = asked(&item);
                let limited = self.by_load.slow(key, item).within(Duration::from_millis(2));
                if let Ok(answer) = self.run.cancellable(limited).await {
                    asked.ends(&answer);
                }
            }
            4 => {
                let asked = asked(&item);
                if let Ok(answer) = self.run.cancellable(self.by_key.slow(key, item)).await {
                    asked.ends(&answer);
                }
            }
            5 | 6 => {
                let asked = asked(&item);
                if let Ok(answer) = self.run.cancellable(self.by_load.write(Row { key, item })).await {
                    asked.ends(&answer);
                }
            }
            7 => {
                let asked = asked(&item);
                if let Ok(answer) = self.run.cancellable(self.by_key.quick(key, item)).await {
                    asked.ends(&answer);
                }
            }
            _ => {
                item.come_back();
                let replicas = Pool::replicas(&self.by_load);
                let replica = self.run.choose(&replicas);
                match self.run.below(3) {
                    0 => ActorRef::stop(replica),
                    1 => ActorRef::kill(replica),
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        }
    }
}

async fn schedule(run: &Run) -> Ends {
    let books = Books::default();
    let balances = [
        Balance::RoundRobin,
        Balance::Weighted,
        Balance::LeastLoaded,
        Balance::PowerOfTwo,
        Balance::Adaptive,
    ];
    let spec = |run: &Run| run.system().pool::<Replica>(());
    let by_load = spec(run)
        .concurrency(1..=3)
        .weights([1, 2])
        .balance(*run.choose(&balances))
        .scaling(Duration::from_millis(20), Duration::from_millis(50))
        .ejection(2, Duration::from_millis(5), Duration::from_millis(50));
    // A start in which chance lets a handler panic is none of this test's: only handlers do.
    let by_load = by_load.start().await.unwrap();
    let by_key = spec(run).concurrency(2).by_key().start().await.unwrap();
    let senders: Vec<_> = (0..2 + run.below(3))
        .map(|me| {
            let (by_load, by_key) = (by_load.clone(), by_key.clone());
            let sender = Sender { run: run.clone(), books: books.clone(), by_load, by_key };
            run.spawn(&format!("sender {me}"), sender.sends())
        })
        .collect();
    for sender in senders {
        // One that was cancelled has sent what it has sent.
        let _cancelled = sender.await;
    }
    run.system().stop().await;
    for numbers in [Pool::numbers(&by_load), Pool::numbers(&by_key)] {
        let ended = numbers.answered + numbers.failed + numbers.left + numbers.told;
        assert_eq!((numbers.in_flight, numbers.picks), (0, ended), "{numbers:?}");
    }
    let entries = books.0.lock().unwrap();
    let (ends, wrong) = (&entries.0, &entries.1);
    assert!(wrong.is_empty(), "{}", wrong.join("; "));
    assert_eq!(ends.made, ends.ran + ends.returned + ends.dropped, "each item has one end: {ends:?}");
    assert_eq!(ends.asked, ends.answered + ends.given_up, "each ask has one answer: {ends:?}");
    *ends
}

#[test]
fn every_item_of_a_pool_has_one_answer_whatever_the_seed_decides() {
    let faults = Faults::none().panics(0.05).full(0.05).slow(0.05, Duration::from_millis(4)).cancels(0.04);
    let (schedules, sums) = (Cell::new(0u64), Cell::new(Ends::default()));
    let began = std::time::Instant::now();
    Explore::new().seeds(300).faults(faults).run(async |run: Run| {
        let ends = schedule(&run).await;
        let mut all = sums.get();
        all.made += ends.made;
        all.ran += ends.ran;
        all.returned += ends.returned;
        all.dropped += ends.dropped;
        all.asked += ends.asked;
        all.answered += ends.answered;
        all.given_up += ends.given_up;
        sums.set(all);
        schedules.set(schedules.get() + 1);
    });
    println!("{} schedules in {:.1} s: {:?}", schedules.get(), began.elapsed().as_secs_f64(), sums.get());
    assert!(sums.get().ran > schedules.get() && sums.get().dropped > 0, "the schedules hardly do anything");
}
