//! One receive and one transmit buffer a thread.
//!
//! A connection that has been lent a buffer keeps it until another one wants it: what is unread or unsent by then moves
//! to memory of the connection's own, which it gives back when that is drained. So all frames of a read are answered in
//! one write, and an idle connection owns no buffer.

use std::cell::RefCell;
use std::rc::Rc;

use super::tcp::{Connection, SocketLimits};

/// The buffers of a thread.
pub(crate) struct SharedBuffers {
    pub(super) receive: RefCell<SharedBuffer>,
    pub(super) transmit: RefCell<SharedBuffer>,
}

/// A buffer, and what the connection that was lent it last has in it.
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

    pub(super) fn is_held_by(&self, connection: &Rc<Connection>) -> bool {
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

    /// Gives the receive buffer to `connection`: what another one had not read is kept with it.
    pub(super) fn claim_receive(&self, connection: &Rc<Connection>) {
        let mut lease = self.receive.borrow_mut();
        if lease.is_held_by(connection) {
            return;
        }
        if let Some(holder) = lease.holder.clone() {
            holder.keep_unread(lease.filled());
        }
        lease.clear();
        lease.holder = Some(Rc::clone(connection));
    }

    /// Gives the transmit buffer to `connection`: what another one had committed is sent, or kept with it.
    pub(super) fn claim_transmit(&self, connection: &Rc<Connection>) {
        let mut lease = self.transmit.borrow_mut();
        if lease.is_held_by(connection) {
            return;
        }
        Self::send(&mut lease);
        lease.holder = Some(Rc::clone(connection));
    }

    /// Sends what has been committed; called before the thread waits.
    pub(super) fn flush(&self) {
        Self::send(&mut self.transmit.borrow_mut());
    }

    fn send(lease: &mut SharedBuffer) {
        if let Some(holder) = lease.holder.take()
            && lease.end > lease.start
        {
            holder.send(lease.filled());
        }
        lease.clear();
    }

    /// Forgets a connection that ends; what it had committed is sent first.
    pub(super) fn release(&self, connection: &Rc<Connection>) {
        let mut lease = self.transmit.borrow_mut();
        if lease.is_held_by(connection) {
            Self::send(&mut lease);
        }
        let mut lease = self.receive.borrow_mut();
        if lease.is_held_by(connection) {
            lease.clear();
        }
    }

    /// Forgets what a connection that breaks had committed.
    pub(super) fn discard(&self, connection: &Rc<Connection>) {
        for lease in [&self.transmit, &self.receive] {
            let mut lease = lease.borrow_mut();
            if lease.is_held_by(connection) {
                lease.clear();
            }
        }
    }
}
