//! Two handlers race: `pay` begins a payment, whose end comes as a message; `cancel` may come between.

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Found, Run};

struct Bank {
    charged: u64,
}

#[actor]
impl Bank {
    #[start]
    fn start() -> Self {
        Bank { charged: 0 }
    }

    #[handler]
    fn charge(&mut self, cents: u64) {
        self.charged += cents;
    }

    #[handler]
    fn pay_back(&mut self, cents: u64) {
        self.charged -= cents;
    }

    #[handler]
    fn charged(&self) -> u64 {
        self.charged
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    Paid,
    Cancelled,
}

struct Order {
    state: State,
    bank: ActorRef<Bank>,
    is_cured: bool,
}

#[actor]
impl Order {
    #[start]
    fn start(bank: ActorRef<Bank>, is_cured: bool) -> Self {
        Order { state: State::Open, bank, is_cured }
    }

    /// Charging takes a while: the mailbox is not held meanwhile.
    #[handler]
    fn pay(&mut self, ctx: &mut Context<Self>) {
        if self.state == State::Open {
            let bank = self.bank.clone();
            ctx.pipe(async move { bank.charge(500).await.is_ok() }, |is_charged| Paid { is_charged });
        }
    }

    /// The mistake: when this comes, the order may have been cancelled.
    #[handler]
    fn paid(&mut self, is_charged: bool) {
        if self.is_cured && self.state == State::Cancelled {
            // Nobody is charged for what was cancelled. A mailbox of 1,024 has room for it.
            self.bank.pay_back(500).tell().unwrap();
        } else if is_charged {
            self.state = State::Paid;
        }
    }

    #[handler]
    fn cancel(&mut self) -> bool {
        let is_open = self.state == State::Open;
        if is_open {
            self.state = State::Cancelled;
        }
        is_open
    }
}

fn explore(is_cured: bool) -> Option<Found> {
    Explore::new().find(async |run: Run| {
        let system = run.system();
        let bank = system.spawn::<Bank>(()).await.unwrap();
        let order = system.spawn::<Order>((bank.clone(), is_cured)).await.unwrap();
        let (paying, cancelling) = (order.clone(), order.clone());
        let payer = run.spawn("payer", async move { paying.pay().await.unwrap() });
        let thinking = run.clone();
        let canceller = run.spawn("canceller", async move {
            // First come, first served, the payment is through by the time she has made up her mind.
            for _ in 0..4 {
                thinking.yield_now().await;
            }
            cancelling.cancel().await.unwrap()
        });
        payer.await.unwrap();
        let was_cancelled = canceller.await.unwrap();
        // Long enough for the payment to end, one way or the other.
        run.advance(std::time::Duration::from_secs(1)).await;
        let charged = bank.charged().await.unwrap();
        assert_eq!(charged, if was_cancelled { 0 } else { 500 }, "charged, and cancelled: {was_cancelled}");
    })
}

#[test]
fn an_order_that_is_cancelled_while_it_is_paid_is_charged() {
    let found = super::check(explore(false).expect("a seed that cancels between"), "and cancelled: true");
    assert!(found.faults() == 0 && found.deviations() > 0, "only the order is to blame: {found}");
    let trace = found.smallest().to_string();
    let line = |what: &str| trace.find(what).unwrap_or_else(|| panic!("{what}: {found}"));
    assert!(
        line("handles pay") < line("handles cancel") && line("handles cancel") < line("handles paid"),
        "{found}"
    );
}

#[test]
fn with_the_cure_nobody_is_charged_for_a_cancelled_order() {
    assert!(explore(true).is_none());
}
