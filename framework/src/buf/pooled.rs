//! A buffer of a pool.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use bytes::buf::UninitSlice;
use bytes::{BufMut, Bytes};

use super::class;
use super::depot::{Block, DepotRef};
use super::thread;

/// Bytes in memory of a [`BufferPool`](super::BufferPool), which goes back there when the buffer is dropped.
///
/// It grows as a `Vec<u8>` does, into the next larger class. It is a [`BufMut`] for those who read into it
/// (tokio's `read_buf`), and an [`io::Write`] for those who write.
///
/// ```text
///   ptr ──> [ bytes that were written | room: zeros, or what is left of its last user's bytes ]
///             └──────── len ────────┘                                                        └ capacity
/// ```
pub struct PooledBuf {
    ptr: NonNull<u8>,
    len: usize,
    capacity: usize,
    /// The block's own reference; of an unpooled buffer this one's.
    depot: ManuallyDrop<DepotRef>,
    kind: Kind,
    wipes: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Class(u8),
    Unpooled,
}

// SAFETY: the memory is the buffer's alone, and goes back to a pool that takes it from any thread.
unsafe impl Send for PooledBuf {}
// SAFETY: a shared buffer is only read.
unsafe impl Sync for PooledBuf {}

impl PooledBuf {
    #[inline(always)]
    pub(super) fn get(depot: &DepotRef, capacity: usize, wipes: bool) -> Self {
        class::of(capacity)
            .and_then(|number| PooledBuf::get_pooled(depot, number, wipes))
            .unwrap_or_else(|| PooledBuf::get_unpooled(depot, capacity, wipes))
    }

    #[inline(always)]
    pub(super) fn get_pooled(depot: &DepotRef, number: usize, wipes: bool) -> Option<Self> {
        let capacity = class::bytes(number);
        let Block(ptr) = thread::get(depot, number, || class::allocate(capacity))?;
        class::mark_in_use(ptr, capacity);
        // SAFETY: the block has a reference of its own, which goes with it.
        let depot = ManuallyDrop::new(unsafe { DepotRef::from_raw(depot.as_ptr()) });
        // The classes are few.
        Some(PooledBuf { ptr, len: 0, capacity, depot, kind: Kind::Class(number as u8), wipes })
    }

    #[cold]
    fn get_unpooled(depot: &DepotRef, capacity: usize, wipes: bool) -> Self {
        let ptr = class::allocate(capacity);
        depot.unpooled().made.add(1);
        depot.unpooled().bytes_made.add(capacity as u64);
        let depot = ManuallyDrop::new(depot.clone());
        PooledBuf { ptr, len: 0, capacity, depot, kind: Kind::Unpooled, wipes }
    }

