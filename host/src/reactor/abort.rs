//! Breaking a connection from any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use goldcrest_core::server::AbortHandle;

/// Breaks a connection, whose thread sees it at its next attempt to read, write or wait.
#[derive(Clone, Default)]
pub(crate) struct ConnectionAbort(Arc<State>);

#[derive(Default)]
struct State {
    aborted: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl ConnectionAbort {
    pub(super) fn is_aborted(&self) -> bool {
        self.0.aborted.load(Ordering::Acquire)
    }

    /// Sets the waker of the task that waits for the connection.
    pub(super) fn register(&self, waker: &Waker) {
        let mut registered = self.waker();
        if registered.as_ref().is_none_or(|registered| !registered.will_wake(waker)) {
            *registered = Some(waker.clone());
        }
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AbortHandle for ConnectionAbort {
    fn abort(&self) {
        self.0.aborted.store(true, Ordering::Release);
        let waker = self.waker().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
