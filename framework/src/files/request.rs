//! A request's head: where it ends, and what it says.

use httparse::{EMPTY_HEADER, Error, Request};

use super::conditions::Conditions;
use super::range::number;
use super::status::Status;
use super::target::Target;

/// Fields of a head at most.
const FIELDS_LEN_MAX: usize = 64;

/// A request that can be answered.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// Whose method and target are right, or the refusal that leaves the connection as it is.
    pub(super) target: Result<Target, Status>,
    pub(super) is_head: bool,
    /// The client will send another one.
    pub(super) keeps_alive: bool,
    /// A client of HTTP/1.0 is told that it may.
    pub(super) is_old: bool,
    pub(super) conditions: Conditions<'a>,
}

/// Where a head ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Behind this byte.
    At(usize),
    /// Not yet.
    Unread,
    /// A line that ends with LF alone: what others take for a line's end is not to be guessed (RFC 9112, 2.2).
    BareLineFeed,
}

/// Looks for the empty line, in what came after `seen` bytes that had none.
pub(super) fn find_end(head: &[u8], seen: usize) -> End {
    let mut at = seen;
    while let Some(next) = head[at..].iter().position(|&byte| byte == b'\n') {
        at += next;
        if at == 0 || head[at - 1] != b'\r' {
            return End::BareLineFeed;
        }
        if at >= 3 && head[..at - 1].ends_with(b"\r\n") {
            return End::At(at + 1);
        }
        at += 1;
    }
    End::Unread
}

/// Reads a whole head.
///
/// # Errors
///
/// The refusal of a request after which nobody knows where the next one begins: close the connection.
pub(super) fn read_head<'a>(head: &'a [u8], mount: &str) -> Result<Asked<'a>, Status> {
    let mut fields = [EMPTY_HEADER; FIELDS_LEN_MAX];
    let mut request = Request::new(&mut fields);
    match request.parse(head) {
        // The empty line ends the head, so anything that is not whole is wrong.
        Ok(parsed) if parsed == httparse::Status::Complete(head.len()) => {}
        Ok(_) => return Err(Status::BAD_REQUEST),
        Err(error) => return Err(refusal(error, head)),
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Err(Status::BAD_REQUEST);
    };
    let mut said = Said::default();
    let mut conditions = Conditions::default();
    for field in request.headers.iter() {
        said.read(field.name, field.value)?;
        conditions.take(field.name, field.value);
    }
    said.check(minor)?;
    let is_head = method == "HEAD";
    let target = match method {
        "GET" | "HEAD" => Target::parse(target, mount),
        "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "TRACE" | "CONNECT" => {
            Err(Status::METHOD_NOT_ALLOWED)
        }
        _ => Err(Status::NOT_IMPLEMENTED),
    };
    let keeps_alive = !said.close && (minor == 1 || said.keep_alive) && method != "CONNECT";
    Ok(Asked { target, is_head, keeps_alive, is_old: minor == 0, conditions })
}

/// What is wrong with the part of a head that has come, if it can be told already: a client that speaks something else
/// is not to be waited for.
pub(super) fn check_beginning(head: &[u8]) -> Result<(), Status> {
    let mut fields = [EMPTY_HEADER; FIELDS_LEN_MAX];
    Request::new(&mut fields).parse(head).map(drop).map_err(|error| refusal(error, head))
}

fn refusal(error: Error, head: &[u8]) -> Status {
    match error {
        Error::TooManyHeaders => Status::HEADER_FIELDS_TOO_LARGE,
        // Of another version, or of none.
        Error::Version
            if head.split(|&byte| byte == b' ').nth(2).is_some_and(|word| word.starts_with(b"HTTP/")) =>
        {
            Status::VERSION_NOT_SUPPORTED
        }
        _ => Status::BAD_REQUEST,
    }
}

/// What a head says of the connection and of a body.
#[derive(Default)]
struct Said {
    hosts: usize,
    close: bool,
    keep_alive: bool,
    content_len: Option<u64>,
    is_coded: bool,
}

impl Said {
    fn read(&mut self, name: &str, value: &[u8]) -> Result<(), Status> {
        let is = |field: &str| name.eq_ignore_ascii_case(field);
        if is("host") {
            self.hosts += 1;
            if !value.iter().all(|&byte| is_of_host(byte)) {
                return Err(Status::BAD_REQUEST);
            }
        } else if is("content-length") {
            // Twice, even twice the same, is what smugglers send.
            let is_first = self.content_len.replace(content_len(value)?).is_none();
            return if is_first { Ok(()) } else { Err(Status::BAD_REQUEST) };
        } else if is("transfer-encoding") {
            self.is_coded = true;
        } else if is("connection") {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    fn check(&self, minor: u8) -> Result<(), Status> {
        // One host, which HTTP/1.0 may leave out (RFC 9112, 3.2).
        if self.hosts > 1 || (self.hosts == 0 && minor == 1) {
            return Err(Status::BAD_REQUEST);
        }
        match (self.is_coded, self.content_len) {
            // Two lengths, or one that HTTP/1.0 does not know: a smuggler's, or a mistake.
            (true, Some(_)) => Err(Status::BAD_REQUEST),
            (true, None) if minor == 0 => Err(Status::BAD_REQUEST),
            (true, None) => Err(Status::NOT_IMPLEMENTED),
            (false, Some(len)) if len > 0 => Err(Status::CONTENT_TOO_LARGE),
            _ => Ok(()),
        }
    }
}

/// Digits and nothing else. A length that does not fit is one that is too large.
fn content_len(value: &[u8]) -> Result<u64, Status> {
    number(value).filter(|_| !value.is_empty()).ok_or(Status::BAD_REQUEST)
}

/// A host and a port (RFC 3986, 3.2.2): no user, no path, no list.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(head: &str) -> Option<u16> {
        read_head(head.as_bytes(), "").err().map(|status| status.0)
    }

