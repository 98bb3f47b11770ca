//! What is handed down to a socket by reference, through whatever stands on it.
//!
//! Closures do, and are meant to. They have traits of their own here because `dyn FnMut` has a second way to be called, once
//! and for all, which nobody would go and which on a chip would be in flash for each closure.
//!
//! ```
//! use goldcrest_core::io::BufferFn;
//!
//! fn lend(to: &mut dyn BufferFn) -> usize {
//!     to.take(&mut [1, 2, 3])
//! }
//!
//! let mut sum = 0;
//! let taken = lend(&mut |bytes: &mut [u8]| {
//!     sum = bytes.iter().sum();
//!     bytes.len()
//! });
//! assert_eq!((taken, sum), (3, 6));
//! ```

use core::task::{Context, Poll};

/// Who borrows a socket's received bytes, or room to write into, for as long as it is called: it waits for nothing.
pub trait BufferFn {
    /// Takes from the start of `bytes`, or writes there: how many bytes.
    fn take(&mut self, bytes: &mut [u8]) -> usize;
}

impl<F: FnMut(&mut [u8]) -> usize> BufferFn for F {
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        self(bytes)
    }
}

/// A reason to end a wait, beside what the socket does.
pub trait WakeCondition {
    /// Whether it is there; until then the task is woken when it comes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

impl<F: FnMut(&mut Context<'_>) -> Poll<()>> WakeCondition for F {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self(cx)
    }
}

/// No reason but what the socket does.
pub(crate) fn never(_: &mut Context<'_>) -> Poll<()> {
    Poll::Pending
}
