//! The path that a request asks for, and what it may not be.

use super::status::Status;

/// A path below the folder, decoded, without a slash at either end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: Vec<u8>,
    /// It ended with a slash.
    pub(crate) is_folder: bool,
}

impl Target {
    /// Reads a request's target (RFC 9112, 3.2): `/downloads/a%20b.txt?x`, or the same behind `http://host`.
    ///
    /// Nothing is normalised away: a path with `.`, `..`, an empty segment or an encoded slash is no file's, and a
    /// client that sends one wants to know what this server makes of it. The kernel holds the folder's bounds once more
    /// when the file is opened.
    pub(crate) fn parse(target: &str, mount: &str) -> Result<Self, Status> {
        let path = without_origin(target).ok_or(Status::BAD_REQUEST)?;
        let path = path.split('?').next().unwrap_or_default();
        let path = decode(path.strip_prefix('/').ok_or(Status::BAD_REQUEST)?)?;
        let below = below(path, mount.as_bytes()).ok_or(Status::NOT_FOUND)?;
        let is_folder = below.is_empty() || below.last() == Some(&b'/');
        let path = below.strip_suffix(b"/").unwrap_or(&below);
        if !below.is_empty() {
            path.split(|&byte| byte == b'/').try_for_each(check_segment)?;
        }
        Ok(Target { path: path.to_vec(), is_folder })
    }
}

/// `/path` of `http://host/path`; a client that means a proxy writes so, and a server must take it.
fn without_origin(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return Some(target);
    }
    let scheme = |name: &str| target.get(..name.len()).is_some_and(|is| is.eq_ignore_ascii_case(name));
    let after = ["http://", "https://"].into_iter().find(|name| scheme(name))?.len();
    let rest = &target[after..];
    match rest.find(['/', '?']) {
        Some(0) => None,
        Some(at) if rest.as_bytes()[at] == b'/' => Some(&rest[at..]),
        _ if rest.is_empty() => None,
        _ => Some("/"),
    }
}

fn decode(path: &str) -> Result<Vec<u8>, Status> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit(), digit());
                let byte = high.zip(low).map(|(high, low)| (high << 4 | low) as u8);
                // A name holds neither a slash nor a zero byte.
                byte.filter(|byte| !matches!(byte, b'/' | 0)).ok_or(Status::BAD_REQUEST)?
            }
            // A fragment is the client's own; a zero byte ends names.
            b'#' | 0 => return Err(Status::BAD_REQUEST),
            byte => byte,
        };
        decoded.push(byte);
    }
    Ok(decoded)
}

fn below(mut path: Vec<u8>, mount: &[u8]) -> Option<Vec<u8>> {
    if mount.is_empty() {
        return Some(path);
    }
    if path.strip_prefix(mount)?.first() != Some(&b'/') {
        return None;
    }
    path.drain(..=mount.len());
    Some(path)
}

fn check_segment(segment: &[u8]) -> Result<(), Status> {
    match segment {
        b"." | b".." => Err(Status::BAD_REQUEST),
        // Hidden files are as good as not there.
        [] | [b'.', ..] => Err(Status::NOT_FOUND),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Result<Target, Status> {
        Ok(Target { path: path.into(), is_folder: false })
    }

    #[test]
    fn a_target_is_the_decoded_path_below_the_mount() {
        let parse = |target| Target::parse(target, "");
        assert_eq!(parse("/a/b.txt"), file("a/b.txt"));
        assert_eq!(parse("/a%20b?x=/../y"), file("a b"));
        assert_eq!(parse("/%e2%82%ac"), file("\u{20ac}"));
        assert_eq!(parse("http://host:80/a"), file("a"));
        assert_eq!(parse("HTTPS://host/a"), file("a"));
        assert_eq!(parse("/"), Ok(Target { path: vec![], is_folder: true }));
        assert_eq!(parse("http://host?x"), Ok(Target { path: vec![], is_folder: true }));
        assert_eq!(parse("/a/"), Ok(Target { path: b"a".to_vec(), is_folder: true }));
        assert_eq!(Target::parse("/down%6Coads/a", "downloads"), file("a"));
        for elsewhere in ["/", "/a", "/downloads", "/downloadsX/a", "/download/a"] {
            assert_eq!(Target::parse(elsewhere, "downloads"), Err(Status::NOT_FOUND), "{elsewhere}");
        }
    }

    #[test]
    fn a_path_that_leaves_the_folder_or_is_no_files_is_refused() {
        for bad in [
            "",
            "a",
            "*",
            "host:80",
            "http://",
            "http:///a",
            "/..",
            "/../etc/passwd",
            "/a/../b",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a/..%2fb",
            "/%2F",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/./a",
            "/a/.",
            "/a#b",
        ] {
            assert_eq!(Target::parse(bad, ""), Err(Status::BAD_REQUEST), "{bad}");
        }
        for hidden in ["//", "//etc/passwd", "/a//b", "/.git/config", "/a/.htpasswd", "/...", "/%2egit"] {
            assert_eq!(Target::parse(hidden, ""), Err(Status::NOT_FOUND), "{hidden}");
        }
    }
}
