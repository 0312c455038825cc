//! The statuses that the lane answers with.

/// A status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16);

impl Status {
    pub(crate) const OK: Status = Status(200);
    pub(crate) const PARTIAL_CONTENT: Status = Status(206);
    pub(crate) const MOVED_PERMANENTLY: Status = Status(301);
    pub(crate) const NOT_MODIFIED: Status = Status(304);
    pub(crate) const BAD_REQUEST: Status = Status(400);
    pub(crate) const FORBIDDEN: Status = Status(403);
    pub(crate) const NOT_FOUND: Status = Status(404);
    pub(crate) const METHOD_NOT_ALLOWED: Status = Status(405);
    pub(crate) const REQUEST_TIMEOUT: Status = Status(408);
    pub(crate) const PRECONDITION_FAILED: Status = Status(412);
    pub(crate) const CONTENT_TOO_LARGE: Status = Status(413);
    pub(crate) const URI_TOO_LONG: Status = Status(414);
    pub(crate) const RANGE_NOT_SATISFIABLE: Status = Status(416);
    pub(crate) const HEADER_FIELDS_TOO_LARGE: Status = Status(431);
    pub(crate) const INTERNAL_SERVER_ERROR: Status = Status(500);
    pub(crate) const NOT_IMPLEMENTED: Status = Status(501);
    pub(crate) const SERVICE_UNAVAILABLE: Status = Status(503);
    pub(crate) const VERSION_NOT_SUPPORTED: Status = Status(505);

    /// Code and phrase, as on a status line.
    pub(crate) const fn line(self) -> &'static str {
        match self.0 {
            200 => "200 OK",
            206 => "206 Partial Content",
            301 => "301 Moved Permanently",
            304 => "304 Not Modified",
            400 => "400 Bad Request",
            403 => "403 Forbidden",
            404 => "404 Not Found",
            405 => "405 Method Not Allowed",
            408 => "408 Request Timeout",
            412 => "412 Precondition Failed",
            413 => "413 Content Too Large",
            414 => "414 URI Too Long",
            416 => "416 Range Not Satisfiable",
            431 => "431 Request Header Fields Too Large",
            501 => "501 Not Implemented",
            503 => "503 Service Unavailable",
            505 => "505 HTTP Version Not Supported",
            _ => "500 Internal Server Error",
        }
    }
}
