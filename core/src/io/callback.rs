//! Closures that are passed to a socket by reference.
//!
//! They are trait objects of these traits and not of `FnMut`: the vtable of `dyn FnMut` also has `FnOnce::call_once`, which would
//! take flash for each closure and is never called.
//!
//! ```
//! use goldcrest_core::io::BufferFn;
//!
//! fn read(f: &mut dyn BufferFn) -> usize {
//!     f.call(&mut [1, 2, 3])
//! }
//!
//! let mut sum = 0;
//! let consumed = read(&mut |bytes: &mut [u8]| {
//!     sum = bytes.iter().sum();
//!     bytes.len()
//! });
//! assert_eq!((consumed, sum), (3, 6));
//! ```

use core::task::{Context, Poll};

/// Passes a reference to a closure on to a generic function. With `small_code` it becomes a trait object, so that a chip stores one
/// copy of the function for all closures. Elsewhere the type is kept, and the future of the function is `Send` if the closure is.
#[cfg(small_code)]
macro_rules! one_copy {
    ($closure:ident as &mut $trait:ident) => {
        $closure as &mut dyn $trait
    };
    ($closure:ident as & $trait:ident) => {
        $closure as &dyn $trait
    };
}
#[cfg(not(small_code))]
macro_rules! one_copy {
    ($closure:ident as &mut $trait:ident) => {
        $closure
    };
    ($closure:ident as & $trait:ident) => {
        $closure
    };
}
pub(crate) use one_copy;

/// A closure over the received bytes of a socket, or over the free part of its send buffer.
pub trait BufferFn {
    /// Reads from the start of `bytes`, or writes there, and returns how many bytes it consumed or wrote.
    fn call(&mut self, bytes: &mut [u8]) -> usize;
}

impl<F: FnMut(&mut [u8]) -> usize> BufferFn for F {
    fn call(&mut self, bytes: &mut [u8]) -> usize {
        self(bytes)
    }
}

/// A condition that ends a wait, beside the readiness of the socket.
pub trait WakeCondition {
    /// Ready once the condition holds; until then the task is woken when it may hold.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

impl<F: FnMut(&mut Context<'_>) -> Poll<()>> WakeCondition for F {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self(cx)
    }
}

/// A condition that never holds: only the socket ends the wait.
pub(crate) fn never(_: &mut Context<'_>) -> Poll<()> {
    Poll::Pending
}
