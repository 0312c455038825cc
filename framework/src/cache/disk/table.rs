//! The tables of the file, within one transaction.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, TableHandle,
    WriteTransaction,
};

use super::super::entry::{Entry, Stamp, Timestamp};
use super::super::tier::{Put, TierError};

/// Sequence number to space and key.
const ORDER: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("\0order");
/// Space and tag to stamp.
const FLOORS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("\0floors");
/// The sequence number before a frame.
const NUMBER_LEN: usize = 8;

fn entries(space: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(space)
}

/// What redb says, for who asked.
pub(super) fn broken(error: impl Display) -> TierError {
    TierError::unavailable(error)
}

/// What a space holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) len: u64,
    pub(super) bytes: u64,
    pub(super) evictions: u64,
}

/// Counts the entries of every space.
pub(super) fn count(database: &Database) -> Result<HashMap<Arc<str>, Counts>, TierError> {
    let transaction = database.begin_read().map_err(broken)?;
    let mut counts = HashMap::new();
    for handle in transaction.list_tables().map_err(broken)? {
        let space = handle.name().to_owned();
        if space.starts_with('\0') {
            continue;
        }
        let table = transaction.open_table(entries(&space)).map_err(broken)?;
        let of_space: &mut Counts = counts.entry(Arc::from(space)).or_default();
        for row in table.iter().map_err(broken)? {
            let (key, value) = row.map_err(broken)?;
            of_space.len += 1;
            of_space.bytes += size(key.value(), value.value());
        }
    }
    Ok(counts)
}

pub(super) fn read(database: &Database, space: &str, key: &[u8]) -> Result<Option<Entry>, TierError> {
    let transaction = database.begin_read().map_err(broken)?;
    let table = match transaction.open_table(entries(space)) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    let Some(value) = table.get(key).map_err(broken)? else { return Ok(None) };
    let frame = value.value().get(NUMBER_LEN..).ok_or_else(|| TierError::corrupt("no frame"))?;
    Entry::from_frame(frame).map(Some)
}

