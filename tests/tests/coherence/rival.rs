//! A process with the Redis client's own client-side cache, and as much care around it as its user can take: only newer
//! versions are stored in the server, one connection that is made anew, short time-outs, and the truth is asked whenever
//! Redis does not answer.

use std::num::NonZeroUsize;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::caching::CacheConfig;
use redis::{Client, Script, cmd};
use tokio::time::timeout;

use super::truth::{Truth, Versioned};
use super::worker::Cache;

/// As long as a call of our tier may take.
const LIMIT: Duration = Duration::from_millis(100);

pub(crate) struct Rival {
    connection: ConnectionManager,
    put: Script,
    truth: Truth,
}

impl Rival {
    pub(crate) async fn start() -> Self {
        let url = format!("{}/?protocol=resp3", std::env::var("COHERENCE_CACHE").unwrap());
        let hour = Duration::from_secs(3_600);
        let cache =
            CacheConfig::new().set_size(NonZeroUsize::new(10_000).unwrap()).set_default_client_ttl(hour);
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(LIMIT))
            .set_connection_timeout(Some(LIMIT))
            .set_max_delay(Duration::from_secs(1))
            .set_cache_config(cache);
        let connection = Client::open(url).unwrap().get_connection_manager_with_config(config).await.unwrap();
        let put = Script::new(
            "local there = redis.call('GET', KEYS[1])
            if there and tonumber(string.match(there, '^%d+')) > tonumber(ARGV[1]) then return 0 end
            redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', 3600) return 1",
        );
        Rival { connection, put, truth: Truth::connect().await }
    }

    async fn put(&self, key: u64, (value, version): Versioned) {
        let mut call = self.put.key(format!("cache:{key}"));
        call.arg(version).arg(value);
        // A cache that is down is not an error to its user, and not waited for.
        let _stored = timeout(LIMIT, call.invoke_async::<u64>(&mut self.connection.clone())).await;
    }
}

impl Cache for Rival {
    async fn read(&self, key: u64) -> Result<Versioned, String> {
        let mut get = cmd("GET");
        get.arg(format!("cache:{key}"));
        let there = timeout(LIMIT, get.query_async::<Option<String>>(&mut self.connection.clone())).await;
        if let Ok(Ok(Some(there))) = there {
            let (version, value) = there.split_once(' ').unwrap();
            return Ok((value.parse().unwrap(), version.parse().unwrap()));
        }
        let read = self.truth.read(key).await.map_err(|error| error.to_string())?;
        self.put(key, read).await;
        Ok(read)
    }

    async fn write(&self, key: u64, value: u64) -> Result<u64, String> {
        let version = self.truth.write(key, value).await.map_err(|error| error.to_string())?;
        self.put(key, (value, version)).await;
        Ok(version)
    }

    fn memory_hits(&self) -> u64 {
        self.connection.get_cache_statistics().map_or(0, |statistics| statistics.hit as u64)
    }
}
