//! Values that are bound to a thread, held from anywhere.
//!
//! ```text
//!   anywhere: ThreadBound { home, index } ───────┐                 home: a list of slots that were let go elsewhere
//!                                                v                       │ swept by the thread
//!   the thread:  [ Some(Rc<RefCell<T>>) | None | Some(..) ]  <───────────┘
//! ```
//!
//! **What it is.** A [`ThreadBound`] is a number and the mark of the thread that has the value, so it is `Send` and `Sync`
//! whatever the value is, and nothing here is unsafe.
//!
//! **Guarantees.** The value is made, used and dropped on one thread. Used elsewhere, a slot panics. Let go elsewhere, it
//! leaves its number to the thread, which drops the value the next time that it makes or drops one, or at its end.
//!
//! **Cost.** A box a value; a look at the thread's list and a check of the type each time it is used.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::sync::Mutex;

/// A value of the thread that made it.
pub(crate) struct ThreadBound<T: 'static> {
    home: Arc<Home>,
    index: usize,
    value: PhantomData<fn() -> T>,
}

/// What of a thread's values others may touch.
#[derive(Default)]
struct Home {
    let_go: Mutex<Vec<usize>>,
}

/// The values of this thread.
#[derive(Default)]
struct Values {
    home: Arc<Home>,
    slots: Vec<Option<Rc<dyn Any>>>,
    free: Vec<usize>,
}

thread_local! {
    static VALUES: RefCell<Values> = RefCell::default();
}

impl<T: 'static> ThreadBound<T> {
    pub(crate) fn new(value: T) -> Self {
        sweep();
        VALUES.with_borrow_mut(|values| {
            let index = values.free.pop().unwrap_or_else(|| {
                values.slots.push(None);
                values.slots.len() - 1
            });
            values.slots[index] = Some(Rc::new(RefCell::new(value)));
            ThreadBound { home: values.home.clone(), index, value: PhantomData }
        })
    }

    /// The value, held for a moment.
    ///
    /// # Panics
    ///
    /// On another thread than that which made it.
    #[track_caller]
    pub(crate) fn value(&self) -> Rc<RefCell<T>> {
        let value = VALUES.with_borrow(|values| {
            let is_here = Arc::ptr_eq(&values.home, &self.home);
            is_here.then(|| values.slots[self.index].clone()).flatten()
        });
        let value = value.expect("a bound value is used on the thread that made it");
        value.downcast().expect("a slot's value is of its type")
    }
}

impl<T: 'static> Drop for ThreadBound<T> {
    fn drop(&mut self) {
        let is_here = VALUES.try_with(|values| Arc::ptr_eq(&values.borrow().home, &self.home));
        self.home.let_go.lock().push(self.index);
        if is_here == Ok(true) {
            sweep();
        }
    }
}

/// Drops the values of this thread that nobody holds any more. Their drops are foreign code, which may come here again.
fn sweep() {
    let dropped = VALUES.with_borrow_mut(|values| {
        let let_go = std::mem::take(&mut *values.home.let_go.lock());
        let dropped: Vec<_> = let_go.iter().map(|&index| values.slots[index].take()).collect();
        values.free.extend(let_go);
        dropped
    });
    drop(dropped);
}

/// Drops all values of this thread, at its end.
pub(super) fn drop_all() {
    let values = VALUES.with_borrow_mut(std::mem::take);
    drop(values);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    struct Noted(&'static str, std::sync::mpsc::Sender<(&'static str, thread::ThreadId)>);

    impl Drop for Noted {
        fn drop(&mut self) {
            // The test may be over.
            let _unheard = self.1.send((self.0, thread::current().id()));
        }
    }

    #[test]
    fn a_value_is_dropped_on_its_thread_wherever_its_slot_is() {
        let (tx, rx) = channel();
        let (slots, taken) = channel();
        let (go, gone) = channel::<()>();
        let owner = thread::spawn(move || {
            let [here, there] =
                ["here", "there"].map(|name| ThreadBound::new(Rc::new(Noted(name, tx.clone()))));
            drop(here);
            slots.send(there).unwrap();
            gone.recv().unwrap();
            let next = ThreadBound::new(1);
            assert_eq!(next.index, 1, "the slot that was let go elsewhere is used again");
            let _kept = ThreadBound::new(Noted("kept", tx));
            drop_all();
        });
        let id = owner.thread().id();
        drop(taken.recv().unwrap());
        assert_eq!(rx.recv().unwrap(), ("here", id));
        assert!(rx.try_recv().is_err(), "nothing is dropped on the thread that lets go");
        go.send(()).unwrap();
        owner.join().unwrap();
        assert_eq!(rx.iter().collect::<Vec<_>>(), [("there", id), ("kept", id)]);
    }

    #[test]
    fn a_value_may_hold_others_and_use_them_in_its_drop() {
        struct Outer(ThreadBound<u32>);
        impl Drop for Outer {
            fn drop(&mut self) {
                *self.0.value().borrow_mut() += 1;
            }
        }
        let inner = ThreadBound::new(1);
        let seen = inner.value();
        drop(ThreadBound::new(Outer(inner)));
        assert_eq!(*seen.borrow(), 2);
    }

    #[test]
    #[should_panic(expected = "a bound value is used on the thread that made it")]
    fn a_value_is_not_used_on_another_thread() {
        let slot = thread::spawn(|| ThreadBound::new(1)).join().unwrap();
        let _other = ThreadBound::new(2);
        slot.value();
    }
}
