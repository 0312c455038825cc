//! Values as bytes: what the disk and Redis tiers store. The one place that names bincode.
//!
//! A [`Format`] writes a value by bincode 2 into a frame and reads it back. Bytes that come from a store are not
//! trusted: somebody else may have written them, an older program, or a disk that forgets.
//!
//! ```text
//!  byte 0       4     5       6           8        12          16           24
//!       | "OSTC" | 1 | flags | 0 0 | schema | raw len | checksum | payload .. |
//!         magic   format       reserved  u32 LE  u32 LE    xxh3-64 of the payload, seeded with
//!                 version                                that of bytes 0..16
//!  flags: bit 0 says that the payload is compressed by LZ4; `raw len` is its length before that.
//! ```
//!
//! **Guarantees.** [`Format::decode`] of any bytes gives a value or a [`DecodeError`]: no panic, no stack overflow,
//! no endless loop. The memory it takes meanwhile is bounded by the limits of the format (see [`Format`]), whatever
//! lengths the bytes claim, and nothing is allocated before the checksum was right. Bytes that were changed by
//! accident are found by the checksum; it is no signature, so whoever can write to the store can write a valid frame.
//!
//! **Cost.** 24 bytes a value, one pass of xxh3 over the bytes, and LZ4 for values over
//! [`compress_over`](Format::compress_over). Written so because LZ4 in safe Rust costs no C compiler; zstd would save
//! more bytes for more time, which a cache has not.
//!
//! **Bad at.** Evolution: bincode's bytes do not say which field is which. A change of the value's type is a new
//! [`schema`](Format::schema), and entries of the old one are misses. Types whose serde form is not fixed by the
//! type (`#[serde(untagged)]`, `serde_json::Value`) cannot be read back and give
//! [`Malformed`](DecodeError::Malformed).
//!
//! bincode is not maintained any more (RUSTSEC-2025-0141). It is pinned to 2.0.1, and what it fails to bound
//! (nesting, elements without a size, room taken ahead) is bounded here, in front of it. No signature shows it:
//! another serde format takes its place in this module, with the next format version.
//!
//! ```
//! use ostraca::codec::{DecodeError, Format};
//!
//! let format = Format::default();
//! let bytes = format.encode(&("spade", vec![1_u32, 2, 3]))?;
//! let value: (String, Vec<u32>) = format.decode(&bytes)?;
//! assert_eq!(value, ("spade".to_owned(), vec![1, 2, 3]));
//! assert_eq!(format.decode::<(String, Vec<u32>)>(&bytes[..30]), Err(DecodeError::Corrupt));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod guard;

use std::marker::PhantomData;

use bincode::config::standard;
use bincode::enc::write::Writer;
use bincode::error::EncodeError as BincodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use twox_hash::XxHash3_64;

use guard::{Budget, Guarded, Refusal};

const MAGIC: [u8; 4] = *b"OSTC";
const VERSION: u8 = 1;
const FLAG_LZ4: u8 = 1;
/// Where the checksum lies: it covers what is before it and what is behind it.
const CHECKSUM_AT: usize = 16;
const HEADER_LEN: usize = 24;
/// LZ4 makes at most 255 bytes of one: a frame that claims more is not believed, and gets no memory.
const LZ4_RATIO_MAX: usize = 255;

/// Keys are short.
const KEYS: Format =
    Format { schema: 0, len_max: 64 << 10, memory_max: 1 << 20, depth_max: 64, compress_over: usize::MAX };

/// What can be stored as bytes: whatever serde can write and read back.
pub trait Storable: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Storable for T {}

/// How values become bytes, and how much of what is read is believed.
///
/// While a frame is read, at most `len_max` bytes are taken to decompress it and as many again for the texts in it,
/// three times `memory_max` for its elements (a vector that grows has its old and its new room at once), and on each
/// level of nesting the room of 1,024 elements ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    schema: u32,
    len_max: usize,
    memory_max: usize,
    depth_max: usize,
    compress_over: usize,
}

/// Values of up to 16 MiB that hold up to 64 MiB in memory and nest 64 deep, compressed over 1 KiB, schema 0.
impl Default for Format {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Format { schema: 0, len_max: 16 * MIB, memory_max: 64 * MIB, depth_max: 64, compress_over: 1_024 }
    }
}

impl Format {
    /// The number of the value's type: a frame of another one is a [`DecodeError::Schema`]. Change it whenever the
    /// type's fields, their order or their types change.
    #[must_use]
    pub fn schema(self, schema: u32) -> Self {
        Format { schema, ..self }
    }

