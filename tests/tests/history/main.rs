//! What a day of history takes of memory: 10,000 actors of 16 types, 128 handlers that always have work, in simulated
//! time.
//!
//! `OSTRACA_HISTORY_MINUTES` says how long; a day is 1,440, and takes some minutes in a release build. Shorter runs are
//! held to what a day may take as well, and to what their part of it should.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(unsafe_code, reason = "a global allocator is unsafe to write")]
mod counting;

use std::time::Duration;

use counting::bytes;
use ostraca::monitor::{Resolution, SERIES_LEN_MAX};
use ostraca::prelude::*;
use ostraca_tests::runs::number;

const ACTORS: usize = 10_000;
const BYTES_MAX: usize = 64 << 20;
const MINUTES: u64 = 1;

/// A type of actors with eight handlers, in a module of its own for its messages.
macro_rules! shops {
    ($($module:ident $shop:ident)*) => {
        $(
            mod $module {
                use ostraca::prelude::*;

                pub(super) struct $shop;

                #[actor]
                impl $shop {
                    #[start]
                    fn start() -> Self {
                        $shop
                    }

                    #[handler]
                    fn one(&mut self) {}
                    #[handler]
                    fn two(&mut self) {}
                    #[handler]
                    fn three(&mut self) {}
                    #[handler]
                    fn four(&mut self) {}
                    #[handler]
                    fn five(&mut self) {}
                    #[handler]
                    fn six(&mut self) {}
                    #[handler]
                    fn seven(&mut self) {}
                    #[handler]
                    fn eight(&mut self) {}
                }

                /// Every handler has a message now and then.
                pub(super) async fn visit(shop: &ActorRef<$shop>) {
                    // Each has one in a mailbox, so that it waits, and one where its asker stands.
                    macro_rules! both {
                        ($handler:ident) => {
                            shop.$handler().tell().unwrap();
                            shop.$handler().await.unwrap();
                        };
                    }
                    both!(one);
                    both!(two);
                    both!(three);
                    both!(four);
                    both!(five);
                    both!(six);
                    both!(seven);
                    both!(eight);
                }
            }
        )*

        /// As many actors of each type, all of which are kept; the first of each is visited.
        async fn spawn_all(system: &System) -> Vec<Box<dyn Fn() -> Visit>> {
            let mut visits: Vec<Box<dyn Fn() -> Visit>> = Vec::new();
            $(
                let first = system.spawn::<$module::$shop>(()).await.unwrap();
                for _ in 1..ACTORS / TYPES {
                    let one_more = system.spawn::<$module::$shop>(()).await.unwrap();
                    one_more.one().await.unwrap();
                }
                visits.push(Box::new(move || {
                    let first = first.clone();
                    Box::pin(async move { $module::visit(&first).await })
                }));
            )*
            visits
        }

        const TYPES: usize = [$(stringify!($shop)),*].len();
    };
}

type Visit = std::pin::Pin<Box<dyn Future<Output = ()>>>;

shops! {
    a A b B c C d D e E f F g G h H i I j J k K l L m M n N o O p P
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_day_of_history_of_ten_thousand_actors_is_within_64_mib() {
    let minutes = number("OSTRACA_HISTORY_MINUTES").unwrap_or(MINUTES);
    let system = System::start().unwrap();
    let visits = spawn_all(&system).await;
    let before = bytes();
    let monitor = system.monitor();
    for _ in 0..minutes * 60 {
        for visit in &visits {
            visit().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let took = bytes().saturating_sub(before);
    let history = monitor.history();
    let snapshot = monitor.snapshot();
    println!("{minutes} min: {took} bytes in all, {} of them the history's points", history.bytes());
    assert_eq!(snapshot.actors.len(), ACTORS);
    assert_eq!(
        history.left_out(),
        8 * TYPES + 1 - SERIES_LEN_MAX,
        "all that there are and the monitor's own"
    );
    assert!(took <= BYTES_MAX, "{took} bytes");
    // All are full that could be, but for the step that goes on.
    for resolution in Resolution::ALL {
        let steps = (minutes * 60 / resolution.step().as_secs()).min(resolution.len_max() as u64);
        let points = history.of_handler("A", "eight", resolution);
        assert!(points.len() as u64 + 1 >= steps, "{resolution:?}: {} of {steps}", points.len());
        assert!(
            points.iter().all(|point| point.waiting.is_some() || point.handling.is_some()),
            "{resolution:?}"
        );
    }
}
