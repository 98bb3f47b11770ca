//! Pools of buffers.

use core::cell::{Cell, RefCell, RefMut};

/// `COUNT` buffers of `SIZE` bytes, for the tasks of one executor.
#[derive(Debug)]
pub(super) struct Pool<const SIZE: usize, const COUNT: usize> {
    buffers: [RefCell<[u8; SIZE]>; COUNT],
    /// A request for a buffer failed since a buffer was last returned.
    exhausted: Cell<bool>,
}

/// A buffer of a [`Device`](super::Device). It returns to its pool when it is dropped.
#[derive(Debug)]
pub struct Buffer<'d> {
    bytes: RefMut<'d, [u8]>,
    exhausted: &'d Cell<bool>,
}

impl<const SIZE: usize, const COUNT: usize> Pool<SIZE, COUNT> {
    pub(super) const fn new() -> Self {
        Self { buffers: [const { RefCell::new([0; SIZE]) }; COUNT], exhausted: Cell::new(false) }
    }

    /// A buffer, if one is free.
    pub(super) fn lend(&self) -> Option<Buffer<'_>> {
        let free = self.buffers.iter().find_map(|buffer| buffer.try_borrow_mut().ok());
        if free.is_none() {
            self.exhausted.set(true);
        }
        free.map(|bytes| Buffer { bytes: RefMut::map(bytes, |bytes| &mut bytes[..]), exhausted: &self.exhausted })
    }

    /// Whether a request for a buffer failed since a buffer was last returned.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted.get()
    }
}

impl AsRef<[u8]> for Buffer<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Buffer<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        self.exhausted.set(false);
    }
}
