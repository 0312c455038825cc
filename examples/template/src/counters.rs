//! The counters of one shard.

use std::collections::HashMap;
use std::path::PathBuf;

use ostraca::prelude::*;
use ostraca::shard::shard_of;

use crate::journal::{Append, Journal, WriteError, read};

pub struct Counters {
    counts: HashMap<String, u64>,
    journal: ActorRef<Journal>,
}

#[actor(mailbox(len_max = 4096), restart(max = 5, within = "10s", backoff = "50ms..5s"))]
impl Counters {
    /// Runs at the start and at every restart: what the journal has of this shard is read again.
    #[start]
    fn start(
        ctx: &mut Context<Self>,
        path: PathBuf,
        journal: ActorRef<Journal>,
        shards: usize,
    ) -> Result<Self, StartError> {
        let mut counts = HashMap::new();
        for name in read(&path)? {
            if shard_of(&name, shards) == ctx.shard() {
                *counts.entry(name).or_default() += 1;
            }
        }
        Ok(Counters { counts, journal })
    }

    /// Counts one more, and answers with the count when it is written.
    #[handler(invalidates(count))]
    pub async fn add(&mut self, #[key] name: String) -> Result<u64, AskError<WriteError>> {
        self.journal.append(Append { name: name.clone() }).await?;
        let count = self.counts.entry(name).or_default();
        *count += 1;
        Ok(*count)
    }

    /// Read without a message, but for the first time in five seconds, or since it was changed.
    #[cached(ttl = "5s")]
    pub fn count(&self, #[key] name: String) -> u64 {
        self.counts.get(&name).copied().unwrap_or_default()
    }
}
