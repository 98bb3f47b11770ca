//! A pool of buffers whose number and size a test sets.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

/// Buffers of one size. Its clones share the buffers.
#[derive(Clone, Debug)]
pub struct BufferPool(Rc<State>);

#[derive(Debug)]
struct State {
    free: Cell<usize>,
    size: Cell<usize>,
    exhausted: Cell<bool>,
}

/// A buffer of a [`BufferPool`], which takes it back when it is dropped.
#[derive(Debug)]
pub struct PooledBuffer {
    bytes: Vec<u8>,
    pool: Rc<State>,
}

impl BufferPool {
    /// `count` buffers of `size` bytes.
    pub fn new(count: usize, size: usize) -> Self {
        Self(Rc::new(State { free: Cell::new(count), size: Cell::new(size), exhausted: Cell::new(false) }))
    }

    /// The number of free buffers.
    pub fn free(&self) -> usize {
        self.0.free.get()
    }

    /// Changes the number of free buffers.
    pub fn set_free(&self, count: usize) {
        self.0.free.set(count);
    }

    /// Changes the size of the buffers that are taken from now on.
    pub fn set_size(&self, bytes: usize) {
        self.0.size.set(bytes);
    }

    /// Whether an attempt to take a buffer failed and none has been returned since.
    pub fn is_exhausted(&self) -> bool {
        self.0.exhausted.get()
    }

    /// Takes a free buffer.
    pub fn take(&self) -> Option<PooledBuffer> {
        let state = &self.0;
        let Some(left) = state.free.get().checked_sub(1) else {
            state.exhausted.set(true);
            return None;
        };
        state.free.set(left);
        Some(PooledBuffer { bytes: vec![0; state.size.get()], pool: Rc::clone(state) })
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for PooledBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        self.pool.free.set(self.pool.free.get() + 1);
        self.pool.exhausted.set(false);
    }
}
