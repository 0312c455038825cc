//! Half of the program is actix's actors.

use actix::Actor as _;
use ostraca::bridge::{from_actix, to_actix};
use ostraca::prelude::*;

// ANCHOR: ours
struct Stock {
    jars: u64,
}

/// Taken by either side; answered with what is left.
#[derive(Message)]
#[message(reply = u64)]
struct Take {
    jars: u64,
}

impl actix::Message for Take {
    type Result = Result<u64, AskError>; // our errors have a place in the answer
}

#[actor]
impl Stock {
    #[start]
    fn start() -> Self {
        Stock { jars: 100 }
    }

    #[handler]
    fn take(&mut self, #[message] take: Take) -> u64 {
        self.jars -= take.jars; // panics when there are too few
        self.jars
    }
}
// ANCHOR_END: ours

// ANCHOR: theirs
struct Till {
    stock: actix::Recipient<Take>,
}

impl actix::Actor for Till {
    type Context = actix::Context<Self>;
}

#[derive(Message)]
#[message(reply = u64)]
struct Sell(u64);

impl actix::Message for Sell {
    type Result = u64;
}

impl actix::Handler<Sell> for Till {
    type Result = actix::ResponseFuture<u64>;

    fn handle(&mut self, sell: Sell, _: &mut Self::Context) -> Self::Result {
        let taking = self.stock.send(Take { jars: sell.0 });
        Box::pin(async move {
            match taking.await {
                Ok(Ok(left)) => left,
                Ok(Err(error)) => panic!("the stock: {error}"),
                Err(error) => panic!("the way to it: {error}"),
            }
        })
    }
}
// ANCHOR_END: theirs

// ANCHOR: both
async fn shop() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let stock = system.spawn::<Stock>(()).await?;

    let address = to_actix(&system, &stock, 64)?; // an actix::Addr, with room for 64 before the mailbox
    let till = Till { stock: address.clone().recipient() }.start();
    assert_eq!(till.send(Sell(30)).await?, 70);

    let till = from_actix::<Sell>(&system, till, 16); // an ostraca::Recipient: at most 16 under way
    assert_eq!(till.request(Sell(30)).await?, 40);
    till.request(Sell(5)).tell()?; // sold some time after this

    assert_eq!(address.send(Take { jars: 200 }).await?, Err(AskError::Panicked));
    assert!(address.send(Take { jars: 30 }).await?.is_ok()); // a new stock was started
    system.stop().await;
    assert!(!address.connected());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    actix::System::new().block_on(shop())
}
// ANCHOR_END: both

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
