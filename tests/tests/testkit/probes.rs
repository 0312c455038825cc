//! Probes and expectations.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Run, explore};
use ostraca::{DeadReason, Recipient};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(reply = u32)]
struct Order {
    number: u32,
}

/// Sends orders on, once a second.
struct Clerk {
    to: Recipient<Order>,
    number: u32,
}

#[derive(Message)]
struct Tick;

#[actor(restart(max = 3, within = "10s", backoff = "1ms..1ms"))]
impl Clerk {
    #[start]
    fn start(ctx: &mut Context<Self>, to: Recipient<Order>) -> Self {
        ctx.every(Duration::from_secs(1), || Tick);
        Clerk { to, number: 0 }
    }

    #[handler]
    fn send_on(&mut self, #[message] _tick: Tick) {
        self.number += 1;
        // A probe takes what it is told.
        self.to.request(Order { number: self.number }).tell().unwrap();
    }

    #[handler]
    async fn ask(&mut self) -> u32 {
        self.to.request(Order { number: 0 }).await.unwrap_or(u32::MAX)
    }

    #[handler]
    fn fall(&mut self) {
        panic!("as asked");
    }
}

#[test]
fn a_probe_keeps_what_it_gets_and_answers_when_the_test_does() {
    explore(50, async |run: Run| {
        let orders = run.probe::<Order>("orders").await;
        let clerk = run.system().spawn::<Clerk>(orders.recipient()).await.unwrap();
        orders.expect_none(Duration::from_millis(999)).await;
        assert_eq!(orders.expect().await, Order { number: 1 });
        orders.expect_that(|order| order.number == 2).await;
        assert!(orders.is_empty());
        let asking = clerk.clone();
        let answer = run.spawn("asker", async move { asking.ask().await });
        let (order, reply) = orders.expect_ask().await;
        assert_eq!(order.number, 0);
        reply.reply(7);
        assert_eq!(answer.await.unwrap(), Ok(7));
    });
}

#[test]
fn a_message_that_nobody_expected_fails_the_run() {
    let found = Explore::new().seeds(1).find(async |run: Run| {
        let orders = run.probe::<Order>("orders").await;
        let _clerk = run.system().spawn::<Clerk>(orders.recipient()).await.unwrap();
        orders.expect_none(Duration::from_millis(1_001)).await;
    });
    assert!(found.unwrap().failure().text().contains("nobody expected"));
}

#[test]
fn an_expectation_that_is_not_met_fails_the_run_after_ten_seconds() {
    let found = Explore::new().seeds(1).find(async |run: Run| {
        run.probe::<Order>("orders").await.expect().await;
    });
    let found = found.unwrap();
    assert!(found.failure().text().contains("no message within 10s"), "{found}");
}

#[test]
fn restarts_ends_and_dead_letters_can_be_expected() {
    explore(50, async |run: Run| {
        let orders = run.probe::<Order>("orders").await;
        let clerk = run.system().spawn::<Clerk>(orders.recipient()).await.unwrap();
        run.expect_no_dead_letters();
        clerk.fall().tell().unwrap();
        run.expect_restarts(&clerk, 1).await;
        let letter = run.expect_dead_letter(|letter| letter.handler == "fall").await;
        assert_eq!(letter.reason, DeadReason::Panicked);
        ActorRef::stop(&clerk);
        assert_eq!(run.expect_stopped(&clerk).await, StopReason::Requested);
    });
}
