//! A counted value as a waker: no allocation, and none of the counts for a poll.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::handle::{Counted, Handle};

/// A value whose handle is a waker.
pub(crate) trait Wakes: Counted + Sized + 'static {
    /// Woken.
    fn wake(this: &Handle<Self>);
}

/// A waker that borrows a handle.
pub(crate) struct WakerRef<'a, T: Wakes> {
    waker: ManuallyDrop<Waker>,
    _lends: &'a Handle<T>,
}

impl<T: Wakes> Deref for WakerRef<'_, T> {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.waker
    }
}

impl<T: Wakes> Handle<T> {
    /// A waker for a poll: only a clone of it counts.
    pub(crate) fn waker_ref(&self) -> WakerRef<'_, T> {
        // SAFETY: the clone below is never dropped as a handle: the waker's drop, which would, does not run.
        let value = unsafe { std::ptr::read(self) }.into_raw();
        // SAFETY: the vtable's functions keep the rules of RawWaker, for a pointer that a handle gave up.
        let waker = unsafe { Waker::from_raw(RawWaker::new(value.as_ptr().cast(), Vtable::<T>::OF)) };
        WakerRef { waker: ManuallyDrop::new(waker), _lends: self }
    }
}

struct Vtable<T>(std::marker::PhantomData<T>);

impl<T: Wakes> Vtable<T> {
    const OF: &'static RawWakerVTable =
        &RawWakerVTable::new(Self::clone, Self::wake, Self::wake_by_ref, Self::drop);

    /// The handle that the waker's pointer stands for.
    ///
    /// # Safety
    ///
    /// `value` is the pointer of such a waker.
    unsafe fn handle(value: *const ()) -> Handle<T> {
        let value = NonNull::new(value.cast_mut().cast()).expect("a handle is not null");
        // SAFETY: the waker owns a reference that it gives up, or that the caller does not drop.
        unsafe { Handle::from_raw(value) }
    }

    unsafe fn clone(value: *const ()) -> RawWaker {
        // SAFETY: the waker keeps its reference.
        let handle = ManuallyDrop::new(unsafe { Self::handle(value) });
        RawWaker::new(Handle::clone(&handle).into_raw().as_ptr().cast(), Self::OF)
    }

    unsafe fn wake(value: *const ()) {
        // SAFETY: the waker gives its reference up.
        T::wake(&unsafe { Self::handle(value) });
    }

    unsafe fn wake_by_ref(value: *const ()) {
        // SAFETY: the waker keeps its reference.
        T::wake(&ManuallyDrop::new(unsafe { Self::handle(value) }));
    }

    unsafe fn drop(value: *const ()) {
        // SAFETY: the waker gives its reference up.
        drop(unsafe { Self::handle(value) });
    }
}
