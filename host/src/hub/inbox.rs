//! The queue of events for the mirrors of a thread.

use std::collections::HashSet;

use crate::reactor::Notifier;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, PoisonError};

use super::event::{ChannelId, Event};

/// An update for a mirror.
pub(super) struct InboxItem {
    pub(super) channel: ChannelId,
    pub(super) update: Update,
}

/// An update of a mirror from its master.
pub(super) enum Update {
    /// The event with this sequence number.
    Event(u64, Arc<Event>),
    /// There are new events in the master, which the queue has dropped.
    NewEvents,
    /// A publisher waits for a report of the progress of this thread.
    ProgressRequest,
}

/// The events for the mirrors of a thread. The queue is bounded, for a thread that a handler blocks: past the bound the events are
/// dropped, and the mirrors copy them from the masters.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    /// The most bytes of events.
    max_size: usize,
    /// It is not empty: the thread has been notified.
    notified: AtomicBool,
    notifier: Notifier,
}

/// The least bound of an inbox, in bytes of events.
const MIN_SIZE: usize = 1 << 20;

impl Inbox {
    /// An inbox for mirrors of logs of `bytes` bytes each, which is also its bound: a mirror that appended more at once would
    /// overwrite the first of them before its readers are polled.
    pub(crate) fn new(notifier: Notifier, bytes: usize) -> Self {
        Self {
            queue: Mutex::new(Queue::default()),
            max_size: bytes.max(MIN_SIZE),
            notified: AtomicBool::new(false),
            notifier,
        }
    }

    pub(super) fn post(&self, item: InboxItem) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(item);
        if queue.size > self.max_size {
            queue.drop_events();
        }
        drop(queue);
        // One notification for all items until the thread takes them.
        if !self.notified.swap(true, Ordering::SeqCst) {
            self.notifier.notify();
        }
    }

    /// Swaps the items for the empty `emptied`, whose memory is reused.
    pub(super) fn take(&self, emptied: &mut Vec<InboxItem>) {
        if self.notified.swap(false, Ordering::SeqCst) {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut queue.items, emptied);
            queue.size = 0;
        }
    }

    /// Bytes of the queued items.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.queue.lock().unwrap().size
    }
}

#[derive(Default)]
struct Queue {
    items: Vec<InboxItem>,
    /// Bytes of the items.
    size: usize,
}

impl Queue {
    fn push(&mut self, item: InboxItem) {
        self.size += size_of::<InboxItem>();
        if let Update::Event(_, event) = &item.update {
            self.size += event.size();
        }
        self.items.push(item);
    }

    /// Drops the events. One item remains for each channel that has new events.
    fn drop_events(&mut self) {
        let mut channels = HashSet::new();
        self.items.retain_mut(|item| {
            item.update = Update::NewEvents;
            channels.insert(item.channel)
        });
        self.items.shrink_to_fit();
        self.size = self.items.len() * size_of::<InboxItem>();
    }
}
