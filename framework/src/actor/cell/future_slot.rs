//! Storage for one future at a time, a handler's most often, used again from message to message.
//!
//! ```text
//!   slot ──> [ header: vtable of the future that is there, layout | the future .. ]
//! ```
//!
//! **What it is.** As much memory as the largest future so far needed, on the heap; nothing before the first. Each
//! handler's future has its own size here, and not that of the largest handler's.
//!
//! **Guarantees.** A future is never moved between [`put`](FutureSlot::put) and its drop. A future that is done, or
//! was cleared, is dropped at once; its memory stays.
//!
//! **Source.** The shape is that of `recycle-box`, with the vtable kept beside the memory.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::super::lifecycle::StartError;

/// What a future of a cell came to.
#[derive(Debug)]
pub(in super::super) enum Ended {
    /// A handler, or `#[stop]`.
    Done,
    /// `#[start]`, whose actor is in its place if it succeeded.
    Started(Result<(), StartError>),
}

impl From<()> for Ended {
    fn from((): ()) -> Self {
        Ended::Done
    }
}

impl From<Result<(), StartError>> for Ended {
    fn from(outcome: Result<(), StartError>) -> Self {
        Ended::Started(outcome)
    }
}

pub(in super::super) struct FutureSlot {
    header: Option<NonNull<Header>>,
}

struct Header {
    /// How to poll and drop what is there; none: nothing is.
    vtable: Option<&'static Vtable>,
    /// Of the whole, this header included.
    layout: Layout,
}

struct Vtable {
    /// Where the future begins, in bytes from the header.
    offset: usize,
    poll: unsafe fn(NonNull<()>, &mut Context<'_>) -> Poll<Ended>,
    drop: unsafe fn(NonNull<()>),
}

// SAFETY: `put` takes futures that are Send, and the memory is this slot's alone.
unsafe impl Send for FutureSlot {}

struct Of<F>(std::marker::PhantomData<F>);

impl<F: Future<Output: Into<Ended>>> Of<F> {
    const PLACE: (Layout, usize) = match Layout::new::<Header>().extend(Layout::new::<F>()) {
        Ok((layout, offset)) => (layout.pad_to_align(), offset),
        Err(_) => panic!("a future is larger than memory"),
    };

    const VTABLE: Vtable = Vtable { offset: Self::PLACE.1, poll: Self::poll, drop: Self::drop };

    /// # Safety
    ///
    /// `future` is an `F` that is not moved any more.
    unsafe fn poll(future: NonNull<()>, cx: &mut Context<'_>) -> Poll<Ended> {
        // SAFETY: the caller's word, and the slot is borrowed mutably.
        let future = unsafe { future.cast::<F>().as_mut() };
        // SAFETY: it is not moved before it is dropped.
        unsafe { Pin::new_unchecked(future) }.poll(cx).map(Into::into)
    }

    /// # Safety
    ///
    /// `future` is an `F`, and is not used again.
    unsafe fn drop(future: NonNull<()>) {
        // SAFETY: the caller's word.
        unsafe { future.cast::<F>().drop_in_place() };
    }
}

impl FutureSlot {
    pub(super) const fn new() -> Self {
        FutureSlot { header: None }
    }

    /// Keeps a future.
    ///
    /// # Safety
    ///
    /// It is dropped, by [`clear`](Self::clear) or by having been done, before what it borrows ends.
    ///
    /// # Panics
    ///
    /// When there is one already.
    pub(in super::super) unsafe fn put<F: Future<Output: Into<Ended>> + Send>(&mut self, future: F) {
        assert!(!self.is_some(), "a slot holds one future");
        let header = self.memory(Of::<F>::PLACE.0);
        // SAFETY: the memory has room for F at its offset.
        let place = unsafe { header.byte_add(Of::<F>::PLACE.1) };
        // SAFETY: as above, and nothing is there.
        unsafe { place.cast::<F>().write(future) };
        // SAFETY: a header is there since `memory`.
        unsafe { (*header.as_ptr()).vtable = Some(&Of::<F>::VTABLE) };
    }

    pub(super) fn is_some(&self) -> bool {
        self.vtable().is_some()
    }

    /// Polls the future; when it is done it is dropped.
    ///
    /// # Panics
    ///
    /// When there is none; and when the future panics, which leaves it there, to be cleared.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let (future, vtable) = self.future().expect("the slot has a future");
        // SAFETY: the vtable is that of what is there.
        let poll = unsafe { (vtable.poll)(future, cx) };
        if poll.is_ready() {
            self.clear();
        }
        poll
    }

