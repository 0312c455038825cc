//! Durations as text: `"10s"`, `"50ms"`, and ranges of them: `"50ms..5s"`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

/// The units a duration may have, longest suffix first, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads one duration: a whole number and a unit.
///
/// # Errors
///
/// A message that says what to write.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits_len = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_len);
    let unit = unit.trim();
    if digits.is_empty() {
        return Err(format!("`{text}` is not a duration: write a whole number and a unit, such as \"50ms\""));
    }
    if unit.starts_with('.') || unit.starts_with('_') {
        return Err(format!(
            "`{text}` is not a whole number: take a smaller unit, such as \"1500ms\" for 1.5 s"
        ));
    }
    let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let found = if unit.is_empty() { "no unit".to_owned() } else { format!("the unit `{unit}`") };
        return Err(format!("`{text}` has {found}: write ns, us, ms, s, m or h, such as \"{digits}ms\""));
    };
    let nanos = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(*nanos));
    nanos.map(Duration::from_nanos).ok_or_else(|| format!("`{text}` is longer than 584 years: write less"))
}

/// Reads a range of two durations, the lesser first.
///
/// # Errors
///
/// A message that says what to write.
pub(crate) fn parse_range(text: &str) -> Result<(Duration, Duration), String> {
    let Some((min, max)) = text.split_once("..") else {
        return Err(format!(
            "`{text}` is not a range: write the shortest and the longest, such as \"50ms..5s\""
        ));
    };
    let (min, max) = (parse(min)?, parse(max)?);
    if min > max {
        return Err(format!("`{text}` is the wrong way round: write the shorter first"));
    }
    Ok((min, max))
}

/// The expression that makes it.
pub(crate) fn expression(duration: Duration) -> TokenStream {
    let (secs, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote! { ::core::time::Duration::new(#secs, #nanos) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_make_a_duration() {
        let cases = [
            ("10s", Duration::from_secs(10)),
            ("50ms", Duration::from_millis(50)),
            ("2us", Duration::from_micros(2)),
            ("7ns", Duration::from_nanos(7)),
            ("1m", Duration::from_secs(60)),
            ("24h", Duration::from_secs(86_400)),
            ("0s", Duration::ZERO),
            (" 5 ms ", Duration::from_millis(5)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_told_what_to_write() {
        let cases = [
            ("", "write a whole number and a unit"),
            ("s", "write a whole number and a unit"),
            ("-1s", "write a whole number and a unit"),
            ("10", "has no unit: write ns, us, ms, s, m or h, such as \"10ms\""),
            ("10sec", "has the unit `sec`: write ns, us, ms, s, m or h"),
            ("1.5s", "take a smaller unit"),
            ("99999999999999999999s", "longer than 584 years"),
            ("18446744073709551615s", "longer than 584 years"),
        ];
        for (text, expected) in cases {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_range_has_two_ends_in_order() {
        assert_eq!(parse_range("50ms..5s"), Ok((Duration::from_millis(50), Duration::from_secs(5))));
        assert_eq!(parse_range("1s .. 1s"), Ok((Duration::from_secs(1), Duration::from_secs(1))));
        assert!(parse_range("5s").expect_err("one end").contains("50ms..5s"));
        assert!(parse_range("5s..50ms").expect_err("reversed").contains("shorter first"));
        assert!(parse_range("5s..").expect_err("no end").contains("whole number and a unit"));
    }
}
