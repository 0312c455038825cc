//! What lies in the server: names of keys, and the bytes behind them.
//!
//! ```text
//!  {tag} = {space/partition}, which puts all keys of a partition into one slot
//!
//!  ostraca:{tag}k<key>       an entry
//!     | generation 16 | stamp 16 | kind 1 | keep until 8 | the entry's frame |
//!  ostraca:{tag}h            the head of the partition
//!     | generation 16 | floor 16 | longest keep until 8 | run id 40 |
//!  ostraca:{tag}t<tag>       the floor of what has the tag: a stamp
//!  ostraca!{tag}<origin 16><kind><rest>    a signal: set and deleted at once, so that tracking tells its name
//!     kind k: a key was written          rest: the key
//!     kind t: a tag was removed          rest: stamp, tag
//!     kind c: everything was removed     rest: stamp
//! ```
//!
//! Numbers that the scripts compare are big-endian: a stamp is its epoch, then its version. What the scripts need of an
//! entry stands before its frame, whose checksum does not cover it, and is compared with the frame when it is read.

use super::super::entry::{Body, Entry, Stamp, Timestamp};
use super::super::tier::TierError;

pub(super) const RECORD_HEAD_LEN: usize = 41;
pub(super) const HEAD_LEN: usize = 80;
pub(super) const RUN_ID_LEN: usize = 40;

/// What tells one life of a partition's content from the next.
pub(super) type Generation = [u8; 16];
/// What a server calls itself until it is started anew.
pub(super) type RunId = [u8; RUN_ID_LEN];

/// What the scripts know of an entry's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but a stamp, below which nothing is kept.
    Mark,
    Kept,
    Removed,
}

impl Kind {
    pub(super) fn of(body: &Body) -> Self {
        match body {
            Body::Removed => Kind::Removed,
            Body::Absent | Body::Value(_) => Kind::Kept,
        }
    }

    pub(super) fn to_byte(self) -> u8 {
        match self {
            Kind::Mark => b'm',
            Kind::Kept => b'k',
            Kind::Removed => b'r',
        }
    }
}

/// The head of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) generation: Generation,
    pub(super) floor: Stamp,
    pub(super) run_id: RunId,
}

impl Head {
    /// `None` for bytes that are no head: whoever writes next makes a new one.
    pub(super) fn read(bytes: &[u8]) -> Option<Head> {
        let bytes: &[u8; HEAD_LEN] = bytes.try_into().ok()?;
        Some(Head {
            generation: *bytes.first_chunk()?,
            floor: Stamp::from_bytes(*bytes[16..].first_chunk()?),
            run_id: *bytes.last_chunk()?,
        })
    }
}

/// The entry in a record of this generation, if there is one.
pub(super) fn read_record(record: &[u8], head: &Head) -> Result<Option<Entry>, TierError> {
    if record.is_empty() {
        return Ok(None);
    }
    let Some((prefix, frame)) = record.split_first_chunk::<RECORD_HEAD_LEN>() else {
        return Err(TierError::corrupt("shorter than an entry's record"));
    };
    if prefix[..16] != head.generation || prefix[32] == Kind::Mark.to_byte() {
        return Ok(None);
    }
    let entry = Entry::from_frame(frame)?;
    if prefix[16..] != prefix_of(&entry, Kind::of(&entry.body)) {
        return Err(TierError::corrupt("an entry that is not what its record says"));
    }
    Ok(Some(entry))
}

/// Stamp, kind and lifetime, as the scripts read them.
pub(super) fn prefix_of(entry: &Entry, kind: Kind) -> [u8; RECORD_HEAD_LEN - 16] {
    let mut prefix = [0; RECORD_HEAD_LEN - 16];
    prefix[..16].copy_from_slice(&entry.stamp.to_bytes());
    prefix[16] = kind.to_byte();
    prefix[17..].copy_from_slice(&entry.keep_until.0.to_be_bytes());
    prefix
}

/// The keys of one partition of a space.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
    tag: String,
}

impl Names {
    pub(super) fn new(prefix: &str, space: &str, partition: usize) -> Self {
        Names { prefix: prefix.to_owned(), tag: format!("{{{}/{partition}}}", escape(space)) }
    }

    /// Where a cluster keeps them (the CRC-16 of what is between the braces, modulo 16,384).
    pub(super) fn slot(&self) -> u16 {
        crc16(&self.tag.as_bytes()[1..self.tag.len() - 1]) % SLOTS
    }