    /// The longest value in bytes, before compression. At most 4 GiB, the frame's own limit.
    #[must_use]
    pub fn len_max(self, len_max: usize) -> Self {
        Format { len_max: len_max.min(u32::MAX as usize), ..self }
    }

    /// How much memory the elements of a value may take when it is read, in bytes. Counted generously: a structure
    /// in a vector counts as itself and as the vector's element.
    #[must_use]
    pub fn memory_max(self, memory_max: usize) -> Self {
        Format { memory_max, ..self }
    }

    /// How deep a value may nest. A structure, a collection, an enum and a `Some` are a level each.
    #[must_use]
    pub fn depth_max(self, depth_max: usize) -> Self {
        Format { depth_max, ..self }
    }

    /// From how many bytes on a value is compressed (if that makes it shorter). `usize::MAX` never compresses.
    #[must_use]
    pub fn compress_over(self, compress_over: usize) -> Self {
        Format { compress_over, ..self }
    }

    /// The frame that holds `value`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLong`] for a value of more than `len_max` bytes, and [`EncodeError::Unsupported`] for one
    /// that serde cannot write.
    pub fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, EncodeError> {
        let mut frame = self.encode_payload(value, vec![0; HEADER_LEN])?;
        let raw_len = frame.len() - HEADER_LEN;
        let mut flags = 0;
        if raw_len > self.compress_over {
            let mut packed = vec![0; HEADER_LEN];
            packed.extend_from_slice(&lz4_flex::block::compress(&frame[HEADER_LEN..]));
            if packed.len() < frame.len() {
                frame = packed;
                flags = FLAG_LZ4;
            }
        }
        let raw_len = u32::try_from(raw_len).expect("`len_max` is at most u32::MAX");
        frame[..4].copy_from_slice(&MAGIC);
        frame[4] = VERSION;
        frame[5] = flags;
        frame[8..12].copy_from_slice(&self.schema.to_le_bytes());
        frame[12..16].copy_from_slice(&raw_len.to_le_bytes());
        let checksum = checksum(&frame);
        frame[CHECKSUM_AT..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
        Ok(frame)
    }

    /// The value that a frame holds.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that says what is wrong with the bytes. For a cache each of them is a miss.
    pub fn decode<T: DeserializeOwned>(&self, frame: &[u8]) -> Result<T, DecodeError> {
        let (flags, raw_len) = self.check(frame)?;
        let payload = &frame[HEADER_LEN..];
        if flags & FLAG_LZ4 == 0 {
            if payload.len() != raw_len {
                return Err(DecodeError::Malformed("the payload's length is not the header's".to_owned()));
            }
            return self.decode_payload(payload);
        }
        if raw_len > payload.len().saturating_mul(LZ4_RATIO_MAX) {
            return Err(DecodeError::Compression);
        }
        let mut raw = vec![0; raw_len];
        match lz4_flex::block::decompress_into(payload, &mut raw) {
            Ok(len) if len == raw_len => self.decode_payload(&raw),
            _ => Err(DecodeError::Compression),
        }
    }

    /// Reads the header: the flags and the length before compression. Allocates nothing.
    fn check(&self, frame: &[u8]) -> Result<(u8, usize), DecodeError> {
        let Some(header) = frame.first_chunk::<HEADER_LEN>() else { return Err(DecodeError::Truncated) };
        let u32_at =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if header[..4] != MAGIC {
            return Err(DecodeError::NotAFrame);
        }
        if header[4] != VERSION {
            return Err(DecodeError::Version { found: header[4] });
        }
        // Before the checksum: a store's whole content is not hashed for nothing.
        let len = u32_at(12) as usize;
        let longest = len.max(frame.len() - HEADER_LEN);
        if longest > self.len_max {
            return Err(DecodeError::TooLong { len: longest, len_max: self.len_max });
        }
        let stored = header.last_chunk::<8>().expect("the header ends with the checksum");
        if checksum(frame) != u64::from_le_bytes(*stored) {
            return Err(DecodeError::Corrupt);
        }
        if u32_at(8) != self.schema {
            return Err(DecodeError::Schema { found: u32_at(8), expected: self.schema });
        }
        if header[5] & !FLAG_LZ4 != 0 || header[6..8] != [0, 0] {
            return Err(DecodeError::Flags);
        }
        Ok((header[5], len))
    }

    /// Writes the value alone behind what is in `bytes`.
    fn encode_payload<T: Serialize + ?Sized>(
        &self,
        value: &T,
        bytes: Vec<u8>,
    ) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Capped { bytes, left: self.len_max };
        match bincode::serde::encode_into_writer(value, &mut writer, standard()) {
            Ok(()) => Ok(writer.bytes),
            Err(BincodeError::UnexpectedEnd) => Err(EncodeError::TooLong { len_max: self.len_max }),
            Err(other) => Err(EncodeError::Unsupported(other.to_string())),
        }
    }

