//! An actor with a handler of every kind, whose answers say themselves what became of them.

use std::time::Duration;

use ostraca::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// What a message is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Accept,
    Refuse,
    Panic,
}

impl Fate {
    fn befall(self) -> Result<u64, Refused> {
        match self {
            Fate::Accept => Ok(1),
            Fate::Refuse => Err(Refused),
            Fate::Panic => panic!("as told"),
        }
    }
}

pub(crate) struct Shop;

/// A message of a batch.
#[derive(Message)]
#[message(reply = Result<u64, Refused>)]
pub(crate) struct Many {
    pub fate: Fate,
}

#[actor(mailbox(len_max = 100_000), restart(max = 1_000_000, within = "1s", backoff = "0ms..0ms"))]
impl Shop {
    #[start]
    async fn start(_ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
        Ok(Shop)
    }

    /// Never called.
    #[handler]
    fn idle(&mut self) {}

    #[handler]
    fn plain(&mut self, fate: Fate) -> Result<u64, Refused> {
        fate.befall()
    }

    #[handler]
    fn sure(&mut self) -> u64 {
        1
    }

    #[handler]
    async fn slow(&mut self, fate: Fate) -> Result<u64, Refused> {
        tokio::task::yield_now().await;
        fate.befall()
    }

    #[handler]
    async fn rests(&mut self, for_: Duration) {
        tokio::time::sleep(for_).await;
    }

    #[handler(batch(len_max = 16))]
    fn many(&mut self, batch: Batch<Many>) {
        for item in batch {
            match item.fate.befall() {
                Ok(value) => item.reply(value),
                Err(refused) => item.refuse(refused),
            }
        }
    }
}
