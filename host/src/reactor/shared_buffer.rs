//! The receive buffer and the transmit buffer of a thread, shared by its connections.
//!
//! A connection uses a buffer until another connection claims it. Unread or unsent bytes then move to memory of the
//! first connection, which is freed once they are drained. So the responses to all frames of one read leave in one write,
//! and an idle connection owns no buffer.

use std::cell::RefCell;
use std::rc::Rc;

use super::tcp::{Connection, SocketLimits};

/// The buffers of a thread.
pub(crate) struct SharedBuffers {
    pub(super) receive: RefCell<SharedBuffer>,
    pub(super) transmit: RefCell<SharedBuffer>,
}

/// A buffer, and the bytes that its last user has in it.
pub(super) struct SharedBuffer {
    pub(super) buffer: Box<[u8]>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) holder: Option<Rc<Connection>>,
}

impl SharedBuffer {
    fn new(size: usize) -> Self {
        Self { buffer: vec![0; size].into(), start: 0, end: 0, holder: None }
    }

    pub(super) fn is_used_by(&self, connection: &Rc<Connection>) -> bool {
        self.holder.as_ref().is_some_and(|holder| Rc::ptr_eq(holder, connection))
    }

    pub(super) fn filled(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..self.end]
    }

    fn clear(&mut self) -> Option<Rc<Connection>> {
        (self.start, self.end) = (0, 0);
        self.holder.take()
    }
}

impl SharedBuffers {
    pub(super) fn new(limits: SocketLimits) -> Self {
        Self {
            receive: RefCell::new(SharedBuffer::new(limits.receive)),
            transmit: RefCell::new(SharedBuffer::new(limits.transmit)),
        }
    }

    /// Claims the receive buffer for `connection`. Unread bytes of the previous user move to memory of that connection.
    pub(super) fn claim_receive(&self, connection: &Rc<Connection>) {
        let mut shared = self.receive.borrow_mut();
        if shared.is_used_by(connection) {
            return;
        }
        if let Some(holder) = shared.holder.clone() {
            holder.keep_unread(shared.filled());
        }
        shared.clear();
        shared.holder = Some(Rc::clone(connection));
    }

    /// Claims the transmit buffer for `connection`. Committed bytes of the previous user are sent, or kept by it.
    pub(super) fn claim_transmit(&self, connection: &Rc<Connection>) {
        let mut shared = self.transmit.borrow_mut();
        if shared.is_used_by(connection) {
            return;
        }
        Self::send(&mut shared);
        shared.holder = Some(Rc::clone(connection));
    }

    /// Sends the committed bytes. Called before the thread waits.
    pub(super) fn flush(&self) {
        Self::send(&mut self.transmit.borrow_mut());
    }

    fn send(shared: &mut SharedBuffer) {
        if let Some(holder) = shared.holder.take()
            && shared.end > shared.start
        {
            holder.send(shared.filled());
        }
        shared.clear();
    }

    /// Removes a connection that ends, and sends its committed bytes first.
    pub(super) fn release(&self, connection: &Rc<Connection>) {
        let mut shared = self.transmit.borrow_mut();
        if shared.is_used_by(connection) {
            Self::send(&mut shared);
        }
        let mut shared = self.receive.borrow_mut();
        if shared.is_used_by(connection) {
            shared.clear();
        }
    }

    /// Drops the committed bytes of a broken connection.
    pub(super) fn discard(&self, connection: &Rc<Connection>) {
        for shared in [&self.transmit, &self.receive] {
            let mut shared = shared.borrow_mut();
            if shared.is_used_by(connection) {
                shared.clear();
            }
        }
    }
}
