//! An entry as bytes: what a tier outside the process keeps.
//!
//! ```text
//!  byte 0       4   5      6           8       16        24        32            40           48         56
//!       | "OSTE" | 1 | body | tags u16 | epoch | version | made_at | fresh_until | keep_until | checksum |
//!       | length u16, tag | .. | the value, to the end |
//!  body: 0 removed, 1 absent, 2 a value. Numbers are little-endian. The checksum is xxh3-64 of bytes 56.., seeded
//!  with that of bytes 0..48.
//! ```
//!
//! One checksum covers all of it: a flipped bit in an epoch would otherwise be an entry that is newest for ever. The
//! value has been encoded before, and has a frame of its own (see [`codec`](crate::codec)). Reading allocates no more
//! than the bytes are long.

use std::sync::Arc;

use super::entry::{Body, Entry, Stamp, Timestamp};
use super::tier::TierError;
use crate::codec::checksum_of;

const MAGIC: [u8; 4] = *b"OSTE";
const VERSION: u8 = 1;
const CHECKSUM_AT: usize = 48;
const HEADER_LEN: usize = 56;
const REMOVED: u8 = 0;
const ABSENT: u8 = 1;
const VALUE: u8 = 2;

impl Entry {
    /// The frame that holds it.
    ///
    /// # Errors
    ///
    /// [`TierError::TooLong`] for more than 65,535 tags, or one of more than 65,535 bytes.
    pub fn to_frame(&self) -> Result<Vec<u8>, TierError> {
        let (body, value): (u8, &[u8]) = match &self.body {
            Body::Removed => (REMOVED, &[]),
            Body::Absent => (ABSENT, &[]),
            Body::Value(value) => (VALUE, value),
        };
        let tags_len: usize = self.tags.iter().map(|tag| 2 + tag.len()).sum();
        let mut frame = Vec::with_capacity(HEADER_LEN + tags_len + value.len());
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&[VERSION, body]);
        frame.extend_from_slice(&short(self.tags.len())?);
        let (Stamp { epoch, version }, Timestamp(made_at)) = (self.stamp, self.made_at);
        for number in [epoch, version, made_at, self.fresh_until.0, self.keep_until.0, 0] {
            frame.extend_from_slice(&number.to_le_bytes());
        }
        for tag in &self.tags {
            frame.extend_from_slice(&short(tag.len())?);
            frame.extend_from_slice(tag.as_bytes());
        }
        frame.extend_from_slice(value);
        let checksum = checksum_of(&frame[..CHECKSUM_AT], &frame[HEADER_LEN..]);
        frame[CHECKSUM_AT..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
        Ok(frame)
    }

    /// The entry that a frame holds.
    ///
    /// # Errors
    ///
    /// [`TierError::Corrupt`] if the bytes are no frame, or not the one that was written.
    pub fn from_frame(frame: &[u8]) -> Result<Entry, TierError> {
        let Some((header, mut rest)) = frame.split_first_chunk::<HEADER_LEN>() else {
            return Err(TierError::corrupt("shorter than an entry's header"));
        };
        if header[..4] != MAGIC {
            return Err(TierError::corrupt("not an entry"));
        }
        if header[4] != VERSION {
            let version = header[4];
            return Err(TierError::corrupt(format_args!("an entry of version {version}; this is {VERSION}")));
        }
        let [epoch, version, made_at, fresh_until, keep_until, checksum] = std::array::from_fn(|n| {
            u64::from_le_bytes(*header[8 + 8 * n..].first_chunk().expect("56 = 8 + 6 * 8"))
        });
        if checksum_of(&header[..CHECKSUM_AT], rest) != checksum {
            return Err(TierError::corrupt("an entry whose checksum does not match"));
        }
        let malformed = || TierError::corrupt("an entry whose tags are no text");
        let mut tags = Vec::new();
        for _ in 0..u16::from_le_bytes([header[6], header[7]]) {
            let (len, behind) = rest.split_first_chunk().ok_or_else(malformed)?;
            let (tag, behind) =
                behind.split_at_checked(u16::from_le_bytes(*len).into()).ok_or_else(malformed)?;
            tags.push(Arc::from(str::from_utf8(tag).map_err(|_| malformed())?));
            rest = behind;
        }
        let body = match header[5] {
            REMOVED => Body::Removed,
            ABSENT => Body::Absent,
            VALUE => Body::Value(rest.into()),
            other => return Err(TierError::corrupt(format_args!("an entry with a body of kind {other}"))),
        };
        Ok(Entry {
            stamp: Stamp { epoch, version },
            made_at: Timestamp(made_at),
            fresh_until: Timestamp(fresh_until),
            keep_until: Timestamp(keep_until),
            tags,
            body,
        })
    }
}

/// A length in two bytes.
fn short(len: usize) -> Result<[u8; 2], TierError> {
    let len_max = usize::from(u16::MAX);
    u16::try_from(len).map(u16::to_le_bytes).map_err(|_| TierError::TooLong { len, len_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: Body) -> Entry {
        Entry {
            stamp: Stamp::new(3, u64::MAX),
            made_at: Timestamp(1),
            fresh_until: Timestamp(2),
            keep_until: Timestamp(u64::MAX),
            tags: vec!["red".into(), "".into(), "größe".into()],
            body,
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        for body in
            [Body::Removed, Body::Absent, Body::Value(Arc::from(*b"value")), Body::Value(Arc::from([]))]
        {
            let entry = entry(body);
            assert_eq!(Entry::from_frame(&entry.to_frame().unwrap()), Ok(entry));
        }
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_corrupt() {
        let frame = entry(Body::Value(Arc::from(*b"value"))).to_frame().unwrap();
        for len in 0..frame.len() {
            assert!(matches!(Entry::from_frame(&frame[..len]), Err(TierError::Corrupt(_))), "{len} bytes");
        }
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Entry::from_frame(&flipped), Err(TierError::Corrupt(_))), "bit {bit}");
        }
    }

    #[test]
    fn tags_that_are_not_there_are_corrupt_and_get_no_memory() {
        let mut frame = Entry { tags: Vec::new(), ..entry(Body::Absent) }.to_frame().unwrap();
        frame[6..8].copy_from_slice(&[255, 255]);
        let checksum = checksum_of(&frame[..CHECKSUM_AT], &frame[HEADER_LEN..]);
        frame[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Entry::from_frame(&frame), Err(TierError::corrupt("an entry whose tags are no text")));
    }

    #[test]
    fn a_tag_that_is_too_long_is_refused() {
        let entry = Entry { tags: vec!["x".repeat(65_536).into()], ..entry(Body::Absent) };
        assert_eq!(entry.to_frame(), Err(TierError::TooLong { len: 65_536, len_max: 65_535 }));
    }
}
