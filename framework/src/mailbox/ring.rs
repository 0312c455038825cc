//! A locked ring: it drops its oldest message to make room, or lets a seeded run see to every message.

use std::collections::VecDeque;

use super::{Overflow, TryPushError};
use crate::sync::Mutex;

pub(super) struct Ring<M> {
    inner: Mutex<Inner<M>>,
    len_max: usize,
    overflow: Overflow,
    is_watched: bool,
}

struct Inner<M> {
    messages: VecDeque<M>,
    /// In a watched ring, one a message; else empty.
    stamps: VecDeque<Stamp>,
    /// The tickets of what was taken since somebody asked.
    taken: Vec<u32>,
    closed: bool,
}

/// What a seeded run knows a message by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) ticket: u32,
    /// Tells senders apart.
    pub(crate) sender: u64,
}

impl<M> Ring<M> {
    pub(super) fn new(len_max: usize, overflow: Overflow, is_watched: bool) -> Self {
        let inner =
            Inner { messages: VecDeque::new(), stamps: VecDeque::new(), taken: Vec::new(), closed: false };
        Ring { inner: Mutex::new(inner), len_max, overflow, is_watched }
    }

    pub(super) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Returns the message that made room, if one had to.
    pub(super) fn push(&self, message: M) -> Result<Option<M>, TryPushError<M>> {
        let mut inner = self.inner.lock();
        let (message, displaced) = self.make_room(&mut inner, message)?;
        inner.messages.push_back(message);
        Ok(displaced)
    }

    /// Puts a message in before as many of the last messages as `overtakes` says, given how many of them are other
    /// senders'; it is not asked if there are none. Returns as [`push`](Self::push).
    pub(super) fn push_stamped(
        &self,
        message: M,
        stamp: Stamp,
        overtakes: impl FnOnce(usize) -> usize,
    ) -> Result<Option<M>, TryPushError<M>> {
        let mut inner = self.inner.lock();
        let (message, displaced) = self.make_room(&mut inner, message)?;
        let others = inner.stamps.iter().rev().take_while(|other| other.sender != stamp.sender).count();
        let at = inner.messages.len() - if others > 0 { overtakes(others).min(others) } else { 0 };
        inner.stamps.insert(at, stamp);
        inner.messages.insert(at, message);
        Ok(displaced)
    }

    /// The message, for which there is room now, and the one that made it, if one had to.
    fn make_room(&self, inner: &mut Inner<M>, message: M) -> Result<(M, Option<M>), TryPushError<M>> {
        match inner.messages.len() < self.len_max {
            _ if inner.closed => Err(TryPushError::Closed(message)),
            true => Ok((message, None)),
            false if self.overflow == Overflow::DropOldest => Ok((message, inner.pop())),
            false => Err(TryPushError::Full(message)),
        }
    }

    /// Takes all out of `messages`, and returns those that made room; or takes none, when closed. Only for a ring that
    /// drops its oldest.
    pub(super) fn push_many(&self, messages: &mut Vec<M>) -> Option<Vec<M>> {
        debug_assert!(!self.is_watched, "in a seeded run nobody sends many at once");
        let mut inner = self.inner.lock();
        if inner.closed {
            return None;
        }
        let mut displaced = Vec::new();
        for message in messages.drain(..) {
            if inner.messages.len() >= self.len_max {
                displaced.extend(inner.pop());
            }
            inner.messages.push_back(message);
        }
        Some(displaced)
    }

    pub(super) fn len(&self) -> usize {
        self.inner.lock().messages.len()
    }

    /// How many more it takes.
    pub(super) fn free(&self) -> usize {
        match self.overflow {
            Overflow::DropOldest => usize::MAX,
            Overflow::Reject => self.len_max - self.len(),
        }
    }

    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
    }

    pub(super) fn pop(&self) -> Option<M> {
        self.inner.lock().pop()
    }

    pub(super) fn pop_if(&self, wanted: impl FnOnce(&M) -> bool) -> Option<M> {
        let mut inner = self.inner.lock();
        if wanted(inner.messages.front()?) { inner.pop() } else { None }
    }

    /// The tickets of the messages that were taken since the last call.
    pub(super) fn take_tickets(&self) -> Vec<u32> {
        std::mem::take(&mut self.inner.lock().taken)
    }
}

impl<M> Inner<M> {
    fn pop(&mut self) -> Option<M> {
        if let Some(stamp) = self.stamps.pop_front() {
            self.taken.push(stamp.ticket);
        }
        self.messages.pop_front()
    }
}
