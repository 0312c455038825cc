//! Where buffers come from.

#![allow(unsafe_code, reason = "allocators as such: a `Vec` has only the global one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

use mimalloc::MiMalloc;
use ostraca::buf::{BufferPool, PooledBuf};

/// A place for buffers of `LEN` bytes.
pub(super) trait Source: Sync {
    type Buf<const LEN: usize>: Buf;

    fn open() -> Self;
    fn get<const LEN: usize>(&self) -> Self::Buf<LEN>;
    /// Checks the books after so many gets, where there are any.
    fn check(&self, gets: u64);
}

/// Memory that goes back when it is dropped.
pub(super) trait Buf: Send {
    /// Writes a byte to each page.
    fn touch(&mut self);
    /// Writes the first line.
    fn write(&mut self, number: u64);
    fn read(&self) -> u64;
}

const PAGE: usize = 4_096;

pub(super) struct Pool(BufferPool);

impl Source for Pool {
    type Buf<const LEN: usize> = PooledBuf;

    fn open() -> Self {
        Pool(BufferPool::default())
    }

    #[inline]
    fn get<const LEN: usize>(&self) -> PooledBuf {
        self.0.get(LEN)
    }

    fn check(&self, gets: u64) {
        let stats = self.0.stats();
        let counted: u64 = stats.classes.iter().map(|class| class.hits + class.misses).sum();
        assert_eq!((counted, stats.live_bytes(), stats.unpooled), (gets, 0, 0), "the books are wrong");
    }
}

impl Buf for PooledBuf {
    #[inline]
    fn touch(&mut self) {
        let touch = |room: &mut [u8]| {
            room.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
            black_box(room.as_mut_ptr());
            Ok::<_, ()>(0)
        };
        self.fill_with(touch).unwrap();
    }

    #[inline]
    fn write(&mut self, number: u64) {
        self.extend_from_slice(&[number; 8].map(u64::to_le_bytes).as_flattened()[..64]);
    }

    #[inline]
    fn read(&self) -> u64 {
        u64::from_le_bytes(self[..8].try_into().unwrap())
    }
}

/// An allocator, called as such.
pub(super) trait Allocator: GlobalAlloc + Sync + 'static {
    const THIS: Self;
}

impl Allocator for System {
    const THIS: Self = System;
}

impl Allocator for MiMalloc {
    const THIS: Self = MiMalloc;
}

pub(super) struct By<A>(A);
pub(super) type Glibc = By<System>;
pub(super) type Mimalloc = By<MiMalloc>;

impl<A: Allocator> Source for By<A> {
    type Buf<const LEN: usize> = Raw<A, LEN>;

    fn open() -> Self {
        By(A::THIS)
    }

    #[inline]
    fn get<const LEN: usize>(&self) -> Raw<A, LEN> {
        // SAFETY: the size is not 0.
        let memory = unsafe { A::THIS.alloc(Raw::<A, LEN>::LAYOUT) };
        assert!(!memory.is_null());
        Raw { memory, _of: std::marker::PhantomData }
    }

    fn check(&self, _: u64) {}
}

/// `LEN` bytes of an allocator.
pub(super) struct Raw<A: Allocator, const LEN: usize> {
    memory: *mut u8,
    _of: std::marker::PhantomData<A>,
}

impl<A: Allocator, const LEN: usize> Raw<A, LEN> {
    const LAYOUT: Layout = match Layout::from_size_align(LEN, 1) {
        Ok(layout) => layout,
        Err(_) => panic!("a size of this bench is larger than memory"),
    };
}

// SAFETY: the memory is this one's alone.
unsafe impl<A: Allocator, const LEN: usize> Send for Raw<A, LEN> {}

impl<A: Allocator, const LEN: usize> Buf for Raw<A, LEN> {
    #[inline]
    fn touch(&mut self) {
        for at in (0..LEN).step_by(PAGE) {
            // SAFETY: within the memory.
            let byte = unsafe { self.memory.add(at) };
            // SAFETY: as above; a byte has no alignment.
            unsafe { byte.write(1) };
        }
        black_box(self.memory);
    }

    #[inline]
    fn write(&mut self, number: u64) {
        // SAFETY: every size here is 64 bytes or more.
        unsafe { self.memory.cast::<[u64; 8]>().write_unaligned([number; 8]) };
    }

    #[inline]
    fn read(&self) -> u64 {
        // SAFETY: written before.
        unsafe { self.memory.cast::<u64>().read_unaligned() }
    }
}

impl<A: Allocator, const LEN: usize> Drop for Raw<A, LEN> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: allocated so by the same allocator.
        unsafe { A::THIS.dealloc(self.memory, Self::LAYOUT) };
    }
}
