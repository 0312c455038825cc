//! The monitor: what it says, and how to ask it.

use std::time::Duration;

use ostraca::monitor::{By, MonitorSettings, Resolution, Sampler};
use ostraca::prelude::*;
use thiserror::Error;

struct Till {
    cents: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no such coin")]
pub(crate) struct NoSuchCoin;

#[actor]
impl Till {
    #[start]
    fn start() -> Self {
        Till { cents: 0 }
    }

    #[handler]
    async fn pay(&mut self, cents: i64) -> Result<i64, NoSuchCoin> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if cents <= 0 {
            return Err(NoSuchCoin);
        }
        self.cents += cents;
        Ok(self.cents)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: settings
    let settings =
        MonitorSettings::default().interval(Duration::from_millis(100)).sampler(Sampler::Pressure, false);
    let system = System::builder().monitor(settings).start()?;
    // It begins with the first call; before that nothing is timed.
    let monitor = system.monitor();
    // ANCHOR_END: settings
    let till = system.spawn::<Till>(()).await?;

    // ANCHOR: snapshot
    for _ in 0..20 {
        till.pay(5).await?;
    }
    assert_eq!(till.pay(0).await.map_err(|error| error.refusal()), Err(Some(NoSuchCoin)));

    let snapshot = monitor.latest().await;
    let pay = snapshot.of_handler("Till", "pay").expect("it is a handler of Till's");
    assert_eq!((pay.handled, pay.refused, pay.failed), (21, 1, 0));
    let handling = pay.handling.as_ref().and_then(|times| times.quantiles());
    if let Some(took) = handling {
        println!("half of them took {:?}, 99 of a hundred at most {:?}", took.p50, took.p99);
        assert!(took.p50 >= Duration::from_millis(3));
    }
    // ANCHOR_END: snapshot

    // ANCHOR: watch
    let mut watch = monitor.watch();
    while let Some(snapshot) = watch.next().await {
        println!("{} messages, {:?} a second", snapshot.total.handled, snapshot.total.handled_per_second);
        if snapshot.total.handled_per_second.is_some() {
            break;
        }
    }
    // ANCHOR_END: watch

    // ANCHOR: top
    for top in monitor.top(5, By::Handled, Duration::from_secs(60)) {
        println!("{}: {:.1} messages a second", top.actor, top.value);
    }
    // ANCHOR_END: top

    // ANCHOR: history
    for point in monitor.history().of_handler("Till", "pay", Resolution::Second) {
        println!("second {}: {} handled, {:?}", point.at.as_secs(), point.handled, point.handling);
    }
    // ANCHOR_END: history

    // ANCHOR: absent
    assert_eq!(snapshot.pressure.cpu_some, None);
    assert!(!snapshot.samplers.has(Sampler::Pressure));
    // ANCHOR_END: absent
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
