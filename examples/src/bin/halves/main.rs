//! A shop of which one half is actix's actors and the other is ostraca's, both ways over the bridge.
//!
//! ```text
//!   actix                                          ostraca
//!   Till ────── ask: Take(3 jars) ───────────────> Stock      refuses what is not there
//!   Buyer <──── tell: Order(jars) ──────────────── Stock      when little is left
//!   Buyer ───── tell: Restock(40 jars) ──────────> Stock
//! ```
//!
//! It sells for a while, counts that nothing is lost between the halves, and stops both in order: first ours, whose gate
//! forwards what is under way, then actix's.

mod stock;
mod till;

use std::error::Error;
use std::process::ExitCode;

use actix::Actor;
use ostraca::bridge::{from_actix, to_actix};
use ostraca::prelude::*;

use stock::{GetNumbers, Stock};
use till::{Buyer, Sell, Till};

const JARS_AT_FIRST: u64 = 100;
const SALES: u64 = 1_000;

fn main() -> ExitCode {
    let done = actix::System::new().block_on(async { run().await });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("halves: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let system = System::start()?;
    let buyer = Buyer::default().start();
    let orders = from_actix(&system, buyer.clone(), 16);
    let stock = system.spawn::<Stock>((JARS_AT_FIRST, orders)).await?;
    let address = to_actix(&system, &stock, 64)?;
    buyer.do_send(till::Supplies(address.clone().recipient()));
    let till = Till::new(address.clone().recipient()).start();

    let (mut sold, mut refused) = (0, 0);
    for sale in 0..SALES {
        match till.send(Sell { jars: 1 + sale % 3 }).await? {
            Ok(jars) => sold += jars,
            Err(_) => refused += 1,
        }
    }
    // Through the address, behind the restocking that is under way.
    let numbers = address.send(GetNumbers).await??;
    let bought = buyer.send(till::Bought).await?;
    println!("{sold} jars sold in {} sales, {refused} sales refused, {bought} jars bought", SALES - refused);
    if numbers.taken != sold || JARS_AT_FIRST + numbers.restocked != numbers.left + sold {
        return Err(format!("the books do not add up: {sold} sold, {numbers:?}").into());
    }

    let report = system.stop().await;
    println!(
        "ostraca stopped, clean: {}; the address leads nowhere: {}",
        report.is_clean(),
        !address.connected()
    );
    actix::System::current().stop();
    println!("actix stopped");
    Ok(())
}
