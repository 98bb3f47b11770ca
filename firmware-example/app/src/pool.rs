//! Pools of buffers.

use core::cell::{Cell, RefCell};

use heapless::Vec;

/// At most this many buffers in a pool.
const MOST: usize = 4;

/// Buffers for the connections of one executor.
pub(crate) struct Pool {
    free: RefCell<Vec<&'static mut [u8], MOST>>,
    /// A request for a buffer failed since the last one was returned.
    short: Cell<bool>,
}

/// A buffer, which returns to its pool when it is dropped.
pub(crate) struct Buffer {
    bytes: &'static mut [u8],
    pool: &'static Pool,
}

impl Pool {
    /// A pool of these buffers, at most [`MOST`].
    pub(crate) fn new<const SIZE: usize, const COUNT: usize>(buffers: &'static mut [[u8; SIZE]; COUNT]) -> Self {
        const { assert!(COUNT <= MOST) };
        let free = buffers.iter_mut().map(|buffer| buffer.as_mut_slice()).collect();
        Self { free: RefCell::new(free), short: Cell::new(false) }
    }

    /// A buffer, if one is free.
    pub(crate) fn lend(&'static self) -> Option<Buffer> {
        let free = self.free.borrow_mut().pop();
        if free.is_none() {
            self.short.set(true);
        }
        free.map(|bytes| Buffer { bytes, pool: self })
    }

    /// Whether a request for a buffer failed since the last one was returned.
    pub(crate) fn is_short(&self) -> bool {
        self.short.get()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.short.set(false);
        // Cannot fail: the buffer was taken from this vector.
        let _ = self.pool.free.borrow_mut().push(core::mem::take(&mut self.bytes));
    }
}
