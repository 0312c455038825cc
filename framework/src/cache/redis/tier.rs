//! One space of the store: what a cache calls.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use redis::{FromRedisValue, Pipeline, RedisError, Script, ScriptInvocation};

use super::super::entry::{Entry, Stamp, Timestamp};
use super::super::tier::{Put, Tier, TierError, TierFuture, Watcher};
use super::layout::{self, Generation, HEAD_LEN, Head, Kind, Names, RECORD_HEAD_LEN, RunId, Signal};
use super::link::{Live, random_bytes};
use super::store::Shared;
use super::sweep;
use crate::codec::checksum_of;
use crate::sync::Mutex;

/// A space of a [`RedisStore`](super::RedisStore), as one cache uses it.
pub(super) struct RedisTier {
    shared: Arc<Shared>,
    space: Arc<Space>,
}

/// What all tiers of a space have in common.
pub(super) struct Space {
    partitions: Vec<Partition>,
    watchers: Mutex<Vec<Weak<dyn Watcher>>>,
}

/// A part of a space that lies in one slot.
pub(super) struct Partition {
    pub(super) names: Names,
    slot: u16,
    /// The generation that was met last.
    known: Mutex<Option<Generation>>,
}

impl Space {
    pub(super) fn new(names: impl Iterator<Item = Names>) -> Self {
        let partition = |names: Names| Partition { slot: names.slot(), names, known: Mutex::new(None) };
        Space { partitions: names.map(partition).collect(), watchers: Mutex::new(Vec::new()) }
    }

    /// Those that are still there.
    pub(super) fn watchers(&self) -> Vec<Arc<dyn Watcher>> {
        let mut watchers = self.watchers.lock();
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.iter().filter_map(Weak::upgrade).collect()
    }

    fn of(&self, key: u64) -> &Partition {
        &self.partitions[(key % self.partitions.len() as u64) as usize]
    }

    pub(super) fn partition(&self, at: usize) -> &Partition {
        &self.partitions[at]
    }

    /// What the names of all its entries match.
    pub(super) fn pattern(&self) -> Vec<u8> {
        self.partitions[0].names.pattern()
    }

    /// Which partition an entry of this name is in, if it is one.
    pub(super) fn partition_of_entry(&self, name: &[u8]) -> Option<usize> {
        let at = layout::partition_in(name)?;
        let names = &self.partitions.get(at)?.names;
        name.starts_with(&names.entry(&[])).then_some(at)
    }
}

/// What a script answers.
pub(super) struct Answer {
    outcome: String,
    stamp: Stamp,
    generation: Generation,
}

impl Answer {
    fn read((outcome, stamp, generation): (String, Vec<u8>, Vec<u8>)) -> Result<Self, TierError> {
        let bytes = |bytes: Vec<u8>| {
            bytes
                .try_into()
                .map_err(|_| TierError::unavailable("a script gave an answer that it cannot give"))
        };
        Ok(Answer { outcome, stamp: Stamp::from_bytes(bytes(stamp)?), generation: bytes(generation)? })
    }
}

/// A call of a script: everything but what depends on the connection.
pub(super) struct Call<'a> {
    pub(super) script: &'a Script,
    /// Beginning with the third: the first two are the head and the signal.
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) signal: Vec<u8>,
    /// Beginning with the fifth.
    pub(super) args: Vec<Vec<u8>>,
}

impl Call<'_> {
    /// `known`: the generation that it must find, if there is one that it must.
    fn on(
        &self,
        head: &[u8],
        run_id: &RunId,
        known: Option<Generation>,
        now: Timestamp,
    ) -> ScriptInvocation<'_> {
        let mut call = self.script.prepare_invoke();
        call.key(head).key(&self.signal[..]).key(&self.keys);
        call.arg(&run_id[..]).arg(&random_bytes()[..]);
        call.arg(known.as_ref().map_or(&[][..], |known| &known[..])).arg(now.0).arg(&self.args);
        call
    }
}

impl RedisTier {
    pub(super) fn new(shared: Arc<Shared>, space: Arc<Space>) -> Self {
        RedisTier { shared, space }
    }

