//! A locked ring that drops its oldest message to make room.

use std::collections::VecDeque;

use crate::sync::Mutex;

pub(super) struct Ring<M> {
    inner: Mutex<Inner<M>>,
    len_max: usize,
}

struct Inner<M> {
    messages: VecDeque<M>,
    closed: bool,
}

impl<M> Ring<M> {
    pub(super) fn new(len_max: usize) -> Self {
        Ring { inner: Mutex::new(Inner { messages: VecDeque::new(), closed: false }), len_max }
    }

    /// Gives the message back when closed; else returns the one that made room for it.
    pub(super) fn push(&self, message: M) -> Result<Option<M>, M> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(message);
        }
        let displaced = if inner.messages.len() >= self.len_max { inner.messages.pop_front() } else { None };
        inner.messages.push_back(message);
        Ok(displaced)
    }

    /// Takes all out of `messages`, and returns those that made room; or takes none, when closed.
    pub(super) fn push_many(&self, messages: &mut Vec<M>) -> Option<Vec<M>> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return None;
        }
        let mut displaced = Vec::new();
        for message in messages.drain(..) {
            if inner.messages.len() >= self.len_max {
                displaced.extend(inner.messages.pop_front());
            }
            inner.messages.push_back(message);
        }
        Some(displaced)
    }

    pub(super) fn len(&self) -> usize {
        self.inner.lock().messages.len()
    }

    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
    }

    pub(super) fn pop(&self) -> Option<M> {
        self.inner.lock().messages.pop_front()
    }

    pub(super) fn pop_if(&self, wanted: impl FnOnce(&M) -> bool) -> Option<M> {
        let mut inner = self.inner.lock();
        if wanted(inner.messages.front()?) { inner.messages.pop_front() } else { None }
    }
}
