//! Events on their way to a thread.

use std::collections::HashSet;

use crate::reactor::Notifier;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, PoisonError};

use super::event::{ChannelId, Event};

/// News on its way to a mirror.
pub(super) struct InboxItem {
    pub(super) channel: ChannelId,
    pub(super) news: Update,
}

/// What a mirror is told of its master.
pub(super) enum Update {
    /// An event with this sequence number was appended.
    Event(u64, Arc<Event>),
    /// Events were appended that are not on their way: they stand in the master.
    Moved,
    /// A publisher waits for the followers of this thread.
    Awaited,
}

/// Events on their way to the mirrors of a thread. A thread that does not look, since a handler blocks it, finds no more
/// there than the bound: what is too much is left out, and taken from the masters.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    /// Bytes of events at most.
    bound: usize,
    /// Events came since it was last emptied.
    filled: AtomicBool,
    notifier: Notifier,
}

/// Bytes of events that an inbox takes in any case.
const LEAST_BOUND: usize = 1 << 20;

impl Inbox {
    /// An inbox for mirrors of logs that keep this many bytes each. More than that is not worth queueing: a mirror that
    /// took it would have lost the first of it again before its readers saw any.
    pub(crate) fn new(notifier: Notifier, bytes: usize) -> Self {
        Self {
            queue: Mutex::new(Queue::default()),
            bound: bytes.max(LEAST_BOUND),
            filled: AtomicBool::new(false),
            notifier,
        }
    }

    pub(super) fn post(&self, posted: InboxItem) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(posted);
        if queue.weight > self.bound {
            queue.drop_events();
        }
        drop(queue);
        // One notice for as many events as come before the thread looks.
        if !self.filled.swap(true, Ordering::SeqCst) {
            self.notifier.notify();
        }
    }

    /// Swaps what came for `emptied`, whose memory is used again.
    pub(super) fn take(&self, emptied: &mut Vec<InboxItem>) {
        if self.filled.swap(false, Ordering::SeqCst) {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut queue.posted, emptied);
            queue.weight = 0;
        }
    }

    /// Bytes of events that wait.
    #[cfg(test)]
    pub(super) fn weight(&self) -> usize {
        self.queue.lock().unwrap().weight
    }
}

#[derive(Default)]
struct Queue {
    posted: Vec<InboxItem>,
    /// Bytes of what is in it.
    weight: usize,
}

impl Queue {
    fn push(&mut self, posted: InboxItem) {
        self.weight += size_of::<InboxItem>();
        if let Update::Event(_, event) = &posted.news {
            self.weight += event.weight();
        }
        self.posted.push(posted);
    }

    /// Leaves the events out: of each channel that moved remains that it did.
    fn drop_events(&mut self) {
        let mut moved = HashSet::new();
        self.posted.retain_mut(|posted| {
            posted.news = Update::Moved;
            moved.insert(posted.channel)
        });
        self.posted.shrink_to_fit();
        self.weight = self.posted.len() * size_of::<InboxItem>();
    }
}
