//! Requests that depend on what the client has already (RFC 9110, 13).

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::open::Opened;

/// The fields of a request that an answer depends on. Values as they came; `None` for a field that is not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions<'a> {
    /// Several lines are one list.
    pub(crate) if_match: Option<Cow<'a, [u8]>>,
    pub(crate) if_none_match: Option<Cow<'a, [u8]>>,
    pub(crate) if_modified_since: Option<&'a [u8]>,
    pub(crate) if_unmodified_since: Option<&'a [u8]>,
    pub(crate) if_range: Option<&'a [u8]>,
    pub(crate) range: Option<&'a [u8]>,
}

/// What the conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Send,
    NotModified,
    Failed,
}

impl<'a> Conditions<'a> {
    /// Takes a field, if it is one of these.
    pub(crate) fn take(&mut self, name: &str, value: &'a [u8]) {
        let is = |field: &str| name.eq_ignore_ascii_case(field);
        if is("range") {
            once(&mut self.range, value);
        } else if is("if-range") {
            once(&mut self.if_range, value);
        } else if is("if-none-match") {
            add(&mut self.if_none_match, value);
        } else if is("if-modified-since") {
            once(&mut self.if_modified_since, value);
        } else if is("if-match") {
            add(&mut self.if_match, value);
        } else if is("if-unmodified-since") {
            once(&mut self.if_unmodified_since, value);
        }
    }

    /// Weighs the conditions in the order of RFC 9110, 13.2.2. A date that is none is ignored.
    pub(crate) fn weigh(&self, file: &Opened) -> Verdict {
        let has = |tags: &[u8], is_same| matches_any(tags, file.etag(), is_same);
        let is_newer_than = |date: Option<&[u8]>| date.and_then(seconds).map(|date| file.modified_s() > date);
        if let Some(tags) = &self.if_match {
            if !has(tags, strong) {
                return Verdict::Failed;
            }
        } else if is_newer_than(self.if_unmodified_since) == Some(true) {
            return Verdict::Failed;
        }
        if let Some(tags) = &self.if_none_match {
            if has(tags, weak) {
                return Verdict::NotModified;
            }
        } else if is_newer_than(self.if_modified_since) == Some(false) {
            return Verdict::NotModified;
        }
        Verdict::Send
    }

    /// The range to send, if the client's other parts are of this very file.
    pub(crate) fn range_of(&self, file: &Opened, now: SystemTime) -> Option<&[u8]> {
        let Some(known) = self.if_range else { return self.range };
        let known = known.trim_ascii();
        let is_same = if known.first() == Some(&b'"') {
            strong(known, file.etag())
        } else {
            // A weak tag is no date either. A date tells files apart only when it is a second old (8.8.2.2).
            let is_old = || {
                let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
                i64::try_from(now).is_ok_and(|now| file.modified_s() < now)
            };
            seconds(known) == Some(file.modified_s()) && is_old()
        };
        self.range.filter(|_| is_same)
    }
}

/// A field that is no list and comes twice is malformed, and so ignored.
fn once<'a>(field: &mut Option<&'a [u8]>, value: &'a [u8]) {
    *field = Some(if field.is_some() { b"" } else { value });
}

fn add<'a>(list: &mut Option<Cow<'a, [u8]>>, value: &'a [u8]) {
    *list = Some(match list.take() {
        None => value.into(),
        Some(first) => [&first, &b", "[..], value].concat().into(),
    });
}

fn strong(theirs: &[u8], ours: &str) -> bool {
    theirs == ours.as_bytes()
}

fn weak(theirs: &[u8], ours: &str) -> bool {
    theirs.strip_prefix(b"W/").unwrap_or(theirs) == ours.as_bytes()
}

/// Whether one of the tags of a list is ours. Stops at what is no tag. `*` is any file that there is.
fn matches_any(list: &[u8], ours: &str, is_same: fn(&[u8], &str) -> bool) -> bool {
    let mut rest = skip_empty(list.trim_ascii());
    if rest == b"*" {
        return true;
    }
    while !rest.is_empty() {
        let prefix = if rest.starts_with(b"W/") { 2 } else { 0 };
        if rest.get(prefix) != Some(&b'"') {
            return false;
        }
        // A tag may hold commas: it ends at its quote.
        let Some(len) = rest[prefix + 1..].iter().position(|&byte| byte == b'"') else { return false };
        let (tag, after) = rest.split_at(prefix + 1 + len + 1);
        if is_same(tag, ours) {
            return true;
        }
        let after = after.trim_ascii_start();
        match after.split_first() {
            Some((b',', after)) => rest = skip_empty(after),
            _ => return false,
        }
    }
    false
}

/// Empty list elements are allowed.
fn skip_empty(mut list: &[u8]) -> &[u8] {
    while let [b',' | b' ' | b'\t', after @ ..] = list {
        list = after;
    }
    list
}

/// A date's seconds since 1970.
fn seconds(date: &[u8]) -> Option<i64> {
    let date = httpdate::parse_http_date(str::from_utf8(date).ok()?.trim()).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_read_to_its_end_or_to_what_is_none() {
        let has = |list: &str| matches_any(list.as_bytes(), "\"a,b\"", weak);
        assert!(has("*") && has("\"a,b\"") && has("\"x\", W/\"a,b\""));
        assert!(has(" , \"x\",,\t\"a,b\" , \"y\""));
        for other in ["", "\"x\"", "a,b", "\"a,b", "\"x\" \"a,b\"", "x, \"a,b\"", "W/a,b", "**", "w/\"a,b\""]
        {
            assert!(!has(other), "{other}");
        }
        assert!(!matches_any(b"W/\"a\"", "\"a\"", strong) && matches_any(b"\"a\"", "\"a\"", strong));
    }

    #[test]
    fn dates_are_read_in_the_three_forms_that_there_are() {
        for date in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(seconds(date.as_bytes()), Some(784_111_777), "{date}");
        }
        for none in ["", "yesterday", "Sun, 06 Nov 1994", "Sun, 36 Nov 1994 08:49:37 GMT", "\u{ff}"] {
            assert_eq!(seconds(none.as_bytes()), None, "{none}");
        }
    }
}
