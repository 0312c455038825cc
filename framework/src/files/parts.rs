//! Several ranges in one body: `multipart/byteranges` (RFC 9110, 14.6).

use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use super::answer::content_range;

/// Ranges of a file, and what stands before each.
///
/// ```text
///   \r\n--BOUNDARY\r\n content-type, content-range \r\n\r\n bytes        for each range
///   \r\n--BOUNDARY--\r\n
/// ```
#[derive(Debug)]
pub(crate) struct Parts {
    content_type: String,
    parts: Vec<(Vec<u8>, Range<u64>)>,
    end: Vec<u8>,
}

impl Parts {
    pub(super) fn new(ranges: Vec<Range<u64>>, content_type: &str, len: u64) -> Self {
        // Keyed anew for each: nobody can put it into a file.
        let boundary =
            format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1));
        let part = |range: Range<u64>| {
            let mut head =
                format!("\r\n--{boundary}\r\ncontent-type: {content_type}\r\ncontent-range: ").into_bytes();
            content_range(&mut head, &range, len);
            head.extend_from_slice(b"\r\n\r\n");
            (head, range)
        };
        Parts {
            content_type: format!("multipart/byteranges; boundary={boundary}"),
            parts: ranges.into_iter().map(part).collect(),
            end: format!("\r\n--{boundary}--\r\n").into_bytes(),
        }
    }

    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    pub(super) fn content_len(&self) -> u64 {
        let parts = self.parts.iter().map(|(head, range)| head.len() as u64 + (range.end - range.start));
        parts.sum::<u64>() + self.end.len() as u64
    }

    /// What is sent, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Vec<u8>, Range<u64>)> {
        self.parts.iter()
    }

    pub(crate) fn end(&self) -> &[u8] {
        &self.end
    }
}
