//! Hostile bytes for what reads the stores' content: a fuzzer on stable Rust.
//!
//! Bytes are made up, or made from valid frames by mutation; most then get a right checksum, so that they reach what
//! lies behind it. All are decoded into types that have been the undoing of decoders. What comes out does not matter:
//! there must be no panic, no stack overflow in a small stack, and never more memory than the limits promise.
//!
//! `OSTRACA_FUZZ_SECONDS` says for how long (2 by default), `OSTRACA_SEED` the seed.

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]

mod bytes;
#[allow(unsafe_code, reason = "an allocator that counts")]
mod memory;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use ostraca::cache::{Body, Entry, Stamp, Timestamp};
use ostraca::codec::{DecodeError, Format};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use twox_hash::XxHash3_64;

use bytes::{Chance, mutate, payload};

const LEN_MAX: usize = 64 << 10;
const MEMORY_MAX: usize = 256 << 10;
/// What the limits promise, with the room ahead of all levels of the types below.
const PEAK_MAX: usize = 2 * LEN_MAX + 3 * MEMORY_MAX + (2 << 20);
/// Half of what a thread of the runtime has.
const STACK: usize = 1 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
    Both { left: Box<Tree>, right: Option<Box<Tree>> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Nothing;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    tags: Vec<String>,
    sizes: HashMap<u8, Vec<Option<[u64; 16]>>>,
    text: Cow<'static, str>,
    added: Duration,
    letters: BTreeSet<char>,
    tree: Tree,
}

fn product(n: u64) -> Product {
    Product {
        id: n,
        name: format!("product {n}"),
        tags: (0..n % 7).map(|n| n.to_string()).collect(),
        sizes: [(1, vec![None, Some([n; 16])]), (2, Vec::new())].into(),
        text: "a text that repeats itself, ".repeat(n as usize % 100).into(),
        added: Duration::from_millis(n),
        letters: "größe".chars().collect(),
        tree: Tree::Both {
            left: Box::new(Tree::Leaf),
            right: Some(Box::new(Tree::Node(vec![Tree::Leaf; 3]))),
        },
    }
}

fn format() -> Format {
    Format::default().len_max(LEN_MAX).memory_max(MEMORY_MAX).compress_over(512)
}

/// Decodes into one of the types; which error it is, is counted.
fn decode(kind: usize, frame: &[u8]) -> Result<(), DecodeError> {
    fn into<T: DeserializeOwned>(frame: &[u8]) -> Result<(), DecodeError> {
        format().decode::<T>(frame).map(drop)
    }
    match kind {
        0 => into::<Product>(frame),
        1 => into::<Chain>(frame),
        2 => into::<Tree>(frame),
        3 => into::<Vec<()>>(frame),
        4 => into::<Vec<Nothing>>(frame),
        5 => into::<Vec<u64>>(frame),
        6 => into::<Vec<String>>(frame),
        7 => into::<Vec<Option<[u64; 32]>>>(frame),
        8 => into::<HashMap<String, Vec<Option<Box<[u128; 16]>>>>>(frame),
        9 => into::<Vec<Vec<Vec<Vec<()>>>>>(frame),
        10 => into::<BTreeMap<Vec<u8>, BTreeSet<Option<bool>>>>(frame),
        11 => into::<(char, std::net::IpAddr, std::num::NonZeroU16, Result<u8, String>)>(frame),
        _ => into::<Box<str>>(frame),
    }
}

const KINDS: usize = 13;

/// Writes a right checksum, by the picture in the codec's doc.
fn seal(frame: &mut [u8]) {
    if frame.len() >= 24 {
        let header = XxHash3_64::oneshot(&frame[..16]);
        let checksum = XxHash3_64::oneshot_with_seed(header, &frame[24..]);
        frame[16..24].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// A frame around any payload, perhaps compressed, with a right length and checksum.
fn frame_of(chance: &mut Chance, mut payload: Vec<u8>) -> Vec<u8> {
    let mut frame = format().encode(&()).unwrap();
    let raw_len = payload.len() as u32;
    if chance.below(3) == 0 {
        payload = lz4_flex::block::compress(&payload);
        frame[5] = 1;
    }
    frame[12..16].copy_from_slice(&raw_len.to_le_bytes());
    frame.extend_from_slice(&payload);
    seal(&mut frame);
    frame
}

/// The next bytes to decode.
fn hostile(chance: &mut Chance) -> Vec<u8> {
    let n = chance.next() % 1_000;
    match chance.below(4) {
        0 => payload(chance),
        1 => {
            let payload = payload(chance);
            frame_of(chance, payload)
        }
        mutation => {
            let mut frame = format().encode(&product(n)).unwrap();
            mutate(chance, &mut frame);
            if mutation == 3 {
                seal(&mut frame);
            }
            frame
        }
    }
}

/// Says how to see it again when the test fails.
struct Report<'a>(u64, &'a [u8]);

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("seed {}, bytes {:02x?}", self.0, self.1);
        }
    }
}

