//! Where values come from: a server that nobody fails. Each write of a key makes its next version.

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, Script, cmd};

/// A value, and which version of its key it is.
pub(crate) type Versioned = (u64, u64);

#[derive(Clone)]
pub(crate) struct Truth {
    connection: MultiplexedConnection,
    write: Script,
}

impl Truth {
    pub(crate) async fn connect() -> Self {
        let client = Client::open(std::env::var("COHERENCE_TRUTH").unwrap()).unwrap();
        // The machine may be busy, but this server is never down.
        let config =
            redis::AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        let write = Script::new(
            "redis.call('HSET', KEYS[1], 'value', ARGV[1]) return redis.call('HINCRBY', KEYS[1], 'version', 1)",
        );
        Truth { connection, write }
    }

    /// The value and version of a key; version 0 before it was written.
    pub(crate) async fn read(&self, key: u64) -> Result<Versioned, RedisError> {
        let mut read = cmd("HMGET");
        read.arg(key).arg("value").arg("version");
        let (value, version): (Option<u64>, Option<u64>) =
            read.query_async(&mut self.connection.clone()).await?;
        Ok((value.unwrap_or(0), version.unwrap_or(0)))
    }

    /// Writes, and gives the version that this made.
    pub(crate) async fn write(&self, key: u64, value: u64) -> Result<u64, RedisError> {
        self.write.key(key).arg(value).invoke_async(&mut self.connection.clone()).await
    }
}
