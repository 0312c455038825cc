//! Transfers without HTTP.

use std::fs::File;
use std::time::Duration;

use ostraca::buf::BufferPool;
use ostraca::buf::transfer::{Patience, Source, SourceError, TransferError, send_file, splice};
use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, mknodat};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

fn content(len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn file_of(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, content).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spliced_stream_is_the_stream_and_ends_at_its_bound_or_its_end() {
    let content = content(20_000_000);
    let (mut client, from) = pair().await;
    let (to, mut server) = pair().await;
    let sent = content.clone();
    let writer = tokio::spawn(async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        client
    });
    let reader = tokio::spawn(async move {
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        read
    });
    let mut patience = Patience::default();
    assert_eq!(splice(&from, &to, 12_345, &mut patience, &BufferPool::default()).await.unwrap(), 12_345);
    assert_eq!(
        splice(&from, &to, u64::MAX, &mut patience, &BufferPool::default()).await.unwrap(),
        20_000_000 - 12_345
    );
    drop(to);
    assert_eq!(Sha256::digest(reader.await.unwrap()), Sha256::digest(&content));
    drop(writer.await.unwrap());
}

/// The kernel sends a file or a pipe by neither `sendfile` nor `splice` to what is opened for appending.
fn refuse_kernels_ways(socket: &TcpStream) {
    fcntl_setfl(socket, fcntl_getfl(socket).unwrap() | OFlags::APPEND).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_kernel_does_not_send_goes_through_a_buffer() {
    let content = content(5_000_000);
    let pool = BufferPool::default();
    let source = Source::new(file_of(&content), &pool).unwrap();
    let (socket, mut peer) = pair().await;
    refuse_kernels_ways(&socket);
    let reader = tokio::spawn(async move {
        let mut read = Vec::new();
        peer.read_to_end(&mut read).await.unwrap();
        read
    });
    let handed_out = || pool.stats().classes.iter().map(|class| class.hits + class.misses).sum::<u64>();
    let mut patience = Patience::default();
    send_file(&socket, &source, 10..4_999_000, &mut patience).await.unwrap();
    // One for all of it, and the pages are warm: that it was handed out is that the kernel refused.
    assert_eq!(handed_out(), 1);
    let ended = send_file(&socket, &source, 4_999_000..5_000_001, &mut patience).await;
    assert!(matches!(ended, Err(TransferError::Truncated { at: 5_000_000, left: 1 })), "{ended:?}");
    drop(socket);
    assert_eq!(Sha256::digest(reader.await.unwrap()), Sha256::digest(&content[10..]));
    assert_eq!(pool.stats().live_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_kernel_does_not_splice_goes_through_a_buffer() {
    let content = content(5_000_000);
    let pool = BufferPool::default();
    let (mut client, from) = pair().await;
    let (to, mut server) = pair().await;
    refuse_kernels_ways(&to);
    let sent = content.clone();
    let writer = tokio::spawn(async move { client.write_all(&sent).await.map(|()| client) });
    let reader = tokio::spawn(async move {
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        read
    });
    let mut patience = Patience::default();
    for len in [1, 100_000, 5_000_000 - 100_001] {
        assert_eq!(splice(&from, &to, len, &mut patience, &pool).await.unwrap(), len);
    }
    drop((writer.await.unwrap().unwrap(), to));
    assert_eq!(Sha256::digest(reader.await.unwrap()), Sha256::digest(&content));
    let stats = pool.stats();
    assert!(stats.classes.iter().any(|class| class.hits + class.misses > 0), "it went through no buffer");
    assert_eq!(stats.live_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spliced_stream_to_a_peer_that_does_not_read_is_ended() {
    let (mut client, from) = pair().await;
    let (to, _server) = pair().await;
    let writer = tokio::spawn(async move {
        let block = vec![0; 1 << 20];
        // Until the other end is dropped.
        while client.write_all(&block).await.is_ok() {}
    });
    let mut patience = Patience::new(Duration::from_millis(200), 1);
    let ended = splice(&from, &to, u64::MAX, &mut patience, &BufferPool::default()).await;
    assert!(matches!(ended, Err(TransferError::Stalled { acknowledged: 0, .. })), "{ended:?}");
    drop(from);
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_by_many_transfers_and_its_position_by_none() {
    let content = content(3_000_000);
    let source = Source::new(file_of(&content), &BufferPool::default()).unwrap();
    assert_eq!(source.len().unwrap(), 3_000_000);
    let transfers: Vec<_> = (0..8_u64)
        .map(|at| {
            let source = source.clone();
            let content = content.clone();
            tokio::spawn(async move {
                let (socket, mut peer) = pair().await;
                let range = at * 1000..3_000_000 - at;
                let part = content[range.start as usize..range.end as usize].to_vec();
                let reader = tokio::spawn(async move {
                    let mut read = Vec::new();
                    peer.read_to_end(&mut read).await.unwrap();
                    assert_eq!(Sha256::digest(read), Sha256::digest(part));
                });
                send_file(&socket, &source, range, &mut Patience::default()).await.unwrap();
                drop(socket);
                reader.await.unwrap();
            })
        })
        .collect();
    for transfer in transfers {
        transfer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_beyond_the_end_is_a_truncated_file() {
    let source = Source::new(file_of(&content(1000)), &BufferPool::default()).unwrap();
    let (socket, _peer) = pair().await;
    let ended = send_file(&socket, &source, 500..2000, &mut Patience::default()).await;
    assert!(matches!(ended, Err(TransferError::Truncated { at: 1000, left: 1000 })), "{ended:?}");
}

#[test]
fn what_is_no_regular_file_is_no_source() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    // Opened for both, so that the open does not wait for a writer.
    let pipe = File::options().read(true).write(true).open(pipe).unwrap();
    let open = |path: &str| File::open(path).unwrap();
    for file in [pipe, open("/dev/null"), open("/"), open("/dev/zero")] {
        assert!(matches!(Source::new(file, &BufferPool::default()), Err(SourceError::NotRegular)));
    }
    for file in [open("/proc/self/status"), open("/sys/kernel/uevent_seqnum")] {
        assert!(matches!(Source::new(file, &BufferPool::default()), Err(SourceError::MadeUp(_))));
    }
}