    fn decode_payload<T: DeserializeOwned>(&self, payload: &[u8]) -> Result<T, DecodeError> {
        let budget = Budget::new(self.memory_max, self.depth_max, payload.len());
        let seed = Guarded::new(PhantomData::<T>, &budget);
        match bincode::serde::seed_decode_from_slice(seed, payload, standard()) {
            Ok((value, len)) if len == payload.len() => Ok(value),
            Ok((_, len)) => {
                Err(DecodeError::Malformed(format!("the value ends at byte {len} of {}", payload.len())))
            }
            Err(error) => Err(match budget.refusal() {
                Some(Refusal::Depth) => DecodeError::TooDeep { depth_max: self.depth_max },
                Some(Refusal::Memory) => DecodeError::TooMuchMemory { memory_max: self.memory_max },
                None => DecodeError::Malformed(error.to_string()),
            }),
        }
    }
}

fn checksum(frame: &[u8]) -> u64 {
    checksum_of(&frame[..CHECKSUM_AT], &frame[HEADER_LEN..])
}

/// The bytes that a key is known by in the tiers: no frame, so that equal keys are equal bytes.
///
/// # Errors
///
/// As [`Format::encode`], for a key of more than 64 KiB.
pub(crate) fn key_to_bytes<K: Serialize + ?Sized>(key: &K) -> Result<Vec<u8>, EncodeError> {
    KEYS.encode_payload(key, Vec::new())
}

/// The key that is known by these bytes.
///
/// # Errors
///
/// As [`Format::decode`]: another process may have sent them.
pub(crate) fn key_from_bytes<K: DeserializeOwned>(bytes: &[u8]) -> Result<K, DecodeError> {
    match bytes.len() {
        len if len > KEYS.len_max => Err(DecodeError::TooLong { len, len_max: KEYS.len_max }),
        _ => KEYS.decode_payload(bytes),
    }
}

/// xxh3-64 of the payload, seeded with that of the header. The same on every machine and in every version.
pub(crate) fn checksum_of(header: &[u8], payload: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(header), payload)
}

/// Takes bytes until a value is longer than it may be.
struct Capped {
    bytes: Vec<u8>,
    left: usize,
}

impl Writer for Capped {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BincodeError> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(BincodeError::UnexpectedEnd)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Why a value cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It has more bytes than the format allows.
    #[error("the value is longer than {len_max} bytes")]
    TooLong {
        /// How long it may be.
        len_max: usize,
    },
    /// Its type cannot be written: it has no fixed form.
    #[error("the value cannot be written: {0}")]
    Unsupported(String),
}

/// Why bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They are shorter than a header.
    #[error("shorter than a frame's header")]
    Truncated,
    /// They do not begin as a frame does.
    #[error("not a frame")]
    NotAFrame,
    /// They are of another version of the format.
    #[error("of format version {found}; this is version {VERSION}")]
    Version {
        /// The version of the bytes.
        found: u8,
    },
    /// They hold a value of another schema.
    #[error("of schema {found}, not {expected}")]
    Schema {
        /// The schema of the bytes.
        found: u32,
        /// The schema that was asked for.
        expected: u32,
    },
    /// The header says what this version does not know.
    #[error("has flags that this version does not know")]
    Flags,
    /// They are not what was written: the checksum does not match.
    #[error("the checksum does not match")]
    Corrupt,
    /// The value is longer than is allowed.
    #[error("{len} bytes long, of at most {len_max}")]
    TooLong {
        /// How long it is.
        len: usize,
        /// How long it may be.
        len_max: usize,
    },
    /// They cannot be decompressed, or not into the length that the header says.
    #[error("cannot be decompressed")]
    Compression,
    /// The value nests deeper than is allowed.
    #[error("nests deeper than {depth_max} levels")]
    TooDeep {
        /// How deep it may nest.
        depth_max: usize,
    },
    /// The value would take more memory than is allowed.
    #[error("takes more than {memory_max} bytes of memory")]
    TooMuchMemory {
        /// How much it may take.
        memory_max: usize,
    },
    /// They are no value of this type.
    #[error("not a value of this type: {0}")]
    Malformed(String),
}

#[cfg(test)]
mod tests;
