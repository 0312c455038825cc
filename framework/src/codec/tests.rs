//! Values there and back, and bytes that are no value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    tags: Vec<String>,
    stock: BTreeMap<String, Option<i64>>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Form {
    Unit,
    One(f64),
    Pair(u8, char),
    Named { width: u16 },
}

fn product(form: Form) -> Product {
    let stock = [("here".to_owned(), Some(-3)), ("there".to_owned(), None)].into();
    Product {
        id: u64::MAX, name: "Größe".to_owned(), tags: vec!["a".to_owned(), String::new()], stock, form
    }
}

/// Nests as deep as one likes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

fn chain(len: usize) -> Chain {
    (0..len).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))))
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Nothing;

/// A frame around a payload of one's own, with a right checksum.
fn frame_of(format: &Format, payload: &[u8]) -> Vec<u8> {
    let mut frame = format.encode(&()).unwrap();
    frame.extend_from_slice(payload);
    frame[12..16].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    sealed(frame)
}

fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
    let checksum = checksum(&frame);
    frame[CHECKSUM_AT..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
    frame
}

/// bincode's form of a length of 2^60.
fn huge_len() -> Vec<u8> {
    let mut bytes = vec![253];
    bytes.extend_from_slice(&(1_u64 << 60).to_le_bytes());
    bytes
}

#[test]
fn a_value_comes_back_as_it_was() {
    let format = Format::default().schema(7);
    for form in [Form::Unit, Form::One(0.5), Form::Pair(3, 'ß'), Form::Named { width: 9 }] {
        let value = product(form);
        assert_eq!(format.decode::<Product>(&format.encode(&value).unwrap()), Ok(value));
    }
}

#[test]
fn a_frame_of_this_version_stays_readable() {
    // Written by version 1 of the format, and never to be changed.
    let golden = [
        79, 83, 84, 67, 1, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0, 30, 46, 9, 116, 131, 13, 177, 59, 251, 0, 1, 1,
        1, 97,
    ];
    let format = Format::default().schema(7);
    assert_eq!(format.encode(&(256_u32, Some("a"))).unwrap(), golden);
    assert_eq!(format.decode(&golden), Ok((256_u32, Some("a".to_owned()))));
}

#[test]
fn long_values_are_compressed_and_short_ones_are_not() {
    let format = Format::default();
    for (len, flags) in [(1_000, 0), (100_000, FLAG_LZ4)] {
        let text = "ostraca ".repeat(len / 8);
        let frame = format.encode(&text).unwrap();
        assert_eq!((frame[5], frame.len() < len / 2), (flags, flags == FLAG_LZ4), "{len}");
        assert_eq!(format.decode::<String>(&frame), Ok(text));
    }
    let noise: Vec<u32> = (0..1_000_u32).map(|n| n.wrapping_mul(2_654_435_769)).collect();
    let frame = format.encode(&noise).unwrap();
    assert_eq!(frame[5], 0, "what does not get shorter is left as it is");
    assert_eq!(format.decode::<Vec<u32>>(&frame), Ok(noise));
}

#[test]
fn a_value_over_the_limit_is_not_written() {
    let format = Format::default().len_max(100);
    assert_eq!(format.encode(&vec![0_u8; 101]), Err(EncodeError::TooLong { len_max: 100 }));
    assert!(format.encode(&vec![0_u8; 90]).is_ok());
}

