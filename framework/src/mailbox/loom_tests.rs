use std::task::Waker;

use loom::sync::{Arc, Notify};
use loom::thread;

use super::*;

type Tested = Mailbox<u32, ()>;

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Deep runs lift the bound by the environment.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(test);
}

fn pop(mailbox: &Tested) -> Option<u32> {
    loop {
        // SAFETY: each model has one consumer.
        match unsafe { mailbox.pop() } {
            Pop::Item(message) => return Some(message),
            Pop::Empty => return None,
            Pop::Busy => thread::yield_now(),
        }
    }
}

/// As the runner: lets waiting senders in, and gives the role up if nothing came.
fn rests(mailbox: &Tested) -> bool {
    mailbox.admit_all();
    // SAFETY: each model has one consumer, and keeps its mailbox.
    let rested = unsafe { mailbox.release() } == Rest::Resting;
    if !rested {
        mailbox.claim().take_noted();
    }
    rested
}

/// A waker that wakes what waits on it.
struct Bell(Notify);

impl std::task::Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

impl Bell {
    fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Bell(Notify::new()))
    }
}

/// Sends, and waits for room as long as it takes. A wake that is lost is a deadlock, which loom reports. True when the
/// message was taken.
fn send(mailbox: &Tested, mut message: u32, consumer: &Bell) -> bool {
    let bell = Bell::new();
    let waker = Waker::from(bell.clone());
    let mut waiter = Waiter::default();
    loop {
        match mailbox.try_push(message) {
            Ok(pushed) => {
                if pushed.must_wake {
                    consumer.0.notify();
                }
                return true;
            }
            Err(TryPushError::Closed(_)) => return false,
            Err(TryPushError::Full(back)) => message = back,
        }
        while mailbox.poll_room(&mut waiter, &Context::from_waker(&waker)).is_pending() {
            bell.0.wait();
        }
    }
}

fn full() -> Arc<Tested> {
    let mailbox = Arc::new(Tested::new(Some(1), Overflow::Reject, Begin::Running));
    assert!(mailbox.try_push(1).is_ok());
    mailbox
}

/// The consumer takes what is there and rests; the sender that waits is let in before the rest, or saw the room.
#[test]
fn loom_a_sender_that_waits_is_let_in_before_a_rest() {
    model(|| {
        let mailbox = full();
        let consumer = Bell::new();
        let sender = {
            let (mailbox, consumer) = (mailbox.clone(), consumer.clone());
            thread::spawn(move || assert!(send(&mailbox, 2, &consumer)))
        };
        let mut next = 1;
        while next <= 2 {
            match pop(&mailbox) {
                Some(message) => {
                    assert_eq!(message, next);
                    next += 1;
                }
                None if rests(&mailbox) => {
                    consumer.0.wait();
                    // Loom wakes for nothing as well.
                    while !matches!(mailbox.claim().take(), Taken::Claimed { .. }) {
                        consumer.0.wait();
                    }
                }
                None => thread::yield_now(),
            }
        }
        sender.join().expect("a sender does not panic");
    });
}

/// A handler that suspends may stay away for ever.
#[test]
fn loom_a_sender_that_waits_is_let_in_before_a_handler_suspends() {
    model(|| {
        let mailbox = full();
        let sender = {
            let mailbox = mailbox.clone();
            thread::spawn(move || assert!(send(&mailbox, 2, &Bell::new())))
        };
        assert_eq!(pop(&mailbox), Some(1));
        loop {
            // SAFETY: this is the consumer.
            unsafe { mailbox.publish_head() };
            mailbox.admit_all();
            if mailbox.claim().suspend() == Rest::Resting {
                break;
            }
            mailbox.claim().take_noted();
        }
        sender.join().expect("a sender does not panic");
    });
}

#[test]
fn loom_a_sender_that_waits_is_let_go_by_a_close() {
    model(|| {
        let mailbox = full();
        let sender = {
            let mailbox = mailbox.clone();
            thread::spawn(move || assert!(!send(&mailbox, 2, &Bell::new())))
        };
        mailbox.close();
        sender.join().expect("a sender does not panic");
    });
}

/// One of two that wait gives up, at whatever instant: its turn, if it had got one, is the other's.
#[test]
fn loom_a_sender_that_gives_up_beside_its_admission_passes_its_turn_on() {
    model(|| {
        let mailbox = full();
        let mut first = Waiter::default();
        assert!(mailbox.poll_room(&mut first, &Context::from_waker(Waker::noop())).is_pending());
        let second = {
            let mailbox = mailbox.clone();
            let bell = Bell::new();
            let waker = Waker::from(bell.clone());
            let mut waiter = Waiter::default();
            assert!(mailbox.poll_room(&mut waiter, &Context::from_waker(&waker)).is_pending());
            (mailbox, bell, waker, waiter)
        };
        let gives_up = {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.forget_waiter(&mut first))
        };
        assert_eq!(pop(&mailbox), Some(1));
        while !rests(&mailbox) {}
        gives_up.join().expect("it does not panic");
        let (mailbox, bell, waker, mut waiter) = second;
        bell.0.wait();
        assert!(mailbox.poll_room(&mut waiter, &Context::from_waker(&waker)).is_ready());
    });
}

/// The bound is soft by the number of those that send at one instant, and no more.
#[test]
fn loom_two_senders_overshoot_by_one_at_most() {
    model(|| {
        let mailbox = full();
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let mailbox = mailbox.clone();
                thread::spawn(move || u32::from(mailbox.try_push(2).is_ok()))
            })
            .collect();
        let mut count = u32::from(pop(&mailbox).is_some());
        let taken: u32 = senders.into_iter().map(|sender| sender.join().expect("it does not panic")).sum();
        assert!(mailbox.len() <= 2);
        count += std::iter::from_fn(|| pop(&mailbox)).count() as u32;
        assert_eq!(count, 1 + taken);
    });
}
