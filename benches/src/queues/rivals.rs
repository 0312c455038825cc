//! Each rival by its own calls.

use std::sync::{Arc, mpsc as std_mpsc};
use std::task::{Context, Poll, Waker};

use concurrent_queue::ConcurrentQueue;
use crossbeam_queue::{ArrayQueue, SegQueue};
use tokio::sync::mpsc;

use super::{Backoff, Item, LEN_MAX, Queue, RUN};

/// Takes items one by one until there are none.
pub fn take_each(mut next: impl FnMut() -> Option<Item>, mut each: impl FnMut(Item)) -> usize {
    for taken in 0..RUN {
        match next() {
            Some(item) => each(item),
            None => return taken,
        }
    }
    RUN
}

/// Tries until there is room.
pub fn push_until(mut item: Item, mut try_push: impl FnMut(Item) -> Result<(), Item>) {
    let mut backoff = Backoff::default();
    while let Err(back) = try_push(item) {
        item = back;
        backoff.wait();
    }
}

pub struct Seg;

impl Queue for Seg {
    type Tx = Arc<SegQueue<Item>>;
    type Rx = Arc<SegQueue<Item>>;

    fn make() -> (Self::Tx, Self::Rx) {
        let queue = Arc::new(SegQueue::new());
        (queue.clone(), queue)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.push(item);
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.pop(), each)
    }
}

pub struct Array;

impl Queue for Array {
    type Tx = Arc<ArrayQueue<Item>>;
    type Rx = Arc<ArrayQueue<Item>>;

    fn make() -> (Self::Tx, Self::Rx) {
        let queue = Arc::new(ArrayQueue::new(LEN_MAX));
        (queue.clone(), queue)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        push_until(item, |item| tx.push(item));
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.pop(), each)
    }
}

pub struct Channel;

impl Queue for Channel {
    type Tx = crossbeam_channel::Sender<Item>;
    type Rx = crossbeam_channel::Receiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        crossbeam_channel::unbounded()
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.send(item).unwrap();
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_recv().ok(), each)
    }
}

pub struct ChannelBounded;

impl Queue for ChannelBounded {
    type Tx = crossbeam_channel::Sender<Item>;
    type Rx = crossbeam_channel::Receiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        crossbeam_channel::bounded(LEN_MAX)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        push_until(item, |item| tx.try_send(item).map_err(|error| error.into_inner()));
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_recv().ok(), each)
    }
}

pub struct Flume;

impl Queue for Flume {
    type Tx = flume::Sender<Item>;
    type Rx = flume::Receiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        flume::unbounded()
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.send(item).unwrap();
    }

    /// All that is there by one lock, and not only a run: that is how flume takes many.
    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        let items = rx.drain();
        let taken = items.len();
        items.for_each(each);
        taken
    }
}

/// `MANY`: all that is there by one lock.
pub struct Kanal<const MANY: bool>;

impl<const MANY: bool> Queue for Kanal<MANY> {
    type Tx = kanal::Sender<Item>;
    type Rx = (kanal::Receiver<Item>, Vec<Item>);

    fn make() -> (Self::Tx, Self::Rx) {
        let (tx, rx) = kanal::unbounded();
        (tx, (rx, Vec::new()))
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.send(item).unwrap();
    }

    fn take((rx, items): &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        if MANY {
            let taken = rx.drain_into(items).unwrap();
            items.drain(..).for_each(each);
            taken
        } else {
            take_each(|| rx.try_recv().unwrap(), each)
        }
    }
}

pub struct Crossfire;

impl Queue for Crossfire {
    type Tx = crossfire::MTx<crossfire::mpsc::List<Item>>;
    type Rx = crossfire::Rx<crossfire::mpsc::List<Item>>;

    fn make() -> (Self::Tx, Self::Rx) {
        crossfire::detect_backoff_cfg();
        crossfire::mpsc::unbounded_blocking()
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.send(item).unwrap();
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_recv().ok(), each)
    }
}

pub struct CrossfireBounded;

impl Queue for CrossfireBounded {
    type Tx = crossfire::MTx<crossfire::mpsc::Array<Item>>;
    type Rx = crossfire::Rx<crossfire::mpsc::Array<Item>>;

    fn make() -> (Self::Tx, Self::Rx) {
        crossfire::detect_backoff_cfg();
        crossfire::mpsc::bounded_blocking(LEN_MAX)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        push_until(item, |item| tx.try_send(item).map_err(|error| error.into_inner()));
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_recv().ok(), each)
    }
}

/// It has bounded queues only.
pub struct Thing;

impl Queue for Thing {
    type Tx = thingbuf::mpsc::blocking::Sender<Item>;
    type Rx = thingbuf::mpsc::blocking::Receiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        thingbuf::mpsc::blocking::channel(LEN_MAX)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        push_until(item, |item| tx.try_send(item).map_err(|error| error.into_inner()));
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_recv().ok(), each)
    }
}

pub struct Concurrent;

impl Queue for Concurrent {
    type Tx = Arc<ConcurrentQueue<Item>>;
    type Rx = Arc<ConcurrentQueue<Item>>;

    fn make() -> (Self::Tx, Self::Rx) {
        let queue = Arc::new(ConcurrentQueue::unbounded());
        (queue.clone(), queue)
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.push(item).unwrap();
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.pop().ok(), each)
    }
}

/// `MANY`: by `poll_recv_many`, with a waker that does nothing.
pub struct Tokio<const MANY: bool>;

impl<const MANY: bool> Queue for Tokio<MANY> {
    type Tx = mpsc::UnboundedSender<Item>;
    type Rx = (mpsc::UnboundedReceiver<Item>, Vec<Item>);

    fn make() -> (Self::Tx, Self::Rx) {
        let (tx, rx) = mpsc::unbounded_channel();
        (tx, (rx, Vec::with_capacity(RUN)))
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.send(item).unwrap();
    }

    fn take((rx, items): &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        if !MANY {
            return take_each(|| rx.try_recv().ok(), each);
        }
        let mut cx = Context::from_waker(Waker::noop());
        match rx.poll_recv_many(&mut cx, items, RUN) {
            Poll::Ready(taken) => {
                items.drain(..).for_each(each);
                taken
            }
            Poll::Pending => 0,
        }
    }
}

pub struct Std;

impl Queue for Std {
    type Tx = std_mpsc::Sender<Item>;
    type Rx = std_mpsc::Receiver<Item>;

    fn make() -> (Self::Tx, Self::Rx) {
        std_mpsc::channel()
    }

    fn push(tx: &mut Self::Tx, item: Item) {
        tx.send(item).unwrap();
    }

    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize {
        take_each(|| rx.try_recv().ok(), each)
    }
}
