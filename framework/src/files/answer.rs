//! What is answered to a request, whoever sends it: the lane, or actix-web.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use super::conditions::{Conditions, Verdict};
use super::folder::{Folder, Missing};
use super::open::Opened;
use super::parts::Parts;
use super::range::{Selection, select};
use super::status::Status;
use super::target::Target;
use crate::buf::transfer::SMALL_LEN_MAX;

/// An answer, without what belongs to its connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// Whose tags and dates are told.
    file: Option<Arc<Opened>>,
    pub(crate) body: Body,
    /// Where else to ask.
    location: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Body {
    /// None, and no length of one: 304.
    None,
    /// The status in words.
    Words,
    /// A range of the file.
    Range(Range<u64>),
    /// Several.
    Parts(Parts),
}

impl Answer {
    /// A refusal, in words.
    pub(crate) fn refusal(status: Status) -> Self {
        Answer { status, file: None, body: Body::Words, location: None }
    }

    /// The answer to GET or HEAD of a target.
    pub(crate) async fn of(
        folder: &Folder,
        target: &Target,
        conditions: &Conditions<'_>,
        is_head: bool,
    ) -> Self {
        match find(folder, target).await {
            Ok(file) => Self::with(file, conditions, is_head),
            Err(answer) => answer,
        }
    }

    fn with(file: Arc<Opened>, conditions: &Conditions<'_>, is_head: bool) -> Self {
        match conditions.weigh(&file) {
            Verdict::Failed => return Self::refusal(Status::PRECONDITION_FAILED),
            Verdict::NotModified => {
                let (status, file) = (Status::NOT_MODIFIED, Some(file));
                return Answer { status, file, body: Body::None, location: None };
            }
            Verdict::Send => {}
        }
        let len = file.len();
        // Ranges are GET's alone (RFC 9110, 14.2).
        let is_whole = is_head || conditions.range.is_none();
        let range = if is_whole { None } else { conditions.range_of(&file, SystemTime::now()) };
        let (status, body) = match range.map_or(Selection::Whole, |range| select(range, len)) {
            Selection::Whole => (Status::OK, Body::Range(0..len)),
            Selection::One(range) => (Status::PARTIAL_CONTENT, Body::Range(range)),
            Selection::Many(ranges) => {
                (Status::PARTIAL_CONTENT, Body::Parts(Parts::new(ranges, file.content_type(), len)))
            }
            Selection::Nothing => (Status::RANGE_NOT_SATISFIABLE, Body::Words),
        };
        Answer { status, file: Some(file), body, location: None }
    }

    /// The file of the body.
    pub(crate) fn file(&self) -> Option<&Arc<Opened>> {
        self.file.as_ref()
    }

    /// How long the body is, if a length is told.
    pub(crate) fn content_len(&self) -> Option<u64> {
        match &self.body {
            Body::None => None,
            Body::Words => Some(self.words().len() as u64 + 1),
            Body::Range(range) => Some(range.end - range.start),
            Body::Parts(parts) => Some(parts.content_len()),
        }
    }

    /// How long the body is, if it is sent with its head.
    pub(super) fn small_len(&self) -> usize {
        let len = self.content_len().filter(|&len| len <= SMALL_LEN_MAX);
        len.map_or(0, |len| len as usize)
    }

    /// The body of a refusal, but for its line end.
    pub(crate) fn words(&self) -> &'static str {
        self.status.line()
    }

    /// Each field of the head, but those of the connection and the length.
    pub(crate) fn fields(&self, folder: &Folder, mut tell: impl FnMut(&'static str, &[u8])) {
        let is_words = matches!(self.body, Body::Words);
        match (&self.body, &self.file) {
            (Body::None, _) => {}
            (Body::Parts(parts), _) => tell("content-type", parts.content_type().as_bytes()),
            (Body::Range(_), Some(file)) => tell("content-type", file.content_type().as_bytes()),
            _ => tell("content-type", b"text/plain; charset=utf-8"),
        }
        // What a file is, is said by its name: not to be guessed by its content.
        tell("x-content-type-options", b"nosniff");
        if let Some(file) = &self.file {
            let mut range = Vec::new();
            match &self.body {
                Body::Range(part) if self.status == Status::PARTIAL_CONTENT => {
                    content_range(&mut range, part, file.len());
                }
                Body::Words => {
                    // Writing to memory does not fail; likewise below.
                    let _ = write!(range, "bytes */{}", file.len());
                }
                _ => {}
            }
            if !range.is_empty() {
                tell("content-range", &range);
            }
            if !is_words {
                tell("etag", file.etag().as_bytes());
                tell("last-modified", file.last_modified().as_bytes());
                if let Some(value) = folder.cache_control_value() {
                    tell("cache-control", value.as_bytes());
                }
            }
            tell("accept-ranges", b"bytes");
        }
        if self.status == Status::METHOD_NOT_ALLOWED {
            tell("allow", b"GET, HEAD");
        }
        if self.status == Status::SERVICE_UNAVAILABLE {
            tell("retry-after", b"1");
        }
        if let Some(location) = &self.location {
            tell("location", location.as_bytes());
        }
    }
}

/// The value of `Content-Range`.
pub(super) fn content_range(out: &mut Vec<u8>, part: &Range<u64>, len: u64) {
    let _ = write!(out, "bytes {}-{}/{len}", part.start, part.end - 1);
}

/// The file that is meant, or the answer that there is none.
async fn find(folder: &Folder, target: &Target) -> Result<Arc<Opened>, Answer> {
    let path = match (target.is_folder, folder.index_name()) {
        (false, _) => &target.path,
        (true, None) => return Err(Answer::refusal(Status::NOT_FOUND)),
        (true, Some(index)) if target.path.is_empty() => &index.as_bytes().to_vec(),
        (true, Some(index)) => &[&target.path, &b"/"[..], index.as_bytes()].concat(),
    };
    folder.find(path).await.map_err(|missing| match missing {
        Missing::Nothing => Answer::refusal(Status::NOT_FOUND),
        Missing::Refused => Answer::refusal(Status::FORBIDDEN),
        Missing::Folder if target.is_folder || folder.index_name().is_none() => {
            Answer::refusal(Status::NOT_FOUND)
        }
        // Links in the index are relative to the folder: its path must end with a slash. Relative to the request's own,
        // so that it holds below any mount, and behind a proxy.
        Missing::Folder => {
            let name = target.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            let location = Some(format!("./{}/", encoded(name)));
            Answer { location, ..Answer::refusal(Status::MOVED_PERMANENTLY) }
        }
        Missing::Exhausted => Answer::refusal(Status::SERVICE_UNAVAILABLE),
        Missing::Failed(error) => {
            let file = String::from_utf8_lossy(path);
            tracing::error!(target: "ostraca::files", folder = %folder.path().display(), %file, "{error}");
            Answer::refusal(Status::INTERNAL_SERVER_ERROR)
        }
    })
}

/// Percent-encoded but for RFC 3986's unreserved characters.
fn encoded(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