    /// How many bytes it can hold before it moves.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether its memory goes back to the pool, and not to the allocator.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        matches!(self.kind, Kind::Class(_))
    }

    /// Takes all bytes out; the room stays.
    #[inline]
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Takes out what lies behind the first `len` bytes.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
        }
    }

    /// Makes it `len` bytes long: it is cut, or `value` is put behind.
    ///
    /// # Panics
    ///
    /// As `Vec`, when it would be larger than `isize::MAX`.
    pub fn resize(&mut self, len: usize, value: u8) {
        if len <= self.len {
            return self.truncate(len);
        }
        let more = len - self.len;
        self.reserve(more);
        self.room_mut()[..more].fill(value);
        self.len = len;
    }

    /// Makes room for this many bytes more. If they do not fit, it moves to a buffer of a larger class.
    ///
    /// # Panics
    ///
    /// As `Vec`, when it would be larger than `isize::MAX`.
    #[inline]
    pub fn reserve(&mut self, additional: usize) {
        if additional > self.capacity - self.len {
            self.grow(additional);
        }
    }

    #[cold]
    fn grow(&mut self, additional: usize) {
        let needed = self.len.checked_add(additional).expect("a buffer is smaller than the addresses");
        // Twice as much as before, that many small additions copy each byte once or twice.
        let capacity = needed.max(self.capacity.saturating_mul(2).min(isize::MAX as usize / 2));
        let mut larger = PooledBuf::get(&self.depot, capacity, self.wipes);
        larger.extend_from_slice(self);
        *self = larger;
    }

    /// Puts bytes behind those that are there.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.room_mut()[..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Lets `fill` write into the room behind the bytes, and takes over as many as it says.
    ///
    /// What it sees there are zeros or bytes of former users of the memory, in any mixture: it says no more than it has
    /// written. The buffer does not grow; [`reserve`](Self::reserve) first.
    ///
    /// ```
    /// use std::io::Read;
    /// use ostraca::buf::BufferPool;
    ///
    /// let mut from = &b"a jar of oil"[..];
    /// let mut buf = BufferPool::default().get(64);
    /// let read = buf.fill_with(|room| from.read(room))?;
    /// assert_eq!((read, &buf[..]), (12, &b"a jar of oil"[..]));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `fill`; nothing is taken over then.
    ///
    /// # Panics
    ///
    /// When `fill` says more than there is room for.
    pub fn fill_with<E>(&mut self, fill: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<usize, E> {
        let len = fill(self.room_mut())?;
        let room = self.capacity - self.len;
        assert!(len <= room, "{len} bytes were written into room for {room}");
        self.len += len;
        Ok(len)
    }

    /// Makes it [`Bytes`], without a copy. Its memory goes back to the pool when the last clone and slice of them goes.
    ///
    /// It allocates what the clones count in, some 50 bytes. An empty buffer goes back at once.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        if self.is_empty() { Bytes::new() } else { Bytes::from_owner(self) }
    }

    #[inline]
    fn room_mut(&mut self) -> &mut [u8] {
        // SAFETY: within the memory.
        let room = unsafe { self.ptr.add(self.len) };
        // SAFETY: the memory is this buffer's, and initialised since it was made.
        unsafe { std::slice::from_raw_parts_mut(room.as_ptr(), self.capacity - self.len) }
    }

    /// Frees what is no class's.
    ///
    /// # Safety
    ///
    /// It is unpooled, and not used again.
    #[cold]
    unsafe fn free(&mut self) {
        // SAFETY: an unpooled buffer's memory was allocated with its capacity.
        unsafe { class::free(self.ptr, self.capacity) };
        self.depot.unpooled().freed.add(1);
        self.depot.unpooled().bytes_freed.add(self.capacity as u64);
        // SAFETY: it was cloned for this buffer.
        unsafe { ManuallyDrop::drop(&mut self.depot) };
    }

    #[cold]
    fn wipe(&mut self) {
        self.len = 0;
        self.room_mut().fill(0);
    }
}

impl Drop for PooledBuf {
    #[inline]
    fn drop(&mut self) {
        if self.wipes {
            self.wipe();
        }
        if let Kind::Class(number) = self.kind {
            class::mark_idle(self.ptr, self.capacity);
            thread::put(&self.depot, number.into(), Block(self.ptr));
        } else {
            // SAFETY: it is dropped.
            unsafe { self.free() };
        }
    }
}

impl Deref for PooledBuf {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the memory is this buffer's, and initialised since it was made.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl DerefMut for PooledBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for PooledBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for PooledBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl io::Write for PooledBuf {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// SAFETY: `chunk_mut` gives the room behind the bytes, and `advance_mut` checks that it takes over no more.
unsafe impl BufMut for PooledBuf {
    fn remaining_mut(&self) -> usize {
        isize::MAX as usize - self.len
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        let room = self.capacity - self.len;
        assert!(count <= room, "{count} bytes were written into room for {room}");
        self.len += count;
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        if self.len == self.capacity {
            self.reserve(class::BYTES_MIN);
        }
        UninitSlice::new(self.room_mut())
    }

    fn put_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Extend<u8> for PooledBuf {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        let bytes = bytes.into_iter();
        self.reserve(bytes.size_hint().0);
        bytes.for_each(|byte| self.extend_from_slice(&[byte]));
    }
}

impl fmt::Debug for PooledBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PooledBuf");
        debug.field("len", &self.len).field("capacity", &self.capacity);
        debug.field("is_pooled", &self.is_pooled()).finish_non_exhaustive()
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for PooledBuf {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for PooledBuf {}

impl Hash for PooledBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
