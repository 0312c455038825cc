//! What arrives is what lies in the folder, byte for byte: compared by SHA-256, over large, shrinking and growing files,
//! and to clients that read slowly, or go.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use ostraca::files::Limits;
use ostraca_tests::runs::number;
use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, timeout};

use crate::client::{get, get_with};
use crate::place::{Place, eventually};

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

/// Bytes that tell their place.
fn content(len: u64) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn sha(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Asks for a file, on a connection whose window is small: most of the answer waits in the server.
async fn ask(address: SocketAddr, fields: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    set_socket_recv_buffer_size(&socket, 16 << 10).unwrap();
    let mut socket = socket.connect(address).await.unwrap();
    let request = format!("GET /file HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// Reads a head, and what came with it of the body.
async fn read_head(socket: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0, "a head");
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            return read.split_off(at + 4);
        }
    }
}

/// All that comes until the end.
async fn read_rest(socket: &mut TcpStream, body: &mut Vec<u8>) {
    // A reset is an end, too.
    while timeout(20 * SECOND, socket.read_buf(body)).await.expect("an end").unwrap_or(0) > 0 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_all_lengths_arrive_whole() {
    let place = Place::new().await;
    let content = content(3_000_000);
    for len in [0, 1, 4_095, 16_384, 16_385, 65_536, 65_537, 2_097_151, 2_097_152, 2_097_153, 3_000_000] {
        place.put("a", &content[..len]);
        let answer = get(place.address(), "/a").await;
        assert_eq!(sha(&answer.body), sha(&content[..len]), "{len}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_a_sparse_file_beyond_4_gib_are_its_bytes() {
    let place = Place::new().await;
    let (len, edge) = (4096 * MIB + 96 * MIB + 5, 4096 * MIB);
    let mut file = File::create_new(place.path("file")).unwrap();
    file.set_len(len).unwrap();
    let mut chance = fastrand::Rng::with_seed(number("OSTRACA_SEED").unwrap_or(7));
    for at in [0, edge - 1000, len - 3000].into_iter().chain((0..200).map(|_| chance.u64(0..len - 3000))) {
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&content(3000)).unwrap();
    }
    let file = File::open(place.path("file")).unwrap();
    let read = |range: &Range<u64>| {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).unwrap();
        bytes
    };
    let mut ranges =
        vec![edge - 10..edge + 10, edge - 3 * MIB..edge + 3 * MIB, len - 1..len, 0..1, edge..edge + 1];
    for _ in 0..number("OSTRACA_RANGES").unwrap_or(40) {
        let start = chance.u64(0..len);
        let most = if chance.u8(0..8) == 0 { 9 * MIB } else { 100_000 };
        ranges.push(start..len.min(start + chance.u64(1..most)));
    }
    for range in &ranges {
        let field = format!("range: bytes={}-{}\r\n", range.start, range.end - 1);
        let answer = get_with(place.address(), "/file", &field).await;
        assert_eq!(answer.status, 206);
        assert_eq!(sha(&answer.body), sha(&read(range)), "{range:?}");
    }
    // To the end, which is more than 2 MiB turns of 32 bits.
    let answer = get_with(place.address(), "/file", &format!("range: bytes={}-\r\n", edge - 5)).await;
    assert_eq!(sha(&answer.body), sha(&read(&(edge - 5..len))));
    // Several at once.
    let parts =
        get_with(place.address(), "/file", &format!("range: bytes=0-9,{edge}-{},-7\r\n", edge + MIB)).await;
    let body = parts.body.as_slice();
    for range in [0..10, edge..edge + MIB + 1, len - 7..len] {
        let head = format!("content-range: bytes {}-{}/{len}\r\n\r\n", range.start, range.end - 1);
        let at =
            body.windows(head.len()).position(|bytes| bytes == head.as_bytes()).expect(&head) + head.len();
        assert_eq!(sha(&body[at..at + (range.end - range.start) as usize]), sha(&read(&range)));
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_truncated_half_way_ends_the_connection_and_nothing_is_made_up() {
    let place = Place::new().await;
    let content = content(64 * MIB);
    place.put("file", &content);
    let mut socket = ask(place.address(), "").await;
    let mut body = read_head(&mut socket).await;
    let file = File::options().write(true).open(place.path("file")).unwrap();
    file.set_len(20 * MIB).unwrap();
    read_rest(&mut socket, &mut body).await;
    assert!(body.len() < content.len(), "{}", body.len());
    assert_eq!(sha(&body), sha(&content[..body.len()]));
    eventually(|| place.spec.numbers().truncated == 1).await;
    // The next one has the length that is.
    assert_eq!(sha(&get(place.address(), "/file").await.body), sha(&content[..20 << 20]));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_half_way_arrives_as_long_as_it_was() {
    let place = Place::new().await;
    let content = content(48 * MIB);
    place.put("file", &content[..40 << 20]);
    let mut socket = ask(place.address(), "").await;
    let mut body = read_head(&mut socket).await;
    let mut file = File::options().append(true).open(place.path("file")).unwrap();
    file.write_all(&content[40 << 20..]).unwrap();
    read_rest(&mut socket, &mut body).await;
    assert_eq!(body.len(), 40 << 20);
    assert_eq!(sha(&body), sha(&content[..40 << 20]));
    assert_eq!(sha(&get(place.address(), "/file").await.body), sha(&content));
    place.close().await;
}

/// As slow as 4 KiB a second, in the long form; in the short one everything is 20 times as fast.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_4_kib_a_second_gets_all_of_it() {
    let is_long = number::<u64>("OSTRACA_FILES_LONG").is_some_and(|long| long > 0);
    let second = if is_long { SECOND } else { SECOND / 20 };
    // The patience is the default one.
    let place = Place::limited(Limits::default().send_at_least(1 << 10, 30 * second)).await;
    let content = content(64 * MIB);
    place.put("file", &content);
    let mut socket = ask(place.address(), "").await;
    let mut body = read_head(&mut socket).await;
    let mut ticks = interval(second);
    let mut slowly = vec![0; 4 << 10];
    for _ in 0..if is_long { 100 } else { 60 } {
        ticks.tick().await;
        let len = socket.read(&mut slowly).await.unwrap();
        assert!(len > 0, "the server lost its patience");
        body.extend_from_slice(&slowly[..len]);
    }
    read_rest(&mut socket, &mut body).await;
    assert_eq!(sha(&body), sha(&content));
    place.close().await;
}

/// The kernel resets a connection whose program has closed it, and whose peer has not all of it yet, when TCP is short of
/// memory.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_of_a_connection_is_the_lanes_until_the_client_has_it() {
    let place = Place::new().await;
    let content = content(MIB / 4);
    place.put("file", &content);
    let mut socket = ask(place.address(), "").await;
    let mut body = read_head(&mut socket).await;
    // The kernel has all of it, the client a few KiB.
    eventually(|| place.spec.numbers().bytes == MIB / 4).await;
    while body.len() < 200_000 {
        assert_eq!(place.spec.numbers().connections, 1, "after {} bytes", body.len());
        assert_ne!(socket.read_buf(&mut body).await.unwrap(), 0);
    }
    read_rest(&mut socket, &mut body).await;
    assert_eq!(sha(&body), sha(&content));
    // The client says nothing more; it has a second.
    let before = std::time::Instant::now();
    eventually(|| place.spec.numbers().connections == 0).await;
    assert!(before.elapsed() < 5 * SECOND);
    drop(socket);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_takes_the_last_answer_is_ended() {
    let place = Place::limited(Limits::default().send_at_least(1, SECOND / 4)).await;
    place.put("file", content(MIB / 4));
    let mut socket = ask(place.address(), "").await;
    read_head(&mut socket).await;
    eventually(|| place.spec.numbers().bytes == MIB / 4).await;
    eventually(|| place.spec.numbers().connections == 0).await;
    drop(socket);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_ended() {
    let place = Place::limited(Limits::default().send_at_least(1, SECOND / 4)).await;
    place.put("file", content(64 * MIB));
    let mut socket = ask(place.address(), "").await;
    let mut body = read_head(&mut socket).await;
    eventually(|| place.spec.numbers().stalled == 1).await;
    read_rest(&mut socket, &mut body).await;
    assert!(body.len() < 64 << 20);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_reset_hurt_nobody() {
    let place = Place::new().await;
    let content = content(16 * MIB);
    place.put("file", &content);
    for at in 0..100 {
        let mut socket = ask(place.address(), "").await;
        if at % 2 == 0 {
            read_head(&mut socket).await;
        }
        set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
    }
    assert_eq!(sha(&get(place.address(), "/file").await.body), sha(&content));
    eventually(|| place.spec.numbers().connections == 0).await;
    place.close().await;
}