fn size(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

/// `space`, its length first, and what belongs to it.
fn within(space: &str, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(4 + space.len() + rest.len());
    key.extend_from_slice(&(space.len() as u32).to_be_bytes());
    key.extend_from_slice(space.as_bytes());
    key.extend_from_slice(rest);
    key
}

/// The reverse of [`within`].
fn apart(key: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = key.split_first_chunk::<4>()?;
    let (space, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    Some((std::str::from_utf8(space).ok()?, rest))
}

/// A write transaction's tables.
pub(super) struct Tables<'a> {
    transaction: &'a WriteTransaction,
    order: Table<'a, u64, &'static [u8]>,
    floors: Table<'a, &'static [u8], &'static [u8]>,
    counts: &'a mut HashMap<Arc<str>, Counts>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(
        transaction: &'a WriteTransaction,
        counts: &'a mut HashMap<Arc<str>, Counts>,
    ) -> Result<Self, TierError> {
        let order = transaction.open_table(ORDER).map_err(broken)?;
        let floors = transaction.open_table(FLOORS).map_err(broken)?;
        Ok(Tables { transaction, order, floors, counts })
    }

    /// What a new entry with these tags must reach.
    fn floor(&self, space: &str, entry: &Entry) -> Result<Stamp, TierError> {
        let mut floor = self.floor_at(&within(space, &[]))?;
        for tag in &entry.tags {
            floor = floor.max(self.floor_at(&within(space, tag.as_bytes()))?);
        }
        Ok(floor)
    }

    fn floor_at(&self, key: &[u8]) -> Result<Stamp, TierError> {
        let stamp = self.floors.get(key).map_err(broken)?;
        Ok(stamp.map_or(Stamp::MIN, |stamp| stamp.value().try_into().map_or(Stamp::MIN, Stamp::from_bytes)))
    }

    fn raise_floor(&mut self, key: &[u8], stamp: Stamp) -> Result<(), TierError> {
        let floor = self.floor_at(key)?.max(stamp);
        self.floors.insert(key, &floor.to_bytes()[..]).map_err(broken)?;
        Ok(())
    }

    pub(super) fn put(
        &mut self,
        space: &Arc<str>,
        key: &[u8],
        entry: &Entry,
        frame: &[u8],
        now: Timestamp,
    ) -> Result<Put, TierError> {
        let floor = self.floor(space, entry)?;
        if entry.stamp < floor {
            return Ok(Put::Outdated(floor));
        }
        let mut table = self.transaction.open_table(entries(space)).map_err(broken)?;
        let there = table.get(key).map_err(broken)?.map(|value| value.value().to_vec());
        // What cannot be read back gives way to what can.
        let there_entry = there.as_deref().and_then(|value| Entry::from_frame(value.get(NUMBER_LEN..)?).ok());
        if let Some(there) = there_entry.filter(|there| there.is_kept(now) && there.outranks(entry)) {
            return Ok(Put::Outdated(there.stamp));
        }
        let number = self.order.last().map_err(broken)?.map_or(0, |(number, _)| number.value() + 1);
        let value = [&number.to_le_bytes()[..], frame].concat();
        table.insert(key, &*value).map_err(broken)?;
        self.order.insert(number, &*within(space, key)).map_err(broken)?;
        let counts = self.counts.entry(space.clone()).or_default();
        counts.bytes += size(key, &value);
        match &there {
            Some(there) => {
                counts.bytes -= size(key, there);
                remove_order(&mut self.order, there)?;
            }
            None => counts.len += 1,
        }
        Ok(Put::Stored)
    }

    pub(super) fn remove_tag(&mut self, space: &Arc<str>, tag: &str, stamp: Stamp) -> Result<(), TierError> {
        self.raise_floor(&within(space, tag.as_bytes()), stamp)?;
        self.remove_where(space, |entry| entry.stamp < stamp && entry.tags.iter().any(|has| **has == *tag))
    }

    pub(super) fn clear(&mut self, space: &Arc<str>, stamp: Stamp) -> Result<(), TierError> {
        self.raise_floor(&within(space, &[]), stamp)?;
        self.remove_where(space, |entry| entry.stamp < stamp)
    }

    /// Removes what matches, and what cannot be read back.
    fn remove_where(&mut self, space: &Arc<str>, matches: impl Fn(&Entry) -> bool) -> Result<(), TierError> {
        let mut table = self.transaction.open_table(entries(space)).map_err(broken)?;
        let mut removed = Vec::new();
        let keep = |key: &[u8], value: &[u8]| {
            let entry = value.get(NUMBER_LEN..).and_then(|frame| Entry::from_frame(frame).ok());
            let is_kept = entry.is_some_and(|entry| !matches(&entry));
            if !is_kept {
                removed.push((value[..NUMBER_LEN.min(value.len())].to_vec(), size(key, value)));
            }
            is_kept
        };
        table.retain(keep).map_err(broken)?;
        let counts = self.counts.entry(space.clone()).or_default();
        for (number, size) in removed {
            counts.len -= 1;
            counts.bytes -= size;
            remove_order(&mut self.order, &number)?;
        }
        Ok(())
    }

    /// Removes what was put first, until the rest is short enough.
    pub(super) fn make_room(&mut self, bytes_max: u64) -> Result<(), TierError> {
        let mut bytes: u64 = self.counts.values().map(|counts| counts.bytes).sum();
        while bytes > bytes_max {
            let Some((number, at)) = self.order.pop_first().map_err(broken)? else { return Ok(()) };
            let (number, at) = (number.value(), at.value().to_vec());
            let Some((space, key)) = apart(&at) else { continue };
            let mut table = self.transaction.open_table(entries(space)).map_err(broken)?;
            let value = table.get(key).map_err(broken)?.map(|value| value.value().to_vec());
            // Of a number that is not the entry's nothing is left.
            let Some(value) = value.filter(|value| value.starts_with(&number.to_le_bytes())) else {
                continue;
            };
            table.remove(key).map_err(broken)?;
            let counts = self.counts.entry(space.into()).or_default();
            counts.len -= 1;
            counts.bytes -= size(key, &value);
            counts.evictions += 1;
            bytes -= size(key, &value);
        }
        Ok(())
    }
}

fn remove_order(order: &mut Table<'_, u64, &'static [u8]>, value: &[u8]) -> Result<(), TierError> {
    if let Some(number) = value.first_chunk::<NUMBER_LEN>() {
        order.remove(u64::from_le_bytes(*number)).map_err(broken)?;
    }
    Ok(())
}

/// Flips a bit of an entry's frame.
#[cfg(test)]
pub(super) fn damage(database: &Database, space: &str, key: &[u8]) {
    let transaction = database.begin_write().expect("it can be written");
    {
        let mut table = transaction.open_table(entries(space)).expect("the space is there");
        let mut value = table.get(key).expect("it can be read").expect("the key is there").value().to_vec();
        *value.last_mut().expect("it is not empty") ^= 1;
        table.insert(key, &*value).expect("it can be written");
    }
    transaction.commit().expect("it can be written");
}