    /// What the names of a space's entries match, as SCAN sees it.
    pub(super) fn pattern(&self) -> Vec<u8> {
        let (space, _) = self.tag.rsplit_once('/').expect("the tag has the partition behind a slash");
        let name = format!("{}:{space}/", self.prefix);
        let mut pattern = Vec::with_capacity(name.len() + 4);
        for byte in name.bytes() {
            if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^' | b'-') {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.extend_from_slice(b"*}k*");
        pattern
    }

    fn name(&self, mark: char, rest: &[&[u8]]) -> Vec<u8> {
        let mut name = format!("{}{mark}{}", self.prefix, self.tag).into_bytes();
        rest.iter().for_each(|part| name.extend_from_slice(part));
        name
    }

    pub(super) fn head(&self) -> Vec<u8> {
        self.name(':', &[b"h"])
    }

    pub(super) fn entry(&self, key: &[u8]) -> Vec<u8> {
        self.name(':', &[b"k", key])
    }

    pub(super) fn tag(&self, tag: &str) -> Vec<u8> {
        self.name(':', &[b"t", tag.as_bytes()])
    }

    pub(super) fn signal(&self, origin: &Origin, signal: &Signal<'_>) -> Vec<u8> {
        match signal {
            Signal::Written(key) => self.name('!', &[origin, b"k", key]),
            Signal::TagRemoved(stamp, tag) => {
                self.name('!', &[origin, b"t", &stamp.to_bytes(), tag.as_bytes()])
            }
            Signal::Cleared(stamp) => self.name('!', &[origin, b"c", &stamp.to_bytes()]),
        }
    }
}

/// How many parts a cluster's keys are in.
pub(super) const SLOTS: u16 = 16_384;

/// What the names of all signals begin with.
pub(super) fn signals_of(prefix: &str) -> String {
    format!("{prefix}!")
}

/// Who sent a signal: a store's own signals are for the others only.
pub(super) type Origin = [u8; 16];

/// What one process tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal<'a> {
    Written(&'a [u8]),
    TagRemoved(Stamp, &'a str),
    Cleared(Stamp),
}

/// A signal's name, taken apart: the escaped space, who sent it, and what it says. `None` if it is no signal.
pub(super) fn read_signal<'a>(prefix: &str, name: &'a [u8]) -> Option<(&'a str, Origin, Signal<'a>)> {
    let rest = name.strip_prefix(signals_of(prefix).as_bytes())?.strip_prefix(b"{")?;
    let end = rest.iter().position(|byte| *byte == b'}')?;
    let (space, _partition) = str::from_utf8(&rest[..end]).ok()?.rsplit_once('/')?;
    let (origin, rest) = rest[end + 1..].split_first_chunk()?;
    let (kind, rest) = rest.split_first()?;
    let signal = match kind {
        b'k' => Signal::Written(rest),
        b't' => {
            let (stamp, tag) = rest.split_first_chunk()?;
            Signal::TagRemoved(Stamp::from_bytes(*stamp), str::from_utf8(tag).ok()?)
        }
        b'c' => Signal::Cleared(Stamp::from_bytes(rest.try_into().ok()?)),
        _ => return None,
    };
    Some((space, *origin, signal))
}

/// The number of the partition in an entry's name.
pub(super) fn partition_in(name: &[u8]) -> Option<usize> {
    let end = name.iter().position(|byte| *byte == b'}')?;
    let slash = name[..end].iter().rposition(|byte| *byte == b'/')?;
    str::from_utf8(&name[slash + 1..end]).ok()?.parse().ok()
}

/// A space's name without what has a meaning in a key's name.
pub(super) fn escape(space: &str) -> String {
    let mut escaped = String::with_capacity(space.len());
    for character in space.chars() {
        match character {
            '{' | '}' | '/' | '%' => escaped.push_str(&format!("%{:02X}", u32::from(character))),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// CRC-16/XMODEM, as in the appendix of the Redis Cluster specification.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

/// How long the server keeps what may be used until then, in milliseconds. Ten years at most: it refuses times that it
/// cannot count.
pub(super) fn lifetime(keep_until: Timestamp, now: Timestamp) -> u64 {
    const LONGEST: u64 = 10 * 365 * 24 * 3_600 * 1_000;
    keep_until.0.saturating_sub(now.0).clamp(1, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { generation: [7; 16], floor: Stamp::MIN, run_id: [b'a'; RUN_ID_LEN] };

    fn record(entry: &Entry) -> Vec<u8> {
        let prefix = prefix_of(entry, Kind::of(&entry.body));
        [&HEAD.generation[..], &prefix[..], &entry.to_frame().unwrap()[..]].concat()
    }

    fn entry() -> Entry {
        Entry {
            stamp: Stamp::new(1, 2),
            made_at: Timestamp(1),
            fresh_until: Timestamp(2),
            keep_until: Timestamp(3),
            tags: Vec::new(),
            body: Body::Absent,
        }
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(Names::new("ostraca", "user1000", 0).slot(), crc16(b"user1000/0") % SLOTS);
    }

    #[test]
    fn stamps_compare_as_their_bytes_do() {
        let stamps = [Stamp::MIN, Stamp::new(0, u64::MAX), Stamp::new(1, 0), Stamp::new(u64::MAX, 5)];
        for pair in stamps.windows(2) {
            assert!(pair[0].to_bytes() < pair[1].to_bytes(), "{pair:?}");
            assert_eq!(Stamp::from_bytes(pair[1].to_bytes()), pair[1]);
        }
    }

    #[test]
    fn a_signal_is_read_as_it_was_named() {
        let names = Names::new("shop", "a{b}/c", 12);
        let origin = *b"0123456789abcdef";
        for signal in [
            Signal::Written(b"k}\0!"),
            Signal::TagRemoved(Stamp::new(1, 2), "red"),
            Signal::Cleared(Stamp::new(3, u64::MAX)),
        ] {
            let name = names.signal(&origin, &signal);
            assert_eq!(read_signal("shop", &name), Some((escape("a{b}/c").as_str(), origin, signal)));
            assert_eq!(read_signal("sho", &name), None);
        }
        assert_eq!(read_signal("shop", b"shop!{x/0}0123456789abcdefc"), None);
    }

    #[test]
    fn an_entry_of_another_generation_is_none_and_one_that_was_changed_is_corrupt() {
        let whole = record(&entry());
        assert_eq!(read_record(&whole, &HEAD), Ok(Some(entry())));
        assert_eq!(read_record(&whole, &Head { generation: [8; 16], ..HEAD }), Ok(None));
        for at in 16..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert!(matches!(read_record(&changed, &HEAD), Err(TierError::Corrupt(_))), "byte {at}");
        }
        for len in 1..whole.len() {
            assert!(read_record(&whole[..len], &HEAD).is_err(), "{len} bytes");
        }
    }
}
