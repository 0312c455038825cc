//! The example of testing: virtual time, a thousand orders, and what goes wrong on purpose.
//!
//! `explore` runs a test once a seed, on one thread and in virtual time. The seed decides who runs next; one that
//! fails is run again, made smaller and printed, with the line that replays it.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Run, explore};
use ostraca::{Message, Recipient};

/// Sent when an auction is over.
#[derive(Debug, PartialEq, Eq, Message)]
struct Sold {
    to: String,
    cents: u64,
}

#[derive(Message)]
struct Close;

/// Sells one thing to whoever has bid most when a minute has passed without a bid.
struct Auction {
    best: Option<(String, u64)>,
    timer: Option<ostraca::Task>,
    sold: Recipient<Sold>,
}

#[actor]
impl Auction {
    #[start]
    fn start(sold: Recipient<Sold>) -> Self {
        Auction { best: None, timer: None, sold }
    }

    /// False: somebody has bid as much.
    #[handler]
    fn bid(&mut self, ctx: &mut Context<Self>, by: String, cents: u64) -> bool {
        if self.best.as_ref().is_some_and(|(_, best)| *best >= cents) {
            return false;
        }
        self.best = Some((by, cents));
        let timer = ctx.after(Duration::from_secs(60), Close);
        if let Some(before) = self.timer.replace(timer) {
            before.cancel();
        }
        true
    }

    #[handler]
    fn close(&mut self, #[message] _close: Close) {
        if let Some((to, cents)) = self.best.take() {
            // Whoever wanted to know may be gone.
            let _untold = self.sold.request(Sold { to, cents }).tell();
        }
    }
}

/// Hours pass in no time, and a probe keeps what it is told.
#[test]
fn an_auction_is_over_a_minute_after_its_last_bid() {
    explore(20, async |run: Run| {
        let sold = run.probe::<Sold>("sold").await;
        let auction = run.system().spawn::<Auction>(sold.recipient()).await.unwrap();
        assert!(auction.bid("ada".to_owned(), 100).await.unwrap());
        sold.expect_none(Duration::from_secs(59)).await;
        assert!(auction.bid("grace".to_owned(), 150).await.unwrap());
        sold.expect_none(Duration::from_secs(59)).await;
        assert_eq!(sold.expect().await, Sold { to: "grace".to_owned(), cents: 150 });
    });
}

/// Two bid at once, in every order: one of two equal bids is refused, and no lower one wins.
#[test]
fn the_highest_bid_wins_in_whatever_order_they_come() {
    explore(1_000, async |run: Run| {
        let sold = run.probe::<Sold>("sold").await;
        let auction = run.system().spawn::<Auction>(sold.recipient()).await.unwrap();
        let bids = ["ada", "grace"].map(|by| {
            let auction = auction.clone();
            run.spawn(by, async move { auction.bid(by.to_owned(), 100).await })
        });
        auction.bid("alan".to_owned(), 90).await.unwrap();
        let mut taken = 0;
        for bid in bids {
            taken += u32::from(bid.await.unwrap().unwrap());
        }
        assert_eq!(taken, 1);
        sold.expect_none(Duration::from_secs(59)).await;
        assert_eq!(sold.expect().await.cents, 100);
    });
}

/// A bid that was acknowledged and a fall right after it: the actor as it stands forgets the bid. The test kit finds
/// the seed; a journal outside the actor would be the cure.
#[test]
fn a_fall_forgets_the_bids_of_an_actor_without_a_journal() {
    let faults = Faults::none().panics_in::<Auction>(0.2);
    let found = Explore::new().seeds(200).faults(faults).find(async |run: Run| {
        let sold = run.probe::<Sold>("sold").await;
        let auction = run.system().spawn::<Auction>(sold.recipient()).await.unwrap();
        let first = auction.bid("ada".to_owned(), 100).await;
        let _may_fall = auction.bid("grace".to_owned(), 90).await;
        if first == Ok(true) {
            let lower = auction.bid("alan".to_owned(), 95).await;
            assert_ne!(lower, Ok(true), "ada's bid is forgotten");
        }
    });
    let found = found.expect("a seed in which it falls between two bids");
    assert!(found.to_string().contains("ada's bid is forgotten"), "{found}");
    assert!(found.is_replayed());
}
