//! A generic actor: its messages take the parameters that they mention.

use std::collections::HashMap;
use std::hash::Hash;

use ostraca::ShardKey;
use ostraca::prelude::*;

trait Store: Send + 'static {
    type Item: Clone + PartialEq + Send + Sync + 'static;

    fn put(&mut self, item: Self::Item);
    fn last(&self) -> Option<Self::Item>;
}

struct Memory<T>(Vec<T>);

impl<T: Clone + PartialEq + Send + Sync + 'static> Store for Memory<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.0.push(item);
    }

    fn last(&self) -> Option<T> {
        self.0.last().cloned()
    }
}

#[derive(Message)]
#[message(reply = T)]
struct Echo<T>(T);

/// In a module of its own, with private methods: its callers stand outside.
mod rack {
    use super::*;

    pub(super) struct Rack<S, K, const N: usize> {
        store: S,
        rows: HashMap<K, u64>,
    }

    #[derive(Debug, PartialEq)]
    pub(super) struct NothingToAdd;

    #[actor(inline = never)]
    impl<S: Store, K, const N: usize> Rack<S, K, N>
    where
        K: Hash + Eq + Clone + ShardKey + Send + Sync + 'static,
    {
        #[start]
        fn start(make: fn() -> S) -> Self {
            Rack { store: make(), rows: HashMap::new() }
        }

        #[handler]
        fn put(&mut self, item: S::Item) {
            self.store.put(item);
        }

        #[handler(message = TakeLast)]
        fn last(&self) -> Option<S::Item> {
            self.store.last()
        }

        #[handler(invalidates(count))]
        async fn bump(
            &mut self,
            #[key] key: K,
            by: [u64; N],
            ctx: &mut Context<Self>,
        ) -> Result<u64, NothingToAdd> {
            assert!(ctx.shard() < 4);
            if by.is_empty() {
                return Err(NothingToAdd);
            }
            tokio::task::yield_now().await;
            let row = self.rows.entry(key).or_default();
            *row += by.iter().sum::<u64>();
            Ok(*row)
        }

        #[handler]
        fn echo(&self, #[message] echo: Echo<u32>) -> u32 {
            echo.0
        }

        #[cached(ttl = "1m", capacity = 100, message = GetCount)]
        fn count(&self, #[key] key: K) -> u64 {
            self.rows.get(&key).copied().unwrap_or_default()
        }

        #[cached]
        fn newest(&self) -> Option<S::Item> {
            self.store.last()
        }
    }
}

type Racks = rack::Rack<Memory<String>, String, 2>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let make: fn() -> Memory<String> = || Memory(Vec::new());
    let rack = system.spawn::<Racks>(make).await?;
    assert_eq!(rack.put("a".to_owned()).await, Ok(()));
    assert_eq!(rack.last().await, Ok(Some("a".to_owned())));
    assert_eq!(rack.newest(), Some(Some("a".to_owned())));
    assert_eq!(rack.echo(Echo(3)).await, Ok(3));
    let racks = system.shards::<Racks>(4, make).await?;
    assert_eq!(racks.bump("k".to_owned(), [1, 2]).await, Ok(3));
    assert_eq!(racks.count("k".to_owned()).await, Ok(3));
    assert_eq!(racks.bump("k".to_owned(), [0, 1]).await, Ok(4));
    assert_eq!(racks.count(&"k".to_owned()).await, Ok(4));
    let none = system.spawn::<rack::Rack<Memory<u8>, u8, 0>>(|| Memory(Vec::new())).await?;
    assert_eq!(none.bump(1, []).await, Err(AskError::Refused(rack::NothingToAdd)));
    system.stop().await;
    Ok(())
}
