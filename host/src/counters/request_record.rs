//! The last request of a connection, while it is answered.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Instant;

/// The record of a connection's last request.
#[derive(Default)]
pub(crate) struct RequestRecord {
    running: Cell<Option<Running>>,
    access: RefCell<Option<Box<AccessEntry>>>,
}

/// A request whose response has not ended.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    /// The time at which its head was complete.
    pub(crate) began: Instant,
    /// Bytes that the connection had sent by then.
    pub(crate) sent_before: u64,
    /// The index of its method in [`METHODS`](super::METHODS).
    pub(crate) method: u8,
    /// The status of its response; 0 until that begins.
    pub(crate) status: u16,
    /// The index of its transport in [`TRANSPORTS`](super::TRANSPORTS); [`NO_TRANSPORT`] for a request that is not to a channel.
    pub(crate) transport: u8,
}

/// The transport of a request that is not to a channel.
pub(crate) const NO_TRANSPORT: u8 = u8::MAX;

/// The values of a request that its line in the access log has.
pub(crate) struct AccessEntry {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) method: String,
    /// Its target, with secrets redacted.
    pub(crate) target: String,
    /// The identity of its grant, or empty.
    pub(crate) identity: String,
}

impl RequestRecord {
    /// A request begins.
    pub(crate) fn begin(&self, method: usize, sent_before: u64, access: Option<AccessEntry>) {
        let running =
            Running { began: Instant::now(), sent_before, method: method as u8, status: 0, transport: NO_TRANSPORT };
        self.running.set(Some(running));
        *self.access.borrow_mut() = access.map(Box::new);
    }

    /// It is to a channel.
    pub(crate) fn set_transport(&self, transport: usize, identity: &str) {
        self.running.set(self.running.get().map(|running| Running { transport: transport as u8, ..running }));
        if let Some(access) = &mut *self.access.borrow_mut()
            && !identity.is_empty()
        {
            access.identity = identity.into();
        }
    }

    /// Its response begins. Returns the index of its method; `None` where no request is being answered.
    pub(crate) fn respond(&self, status: u16) -> Option<usize> {
        let running = self.running.get()?;
        self.running.set(Some(Running { status, ..running }));
        Some(running.method.into())
    }

    /// It has ended.
    pub(crate) fn end(&self) -> Option<(Running, Option<Box<AccessEntry>>)> {
        Some((self.running.take()?, self.access.borrow_mut().take()))
    }
}