/// Runs on a small stack, so that what nests too deep shows.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

fn seconds() -> Duration {
    Duration::from_secs(std::env::var("OSTRACA_FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap()))
}

fn seed() -> u64 {
    std::env::var("OSTRACA_SEED").map_or(20_261_125, |text| text.parse().unwrap())
}

#[test]
fn hostile_bytes_in_a_value_are_an_error_within_bounded_memory() {
    on_a_small_stack(|| {
        let (seed, begun) = (seed(), Instant::now());
        println!("seed {seed}");
        let mut chance = Chance(seed);
        let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
        let (mut runs, mut highest, mut slowest) = (0_u64, 0, Duration::ZERO);
        while begun.elapsed() < seconds() {
            let bytes = hostile(&mut chance);
            let _report = Report(seed, &bytes);
            for kind in 0..KINDS {
                let began = Instant::now();
                let (outcome, peak) = memory::peak_of(|| decode(kind, &bytes));
                slowest = slowest.max(began.elapsed());
                highest = highest.max(peak);
                assert!(peak <= PEAK_MAX, "{peak} bytes held while decoding into type {kind}");
                let outcome = outcome.map_or_else(|error| format!("{error:?}"), |()| "a value".to_owned());
                let outcome = outcome.split([' ', '(']).next().unwrap().to_owned();
                *outcomes.entry(if outcome == "a" { "a value".to_owned() } else { outcome }).or_default() +=
                    1;
                runs += 1;
            }
        }
        println!(
            "{runs} decodings, at most {highest} of {PEAK_MAX} bytes held, slowest {slowest:?}: {outcomes:?}"
        );
        for wanted in ["TooDeep", "TooMuchMemory", "Corrupt", "Compression", "Malformed", "a value"] {
            assert!(outcomes.contains_key(wanted), "the bytes reach {wanted}: {outcomes:?}");
        }
    });
}

#[test]
fn hostile_bytes_in_an_entry_are_an_error_within_bounded_memory() {
    on_a_small_stack(|| {
        let (seed, begun) = (seed() ^ 1, Instant::now());
        let mut chance = Chance(seed);
        let (mut runs, mut entries) = (0_u64, 0_u64);
        while begun.elapsed() < seconds() / 4 {
            let value = payload(&mut chance);
            let tags = (0..chance.below(4)).map(|n| "tag".repeat(n).into()).collect();
            let entry = Entry {
                stamp: Stamp::new(chance.next(), chance.next()),
                made_at: Timestamp(chance.next()),
                fresh_until: Timestamp(chance.next()),
                keep_until: Timestamp(chance.next()),
                tags,
                body: Body::Value(value.into()),
            };
            let mut frame = entry.to_frame().unwrap();
            mutate(&mut chance, &mut frame);
            if chance.below(2) == 0 && frame.len() >= 56 {
                let header = XxHash3_64::oneshot(&frame[..48]);
                let checksum = XxHash3_64::oneshot_with_seed(header, &frame[56..]);
                frame[48..56].copy_from_slice(&checksum.to_le_bytes());
            }
            let _report = Report(seed, &frame);
            let (read, peak) = memory::peak_of(|| Entry::from_frame(&frame));
            // A tag costs a pointer and two counts beside its bytes; a vector of them grows by doubling.
            assert!(peak <= 32 * frame.len() + 4_096, "{peak} bytes held for {}", frame.len());
            runs += 1;
            entries += u64::from(read.is_ok());
        }
        println!("{runs} entries, {entries} of them readable");
        assert!(entries > 0 && entries < runs, "{entries} of {runs}");
    });
}