    /// Drops the future, if there is one.
    pub(super) fn clear(&mut self) {
        if let Some((future, vtable)) = self.future() {
            let header = self.header.expect("it has a future");
            // First, so that a drop that panics is not repeated.
            // SAFETY: the header is there as long as the slot.
            unsafe { (*header.as_ptr()).vtable = None };
            // SAFETY: the vtable is that of what is there, and nobody finds it any more.
            unsafe { (vtable.drop)(future) };
        }
    }

    fn vtable(&self) -> Option<&'static Vtable> {
        // SAFETY: the header is there as long as the slot.
        self.header.and_then(|header| unsafe { (*header.as_ptr()).vtable })
    }

    fn future(&self) -> Option<(NonNull<()>, &'static Vtable)> {
        let vtable = self.vtable()?;
        // SAFETY: the future lies behind its header, in the same memory.
        let future = unsafe { self.header?.byte_add(vtable.offset) };
        Some((future.cast(), vtable))
    }

    /// Memory of at least `layout`, with a header and no future.
    fn memory(&mut self, layout: Layout) -> NonNull<Header> {
        if let Some(header) = self.header {
            // SAFETY: the header is there as long as the slot.
            let has = unsafe { (*header.as_ptr()).layout };
            if has.size() >= layout.size() && has.align() >= layout.align() {
                return header;
            }
        }
        self.free();
        // SAFETY: the layout has a header, so its size is not 0.
        let memory = unsafe { alloc(layout) };
        let header = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout)).cast();
        // SAFETY: fresh memory of that layout.
        unsafe { header.write(Header { vtable: None, layout }) };
        self.header = Some(header);
        header
    }

    fn free(&mut self) {
        if let Some(header) = self.header.take() {
            // SAFETY: the header was there as long as the slot.
            let layout = unsafe { (*header.as_ptr()).layout };
            // SAFETY: allocated with that layout, and no future is there.
            unsafe { dealloc(header.as_ptr().cast(), layout) };
        }
    }
}

impl Drop for FutureSlot {
    fn drop(&mut self) {
        self.clear();
        self.free();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use super::*;

    fn poll(slot: &mut FutureSlot) -> Poll<()> {
        slot.poll(&mut Context::from_waker(Waker::noop())).map(|ended| assert!(matches!(ended, Ended::Done)))
    }

    /// Pending once; holds `SIZE` bytes and a count across that.
    async fn once<const SIZE: usize>(counted: Arc<()>) {
        let bytes = [1u8; SIZE];
        let mut is_first = true;
        std::future::poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) })
            .await;
        assert_eq!(bytes[SIZE - 1], 1);
        drop(counted);
    }

    #[test]
    fn a_future_runs_to_its_end_and_its_memory_is_used_again() {
        let (mut slot, counted) = (FutureSlot::new(), Arc::new(()));
        // SAFETY: it borrows nothing.
        unsafe { slot.put(once::<100>(counted.clone())) };
        assert_eq!((poll(&mut slot), poll(&mut slot)), (Poll::Pending, Poll::Ready(())));
        assert!(!slot.is_some());
        let memory = slot.header;
        // SAFETY: as above.
        unsafe { slot.put(once::<10>(counted.clone())) };
        assert_eq!(slot.header, memory, "a smaller one needs no other memory");
        assert_eq!((poll(&mut slot), poll(&mut slot)), (Poll::Pending, Poll::Ready(())));
        // SAFETY: as above.
        unsafe { slot.put(once::<1000>(counted.clone())) };
        assert_eq!((poll(&mut slot), poll(&mut slot)), (Poll::Pending, Poll::Ready(())));
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn a_future_that_is_cleared_or_left_is_dropped_once() {
        let (mut slot, counted) = (FutureSlot::new(), Arc::new(()));
        // SAFETY: it borrows nothing.
        unsafe { slot.put(once::<100>(counted.clone())) };
        assert_eq!(poll(&mut slot), Poll::Pending);
        slot.clear();
        assert_eq!(Arc::strong_count(&counted), 1);
        // SAFETY: as above.
        unsafe { slot.put(once::<100>(counted.clone())) };
        drop(slot);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn a_future_of_a_wide_alignment_lies_right() {
        #[repr(align(64))]
        struct Wide(u8);
        let mut slot = FutureSlot::new();
        let wide = Wide(7);
        // SAFETY: it borrows nothing.
        unsafe {
            slot.put(async move {
                std::future::ready(()).await;
                assert_eq!(std::ptr::from_ref(&wide).addr() % 64, 0);
                assert_eq!(wide.0, 7);
            })
        };
        assert_eq!(poll(&mut slot), Poll::Ready(()));
    }
}