#[test]
fn every_prefix_and_every_flipped_bit_is_an_error() {
    let format = Format::default().compress_over(64);
    for name in ["short".to_owned(), "long ".repeat(100)] {
        let frame = format.encode(&Product { name, ..product(Form::Unit) }).unwrap();
        for len in 0..frame.len() {
            assert!(format.decode::<Product>(&frame[..len]).is_err(), "{len} of {} bytes", frame.len());
        }
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(format.decode::<Product>(&flipped).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_header_says_what_is_wrong_with_it() {
    let format = Format::default().schema(7);
    let frame = format.encode(&5_u8).unwrap();
    let with = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        format.decode::<u8>(&sealed(frame))
    };
    assert_eq!(format.decode::<u8>(&frame[..23]), Err(DecodeError::Truncated));
    assert_eq!(with(0, b'X'), Err(DecodeError::NotAFrame));
    assert_eq!(with(4, 2), Err(DecodeError::Version { found: 2 }));
    assert_eq!(with(5, 2), Err(DecodeError::Flags));
    assert_eq!(with(6, 1), Err(DecodeError::Flags));
    assert_eq!(with(8, 8), Err(DecodeError::Schema { found: 8, expected: 7 }));
    assert_eq!(with(15, 255), Err(DecodeError::TooLong { len: 0xFF00_0001, len_max: 16 << 20 }));
    assert!(matches!(with(12, 2), Err(DecodeError::Malformed(_))));
    assert_eq!(with(5, FLAG_LZ4), Err(DecodeError::Compression));
}

#[test]
fn a_length_of_2_to_the_60_is_refused_at_once() {
    let format = Format::default();
    let frame = frame_of(&format, &huge_len());
    assert!(matches!(format.decode::<Vec<u64>>(&frame), Err(DecodeError::Malformed(_))));
    assert!(matches!(format.decode::<String>(&frame), Err(DecodeError::Malformed(_))));
    assert!(matches!(format.decode::<BTreeMap<String, u8>>(&frame), Err(DecodeError::Malformed(_))));
    let too_much = DecodeError::TooMuchMemory { memory_max: 64 << 20 };
    assert_eq!(format.decode::<Vec<()>>(&frame), Err(too_much.clone()));
    assert_eq!(format.decode::<Vec<Nothing>>(&frame), Err(too_much));
}

#[test]
fn elements_that_are_larger_in_memory_than_in_bytes_are_counted_by_memory() {
    type Large = Option<[u64; 32]>;
    let format = Format::default().memory_max(100_000);
    let frame = format.encode(&vec![None::<[u64; 32]>; 1_000]).unwrap();
    assert!(frame.len() < 1_100);
    assert_eq!(format.decode::<Vec<Large>>(&frame), Err(DecodeError::TooMuchMemory { memory_max: 100_000 }));
    let boxed = format.encode(&vec![Box::new(None::<[u64; 32]>); 1_000]).unwrap();
    assert_eq!(
        format.decode::<Vec<Box<Large>>>(&boxed),
        Err(DecodeError::TooMuchMemory { memory_max: 100_000 })
    );
    assert!(Format::default().decode::<Vec<Large>>(&frame).is_ok());
}

#[test]
fn a_value_that_nests_too_deep_is_refused_and_one_at_the_limit_is_read() {
    let format = Format::default();
    // Each link is a structure and an option: two levels.
    let frame = format.encode(&chain(31)).unwrap();
    assert_eq!(format.decode::<Chain>(&frame), Ok(chain(31)));
    let frame = format.encode(&chain(32)).unwrap();
    assert_eq!(format.decode::<Chain>(&frame), Err(DecodeError::TooDeep { depth_max: 64 }));
    let frame = frame_of(&format, &vec![1; 1 << 20]);
    assert_eq!(format.decode::<Chain>(&frame), Err(DecodeError::TooDeep { depth_max: 64 }));
}

#[test]
fn a_frame_that_would_decompress_to_more_than_lz4_can_make_gets_no_memory() {
    let format = Format::default();
    let mut frame = frame_of(&format, &[0x1F, 0, 1, 0]);
    frame[5] = FLAG_LZ4;
    frame[12..16].copy_from_slice(&(16_u32 << 20).to_le_bytes());
    assert_eq!(format.decode::<String>(&sealed(frame)), Err(DecodeError::Compression));
}

#[test]
fn bytes_behind_the_value_are_an_error() {
    let format = Format::default();
    assert!(matches!(format.decode::<u8>(&frame_of(&format, &[1, 2])), Err(DecodeError::Malformed(_))));
}

#[test]
fn equal_keys_are_equal_bytes_and_bytes_that_are_no_key_are_an_error() {
    assert_eq!(key_to_bytes("spade"), key_to_bytes(&"spade".to_owned()));
    assert_eq!(key_to_bytes(&7_u64).unwrap(), [7]);
    assert_eq!(key_from_bytes(&[7]), Ok(7_u64));
    assert_eq!(key_from_bytes(&key_to_bytes(&("a", 1_u8)).unwrap()), Ok(("a".to_owned(), 1_u8)));
    assert!(matches!(key_from_bytes::<u64>(&[7, 7]), Err(DecodeError::Malformed(_))));
    assert!(matches!(key_from_bytes::<String>(&huge_len()), Err(DecodeError::Malformed(_))));
    assert!(matches!(key_from_bytes::<u64>(&[0; 65_537]), Err(DecodeError::TooLong { .. })));
    assert_eq!(key_to_bytes(&vec![0_u8; 65_537]), Err(EncodeError::TooLong { len_max: 65_536 }));
}
