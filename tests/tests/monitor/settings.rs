//! What is switched off is absent, and the rest is there.

use ostraca::monitor::{Container, MonitorSettings, Pressure, Process, Sampler, Snapshot, TokioNumbers};
use ostraca::prelude::*;

use crate::shop::{Fate, Many, Shop};

/// A snapshot of a shop that had messages, with this sampler off.
async fn without(off: Option<Sampler>) -> Snapshot {
    let mut settings = MonitorSettings::default();
    if let Some(off) = off {
        settings = settings.sampler(off, false);
    }
    let system = System::builder().monitor(settings).start().unwrap();
    system.monitor();
    let shop = system.spawn::<Shop>(()).await.unwrap();
    // More than a thread lets go by that has sent to nobody who is watched.
    for _ in 0..70 {
        shop.slow(Fate::Accept).await.unwrap();
        shop.many(Many { fate: Fate::Accept }).await.unwrap();
    }
    let pool = system.pool::<Shop>(()).start().await.unwrap();
    let snapshot = system.monitor().latest().await;
    drop(pool);
    (*snapshot).clone()
}

/// Whether a snapshot has what this sampler measures. None: it has nothing to measure here.
fn has(snapshot: &Snapshot, sampler: Sampler) -> Option<bool> {
    let shop = snapshot.of_type("Shop").unwrap();
    Some(match sampler {
        Sampler::Waiting => shop.handler("slow").unwrap().waiting.is_some() && snapshot.waiting.is_some(),
        Sampler::Handling => {
            shop.handler("slow").unwrap().handling.is_some()
                && snapshot.handling.is_some()
                && shop.numbers.busy.is_some()
        }
        Sampler::Actors => !snapshot.actors.is_empty(),
        Sampler::Batches => !shop.batches.is_empty(),
        Sampler::Pools => !snapshot.pools.is_empty(),
        Sampler::Process => snapshot.process != Process::default(),
        Sampler::Pressure => snapshot.pressure != Pressure::default(),
        Sampler::Runtime => snapshot.tokio != TokioNumbers::default(),
        Sampler::Container if snapshot.container != Container::default() => true,
        _ => return None,
    })
}

#[tokio::test(start_paused = true)]
async fn each_sampler_that_is_off_is_absent_and_takes_nothing_else_with_it() {
    let all = without(None).await;
    for off in Sampler::ALL {
        let snapshot = without(Some(off)).await;
        assert!(!snapshot.samplers.has(off));
        for sampler in Sampler::ALL {
            // Of what this machine or this shop does not have there is nothing to see.
            let Some(there) = has(&all, sampler) else { continue };
            let expected = there && sampler != off;
            assert_eq!(has(&snapshot, sampler).unwrap_or(false), expected, "{sampler:?} without {off:?}");
        }
        assert_eq!(snapshot.of_type("Shop").unwrap().numbers.handled, 140, "counts are always there");
    }
}
