//! Topics: one message to many actors, which come and go.
//!
//! ```text
//!                        ┌─> mailbox of a subscriber that keeps up
//!   publish ──a clone────┼─> mailbox of another
//!             each       └─> [ waiting: at most len_max ] ──a task, while there are any──> mailbox of a slow one
//!                                  └─ full: the oldest is dropped and counted, or the subscription ends
//! ```
//!
//! **What it is.** A [`Topic`] is a value: clone it, hand it to whoever publishes or subscribes. A subscriber is an
//! actor that [handles](Handles) the message. There is no register of topics; two systems may share one.
//!
//! **Guarantees.** [`publish`](Topic::publish) never waits. What one publisher published reaches each subscriber in
//! that order, with nothing in between lost unless the subscriber [lags](Lag); what it lost is counted. An actor is
//! subscribed once, however often it subscribes, so that `#[start]` may do it at every restart; its subscription lasts
//! over restarts and ends when it has stopped. Of two publishers no order is promised, and different subscribers may
//! see them in different orders.
//!
//! **Cost.** A publication is a lock round, and for each subscriber another, a call through a pointer, a clone (the
//! last gets the message itself) and a tell. Nothing is boxed for it: a message that is dear to clone keeps what is
//! dear in an [`Arc`]. To subscribe copies the list of subscribers. What waits for a slow subscriber is beside its
//! mailbox; while something does, one task of its system moves it in as there is room, at the price of a box a message.
//!
//! **Bad at.** Being heard by who is not there: a message goes to those that are subscribed when it is published, and is
//! kept for nobody else. Thousands of subscribers: the publisher pays for each.
//!
//! ```
//! use ostraca::prelude::*;
//! use ostraca::{Lag, Topic};
//!
//! #[derive(Clone, Message)]
//! struct Price { product: u64, cents: i64 }
//!
//! struct Window { prices: Topic<Price>, shown: i64 }
//!
//! #[actor]
//! impl Window {
//!     #[start]
//!     fn start(ctx: &mut Context<Self>, prices: Topic<Price>) -> Self {
//!         prices.subscribe(&ctx.me(), Lag::DropOldest { len_max: 100 });
//!         Window { prices, shown: 0 }
//!     }
//!
//!     #[handler]
//!     fn price(&mut self, #[message] price: Price) {
//!         self.shown = price.cents;
//!     }
//!
//!     #[handler]
//!     fn shown(&self) -> i64 {
//!         self.shown
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = System::start()?;
//! let prices = Topic::new("prices");
//! let window = system.spawn::<Window>(prices.clone()).await?;
//! assert_eq!(prices.publish(Price { product: 7, cents: 250 }), 1);
//! assert_eq!(window.shown().await?, 250);
//! # Ok(())
//! # }
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::actor::{ActorRef, AnyRef, Commons, Handles, Label, Message, Recipient, TellError};
use crate::stats::SharedCounter;
use crate::sync::Mutex;

/// One message to many actors: clone it, publish through it, subscribe to it.
pub struct Topic<M: Message + Clone>(Arc<Shared<M>>);

struct Shared<M: Message> {
    name: Arc<str>,
    published: SharedCounter,
    /// Exchanged as a whole, so that a publication goes through it without the lock.
    subscribers: Mutex<Arc<[Arc<Subscriber<M>>]>>,
}

/// What becomes of messages that a subscriber has no room for in its mailbox: some wait beside it, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// The oldest that waits is dropped, and counted.
    DropOldest {
        /// How many messages may wait; at least 1. One more can be on its way into the mailbox.
        len_max: usize,
    },
    /// The subscription ends, with a warning in the log, and what waits is dropped: for messages of which none may be
    /// missed unnoticed.
    Disconnect {
        /// As above.
        len_max: usize,
    },
}

impl Lag {
    fn len_max(self) -> usize {
        let (Lag::DropOldest { len_max } | Lag::Disconnect { len_max }) = self;
        len_max.max(1)
    }
}

