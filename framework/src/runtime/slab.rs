//! Memory for cells: slots of one size, cut from chunks, used again by the next cell of that size.
//!
//! ```text
//!   Slab ──> class of 256 bytes ──> chunks with room: [ chunk ] [ chunk ] ..
//!                                      chunk: [ header | slot | slot | slot | .. ]     each on lines of its own
//!   slot ──(its Refs)──> chunk ──> Slab's state
//! ```
//!
//! **What it is.** Cells are many and alike, live on cache lines of their own, and are to cost no more than they need:
//! an allocator's header and the slack of a 64-byte alignment would be a third on top. Memory of a chunk goes back to
//! the allocator when its last slot is given back, but for one chunk a size.
//!
//! **Guarantees.** A slot stays where it is until it is given back. A slab that is dropped frees what is empty; each
//! chunk that still has slots in use keeps what it needs to be freed with the last of them.
//!
//! **Cost.** A lock round to take a slot and one to give it back.
//!
//! **Bad at.** Handing memory back when a few cells of each chunk stay.
//!
//! **Source.** J. Bonwick, "The slab allocator: an object-caching kernel memory allocator", USENIX 1994, without the
//! caching of constructed objects.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::handle::{Counted, Handle, Refs};
use crate::sync::Mutex;

/// A cache line: slots are whole lines.
const LINE: usize = 64;
/// Bytes a chunk, unless one slot needs more.
const CHUNK_BYTES: usize = 64 * 1024;

/// The memory of one system's cells.
pub(crate) struct Slab(Arc<Shared>);

struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    classes: Vec<Class>,
    /// The slab was dropped: nothing is taken any more.
    is_closed: bool,
}

struct Class {
    slot_bytes: usize,
    with_room: Vec<NonNull<Chunk>>,
}

/// The header of a chunk. All but `shared` is touched under the slab's lock only.
#[repr(align(64))]
pub(super) struct Chunk {
    shared: Arc<Shared>,
    slot_bytes: usize,
    slots: usize,
    used: usize,
    /// Slots from here on were never taken.
    fresh_from: usize,
    /// Slots that were given back, linked through themselves.
    free: *mut Free,
}

struct Free {
    next: *mut Free,
}

// SAFETY: chunks are reached under the lock only; the slots are their owners'.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Slab {
    pub(crate) fn new() -> Self {
        Slab(Arc::new(Shared(Mutex::new(State::default()))))
    }

    /// Puts a value into memory of its own. `make` is given the value's counts and the place where it will be.
    pub(crate) fn insert<T: Counted>(&self, make: impl FnOnce(Refs, NonNull<T>) -> T) -> Handle<T> {
        const { assert!(align_of::<T>() <= LINE) };
        let slot_bytes = size_of::<T>().next_multiple_of(LINE);
        let (chunk, slot) = self.take(slot_bytes);
        // A `make` that panics gives the slot back.
        let taken = Taken { chunk, slot };
        let place = slot.cast::<T>();
        let value = make(Refs::new(chunk), place);
        std::mem::forget(taken);
        // SAFETY: the slot is large enough, on a line's edge, and nobody else's.
        unsafe { place.write(value) };
        // SAFETY: a fresh value with its fresh counts, which hold the one reference that this is.
        unsafe { Handle::from_raw(place) }
    }

    fn take(&self, slot_bytes: usize) -> (NonNull<Chunk>, NonNull<u8>) {
        let mut state = self.0.0.lock();
        let index = state.classes.iter().position(|class| class.slot_bytes == slot_bytes);
        let index = index.unwrap_or_else(|| {
            state.classes.push(Class { slot_bytes, with_room: Vec::new() });
            state.classes.len() - 1
        });
        let class = &mut state.classes[index];
        let mut chunk = match class.with_room.last() {
            Some(&chunk) => chunk,
            None => {
                let chunk = Chunk::allocate(self.0.clone(), slot_bytes);
                class.with_room.push(chunk);
                chunk
            }
        };
        // SAFETY: in the list, so alive; under the lock.
        let header = unsafe { chunk.as_mut() };
        header.used += 1;
        if header.used == header.slots {
            class.with_room.pop();
        }
        // SAFETY: it had room, under the lock.
        (chunk, unsafe { Chunk::take(chunk) })
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        let mut empty = Vec::new();
        {
            let mut state = self.0.0.lock();
            state.is_closed = true;
            for class in &mut state.classes {
                // SAFETY: in the list, so alive; under the lock.
                empty.extend(class.with_room.extract_if(.., |chunk| unsafe { chunk.as_ref() }.used == 0));
            }
        }
        for chunk in empty {
            // SAFETY: empty and in no list.
            unsafe { Chunk::free(chunk) };
        }
    }
}