    async fn read(&self, key: &[u8], now: Timestamp) -> Result<Option<Entry>, TierError> {
        let hash = checksum_of(&[], key);
        let partition = self.space.of(hash);
        let mut pipe = redis::pipe();
        // Not GET: whoever wrote it may have written more than we want in memory.
        pipe.cmd("GETRANGE").arg(partition.names.entry(key)).arg(0).arg(self.shared.len_max());
        pipe.cmd("GETRANGE").arg(partition.names.head()).arg(0).arg(HEAD_LEN);
        let ((record, head), run_id): ((Vec<u8>, Vec<u8>), RunId) =
            query(&self.shared, partition, hash, &pipe).await?;
        // A head of another server's life says nothing; the next write draws a new one.
        let Some(head) = Head::read(&head).filter(|head| head.run_id == run_id) else { return Ok(None) };
        partition.meet(head.generation, &self.shared);
        let len_max = self.shared.len_max();
        let entry = if record.len() > len_max {
            Err(TierError::corrupt(format_args!("longer than the {len_max} bytes that an entry may have")))
        } else {
            layout::read_record(&record, &head)
        };
        let entry = match entry {
            Ok(Some(entry)) if entry.is_kept(now) && entry.stamp >= head.floor => entry,
            Ok(_) => return Ok(None),
            Err(error) => {
                self.drop_record(partition, key, &record, now).await?;
                return Err(error);
            }
        };
        if entry.tags.is_empty() {
            return Ok(Some(entry));
        }
        // After the entry: a floor only rises.
        let mut pipe = redis::pipe();
        for tag in &entry.tags {
            pipe.cmd("GETRANGE").arg(partition.names.tag(tag)).arg(0).arg(16);
        }
        let (floors, _): (Vec<Vec<u8>>, RunId) = query(&self.shared, partition, hash, &pipe).await?;
        let floors = floors.into_iter().filter_map(|floor| floor.try_into().ok());
        let is_above = floors.map(Stamp::from_bytes).all(|floor| entry.stamp >= floor);
        Ok(is_above.then_some(entry))
    }

    /// Takes out what cannot be read: the stamp before it may be wrong, and too high for anything to replace it.
    async fn drop_record(
        &self,
        partition: &Partition,
        key: &[u8],
        record: &[u8],
        now: Timestamp,
    ) -> Result<(), TierError> {
        // By how it begins: of what is too long, no more was read than is allowed.
        let beginning = record[..record.len().min(RECORD_HEAD_LEN)].to_vec();
        let call = Call {
            script: &self.shared.scripts.drop,
            keys: vec![partition.names.entry(key)],
            signal: partition.names.head(),
            args: vec![beginning],
        };
        invoke(&self.shared, partition, checksum_of(&[], key), &call, None, now).await.map(drop)
    }

    async fn write(
        &self,
        key: &[u8],
        entry: &Entry,
        is_told: bool,
        now: Timestamp,
    ) -> Result<Put, TierError> {
        let hash = checksum_of(&[], key);
        let partition = self.space.of(hash);
        let frame = entry.to_frame()?;
        let (len, len_max) = (frame.len() + RECORD_HEAD_LEN, self.shared.len_max());
        if len > len_max {
            return Err(TierError::TooLong { len, len_max });
        }
        let names = &partition.names;
        let keys = std::iter::once(names.entry(key)).chain(entry.tags.iter().map(|tag| names.tag(tag)));
        let lifetime = layout::lifetime(entry.keep_until, now);
        // With room to spare, so that not every put writes the head anew.
        let longest = entry.keep_until.0.saturating_add(lifetime / 4);
        let flag = |flag: bool| vec![if flag { b'1' } else { b'0' }];
        let mut call = Call {
            script: &self.shared.scripts.put,
            keys: keys.collect(),
            signal: names.signal(&self.shared.origin, &Signal::Written(key)),
            args: vec![
                layout::prefix_of(entry, Kind::of(&entry.body)).to_vec(),
                frame,
                lifetime.to_string().into_bytes(),
                flag(is_told),
                flag(self.shared.is_settling()),
                longest.to_be_bytes().to_vec(),
            ],
        };
        for _ in 0..2 {
            let known = *partition.known.lock();
            let answer = invoke(&self.shared, partition, hash, &call, known, now).await?;
            partition.meet(answer.generation, &self.shared);
            match &*answer.outcome {
                "stored" => return Ok(Put::Stored),
                "outdated" => return Ok(Put::Outdated(answer.stamp)),
                // What the server knew when this entry was made is lost: it may leave its mark, and no more.
                _ => call.args[4] = flag(true),
            }
        }
        Err(TierError::unavailable("the server loses its content"))
    }

    /// The same on every partition, all at once: they lie on several servers, and a connection is pipelined.
    async fn on_all<'a>(
        &'a self,
        now: Timestamp,
        call: impl Fn(&'a Partition) -> Call<'a> + Send + Sync,
    ) -> Result<(), TierError> {
        let on_one = async |partition: &'a Partition| {
            let answer = invoke(&self.shared, partition, 0, &call(partition), None, now).await?;
            partition.meet(answer.generation, &self.shared);
            Ok(())
        };
        let mut calls: Vec<_> =
            self.space.partitions.iter().map(|partition| Box::pin(on_one(partition))).collect();
        let mut outcome = Ok(());
        poll_fn(|cx| {
            calls.retain_mut(|call| match call.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(done) => {
                    outcome = std::mem::replace(&mut outcome, Ok(())).and(done);
                    false
                }
            });
            if calls.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        outcome
    }
}

