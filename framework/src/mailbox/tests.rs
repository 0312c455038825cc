use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use proptest::prelude::*;

use super::*;

type Plain = Mailbox<u32, ()>;

fn plain(len_max: Option<usize>, overflow: Overflow) -> Plain {
    Plain::new(len_max, overflow, Begin::Running)
}

/// As the runner: lets waiting senders in, and gives the role up if nothing is queued.
fn rests(mailbox: &Plain) -> bool {
    mailbox.admit_all();
    mailbox.claim().take_noted();
    // SAFETY: the test is the only consumer, whose mailbox it is.
    unsafe { mailbox.release() == Rest::Resting }
}

fn push(mailbox: &Plain, message: u32) -> bool {
    mailbox.try_push(message).is_ok()
}

fn pop(mailbox: &Plain) -> Option<u32> {
    // SAFETY: the test is the only consumer.
    match unsafe { mailbox.pop() } {
        Pop::Item(message) => Some(message),
        Pop::Empty => None,
        Pop::Busy => unreachable!("nobody else sends"),
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A sender that waits for room.
struct Sender {
    waiter: Waiter,
    wakes: Arc<Wakes>,
}

impl Sender {
    fn new() -> Self {
        Sender { waiter: Waiter::default(), wakes: Arc::default() }
    }

    fn poll(&mut self, mailbox: &Plain) -> Poll<()> {
        let waker = Waker::from(self.wakes.clone());
        mailbox.poll_room(&mut self.waiter, &Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_closed_mailbox_says_closed_even_when_it_is_full() {
    let mailbox = plain(Some(1), Overflow::Reject);
    assert!(push(&mailbox, 1));
    assert!(matches!(mailbox.try_push(2), Err(TryPushError::Full(2))));
    mailbox.close();
    assert!(matches!(mailbox.try_push(3), Err(TryPushError::Closed(3))));
    assert_eq!(pop(&mailbox), Some(1), "what was queued stays");
}

#[test]
fn waiting_senders_are_let_in_in_order_and_only_as_far_as_there_is_room() {
    let mailbox = plain(Some(1), Overflow::Reject);
    assert!(push(&mailbox, 1));
    let (mut first, mut second) = (Sender::new(), Sender::new());
    assert!(first.poll(&mailbox).is_pending());
    assert!(second.poll(&mailbox).is_pending());
    mailbox.admit();
    assert_eq!((first.wakes(), second.wakes()), (0, 0), "there is no room yet");
    pop(&mailbox);
    mailbox.admit();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert!(first.poll(&mailbox).is_ready());
}

#[test]
fn a_mailbox_takes_a_line_for_senders_and_half_a_line_for_the_consumer() {
    assert_eq!((size_of::<Mailbox<[u64; 3], ()>>(), align_of::<Plain>()), (96, 32));
}

/// One wake a message would cost more than the message.
#[test]
fn waiting_senders_are_let_in_when_half_of_the_mailbox_is_free_or_the_consumer_rests() {
    let mailbox = plain(Some(8), Overflow::Reject);
    (0..8).for_each(|n| assert!(push(&mailbox, n)));
    let mut senders: Vec<Sender> = (0..6).map(|_| Sender::new()).collect();
    senders.iter_mut().for_each(|sender| assert!(sender.poll(&mailbox).is_pending()));
    let woken = |senders: &[Sender]| senders.iter().map(Sender::wakes).sum::<usize>();
    for popped in 1..=4 {
        pop(&mailbox);
        mailbox.admit();
        assert_eq!(woken(&senders), if popped < 4 { 0 } else { 4 }, "{popped} are free");
    }
    while pop(&mailbox).is_some() {}
    assert!(rests(&mailbox));
    assert_eq!(woken(&senders), 6);
}

#[test]
fn a_consumer_that_waits_for_something_else_lets_in_as_many_as_there_is_room_for() {
    let mailbox = plain(Some(8), Overflow::Reject);
    (0..8).for_each(|n| assert!(push(&mailbox, n)));
    let mut senders = [Sender::new(), Sender::new()];
    senders.iter_mut().for_each(|sender| assert!(sender.poll(&mailbox).is_pending()));
    pop(&mailbox);
    mailbox.admit_all();
    assert_eq!(senders.map(|sender| sender.wakes()), [1, 0]);
}

#[test]
fn many_are_taken_from_the_front_as_far_as_there_is_room() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let mailbox = plain(Some(3), overflow);
        let mut messages = vec![1, 2];
        let first = mailbox.try_push_many(&mut messages).ok().expect("it is open");
        assert_eq!((messages, first.displaced), (vec![], vec![]));
        let mut messages = vec![3, 4, 5];
        let second = mailbox.try_push_many(&mut messages).ok().expect("it is open");
        let (rest, displaced, kept) = match overflow {
            Overflow::Reject => (vec![4, 5], vec![], [1, 2, 3]),
            Overflow::DropOldest => (vec![], vec![1, 2], [3, 4, 5]),
        };
        assert_eq!((messages, second.displaced), (rest, displaced), "{overflow:?}");
        assert_eq!([(); 3].map(|()| pop(&mailbox).unwrap()), kept);
        mailbox.close();
        let mut messages = vec![6];
        assert!(mailbox.try_push_many(&mut messages).is_err());
        assert_eq!(messages, [6]);
    }
}

#[test]
fn a_sender_that_begins_to_wait_makes_a_rest_fail_once() {
    let mailbox = plain(Some(1), Overflow::Reject);
    let mut sender = Sender::new();
    assert!(push(&mailbox, 1));
    assert!(sender.poll(&mailbox).is_pending());
    assert_eq!(pop(&mailbox), Some(1));
    // SAFETY: the test is the only consumer, here and below.
    assert_eq!(unsafe { mailbox.release() }, Rest::LookAgain);
    assert!(rests(&mailbox));
    assert_eq!(sender.wakes(), 1);
}

#[test]
fn a_sender_that_was_let_in_and_gives_up_passes_its_turn_on() {
    let mailbox = plain(Some(1), Overflow::Reject);
    assert!(push(&mailbox, 1));
    let (mut first, mut second) = (Sender::new(), Sender::new());
    assert!(first.poll(&mailbox).is_pending());
    assert!(second.poll(&mailbox).is_pending());
    pop(&mailbox);
    mailbox.admit();
    mailbox.forget_waiter(&mut first.waiter);
    assert_eq!(second.wakes(), 1);
}

#[test]
fn closing_lets_all_waiting_senders_go() {
    let mailbox = plain(Some(1), Overflow::Reject);
    assert!(push(&mailbox, 1));
    let mut senders = [Sender::new(), Sender::new()];
    senders.iter_mut().for_each(|sender| assert!(sender.poll(&mailbox).is_pending()));
    mailbox.close();
    assert!(senders.iter_mut().all(|sender| sender.wakes() == 1 && sender.poll(&mailbox).is_ready()));
}

#[test]
fn an_idle_consumer_is_woken_by_the_first_push_alone() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let mailbox = plain(Some(2), overflow);
        assert!(rests(&mailbox));
        let wakes = [1, 2].map(|n| mailbox.try_push(n).is_ok_and(|pushed| pushed.must_wake));
        assert_eq!(wakes, [true, false], "{overflow:?}");
        assert!(matches!(mailbox.claim().take(), Taken::Claimed { is_called: false, .. }));
        assert_eq!([(); 3].map(|()| pop(&mailbox)), [Some(1), Some(2), None]);
        assert!(push(&mailbox, 3));
        // SAFETY: the test is the only consumer.
        assert_eq!(unsafe { mailbox.release() }, Rest::LookAgain, "there is something to take");
    }
}

proptest! {
    /// Pushes (Some) and pops (None) against a VecDeque.
    #[test]
    fn a_mailbox_is_a_bounded_queue(
        ops in proptest::collection::vec(proptest::option::of(any::<u32>()), 0..200),
        len_max in 1usize..8,
        drops in any::<bool>(),
    ) {
        let overflow = if drops { Overflow::DropOldest } else { Overflow::Reject };
        let mailbox = plain(Some(len_max), overflow);
        let mut model = VecDeque::new();
        for op in ops {
            match op {
                None => prop_assert_eq!(pop(&mailbox), model.pop_front()),
                Some(message) if model.len() < len_max => {
                    prop_assert!(push(&mailbox, message));
                    model.push_back(message);
                }
                Some(message) => match mailbox.try_push(message) {
                    Ok(pushed) => {
                        prop_assert!(drops);
                        prop_assert_eq!(pushed.displaced, model.pop_front());
                        model.push_back(message);
                    }
                    Err(TryPushError::Full(back)) => {
                        prop_assert!(!drops);
                        prop_assert_eq!(back, message);
                    }
                    Err(TryPushError::Closed(_)) => prop_assert!(false, "nobody closed it"),
                },
            }
            prop_assert_eq!(mailbox.len(), model.len());
        }
    }
}
