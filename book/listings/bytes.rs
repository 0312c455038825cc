//! Where the bytes go: pooled buffers and objects.

use std::io::{Read, Write};

use bytes::Bytes;
use ostraca::buf::{BufferPool, BufferPoolSettings, ObjectPool, Reset, TryGetError};

#[test]
fn buffers() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: pool
    let pool = BufferPool::new(BufferPoolSettings::default().name("pages").bytes_max(16 << 20));

    let mut page = pool.get(8_000); // empty, with room for 8,192
    write!(page, "<h1>{}</h1>", 7)?;
    let body: Bytes = page.freeze(); // not copied
    // ANCHOR_END: pool
    assert_eq!(body, "<h1>7</h1>");

    // ANCHOR: back
    let copy = body.clone();
    std::thread::spawn(move || drop(body)).join().map_err(|_| "the thread panicked")?;
    assert_eq!(pool.stats().live_bytes(), 8_192);
    drop(copy); // the last one: the memory is back in the pool
    assert_eq!(pool.stats().live_bytes(), 0);
    // ANCHOR_END: back

    // ANCHOR: fill
    let mut file = &b"a file, or a socket"[..];
    let mut chunk = pool.get(4_096);
    let read = chunk.fill_with(|room| file.read(room))?;
    assert_eq!((read, &chunk[..6]), (19, &b"a file"[..]));
    // ANCHOR_END: fill
    Ok(())
}

#[test]
fn a_budget() {
    // ANCHOR: budget
    let pool = BufferPool::new(BufferPoolSettings::default().bytes_max(8_192));
    let held = [pool.get(4_096), pool.get(4_096)];

    let refused = pool.try_get(100).err();
    assert_eq!(refused, Some(TryGetError::Spent { bytes: 128, bytes_max: 8_192 }));
    assert!(!pool.get(100).is_pooled()); // from the allocator, and back to it
    // ANCHOR_END: budget

    // ANCHOR: stats
    let stats = pool.stats();
    assert_eq!((stats.held_bytes, stats.unpooled), (8_192, 1));
    assert_eq!(stats.utilisation(), Some(1.0)); // all that it holds is in use
    drop(held);
    assert_eq!(pool.stats().utilisation(), Some(0.0));
    for class in pool.stats().classes.iter().filter(|class| class.misses > 0) {
        println!("{} bytes: {} hits, {} misses", class.bytes, class.hits, class.misses);
    }
    // ANCHOR_END: stats
}

#[test]
fn objects() {
    // ANCHOR: objects
    let scratch = ObjectPool::new(Vec::<f64>::new, |numbers| {
        numbers.clear();
        // One that a rare request made large is not kept for all the others.
        if numbers.capacity() <= 100_000 { Reset::Keep } else { Reset::Discard }
    });

    let mut numbers = scratch.get();
    numbers.extend([3.0, 4.0]);
    drop(numbers); // through the hook, and back
    assert_eq!(scratch.get().len(), 0);
    assert_eq!((scratch.stats().hits, scratch.stats().misses), (1, 1));
    // ANCHOR_END: objects
}
