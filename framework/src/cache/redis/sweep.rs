//! Takes out what a `clear` has made invisible, in the background.
//!
//! A scan of each server's keys, a few hundred at a time, so that nobody waits behind it. It is not needed for what
//! is read, and what it misses (a server that is down) goes with its lifetime.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use redis::{RedisError, cmd};

use super::super::entry::Timestamp;
use super::store::Shared;
use super::tier::{Call, Space, invoke};

const KEYS_AT_ONCE: usize = 500;

pub(super) async fn sweep(shared: Weak<Shared>, space: Arc<Space>, now: Timestamp) {
    let Some(servers) = shared.upgrade().map(|shared| shared.each_live()) else { return };
    for live in servers {
        let mut connection = live.connection.clone();
        drop(live);
        let mut cursor = 0_u64;
        loop {
            let Some(shared) = shared.upgrade() else { return };
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(space.pattern()).arg("COUNT").arg(KEYS_AT_ONCE);
            let found: Result<(u64, Vec<Vec<u8>>), RedisError> = scan.query_async(&mut connection).await;
            let Ok((next, keys)) = found else { break };
            let mut by_partition: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
            for key in keys {
                if let Some(at) = space.partition_of_entry(&key) {
                    by_partition.entry(at).or_default().push(key);
                }
            }
            for (at, keys) in by_partition {
                let partition = space.partition(at);
                let call = Call {
                    script: &shared.scripts.sweep,
                    keys,
                    signal: partition.names.head(),
                    args: Vec::new(),
                };
                // What is left is left to its lifetime.
                let _swept = invoke(&shared, partition, 0, &call, None, now).await;
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
    }
}