/// A slot that goes back unless it is forgotten.
struct Taken {
    chunk: NonNull<Chunk>,
    slot: NonNull<u8>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: it was taken from that chunk, and nothing is in it.
        unsafe { give_back(self.chunk, self.slot.addr().get()) };
    }
}

/// Gives a slot back, by its address.
///
/// # Safety
///
/// It was taken from that chunk, what was in it is dropped, and nobody uses it again.
pub(super) unsafe fn give_back(mut chunk: NonNull<Chunk>, slot: usize) {
    // SAFETY: a chunk with a slot in use is alive; `shared` is not written.
    let shared = unsafe { (*chunk.as_ptr()).shared.clone() };
    let mut state = shared.0.lock();
    // SAFETY: under the lock.
    let header = unsafe { chunk.as_mut() };
    // The slot's pointer anew from the chunk's, whose memory it is.
    let free = chunk.cast::<u8>().map_addr(|_| slot.try_into().expect("a slot is not at 0")).cast::<Free>();
    // SAFETY: the slot's memory is the chunk's again.
    unsafe { free.write(Free { next: header.free }) };
    header.free = free.as_ptr();
    header.used -= 1;
    let (was_full, is_empty) = (header.used + 1 == header.slots, header.used == 0);
    let is_closed = state.is_closed;
    let class = state.classes.iter_mut().find(|class| class.slot_bytes == header.slot_bytes);
    let with_room = &mut class.expect("a chunk's class stays").with_room;
    if was_full {
        with_room.push(chunk);
    }
    let goes = is_empty && (is_closed || with_room.len() > 1);
    if goes {
        with_room.retain(|&other| other != chunk);
    }
    drop(state);
    if goes {
        // SAFETY: empty and in no list.
        unsafe { Chunk::free(chunk) };
    }
}

impl Chunk {
    const HEADER_BYTES: usize = size_of::<Chunk>();

    fn slots(slot_bytes: usize) -> usize {
        // Under AddressSanitizer each cell is an allocation of its own: it sees one that is used after its end.
        if cfg!(ostraca_asan) { 1 } else { ((CHUNK_BYTES - Self::HEADER_BYTES) / slot_bytes).max(1) }
    }

    fn layout(slot_bytes: usize) -> Layout {
        let bytes = Self::HEADER_BYTES + Self::slots(slot_bytes) * slot_bytes;
        Layout::from_size_align(bytes, LINE).expect("a cell is smaller than memory")
    }

    fn allocate(shared: Arc<Shared>, slot_bytes: usize) -> NonNull<Chunk> {
        let layout = Self::layout(slot_bytes);
        // SAFETY: the layout has a header, so its size is not 0.
        let memory = unsafe { alloc(layout) };
        let chunk = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout)).cast::<Chunk>();
        let slots = Self::slots(slot_bytes);
        let header = Chunk { shared, slot_bytes, slots, used: 0, fresh_from: 0, free: ptr::null_mut() };
        // SAFETY: fresh memory with room for the header.
        unsafe { chunk.write(header) };
        chunk
    }

    /// # Safety
    ///
    /// The chunk has a free slot, is alive, and its slab is locked.
    unsafe fn take(mut chunk: NonNull<Chunk>) -> NonNull<u8> {
        // SAFETY: the caller's word.
        let header = unsafe { chunk.as_mut() };
        if let Some(free) = NonNull::new(header.free) {
            // SAFETY: what is in the list was written by `give_back`.
            header.free = unsafe { free.as_ref() }.next;
            return free.cast();
        }
        let at = Self::HEADER_BYTES + header.fresh_from * header.slot_bytes;
        header.fresh_from += 1;
        // SAFETY: a slot that was never taken is within the chunk.
        unsafe { chunk.cast::<u8>().add(at) }
    }

    /// # Safety
    ///
    /// No slot is in use, and nobody can reach the chunk any more.
    unsafe fn free(chunk: NonNull<Chunk>) {
        // SAFETY: the caller's word.
        let Chunk { shared, slot_bytes, .. } = unsafe { chunk.read() };
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(chunk.as_ptr().cast(), Self::layout(slot_bytes)) };
        drop(shared);
    }
}
