//! The shutdown of every thread of a server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::reactor::Notifier;

/// Shuts down one server, from any thread. A clone shuts down the same one.
///
/// ```
/// use goldcrest_host::Server;
///
/// let shutdown = Server::new().shutdown_handle();
/// assert!(!shutdown.is_shutting_down());
/// shutdown.shut_down();
/// assert!(shutdown.is_shutting_down());
/// ```
#[derive(Clone, Default)]
pub struct ShutdownHandle {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    stopping: AtomicBool,
    threads: Mutex<Vec<Notifier>>,
}

impl ShutdownHandle {
    /// Begins the shutdown: no more connections, and readers are asked to reconnect later. The hub accepts no more events once its
    /// last server shuts down.
    pub fn shut_down(&self) {
        self.inner.stopping.store(true, Ordering::SeqCst);
        for thread in self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            thread.notify();
        }
    }

    /// Whether it has been stopped.
    pub fn is_shutting_down(&self) -> bool {
        self.inner.stopping.load(Ordering::SeqCst)
    }

    /// Notifies `thread` when the server is stopped.
    pub(super) fn register(&self, thread: Notifier) {
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        if self.is_shutting_down() {
            self.shut_down();
        }
    }

    /// Whether both shut down the same server.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}
