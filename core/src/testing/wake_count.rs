//! A waker that counts.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;

/// Counts the calls of its [`Waker`].
#[derive(Debug, Default)]
pub struct WakeCount(AtomicUsize);

impl WakeCount {
    /// A count of 0, and its waker.
    pub fn new() -> (Arc<Self>, Waker) {
        let count = Arc::<Self>::default();
        let waker = Waker::from(Arc::clone(&count));
        (count, waker)
    }

    /// The calls so far.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// The calls since the last `take`.
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
