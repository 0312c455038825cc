//! What HTTP/1.1 asks of a server, over the wire.

use crate::client::{Client, get, get_with, statuses};
use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_with_its_type_its_length_and_its_tags() {
    let place = Place::new().await;
    place.put("page.html", "<p>hello</p>");
    place.put("data", [0, 1, 2]);
    let answer = get(place.address(), "/page.html").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "<p>hello</p>"));
    assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.field("content-length"), Some("12"));
    assert_eq!(answer.field("accept-ranges"), Some("bytes"));
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    let tag = answer.field("etag").unwrap();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "strong: {tag}");
    assert!(answer.field("last-modified").unwrap().ends_with(" GMT"));
    assert!(answer.field("date").unwrap().ends_with(" GMT"));
    let data = get(place.address(), "/data").await;
    assert_eq!(data.field("content-type"), Some("application/octet-stream"));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_the_body() {
    let place = Place::new().await;
    place.put("a.txt", "hello");
    let mut client = Client::connect(place.address()).await;
    for path in ["/a.txt", "/none"] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nhost: a\r\nrange: bytes=0-0\r\n\r\n")).await;
        let head = client.answer(true).await.unwrap();
        client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let mut whole = client.answer(false).await.unwrap();
        whole.body.clear();
        assert_eq!(head, whole);
    }
    drop(client);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_a_part_and_several_are_parts_of_one_body() {
    let place = Place::new().await;
    place.put("a.txt", "0123456789");
    let range = async |range: &str| get_with(place.address(), "/a.txt", &format!("range: {range}\r\n")).await;
    for (asked, told, body) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=9-", "bytes 9-9/10", "9"),
        ("bytes=20-, 1-1", "bytes 1-1/10", "1"),
    ] {
        let part = range(asked).await;
        assert_eq!((part.status, part.field("content-range"), part.text().as_str()), (206, Some(told), body));
    }
    let none = range("bytes=10-").await;
    assert_eq!((none.status, none.field("content-range")), (416, Some("bytes */10")));
    for ignored in ["bytes=a-b", "lines=1-2", "bytes=0-9,0-9"] {
        let whole = range(ignored).await;
        assert_eq!((whole.status, whole.field("content-range")), (200, None), "{ignored}");
    }
    let parts = range("bytes=8-, 0-1").await;
    assert_eq!((parts.status, parts.field("content-range")), (206, None));
    let boundary =
        parts.field("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, bytes: &str| {
        format!(
            "\r\n--{boundary}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-range: bytes {range}/10\r\n\r\n{bytes}"
        )
    };
    let whole = format!("{}{}\r\n--{boundary}--\r\n", part("8-9", "89"), part("0-1", "01"));
    assert_eq!(parts.text(), whole);
    place.put("empty", "");
    assert_eq!(get_with(place.address(), "/empty", "range: bytes=0-\r\n").await.status, 416);
    assert_eq!(get(place.address(), "/empty").await.body, b"");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_weighed_in_their_order() {
    let place = Place::new().await;
    place.put_old("a.txt", "0123456789");
    let first = get(place.address(), "/a.txt").await;
    let tag = first.field("etag").unwrap();
    assert_eq!(first.field("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let (before, same, after) =
        ("Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
    for (status, fields) in [
        (304, format!("if-none-match: {tag}\r\n")),
        (304, format!("if-none-match: \"x\", W/{tag}\r\n")),
        (304, format!("if-none-match: \"x\"\r\nif-none-match: {tag}\r\n")),
        (304, "if-none-match: *\r\n".to_owned()),
        (200, "if-none-match: \"x\"\r\n".to_owned()),
        // The tag outweighs the date.
        (200, format!("if-none-match: \"x\"\r\nif-modified-since: {after}\r\n")),
        (304, format!("if-modified-since: {same}\r\n")),
        (304, format!("if-modified-since: {after}\r\n")),
        (200, format!("if-modified-since: {before}\r\n")),
        (200, "if-modified-since: yesterday\r\n".to_owned()),
        (200, format!("if-match: {tag}\r\n")),
        (200, "if-match: *\r\n".to_owned()),
        (412, "if-match: \"x\"\r\n".to_owned()),
        (412, format!("if-match: W/{tag}\r\n")),
        (412, format!("if-match: \"x\"\r\nif-unmodified-since: {after}\r\n")),
        (200, format!("if-unmodified-since: {same}\r\n")),
        (412, format!("if-unmodified-since: {before}\r\n")),
        (304, format!("if-match: {tag}\r\nif-none-match: {tag}\r\n")),
        (206, format!("range: bytes=0-0\r\nif-range: {tag}\r\n")),
        (206, format!("range: bytes=0-0\r\nif-range: {same}\r\n")),
        (200, "range: bytes=0-0\r\nif-range: \"x\"\r\n".to_owned()),
        (200, format!("range: bytes=0-0\r\nif-range: W/{tag}\r\n")),
        (200, format!("range: bytes=0-0\r\nif-range: {after}\r\n")),
        (200, "range: bytes=0-0\r\nrange: bytes=0-0\r\n".to_owned()),
    ] {
        let answer = get_with(place.address(), "/a.txt", &fields).await;
        assert_eq!(answer.status, status, "{fields}");
        if status == 304 {
            assert_eq!((answer.field("etag"), answer.field("content-length")), (Some(tag), None));
        }
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_has_another_tag_at_the_next_request() {
    let place = Place::new().await;
    let path = place.put("a.txt", "one");
    let mut tags = vec![get(place.address(), "/a.txt").await.field("etag").unwrap().to_owned()];
    for content in ["three", "two"] {
        std::fs::write(&path, content).unwrap();
        let answer = get_with(place.address(), "/a.txt", &format!("if-none-match: {}\r\n", tags[0])).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, content));
        tags.push(answer.field("etag").unwrap().to_owned());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_their_order() {
    let place = Place::new().await;
    let large = "l".repeat(100_000);
    place.put("small", "s");
    place.put("large", &large);
    let mut client = Client::connect(place.address()).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    let paths: Vec<&str> = (0..600).map(|at| ["/small", "/large", "/none"][at % 3]).collect();
    let requests: String = paths.iter().map(|path| get(path)).collect();
    let (mut reader, sent) = (
        0,
        tokio::spawn(async move {
            client.send(["\r\n", &requests].concat()).await;
            client
        }),
    );
    let mut client = sent.await.unwrap();
    for path in paths {
        let answer = client.answer(false).await.unwrap();
        match path {
            "/small" => assert_eq!(answer.text(), "s"),
            "/large" => assert_eq!(answer.text(), large),
            _ => assert_eq!(answer.status, 404),
        }
        reader += 1;
    }
    assert_eq!(reader, 600);
    drop(client);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_byte_by_byte_is_a_head() {
    let place = Place::new().await;
    place.put("a", "x");
    let mut client = Client::connect(place.address()).await;
    client.socket.set_nodelay(true).unwrap();
    for _ in 0..2 {
        for byte in b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n" {
            client.send([*byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.answer(false).await.unwrap().text(), "x");
    }
    drop(client);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_gets_its_status_and_the_connection_ends() {
    let place = Place::new().await;
    place.put("a", "x");
    let then = "GET /a HTTP/1.1\r\nhost: a\r\n\r\n";
    for (status, bytes) in [
        // Bodies, and what hides one.
        (413, "GET /a HTTP/1.1\r\nhost: a\r\ncontent-length: 28\r\n\r\n".to_owned()),
        (413, "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc".to_owned()),
        (501, "GET /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        (
            400,
            "GET /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_owned(),
        ),
        (400, "GET /a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 3\r\n\r\n".to_owned()),
        (400, "GET /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n".to_owned()),
        (400, "GET /a HTTP/1.1\r\nhost: a\r\n x: chunked\r\n\r\n".to_owned()),
        (400, "GET /a HTTP/1.1\nhost: a\n\n".to_owned()),
        (400, "GET /a HTTP/1.1\r\nhost: a\r\nx: y\nz: w\r\n\r\n".to_owned()),
        (400, "GET /a HTTP/1.1\r\nhost: a\r\nx: y\rz: w\r\n\r\n".to_owned()),
        (400, "GET /a HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_owned()),
        (400, "GET /a HTTP/1.1\r\n\r\n".to_owned()),
        // What is no HTTP/1.
        (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (400, "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}".to_owned()),
        (400, "GET /a\r\n\r\n".to_owned()),
        // Too much.
        (431, format!("GET /a HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(9_000))),
        (431, format!("GET /a HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(100))),
        (414, format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "y".repeat(9_000))),
    ] {
        let answered = statuses(place.address(), [bytes.as_str(), then].concat()).await;
        // Nothing after it is answered: that is what smuggling needs.
        assert_eq!(answered, [status], "{bytes:?}");
    }
    let numbers = place.spec.numbers();
    assert_eq!((numbers.refused, numbers.sent), (18, 0));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_and_understood_keeps_the_connection() {
    let place = Place::new().await;
    place.put("a", "x");
    let mut client = Client::connect(place.address()).await;
    for (status, request) in [
        (405, "POST /a"),
        (405, "OPTIONS *"),
        (405, "DELETE /a"),
        (501, "BREW /a"),
        (404, "GET /b"),
        (400, "GET /../a"),
        (400, "GET /%2e%2e/a"),
        (400, "GET /%"),
        (404, "GET /.a"),
        (404, "GET //a"),
        (200, "GET /a"),
        (200, "GET http://b/a"),
    ] {
        client.send(format!("{request} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).await;
        let answer = client.answer(false).await.unwrap();
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.field("allow"), (status == 405).then_some("GET, HEAD"), "{request}");
    }
    drop(client);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_as_the_client_says() {
    let place = Place::new().await;
    place.put("a", "x");
    let mut old = Client::connect(place.address()).await;
    old.send("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
    assert_eq!(old.answer(false).await.unwrap().field("connection"), Some("keep-alive"));
    old.send("GET /a HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.answer(false).await.unwrap().field("connection"), Some("close"));
    assert!(old.is_closed().await);
    // A half-closed client has its answers all the same.
    let mut half = Client::connect(place.address()).await;
    half.send("GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /a HTTP/1.1\r\nhost: a\r\n\r\n").await;
    rustix::net::shutdown(&half.socket, rustix::net::Shutdown::Write).unwrap();
    assert_eq!(half.answer(false).await.unwrap().text(), "x");
    assert_eq!(half.answer(false).await.unwrap().text(), "x");
    assert!(half.is_closed().await);
    place.close().await;
}
