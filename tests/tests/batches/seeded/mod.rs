//! Seeded schedules of batches with every option: whatever the seed decides, each message has one end and each ask one
//! answer (it must show, point 6).
//!
//! A schedule is two to four senders, each with up to ten messages to one of two actors: told, sent and asked, with
//! deadlines and cancelled half way, to handlers that wait for more, that fail, that are tried again whole and in
//! halves, that merge keys and keep items for later; while handlers panic, mailboxes are full, turns come late, and
//! actors are stopped, drained and killed. At the end the actors and the system are stopped and the books are checked.
//!
//! `OSTRACA_SEED` is the first seed, `OSTRACA_SEEDS` how many there are of each half (300 without): with the mailboxes of production, and
//! with those that the kit watches and disorders.

mod books;
mod clerk;

use std::cell::Cell;
use std::time::{Duration, Instant};

use books::{Books, InHand, Sums};
use clerk::{Adapt, Again, Clerk, DEEDS, Every, Halve, Linger, Load, Once, Plain, Work};
use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Run};

struct Sender {
    run: Run,
    books: Books,
    me: u64,
    sent: Vec<u64>,
}

impl Sender {
    async fn sends(mut self, clerks: Vec<ActorRef<Clerk>>) {
        for _ in 0..1 + self.run.below(10) {
            let to = self.run.below(clerks.len() as u64) as usize;
            let clerk = &clerks[to];
            match self.run.below(80) {
                77 => ActorRef::stop(clerk),
                78 => ActorRef::drain(clerk),
                79 => ActorRef::kill(clerk),
                _ => match self.run.below(7) {
                    0 => self.work::<Plain>(clerk, to).await,
                    1 => self.work::<Linger>(clerk, to).await,
                    2 => self.work::<Adapt>(clerk, to).await,
                    3 => self.work::<Halve>(clerk, to).await,
                    4 => self.work::<Again>(clerk, to).await,
                    5 => self.work::<Once>(clerk, to).await,
                    _ => self.work::<Every>(clerk, to).await,
                },
            }
        }
    }

    fn load(&mut self, to: usize) -> Load {
        self.sent[to] += 1;
        let deed = *self.run.choose(&DEEDS);
        Load { token: self.books.token(self.me, to as u64, self.sent[to]), deed, key: self.run.below(3) }
    }

    async fn work<M: Work>(&mut self, clerk: &ActorRef<Clerk>, to: usize)
    where
        Clerk: ostraca::Handles<M>,
    {
        let load = self.load(to);
        let (id, key, asking) = (load.token.id, load.key, load.token.asking());
        let request = ActorRef::request(clerk, M::of(load));
        match self.run.below(6) {
            0 => {
                if let Err(error) = request.tell() {
                    error.into_inner().into_load().token.come_back();
                }
            }
            1 => {
                let sending = InHand::new(id, request.send());
                if let Ok(Err(error)) = self.run.cancellable(sending).await {
                    error.into_inner().into_load().token.come_back();
                }
            }
            verb => {
                let limited = match verb {
                    2 => request.within(Duration::from_millis(2)),
                    3 => request.within(Duration::from_millis(6)),
                    _ => request,
                };
                let asking = asking.begin();
                if let Ok(answer) = self.run.cancellable(InHand::new(id, limited)).await {
                    asking.ends(&answer, M::rule(key));
                }
            }
        }
    }
}

/// One schedule.
async fn schedule(run: &Run) -> Sums {
    let books = Books::default();
    let mut clerks = Vec::new();
    for _ in 0..2 {
        clerks.push(run.system().spawn::<Clerk>(()).await.unwrap());
    }
    let senders: Vec<_> = (0..2 + run.below(3))
        .map(|me| {
            let sender = Sender { run: run.clone(), books: books.clone(), me, sent: vec![0; clerks.len()] };
            run.spawn(&format!("sender {me}"), sender.sends(clerks.clone()))
        })
        .collect();
    for sender in senders {
        // One that was cancelled has sent what it has sent.
        let _cancelled = sender.await;
    }
    let restarts = clerks.iter().map(|clerk| run.restarts(clerk)).sum();
    let stops = clerks.iter().filter(|clerk| ActorRef::stop_reason(clerk).is_some()).count() as u64;
    for clerk in &clerks {
        ActorRef::stop(clerk);
        ActorRef::wait_stopped(clerk).await;
    }
    let snapshot = run.system().monitor().latest().await;
    run.system().stop().await;
    let counted = snapshot.of_type("Clerk").unwrap();
    let mut sums = books.check(counted, run.system().dead_letters_total());
    (sums.restarts, sums.stops, sums.steps) = (restarts, stops, run.steps());
    sums
}

#[test]
fn each_item_of_a_batch_has_exactly_one_answer_whatever_the_seed_decides() {
    let faults = Faults::none()
        .panics_in::<Clerk>(0.03)
        .full(0.05)
        .reorders(0.1)
        .slow(0.05, Duration::from_millis(4))
        .cancels(0.06);
    let sums = Cell::new(Sums::default());
    let began = Instant::now();
    let explore = Explore::new().seeds(300).faults(faults);
    let test = async |run: Run| {
        let of_this = schedule(&run).await;
        let mut all = sums.get();
        all.add(of_this);
        sums.set(all);
    };
    explore.clone().run(test);
    explore.real_mailboxes().run(test);
    let sums = sums.get();
    println!("{:.1} s: {sums:?}", began.elapsed().as_secs_f64());
    sums.assert_lively();
}
