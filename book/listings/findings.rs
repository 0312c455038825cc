//! What is wrong, what a node can do, and settings that find themselves.

use std::time::Duration;

use ostraca::monitor::{FindingKind, Tuning};
use ostraca::prelude::*;

/// Writes orders, a batch at a time.
struct Orders;

#[derive(Message)]
struct Order;

#[actor]
impl Orders {
    #[start]
    fn start() -> Self {
        Orders
    }

    #[handler(batch(len_max = 2, wait_max = "1ms"))]
    async fn place(&mut self, batch: Batch<Order>) {
        // What a transaction costs, however many orders are in it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        batch.into_iter().for_each(|order| order.reply(()));
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let orders = system.spawn::<Orders>(()).await?;
    let told = orders.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            // One that there is no room for is lost, here.
            let _full = told.place(Order).tell();
        }
    });

    // ANCHOR: findings
    let mut pulls = system.monitor().watch();
    while let Some(snapshot) = pulls.next().await {
        if let Some(finding) = snapshot.findings.first() {
            // Orders#1 (mailbox_growing): 589 messages wait, 100 more each second, of which it handles 100; ..
            println!("{finding}\n{}", finding.remedy());
            assert_eq!(finding.kind, FindingKind::MailboxGrowing);
            break;
        }
    }
    // ANCHOR_END: findings

    // ANCHOR: capacity
    let capacity = system.monitor().capacity().ok_or("there was no second pull")?;
    // there was too little load to say where this node saturates
    println!("{capacity}");
    for of in &capacity.types {
        println!("{}: {:.0} % at work", of.type_name, 100.0 * of.work.part());
        if let Some(needed) = of.running_for(1_000.0, 0.7) {
            println!("{needed} of them for 1,000 messages a second, at work 70 % of the time");
        }
    }
    // ANCHOR_END: capacity

    // ANCHOR: tuning
    let tuning = Tuning::new()
        .batch_len::<Orders>("place", 1..=1024)
        .batch_wait::<Orders>("place", Duration::ZERO..=Duration::from_millis(20));
    system.monitor().tune(tuning);

    tokio::time::sleep(Duration::from_secs(60)).await;
    for decision in system.monitor().decisions() {
        // Orders.place len_max: 2 to 4 messages, kept: +101.2 % ± 4.0 %, in 2 samples
        println!("{decision}");
    }
    // ANCHOR_END: tuning
    assert!(!system.monitor().decisions().is_empty());
    system.stop().await;
    Ok(())
}

#[test]
fn runs_to_its_end() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
