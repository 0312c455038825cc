//! What happens to the server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ostraca_tests::servers::RedisServer;

/// A stream of chance from a seed (SplitMix64).
#[derive(Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least))
    }
}

/// Makes faults for so long, and leaves the server up. What was done, and how often.
pub(crate) fn make(server: &mut RedisServer, length: Duration, chance: &mut Chance) -> String {
    let begun = Instant::now();
    let mut done: BTreeMap<&str, u32> = BTreeMap::new();
    let mut quiet = chance.millis(300, 1_000);
    while begun.elapsed() + quiet < length {
        std::thread::park_timeout(quiet);
        let fault = match chance.below(5) {
            0 => {
                server.kill();
                std::thread::park_timeout(chance.millis(0, 1_500));
                server.start_again();
                "killed and restarted empty"
            }
            1 => {
                server.pause();
                std::thread::park_timeout(chance.millis(50, 300));
                server.resume();
                "paused shortly"
            }
            2 => {
                server.pause();
                std::thread::park_timeout(chance.millis(500, 3_000));
                server.resume();
                "paused"
            }
            3 => {
                server.flush();
                "flushed"
            }
            _ => {
                server.start_again();
                "restarted empty at once"
            }
        };
        *done.entry(fault).or_default() += 1;
        quiet = chance.millis(300, 2_000);
    }
    std::thread::park_timeout(length.saturating_sub(begun.elapsed()));
    format!("{done:?}")
}

/// A fault that lasts while the writers stop: what they wrote last is then on its way.
pub(crate) enum Last {
    Killed,
    Paused,
    Flushed,
}

impl Last {
    pub(crate) fn begin(server: &mut RedisServer, chance: &mut Chance) -> Self {
        let last = match chance.below(3) {
            0 => {
                server.kill();
                Last::Killed
            }
            1 => {
                server.pause();
                Last::Paused
            }
            _ => {
                server.flush();
                Last::Flushed
            }
        };
        std::thread::park_timeout(chance.millis(50, 1_500));
        last
    }

    pub(crate) fn end(self, server: &mut RedisServer) -> &'static str {
        match self {
            Last::Killed => {
                server.start_again();
                "killed"
            }
            Last::Paused => {
                server.resume();
                "paused"
            }
            Last::Flushed => "flushed",
        }
    }
}