/// One subscription, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// Whose.
    pub actor: Label,
    /// What becomes of what there is no room for.
    pub lag: Lag,
    /// Messages that wait beside its mailbox now.
    pub waiting: usize,
    /// Messages that it lost since it subscribed.
    pub dropped: u64,
}

impl<M: Message + Clone> Topic<M> {
    /// A topic without subscribers. The name is for logs.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Topic(Arc::new(Shared {
            name: name.into(),
            published: SharedCounter::default(),
            subscribers: Mutex::new(Arc::new([])),
        }))
    }

    /// Tells every subscriber `message`, and says how many: those that lag included, and those not that were found
    /// stopped or were disconnected.
    pub fn publish(&self, message: M) -> usize {
        self.0.published.add(1);
        let subscribers = self.0.subscribers.lock().clone();
        let Some((last, others)) = subscribers.split_last() else { return 0 };
        let mut reached = 0;
        for subscriber in others {
            reached += usize::from(subscriber.deliver(message.clone()));
        }
        reached += usize::from(last.deliver(message));
        if reached < subscribers.len() {
            self.0.sweep();
        }
        reached
    }

    /// Subscribes an actor. One that is subscribed already goes on, with this `lag` from now.
    pub fn subscribe<A: Handles<M>>(&self, actor: &ActorRef<A>, lag: Lag) {
        let mut list = self.0.subscribers.lock();
        if let Some(subscriber) = list.iter().find(|subscriber| subscriber.is(actor)) {
            subscriber.waiting.lock().lag = lag;
            return;
        }
        let subscriber = Arc::new(Subscriber::new(self.0.name.clone(), actor, lag));
        let alive = list.iter().filter(|subscriber| !subscriber.has_ended()).cloned();
        let with_it = alive.chain([subscriber]).collect();
        let before = std::mem::replace(&mut *list, with_it);
        drop(list);
        drop(before);
    }

    /// Ends an actor's subscription; what waits for it is dropped, what is in its mailbox is not, and a publication under
    /// way may still reach it. False: it had none.
    pub fn unsubscribe<A: Handles<M>>(&self, actor: &ActorRef<A>) -> bool {
        let list = self.0.subscribers.lock().clone();
        let found = list.iter().find(|subscriber| subscriber.is(actor));
        if let Some(subscriber) = found {
            subscriber.end();
            self.0.sweep();
        }
        found.is_some()
    }

    /// Its subscriptions, in the order in which they were made.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.0.sweep();
        let list = self.0.subscribers.lock().clone();
        list.iter().map(|subscriber| subscriber.subscription()).collect()
    }

    /// Messages published so far.
    pub fn published_total(&self) -> u64 {
        self.0.published.value()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl<M: Message> Shared<M> {
    /// Lets go of the subscriptions that have ended.
    fn sweep(&self) {
        let mut list = self.subscribers.lock();
        if list.iter().all(|subscriber| !subscriber.has_ended()) {
            return;
        }
        let alive = list.iter().filter(|subscriber| !subscriber.has_ended()).cloned().collect();
        let before = std::mem::replace(&mut *list, alive);
        drop(list);
        // Messages may go with it, whose drop is foreign code: not under the lock.
        drop(before);
    }
}

impl<M: Message + Clone> Clone for Topic<M> {
    fn clone(&self) -> Self {
        Topic(self.0.clone())
    }
}

impl<M: Message + Clone> fmt::Debug for Topic<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// An actor that is subscribed.
struct Subscriber<M: Message> {
    topic: Arc<str>,
    actor: AnyRef,
    mailbox: Recipient<M>,
    commons: Arc<Commons>,
    waiting: Mutex<Waiting<M>>,
}

struct Waiting<M> {
    lag: Lag,
    /// Oldest first.
    messages: VecDeque<M>,
    /// A task moves messages into the mailbox; those that are published meanwhile queue behind.
    is_pumped: bool,
    dropped: u64,
    is_over: bool,
}

impl<M: Message> Subscriber<M> {
    fn new<A: Handles<M>>(topic: Arc<str>, actor: &ActorRef<A>, lag: Lag) -> Self {
        let messages = VecDeque::new();
        Subscriber {
            topic,
            actor: ActorRef::cell(actor).clone().into(),
            mailbox: ActorRef::recipient(actor),
            commons: ActorRef::cell(actor).commons().clone(),
            waiting: Mutex::new(Waiting { lag, messages, is_pumped: false, dropped: 0, is_over: false }),
        }
    }

    fn is<A: Handles<M>>(&self, actor: &ActorRef<A>) -> bool {
        std::ptr::addr_eq(&raw const *self.actor, &raw const **ActorRef::cell(actor))
    }

    fn has_ended(&self) -> bool {
        self.waiting.lock().is_over || self.actor.exit().reason().is_some()
    }

    /// False: the subscription has ended.
    fn deliver(self: &Arc<Self>, message: M) -> bool {
        let has_queue = {
            let waiting = self.waiting.lock();
            if waiting.is_over {
                return false;
            }
            waiting.is_pumped
        };
        if has_queue {
            return self.queue(message);
        }
        // Not under the lock: a tell can displace a message, or abandon a cell, whose drops are foreign code. Nothing of
        // this publisher can wait now: it would have found the queue.
        match self.mailbox.request(message).tell() {
            Ok(()) => true,
            // One that sheds load makes room later, as one that is full does.
            Err(TellError::Full(message) | TellError::Shed(message)) => self.queue(message),
            Err(TellError::Stopped(_)) => false,
        }
    }

    /// Lets a message wait beside the mailbox.
    fn queue(self: &Arc<Self>, message: M) -> bool {
        let mut waiting = self.waiting.lock();
        let is_full = waiting.messages.len() >= waiting.lag.len_max();
        if waiting.is_over {
            return false;
        }
        if is_full && matches!(waiting.lag, Lag::Disconnect { .. }) {
            drop(waiting);
            self.disconnect();
            return false;
        }
        let displaced = if is_full { waiting.messages.pop_front() } else { None };
        waiting.dropped += u64::from(is_full);
        waiting.messages.push_back(message);
        let is_pumped = std::mem::replace(&mut waiting.is_pumped, true);
        drop(waiting);
        drop(displaced);
        if !is_pumped {
            self.commons.runtime.spawn(pump(self.clone()));
        }
        true
    }

    #[cold]
    fn disconnect(&self) {
        tracing::warn!(
            target: "ostraca::topic", topic = &*self.topic, actor = %self.actor.label(),
            "too slow: its subscription ends",
        );
        self.end();
    }

    fn end(&self) {
        let mut waiting = self.waiting.lock();
        waiting.is_over = true;
        let gone = std::mem::take(&mut waiting.messages);
        drop(waiting);
        drop(gone);
    }

    /// The next message that waits. `None`: nothing does, and from now on messages go to the mailbox.
    fn next(&self) -> Option<M> {
        let mut waiting = self.waiting.lock();
        let next = waiting.messages.pop_front();
        waiting.is_pumped = next.is_some();
        next
    }

    fn subscription(&self) -> Subscription {
        let waiting = self.waiting.lock();
        Subscription {
            actor: self.actor.label(),
            lag: waiting.lag,
            waiting: waiting.messages.len(),
            dropped: waiting.dropped,
        }
    }
}

/// Moves what waits into the mailbox, as there is room. Ends with the last, or with the actor.
async fn pump<M: Message>(subscriber: Arc<Subscriber<M>>) {
    while let Some(message) = subscriber.next() {
        if subscriber.mailbox.request(message).send().await.is_err() {
            return subscriber.end();
        }
    }
}
