//! Durations as text, as `#[actor(..)]` reads them: `"10s"`, `"50ms"`, and ranges: `"50ms..5s"`.

use std::time::Duration;

/// The units a duration may have, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A whole number and a unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits_len = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_len);
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    digits.parse::<u64>().ok()?.checked_mul(*nanos).map(Duration::from_nanos)
}

/// Two durations, the lesser first.
pub(super) fn range(text: &str) -> Option<(Duration, Duration)> {
    let (min, max) = text.split_once("..")?;
    let (min, max) = (duration(min)?, duration(max)?);
    (min <= max).then_some((min, max))
}
