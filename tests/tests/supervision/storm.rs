//! Groups on real threads: failures, kills, stops and requests from several sides at once. Which of them come first
//! is chance; what must hold whatever the order is checked. `OSTRACA_STORM_ACTS` makes it longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{ChildSpec, ChildState, Restart, StopLimit, Strategy, SupervisorRef, SupervisorSpec};

/// Incarnations that run, and those that ran.
#[derive(Clone, Default)]
struct Count {
    running: Arc<AtomicU64>,
    started: Arc<AtomicU64>,
}

struct Sailor {
    count: Count,
}

#[actor]
impl Sailor {
    #[start]
    fn start(count: Count) -> Self {
        count.running.fetch_add(1, Ordering::SeqCst);
        count.started.fetch_add(1, Ordering::SeqCst);
        Sailor { count }
    }

    #[stop]
    async fn stop(&mut self) {
        tokio::task::yield_now().await;
    }

    #[handler]
    fn hail(&mut self) -> u32 {
        1
    }

    #[handler]
    async fn hail_later(&mut self) -> u32 {
        tokio::task::yield_now().await;
        2
    }

    /// Without the panic's message, of which there would be thousands.
    #[handler]
    fn fall(&mut self) {
        std::panic::resume_unwind(Box::new("as planned"));
    }

    #[handler]
    fn link(&mut self, ctx: &mut Context<Self>, other: ActorRef<Sailor>) {
        ctx.link(&other);
    }
}

impl Drop for Sailor {
    fn drop(&mut self) {
        self.count.running.fetch_sub(1, Ordering::SeqCst);
    }
}

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];

fn crew(strategy: Strategy, max: u32, count: &Count) -> SupervisorSpec {
    let spec = SupervisorSpec::new(strategy, Restart::new(max, Duration::from_secs(3_600)));
    (0..6).fold(spec, |spec, number| {
        let child = ChildSpec::permanent().named(number.to_string());
        let child = if number == 3 { child.stop(StopLimit::Kill) } else { child };
        spec.child_as::<Sailor>(child, count.clone())
    })
}

/// The fleet: a crew for each strategy, one of which gives up now and then.
async fn fleet(system: &System, count: &Count) -> SupervisorRef {
    let spec = system.supervisor(Strategy::OneForOne, Restart::new(u32::MAX, Duration::from_secs(1)));
    let fleet = STRATEGIES.into_iter().enumerate().fold(spec, |spec, (number, strategy)| {
        let max = if number == 2 { 5 } else { u32::MAX };
        spec.supervisor_as(ChildSpec::permanent().named(number.to_string()), crew(strategy, max, count))
    });
    fleet.start().await.unwrap()
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Does something to somebody. Every answer is as good as any other; that there is one is not.
async fn act(chance: &mut Chance, fleet: &SupervisorRef, count: &Count) {
    let Some(crew) = fleet.supervisor_named(&chance.below(3).to_string()) else { return };
    let Some(sailor) = crew.actor_named::<Sailor>(&chance.below(6).to_string()) else { return };
    match chance.below(16) {
        0 => _ = sailor.fall().await,
        1 => ActorRef::stop(&sailor),
        2 => ActorRef::kill(&sailor),
        3 => {
            let added = crew.add::<Sailor>(ChildSpec::transient(), count.clone()).await;
            if let Ok(added) = added {
                _ = added.actor.hail().await;
                _ = crew.terminate(added.id).await;
                _ = crew.remove(added.id).await;
            }
        }
        4 if chance.below(8) == 0 => crew.stop(),
        5 if chance.below(8) == 0 => ActorRef::kill(crew.as_actor()),
        6 if chance.below(4) == 0 => ActorRef::drain(&sailor),
        7 => {
            let other = crew.actor_named::<Sailor>(&chance.below(6).to_string());
            if let Some(other) = other {
                _ = sailor.link(other).await;
            }
        }
        8..=11 => _ = sailor.hail_later().await,
        _ => _ = sailor.hail().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_befalls_a_fleet_every_ask_is_answered_and_nobody_is_lost() {
    let (system, count) = (System::start().unwrap(), Count::default());
    let fleet = fleet(&system, &count).await;
    let seed = std::env::var("OSTRACA_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let acts: u32 =
        std::env::var("OSTRACA_STORM_ACTS").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    println!("seed {seed}, {acts} acts from each of six sides");
    let storm = (0..6).map(|number| {
        let (fleet, count) = (fleet.clone(), count.clone());
        let mut chance = Chance(seed + number);
        tokio::spawn(async move {
            for _ in 0..acts {
                act(&mut chance, &fleet, &count).await;
            }
        })
    });
    let storm: Vec<_> = storm.collect();
    let calm = async {
        for acts in storm {
            acts.await.unwrap();
        }
        // Each crew is whole again, and answers.
        for crew in 0..3 {
            for number in 0..6 {
                loop {
                    let crew = fleet.supervisor_named(&crew.to_string());
                    let sailor = crew.and_then(|crew| crew.actor_named::<Sailor>(&number.to_string()));
                    if let Some(sailor) = sailor
                        && sailor.hail().await == Ok(1)
                    {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60 + u64::from(acts) / 100), calm)
        .await
        .expect("somebody hangs");
    let restarted = count.started.load(Ordering::SeqCst);
    println!("{restarted} incarnations");
    assert!(restarted > 100, "{restarted} incarnations: no storm");
    assert!(fleet.children().iter().all(|crew| crew.state == ChildState::Up));
    let report = system.stop().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(count.running.load(Ordering::SeqCst), 0, "an incarnation outlived its system");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fleet_that_is_stopped_in_the_storm_leaves_nobody_behind() {
    for round in 0..20 {
        let (system, count) = (System::start().unwrap(), Count::default());
        let fleet = fleet(&system, &count).await;
        let storm: Vec<_> = (0..4)
            .map(|number| {
                let (fleet, count) = (fleet.clone(), count.clone());
                let mut chance = Chance(round * 4 + number);
                tokio::spawn(async move {
                    for _ in 0..60 {
                        act(&mut chance, &fleet, &count).await;
                    }
                })
            })
            .collect();
        for _ in 0..round * 10 {
            tokio::task::yield_now().await;
        }
        let stopped = async {
            match round % 3 {
                0 => drop(system.stop().await),
                1 => {
                    fleet.stop();
                    fleet.wait_stopped().await;
                }
                _ => {
                    ActorRef::kill(fleet.as_actor());
                    fleet.wait_stopped().await;
                }
            }
            for acts in storm {
                acts.await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), stopped).await.expect("somebody hangs");
        system.stop().await;
        assert_eq!(count.running.load(Ordering::SeqCst), 0, "round {round}: an incarnation is left");
        let left = system.monitor().latest().await.actors.clone();
        assert!(left.is_empty(), "round {round}: {left:?}");
    }
}
