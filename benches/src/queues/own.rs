//! Ostraca's own queue, and the two others that it was chosen from.
//!
//! The receiver of `ostraca` lingers by itself, in the way of [`Linger`](super::Linger).

use ostraca::__internals::{queue, rivals};

use super::rivals::{push_until, take_each};
use super::{Item, LEN_MAX, Queue};

/// The segmented queue of the mailboxes.
pub struct Ostraca;

impl Queue for Ostraca {
    type Tx = queue::Sender<Item>;
    type Rx = queue::Receiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        queue::queue()
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.push(item);
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_pop(), each)
    }
}

/// A mutex whose consumer takes all that is there.
pub struct Batches;

impl Queue for Batches {
    type Tx = rivals::BatchSender<Item>;
    type Rx = rivals::BatchReceiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        rivals::batches()
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.push(item);
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_pop(), each)
    }
}

/// Vyukov's ring.
pub struct Ring;

impl Queue for Ring {
    type Tx = rivals::RingSender<Item>;
    type Rx = rivals::RingReceiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        rivals::ring(LEN_MAX)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        push_until(item, |item| tx.try_push(item));
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_pop(), each)
    }
}
