//! The responder for actix-web answers as the lane does: the same requests to both, and the same answers.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;

use ostraca::files::{Folder, Limits};
use ostraca::http;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::client::{Answer, Client};
use crate::place::Place;

/// A lane, and actix-web over the same folder.
async fn both() -> (Place, SocketAddr) {
    let place =
        Place::with(Limits::default(), |folder| folder.index("index.html").cache_control("no-cache")).await;
    let folder = Folder::open(place.path("")).unwrap().index("index.html").cache_control("no-cache");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = http::serve(&place.system, listener, move |app| {
        app.service(http::files("/", folder.clone()));
    });
    (place, address.unwrap())
}

/// What is answered, without what belongs to the connection and the moment.
async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    let mut answer = client.answer(request.starts_with("HEAD")).await.unwrap();
    answer.fields.retain(|(name, _)| !["date", "connection"].contains(&name.as_str()));
    answer.fields.sort();
    answer
}

async fn ask_both(place: &Place, responder: SocketAddr, line: &str, fields: &str) -> Answer {
    let request = format!("{line} HTTP/1.1\r\nhost: a\r\n{fields}\r\n");
    let (by_lane, by_responder) = (ask(place.address(), &request).await, ask(responder, &request).await);
    assert_eq!(by_responder, by_lane, "{request}");
    by_lane
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_paths_and_what_is_hidden() {
    let (place, responder) = both().await;
    fs::write(place.above().join("secret"), "secret").unwrap();
    place.put("a.txt", "0123456789");
    place.put("empty", "");
    place.put("large", vec![7; 3_000_000]);
    place.put(".hidden", "secret");
    place.put("dir/.git/config", "secret");
    place.put("dir/a b.html", "<p>");
    place.put("index.html", "top");
    for (to, name) in
        [("a.txt", "inside"), ("../secret", "outside"), ("/etc/passwd", "absolute"), ("..", "above")]
    {
        symlink(to, place.path(name)).unwrap();
    }
    mknodat(CWD, place.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    for (status, target) in [
        (200, "/a.txt"),
        (200, "/empty"),
        (200, "/large"),
        (200, "/"),
        (200, "/dir/a%20b.html"),
        (200, "/inside"),
        (200, "/a.txt?query=../x"),
        (301, "/dir"),
        (404, "/dir/"),
        (404, "/none"),
        (404, "/a.txt/"),
        (404, "/.hidden"),
        (404, "/%2ehidden"),
        (404, "/dir/.git/config"),
        (404, "//a.txt"),
        (403, "/outside"),
        (403, "/absolute"),
        (403, "/above/secret"),
        (403, "/pipe"),
        (400, "/../secret"),
        (400, "/%2e%2e/secret"),
        (400, "/dir/%2e%2e%2f%2e%2e/secret"),
        (400, "/..%2fsecret"),
        (400, "/a%00.txt"),
        (400, "/%"),
        (400, "/%zz"),
        // A name like another on this system.
        (404, "/a\\..\\secret"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = ask_both(&place, responder, &format!("{method} {target}"), "").await;
            assert_eq!(answer.status, status, "{method} {target}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{target}");
        }
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = ask_both(&place, responder, &format!("{method} /a.txt"), "content-length: 0\r\n").await;
        assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_conditions() {
    let (place, responder) = both().await;
    place.put_old("a.txt", "0123456789");
    let whole = ask_both(&place, responder, "GET /a.txt", "").await;
    let tag = whole.field("etag").unwrap();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (status, fields) in [
        (206, "range: bytes=2-4\r\n".to_owned()),
        (206, "range: bytes=-3\r\n".to_owned()),
        (206, "range: bytes=20-, 1-1\r\n".to_owned()),
        (416, "range: bytes=10-\r\n".to_owned()),
        (200, "range: bytes=a-b\r\n".to_owned()),
        (200, "range: lines=1-2\r\n".to_owned()),
        (200, "range: bytes=0-0\r\nrange: bytes=0-0\r\n".to_owned()),
        (304, format!("if-none-match: {tag}\r\n")),
        (304, format!("if-none-match: \"x\"\r\nif-none-match: {tag}\r\n")),
        (200, "if-none-match: \"x\"\r\n".to_owned()),
        (304, format!("if-modified-since: {date}\r\n")),
        (412, "if-match: \"x\"\r\n".to_owned()),
        (412, "if-unmodified-since: Sun, 06 Nov 1994 08:49:36 GMT\r\n".to_owned()),
        (206, format!("range: bytes=0-0\r\nif-range: {tag}\r\n")),
        (200, "range: bytes=0-0\r\nif-range: \"x\"\r\n".to_owned()),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = ask_both(&place, responder, &format!("{method} /a.txt"), &fields).await;
            // Ranges are GET's alone.
            let expected = if method == "HEAD" && matches!(status, 206 | 416) { 200 } else { status };
            assert_eq!(answer.status, expected, "{method} {fields}");
        }
    }
    // Several ranges have a boundary of their own each time.
    let request = "GET /a.txt HTTP/1.1\r\nhost: a\r\nrange: bytes=8-, 0-1\r\n\r\n";
    let mut bodies = Vec::new();
    for address in [place.address(), responder] {
        let answer = ask(address, request).await;
        assert_eq!(answer.status, 206);
        let boundary =
            answer.field("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
        bodies.push(answer.text().replace(boundary, "boundary"));
    }
    assert_eq!(bodies[0], bodies[1]);
    assert!(bodies[0].contains("content-range: bytes 8-9/10\r\n\r\n89\r\n"), "{}", bodies[0]);
    place.close().await;
}
