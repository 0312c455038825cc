//! Which bytes a `Range` field asks for (RFC 9110, 14).

use std::ops::Range;

/// More ranges than this in one request are answered with the whole file: who asks for many small ones asks for
/// work (CVE-2011-3192).
const RANGES_LEN_MAX: usize = 32;

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All: the field is none, or none that has to be understood.
    Whole,
    /// One range.
    One(Range<u64>),
    /// Two or more, in the order asked for.
    Many(Vec<Range<u64>>),
    /// Nothing of what was asked for is in the file.
    Nothing,
}

/// Reads the field's value for a file of `len` bytes.
///
/// What is malformed is ignored, as is another unit; ranges that overlap so much that together they are longer than
/// the file are the file.
pub(crate) fn select(field: &[u8], len: u64) -> Selection {
    let Some(ranges) = parse(field, len) else { return Selection::Whole };
    if ranges.len() > RANGES_LEN_MAX {
        return Selection::Whole;
    }
    let mut ranges: Vec<_> = ranges.into_iter().flatten().collect();
    match ranges.len() {
        0 => Selection::Nothing,
        1 => Selection::One(ranges.remove(0)),
        _ if ranges.iter().map(|range| range.end - range.start).sum::<u64>() > len => Selection::Whole,
        _ => Selection::Many(ranges),
    }
}

/// Each range, or `None` for one that is not in the file. `None` for a field that is to be ignored.
fn parse(field: &[u8], len: u64) -> Option<Vec<Option<Range<u64>>>> {
    let (unit, set) = field.split_at_checked("bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut ranges = Vec::new();
    for spec in set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        // Empty list elements are allowed (RFC 9110, 5.6.1).
        if spec.is_empty() {
            continue;
        }
        if ranges.len() > RANGES_LEN_MAX {
            break;
        }
        ranges.push(parse_one(spec, len)?);
    }
    (!ranges.is_empty()).then_some(ranges)
}

fn parse_one(spec: &[u8], len: u64) -> Option<Option<Range<u64>>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    let range = match (first.is_empty(), last.is_empty()) {
        (true, true) => return None,
        (true, false) => len.saturating_sub(number(last)?)..len,
        (false, true) => number(first)?..len,
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            first..last.saturating_add(1).min(len)
        }
    };
    Some((range.start < range.end).then_some(range))
}

/// Digits; a number that does not fit is behind the end of every file.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let step = |number: u64, digit: u8| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    digits.iter().try_fold(0, |number, &digit| step(number, digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ten(field: &str) -> Selection {
        select(field.as_bytes(), 10)
    }

    #[test]
    fn one_range_is_first_to_last_or_from_or_the_last_so_many() {
        assert_eq!(of_ten("bytes=0-0"), Selection::One(0..1));
        assert_eq!(of_ten("bytes=3-5"), Selection::One(3..6));
        assert_eq!(of_ten("bytes=3-"), Selection::One(3..10));
        assert_eq!(of_ten("bytes=-3"), Selection::One(7..10));
        assert_eq!(of_ten("bytes=-30"), Selection::One(0..10));
        assert_eq!(of_ten("bytes=9-99"), Selection::One(9..10));
        assert_eq!(of_ten("Bytes= 1-2 , "), Selection::One(1..3));
        assert_eq!(of_ten("bytes=0-99999999999999999999999"), Selection::One(0..10));
        assert_eq!(of_ten("bytes=0-18446744073709551615"), Selection::One(0..10));
    }

    #[test]
    fn what_is_not_in_the_file_is_left_out_and_nothing_is_said_to_be_nothing() {
        assert_eq!(of_ten("bytes=10-"), Selection::Nothing);
        assert_eq!(of_ten("bytes=10-20"), Selection::Nothing);
        assert_eq!(of_ten("bytes=-0"), Selection::Nothing);
        assert_eq!(of_ten("bytes=99999999999999999999-"), Selection::Nothing);
        assert_eq!(of_ten("bytes=10-,-0"), Selection::Nothing);
        assert_eq!(of_ten("bytes=20-30, 1-1"), Selection::One(1..2));
        assert_eq!(select(b"bytes=0-", 0), Selection::Nothing);
        assert_eq!(select(b"bytes=-1", 0), Selection::Nothing);
    }

    #[test]
    fn a_field_that_is_malformed_or_in_another_unit_is_ignored() {
        for field in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=5-3",
            "bytes=1-2-3",
            "bytes=0-1,x",
            "bytes=+1-2",
            "bytes=--1",
            "bytes 1-2",
            "lines=1-2",
            "bytes=1 - 2",
            "bytes=0x1-2",
        ] {
            assert_eq!(of_ten(field), Selection::Whole, "{field}");
        }
    }

    #[test]
    fn many_ranges_keep_their_order_and_too_much_is_the_whole_file() {
        assert_eq!(of_ten("bytes=8-,0-1,4-4"), Selection::Many(vec![8..10, 0..2, 4..5]));
        assert_eq!(of_ten("bytes=0-9,0-0"), Selection::Whole);
        assert_eq!(of_ten("bytes=0-,0-,0-"), Selection::Whole);
        let of = |count: usize| format!("bytes={}", vec!["1-1"; count].join(","));
        assert!(matches!(select(of(32).as_bytes(), 100), Selection::Many(ranges) if ranges.len() == 32));
        assert_eq!(select(of(33).as_bytes(), 100), Selection::Whole);
        assert_eq!(select(of(10_000).as_bytes(), 100_000), Selection::Whole);
    }
}
