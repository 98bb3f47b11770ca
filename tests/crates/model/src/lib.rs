//! The host's hub, compiled with the locks, atomics and threads of `shuttle`, whose scheduler tries one order after the other in
//! which the threads of a test can run. `tests/hub.rs` has the tests.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "the files are the host's, and not all of them is used here"
)]

#[path = "../../../../host/src/hub/mod.rs"]
mod hub;

#[path = "../../../../host/src/memory.rs"]
mod memory;

mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub(crate) use std::sync::PoisonError;
}

/// What the hub knows of a thread's reactor: how to wake it.
mod reactor {
    use shuttle::sync::{Arc, Condvar, Mutex};

    // The hub's own tests are compiled with it, and not run here.
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

pub use hub::{ChannelLimits, Hub, LocalHub, LocalReader};
use reactor::Notifier;

/// A thread of the server: its view of the hub, and the loop that runs one task.
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
        Self { hub: LocalHub::new(hub.clone(), inbox, PollLimits::default()), notifier }
    }

    /// The hub as this thread sees it.
    pub fn hub(&self) -> &LocalHub {
        &self.hub
    }

    /// Appends what other threads have published to the logs of this one.
    pub fn drain_inbox(&self) {
        self.hub.drain_inbox();
    }

    /// Runs a task to its end, as the server does: it is polled when it was woken, and the inbox is looked at in between.
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

/// Forgets every channel that nobody uses, however short a time that has been.
pub fn reap(hub: &Hub) {
    hub.reap_at(u64::MAX);
}

/// Takes no publication any more.
pub fn drain(hub: &Hub) {
    hub.drain();
}
