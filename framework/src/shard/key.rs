//! Which shard a key belongs to: xxh3-64 over the key's bytes, scaled to the number of shards.

use twox_hash::XxHash3_64;

use crate::actor::Message;

/// A message that says which shard it is for. `#[key]` on a field or an argument writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key, so it cannot find its shard",
    note = "mark one argument or field `#[key]`; or pick the shard: `.shard(n)`; or ask every one: `.all()`"
)]
pub trait Keyed: Message {
    /// The key's type.
    type Key: ShardKey;

    /// The key.
    fn key(&self) -> &Self::Key;
}

/// A key with one encoding as bytes, the same on every machine and in every version of the program.
///
/// `std::hash::Hash` promises neither, so it is not used. Two keys that differ must encode differently: write a
/// length before what has none of its own, as the impl for `str` does.
///
/// ```
/// use ostraca::{KeyBytes, ShardKey};
///
/// struct AccountId { bank: u16, number: u64 }
///
/// impl ShardKey for AccountId {
///     fn encode(&self, out: &mut KeyBytes) {
///         self.bank.encode(out);
///         self.number.encode(out);
///     }
/// }
/// ```
pub trait ShardKey {
    /// Writes the key's bytes.
    fn encode(&self, out: &mut KeyBytes);
}

/// Takes a key's bytes.
pub struct KeyBytes {
    short: [u8; SHORT_LEN],
    len: usize,
    /// All the bytes, once they are more than `short` holds.
    long: Vec<u8>,
}

/// Keys up to this long, in bytes, allocate nothing.
const SHORT_LEN: usize = 64;

impl KeyBytes {
    fn new() -> Self {
        KeyBytes { short: [0; SHORT_LEN], len: 0, long: Vec::new() }
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.long.is_empty() && end <= SHORT_LEN {
            self.short[self.len..end].copy_from_slice(bytes);
        } else {
            if self.long.is_empty() {
                self.long.extend_from_slice(&self.short[..self.len]);
            }
            self.long.extend_from_slice(bytes);
        }
        self.len = end;
    }

    fn hash(&self) -> u64 {
        let bytes = if self.long.is_empty() { &self.short[..self.len] } else { &self.long };
        XxHash3_64::oneshot(bytes)
    }
}

/// xxh3-64 over the key's bytes.
pub(crate) fn hash<K: ShardKey + ?Sized>(key: &K) -> u64 {
    let mut bytes = KeyBytes::new();
    key.encode(&mut bytes);
    bytes.hash()
}

/// The shard of `key`, below `len`.
///
/// # Panics
///
/// When `len` is 0.
pub fn shard_of<K: ShardKey + ?Sized>(key: &K, len: usize) -> usize {
    assert!(len > 0, "there is at least one shard");
    // The hash as a fraction of 2^64, times len (Lemire, "A fast alternative to the modulo reduction").
    let scaled = u128::from(hash(key)) * len as u128;
    (scaled >> 64) as usize
}

macro_rules! little_endian {
    ($($int:ty),+) => { $(
        impl ShardKey for $int {
            fn encode(&self, out: &mut KeyBytes) {
                out.write(&self.to_le_bytes());
            }
        }
    )+ };
}

little_endian!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

/// As 8 bytes, whatever the machine's pointers have.
impl ShardKey for usize {
    fn encode(&self, out: &mut KeyBytes) {
        (*self as u64).encode(out);
    }
}

impl ShardKey for bool {
    fn encode(&self, out: &mut KeyBytes) {
        out.write(&[u8::from(*self)]);
    }
}

impl ShardKey for char {
    fn encode(&self, out: &mut KeyBytes) {
        u32::from(*self).encode(out);
    }
}

/// Its length in bytes as 8 bytes, then its UTF-8.
impl ShardKey for str {
    fn encode(&self, out: &mut KeyBytes) {
        self.as_bytes().encode(out);
    }
}

impl ShardKey for String {
    fn encode(&self, out: &mut KeyBytes) {
        self.as_str().encode(out);
    }
}

/// Its length as 8 bytes, then the bytes.
impl ShardKey for [u8] {
    fn encode(&self, out: &mut KeyBytes) {
        self.len().encode(out);
        out.write(self);
    }
}

impl ShardKey for Vec<u8> {
    fn encode(&self, out: &mut KeyBytes) {
        self.as_slice().encode(out);
    }
}

impl<const N: usize> ShardKey for [u8; N] {
    fn encode(&self, out: &mut KeyBytes) {
        out.write(self);
    }
}

impl<K: ShardKey + ?Sized> ShardKey for &K {
    fn encode(&self, out: &mut KeyBytes) {
        (**self).encode(out);
    }
}

impl<K: ShardKey + ?Sized> ShardKey for std::sync::Arc<K> {
    fn encode(&self, out: &mut KeyBytes) {
        (**self).encode(out);
    }
}

/// Whether there is one as a byte, then it.
impl<K: ShardKey> ShardKey for Option<K> {
    fn encode(&self, out: &mut KeyBytes) {
        self.is_some().encode(out);
        if let Some(key) = self {
            key.encode(out);
        }
    }
}

impl<K: ShardKey, L: ShardKey> ShardKey for (K, L) {
    fn encode(&self, out: &mut KeyBytes) {
        self.0.encode(out);
        self.1.encode(out);
    }
}

impl<K: ShardKey, L: ShardKey, M: ShardKey> ShardKey for (K, L, M) {
    fn encode(&self, out: &mut KeyBytes) {
        self.0.encode(out);
        self.1.encode(out);
        self.2.encode(out);
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod tests {
    use super::*;

    /// Changing one of these moves every key of every running service: never do it.
    #[test]
    fn the_hash_of_a_key_is_the_same_in_every_version() {
        assert_eq!(hash(&[0u8; 0]), 0x2d06_8005_38d3_94c2, "XXH3_64 of nothing, from its specification");
        // Computed by the reference implementation (xxHash 0.8) over the documented bytes.
        let golden = [
            (hash(&0u64), 0xc77b_3abb_6f87_acd9u64),
            (hash(&1u64), 0x2fbc_5935_64db_792eu64),
            (hash(&-1i32), 0xcd6b_1c92_0d3f_662cu64),
            (hash("ostracon"), 0x8efd_e4f7_b966_ad7fu64),
            (hash(&(7u16, "a".to_owned())), 0xd7e6_2be0_1f59_8e07u64),
            (hash(&Some(true)), 0x070d_80d6_a768_65f3u64),
            (hash(&"x".repeat(100)), 0x57d5_86f9_fbca_98ecu64),
        ];
        for (at, (hash, expected)) in golden.into_iter().enumerate() {
            assert_eq!(hash, expected, "golden vector {at}: {hash:#018x}");
        }
    }

    #[test]
    fn keys_that_differ_encode_differently() {
        assert_ne!(hash(&("ab", "c")), hash(&("a", "bc")));
        assert_ne!(hash(&None::<u8>), hash(&Some(0u8)));
    }

    #[test]
    fn keys_spread_over_all_shards() {
        let mut counts = [0u32; 64];
        for key in 0..64_000u64 {
            counts[shard_of(&key, 64)] += 1;
        }
        let (least, most) = (counts.iter().min(), counts.iter().max());
        assert!(least >= Some(&850) && most <= Some(&1150), "1000 each expected: {counts:?}");
    }
}