    #[test]
    fn a_head_ends_at_its_empty_line_and_never_at_a_bare_line_feed() {
        let whole = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nrest";
        for seen in 0..20 {
            assert_eq!(find_end(whole, seen), End::At(27));
        }
        assert_eq!(find_end(&whole[..26], 0), End::Unread);
        for bare in [&b"GET / HTTP/1.1\nhost: a\r\n\r\n"[..], b"GET / HTTP/1.1\r\n\n", b"\n"] {
            assert_eq!(find_end(bare, 0), End::BareLineFeed);
        }
    }

    #[test]
    fn smuggling_shapes_are_refused() {
        let with = |fields: &str| refused(&format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n"));
        assert_eq!(with(""), None);
        assert_eq!(with("content-length: 0\r\n"), None);
        assert_eq!(with("content-length: 1\r\n"), Some(413));
        assert_eq!(with("content-length: 99999999999999999999999\r\n"), Some(413));
        for bad in [
            "content-length: 0\r\ncontent-length: 0\r\n",
            "content-length: 0, 0\r\n",
            "content-length: +0\r\n",
            "content-length: -1\r\n",
            "content-length: 0x0\r\n",
            "content-length:\r\n",
            "content-length : 0\r\n",
            " folded: 1\r\n",
            "a: b\r\n c\r\n",
            "a\r\n",
            "a b: c\r\n",
            ": a\r\n",
            "a: b\rc: d\r\n",
            "a: \0\r\n",
            "host: b\r\n",
            "content-length: 3\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 0\r\n",
        ] {
            assert_eq!(with(bad), Some(400), "{bad:?}");
        }
        for coded in
            ["chunked", "identity", "xchunked", "chunked, identity", " chunked", "\tchunked", "CHUNKED"]
        {
            assert_eq!(with(&format!("transfer-encoding:{coded}\r\n")), Some(501), "{coded:?}");
        }
        assert_eq!(refused("GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n"), Some(400));
    }

    #[test]
    fn a_request_line_is_of_http_1() {
        for (line, status) in [
            ("GET / HTTP/2.0", 505),
            ("GET / HTTP/1.2", 505),
            ("GET / HTTP/0.9", 505),
            ("GET /", 400),
            ("GET  / HTTP/1.1", 400),
            ("GET / HTTP/1.1 ", 400),
            ("GET / x HTTP/1.1", 400),
            ("G@T / HTTP/1.1", 400),
            ("GET\t/ HTTP/1.1", 400),
            (" GET / HTTP/1.1", 400),
            ("GET / http/1.1", 400),
        ] {
            let refused = refused(&format!("{line}\r\nhost: a\r\n\r\n")).expect(line);
            // Which of the two, of a version that is none, is the parser's to say.
            assert!(refused == status || refused == 400, "{line}: {refused}");
        }
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Some(400), "without a host");
        for host in ["a/b", "a,b", "a b", "u@a", "a\\b"] {
            assert_eq!(refused(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")), Some(400), "{host}");
        }
        let many = "a: b\r\n".repeat(FIELDS_LEN_MAX);
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")), Some(431));
    }

    #[test]
    fn other_methods_are_told_apart_and_leave_the_connection() {
        for (method, status) in [("POST", 405), ("TRACE", 405), ("get", 501), ("BREW", 501), ("GETS", 501)] {
            let head = format!("{method} / HTTP/1.1\r\nhost: a\r\n\r\n");
            let asked = read_head(head.as_bytes(), "").unwrap();
            assert_eq!(asked.target, Err(Status(status)), "{method}");
            assert!(asked.keeps_alive);
        }
    }

    #[test]
    fn a_connection_is_kept_as_its_version_and_fields_say() {
        let kept = |minor: u8, fields: &str| {
            let head = format!("GET / HTTP/1.{minor}\r\nhost: a\r\n{fields}\r\n");
            read_head(head.as_bytes(), "").unwrap().keeps_alive
        };
        assert!(kept(1, "") && !kept(0, ""));
        assert!(kept(0, "connection: foo, Keep-Alive\r\n"));
        assert!(!kept(1, "connection: CLOSE\r\n") && !kept(1, "connection: keep-alive,close\r\n"));
        assert!(!kept(1, "connection: a\r\nConnection: close\r\n"));
    }
}
