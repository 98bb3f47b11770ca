//! The hub of the host, compiled with the locks, atomics and threads of `shuttle`, which runs a test under one thread schedule after
//! another. The tests are in `tests/hub.rs`.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "the files are the host's, and only a part of them is used here"
)]

#[path = "../../../../host/src/hub/mod.rs"]
mod hub;

#[path = "../../../../host/src/memory.rs"]
mod memory;

#[path = "../../../../host/src/counters/mod.rs"]
mod counters;

mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub(crate) use std::sync::PoisonError;
}

/// The part of a reactor that the hub uses: its notifier.
mod reactor {
    use shuttle::sync::{Arc, Condvar, Mutex};

    // For the hub's own tests, which are compiled here and not run.
    #[derive(Default)]
    pub(crate) struct BufferLimits {
        _size: usize,
    }
    pub(crate) struct Reactor;

    impl Reactor {
        pub(crate) fn new(_: BufferLimits) -> std::io::Result<(Self, Notifier)> {
            Ok((Self, Notifier::default()))
        }
    }

    #[derive(Clone, Default)]
    pub(crate) struct Notifier {
        notified: Arc<(Mutex<bool>, Condvar)>,
    }

    impl Notifier {
        pub(crate) fn notify(&self) {
            *self.notified.0.lock().unwrap() = true;
            self.notified.1.notify_all();
        }

        /// Blocks the thread until it is notified.
        pub(crate) fn wait(&self) {
            let mut notified = self.notified.0.lock().unwrap();
            while !*notified {
                notified = self.notified.1.wait(notified).unwrap();
            }
            *notified = false;
        }
    }
}

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use goldcrest_core::format::PollLimits;

pub use hub::{ChannelLimits, Hub, HubReader, LocalHub, LocalReader, OwnedEvent, ReaderItem};
use reactor::Notifier;

/// A thread of the server: the hub on it, and an executor of one task.
pub struct Thread {
    hub: LocalHub,
    notifier: Notifier,
}

struct Wakes(Notifier);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

impl Thread {
    pub fn new(hub: &Hub) -> Self {
        let notifier = Notifier::default();
        let inbox = Arc::new(hub::Inbox::new(notifier.clone(), hub.limits().bytes));
        Self { hub: LocalHub::new(hub.clone(), inbox, PollLimits::default(), Default::default()), notifier }
    }

    /// The hub on this thread.
    pub fn hub(&self) -> &LocalHub {
        &self.hub
    }

    /// Appends the events of other threads to the mirrors of this one.
    pub fn drain_inbox(&self) {
        self.hub.drain_inbox();
    }

    /// Runs a task of a thread that the hub does not know, which reads by [`HubReader`]: it is polled when it was woken.
    pub fn block_on<T>(task: impl Future<Output = T>) -> T {
        let notifier = Notifier::default();
        let mut task = pin!(task);
        let waker = Waker::from(Arc::new(Wakes(notifier.clone())));
        loop {
            if let Poll::Ready(output) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            notifier.wait();
        }
    }

    /// Runs a task to its end as the server does: it is polled when it was woken, after the inbox was drained.
    pub fn run<T>(&self, task: impl Future<Output = T>) -> T {
        let mut task = pin!(task);
        let waker = Waker::from(Arc::new(Wakes(self.notifier.clone())));
        loop {
            if let Poll::Ready(output) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            self.notifier.wait();
            self.hub.drain_inbox();
        }
    }
}

/// Deletes each channel that is not in use, after any idle time.
pub fn reap(hub: &Hub) {
    hub.reap_at(u64::MAX);
}

/// Accepts no more events.
pub fn shut_down(hub: &Hub) {
    hub.shut_down();
}