impl Partition {
    /// Takes note of the generation that there is. If there was another, its content is lost.
    fn meet(&self, generation: Generation, shared: &Shared) {
        let before = self.known.lock().replace(generation);
        if before.is_some_and(|before| before != generation) {
            shared.begin_settling();
        }
    }
}

/// Asks the server that has the partition, and the one that it names instead.
async fn query<T: FromRedisValue>(
    shared: &Shared,
    partition: &Partition,
    hash: u64,
    pipe: &Pipeline,
) -> Result<(T, RunId), TierError> {
    let live = shared.live(partition.slot, hash)?;
    match pipe.query_async(&mut live.connection.clone()).await {
        Ok(answer) => Ok((answer, live.run_id)),
        Err(error) => {
            let live = elsewhere(shared, &error, hash)?;
            let answer = pipe.query_async(&mut live.connection.clone()).await;
            answer.map(|answer| (answer, live.run_id)).map_err(|error| refusal(&error))
        }
    }
}

/// Runs a script on the server that has the partition, or on the one that it names instead.
pub(super) async fn invoke(
    shared: &Shared,
    partition: &Partition,
    hash: u64,
    call: &Call<'_>,
    known: Option<Generation>,
    now: Timestamp,
) -> Result<Answer, TierError> {
    let head = partition.names.head();
    let live = shared.live(partition.slot, hash)?;
    let on = |live: &Live| call.on(&head, &live.run_id, known, now);
    match on(&live).invoke_async(&mut live.connection.clone()).await {
        Ok(answer) => Answer::read(answer),
        Err(error) => {
            let live = elsewhere(shared, &error, hash)?;
            let answer = on(&live).invoke_async(&mut live.connection.clone()).await;
            Answer::read(answer.map_err(|error| refusal(&error))?)
        }
    }
}

/// Where else a server says that the key is. An error if it says anything else.
fn elsewhere(shared: &Shared, error: &RedisError, hash: u64) -> Result<Arc<Live>, TierError> {
    // Alone or as one of a pipeline's, where the library's own accessors do not look.
    let errors = error.clone().into_server_errors().unwrap_or_default();
    let Some((_, first)) = errors.first() else { return Err(refusal(error)) };
    match first.code() {
        "MOVED" => {
            shared.ask_again();
            let to = first.details().and_then(|details| details.rsplit_once(' ')).map(|(_slot, to)| to);
            to.and_then(|to| shared.at(to, hash)).ok_or_else(|| refusal(error))
        }
        "ASK" | "CLUSTERDOWN" | "MASTERDOWN" | "READONLY" | "TRYAGAIN" => {
            shared.ask_again();
            Err(refusal(error))
        }
        "WRONGTYPE" => Err(TierError::corrupt("not what we write: somebody else uses this key")),
        _ => Err(refusal(error)),
    }
}

fn refusal(error: &RedisError) -> TierError {
    if error.is_timeout() { TierError::TimedOut } else { TierError::unavailable(error) }
}

impl Tier for RedisTier {
    fn get<'a>(&'a self, key: &'a [u8], now: Timestamp) -> TierFuture<'a, Option<Entry>> {
        Box::pin(self.read(key, now))
    }

    fn put<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put> {
        Box::pin(self.write(key, entry, true, now))
    }

    fn fill<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put> {
        Box::pin(self.write(key, entry, false, now))
    }

    fn remove_tag<'a>(&'a self, tag: &'a str, stamp: Stamp, now: Timestamp) -> TierFuture<'a, ()> {
        let (origin, signal) = (&self.shared.origin, Signal::TagRemoved(stamp, tag));
        Box::pin(self.on_all(now, move |partition| Call {
            script: &self.shared.scripts.remove_tag,
            keys: vec![partition.names.tag(tag)],
            signal: partition.names.signal(origin, &signal),
            args: vec![stamp.to_bytes().to_vec()],
        }))
    }

    fn clear(&self, stamp: Stamp, now: Timestamp) -> TierFuture<'_, ()> {
        let (origin, signal) = (&self.shared.origin, Signal::Cleared(stamp));
        Box::pin(async move {
            let call = |partition: &Partition| Call {
                script: &self.shared.scripts.clear,
                keys: Vec::new(),
                signal: partition.names.signal(origin, &signal),
                args: vec![stamp.to_bytes().to_vec()],
            };
            self.on_all(now, call).await?;
            self.shared.background(sweep::sweep(Arc::downgrade(&self.shared), self.space.clone(), now));
            Ok(())
        })
    }

    fn watch(&self, watcher: Weak<dyn Watcher>) {
        self.space.watchers.lock().push(watcher);
    }
}
