//! The shutdown of the routes, and the responses that it waits for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use slab::Slab;
use tokio::sync::Notify;

/// Whether the routes shut down, and the responses that live. A clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Shutdown {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    has_begun: AtomicBool,
    /// The wakers of the responses that live.
    responses: Mutex<Slab<Option<Waker>>>,
    /// Notified when the last response has ended.
    idle: Notify,
}

/// A response that lives.
pub(crate) struct LiveResponse {
    shutdown: Shutdown,
    key: usize,
    /// The stored waker, to compare without the lock.
    waker: Option<Waker>,
}

impl Shutdown {
    pub(crate) fn has_begun(&self) -> bool {
        self.state.has_begun.load(Ordering::SeqCst)
    }

    /// Begins, and wakes all responses.
    pub(crate) fn begin(&self) {
        self.state.has_begun.store(true, Ordering::SeqCst);
        let wakers: Vec<_> =
            self.with(|responses| responses.iter_mut().filter_map(|(_, waker)| waker.take()).collect());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Counts a response until the result is dropped.
    pub(crate) fn enter(&self) -> LiveResponse {
        let key = self.with(|responses| responses.insert(None));
        LiveResponse { shutdown: self.clone(), key, waker: None }
    }

    /// Returns once no response lives.
    pub(crate) async fn idle(&self) {
        loop {
            let notified = self.state.idle.notified();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }

    /// The number of responses that live.
    pub(crate) fn count(&self) -> usize {
        self.with(|responses| responses.len())
    }

    fn with<T>(&self, f: impl FnOnce(&mut Slab<Option<Waker>>) -> T) -> T {
        f(&mut self.state.responses.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LiveResponse {
    /// Stores the waker of the response's task, before the task checks [`Shutdown::has_begun`].
    pub(crate) fn register(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_some_and(|stored| stored.will_wake(waker)) {
            return;
        }
        self.waker = Some(waker.clone());
        self.shutdown.with(|responses| {
            if let Some(stored) = responses.get_mut(self.key) {
                *stored = Some(waker.clone());
            }
        });
    }
}

impl Drop for LiveResponse {
    fn drop(&mut self) {
        let left = self.shutdown.with(|responses| {
            responses.try_remove(self.key);
            responses.len()
        });
        if left == 0 {
            self.shutdown.state.idle.notify_waiters();
        }
    }
}
