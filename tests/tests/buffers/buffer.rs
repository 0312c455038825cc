//! One buffer: it is a growing run of bytes, and shows nothing that nobody wrote.

use std::io::{self, Write};

use bytes::BufMut;
use ostraca::buf::{BufferPool, BufferPoolSettings};

#[test]
fn a_buffer_holds_what_is_written_and_moves_to_a_larger_class() {
    let pool = BufferPool::default();
    let mut buf = pool.get(10);
    assert_eq!((buf.len(), buf.capacity()), (0, 64));
    let mut expected = Vec::new();
    for number in 0..2_000u32 {
        write!(buf, "{number},").unwrap();
        write!(expected, "{number},").unwrap();
    }
    assert_eq!(&buf[..], &expected[..]);
    assert_eq!(buf.capacity(), expected.len().next_power_of_two());
    // What it outgrew has gone back.
    let stats = pool.stats();
    assert_eq!(stats.live_bytes(), buf.capacity() as u64);
    assert_eq!(stats.classes.iter().map(|class| class.idle).sum::<u64>(), 8, "64 to 8,192");
}

#[test]
fn resize_shows_the_value_and_never_what_was_there() {
    let pool = BufferPool::default();
    let mut buf = pool.copied(&[7; 100]);
    buf.resize(10, 1);
    buf.resize(100, 2);
    assert_eq!(buf[..10], [7; 10]);
    assert_eq!(buf[10..], [2; 90]);
    drop(buf);
    assert_eq!(pool.zeroed(128), [0u8; 128]);
}

#[test]
fn the_room_is_initialised_and_wiped_where_that_was_asked_for() {
    for (wipes, expected) in [(false, 9), (true, 0)] {
        let pool = BufferPool::new(BufferPoolSettings::default().wipes(wipes));
        let look = |buf: &mut ostraca::buf::PooledBuf| {
            let mut seen = Vec::new();
            buf.fill_with(|room| {
                seen.extend_from_slice(room);
                io::Result::Ok(0)
            })
            .unwrap();
            seen
        };
        let mut buf = pool.get(256);
        assert_eq!(look(&mut buf), [0; 256], "as new it has zeros");
        buf.resize(200, 9);
        buf.truncate(3);
        drop(buf);
        let mut buf = pool.get(256);
        assert_eq!(class_hits(&pool), 1);
        assert_eq!(look(&mut buf), [vec![expected; 200], vec![0; 56]].concat());
        // What a closure wrote and did not say is wiped, too.
        buf.fill_with(|room| {
            room.fill(9);
            io::Result::Ok(0)
        })
        .unwrap();
        drop(buf);
        assert_eq!(look(&mut pool.get(256)), [expected; 256]);
    }
}

fn class_hits(pool: &BufferPool) -> u64 {
    super::class(pool, 256).hits
}

#[test]
fn what_fails_to_fill_leaves_the_buffer_as_it_was() {
    let mut buf = BufferPool::default().copied(b"kept");
    let failed = buf.fill_with(|room| {
        room.fill(1);
        Err::<usize, _>("refused")
    });
    assert_eq!(failed, Err("refused"));
    assert_eq!(buf, b"kept");
}

#[test]
#[should_panic(expected = "65 bytes were written into room for 64")]
fn who_says_more_than_there_was_room_for_is_told() {
    let _ = BufferPool::default().get(64).fill_with(|room| io::Result::Ok(room.len() + 1));
}

#[test]
fn frozen_bytes_are_not_copied_and_come_back_with_their_last_slice() {
    let pool = BufferPool::default();
    let buf = pool.copied(&[5; 5_000]);
    let address = buf.as_ptr();
    let bytes = buf.freeze();
    assert_eq!(bytes.as_ptr(), address);
    let slice = bytes.slice(4_000..);
    drop(bytes);
    assert_eq!(super::class(&pool, 8_192).live, 1);
    assert_eq!(slice, [5; 1_000][..]);
    // The pool may be gone by then.
    let stats = pool.stats();
    drop(slice);
    assert_eq!((stats.live_bytes(), pool.stats().live_bytes()), (8_192, 0));
    assert_eq!(pool.get(5_000).as_ptr(), address, "it is used again");
    assert!(pool.get(64).freeze().is_empty());
}

#[test]
fn a_buffer_outlives_its_pool() {
    let pool = BufferPool::default();
    let (small, large) = (pool.copied(&[1; 100]), pool.copied(&vec![2; BufferPool::LEN_MAX + 1]));
    let bytes = pool.copied(&[3; 300]).freeze();
    drop(pool);
    let mut small = small;
    small.extend_from_slice(&[1; 1_000]);
    assert_eq!(small, [1; 1_100]);
    assert!(large.iter().all(|&byte| byte == 2));
    std::thread::spawn(move || drop((small, large, bytes))).join().unwrap();
}

#[test]
fn a_buffer_is_a_buf_mut_that_grows() {
    let mut buf = BufferPool::default().get(64);
    buf.put_u32(7);
    buf.put_bytes(1, 200);
    buf.put_slice(b"end");
    assert_eq!(buf.len(), 207);
    assert_eq!(&buf[..5], [0, 0, 0, 7, 1]);
    assert_eq!(&buf[204..], b"end");
}

#[tokio::test]
async fn tokio_reads_into_a_buffer() {
    use tokio::io::AsyncReadExt;

    let mut from = &[8; 1_000][..];
    let mut buf = BufferPool::default().get(64);
    while from.read_buf(&mut buf).await.unwrap() > 0 {}
    assert_eq!(buf, [8; 1_000]);
}
