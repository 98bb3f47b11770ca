//! What the core's connections stand on here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use goldcrest_core::http::Request;
use goldcrest_core::serve::{self, Purpose, Transport};

use super::Limits;
use crate::figures::{Figures, Ticket};
use crate::reactor::{CoarseClock, Reactor, TcpSocket};

/// Buffers of each kind that are kept for the next who needs one.
const KEPT: usize = 8;

/// The world around the connections of one thread.
pub(super) struct HostRuntime {
    pub(super) clock: CoarseClock,
    figures: Figures,
    draining: Cell<bool>,
    heads: Rc<Pool>,
    events: Rc<Pool>,
}

impl HostRuntime {
    pub(super) fn new(reactor: &Reactor, limits: &Limits, figures: Figures) -> Self {
        Self {
            clock: CoarseClock(reactor.alarms.clone()),
            figures,
            draining: Cell::new(false),
            heads: Pool::new(limits.head),
            events: Pool::new(limits.event),
        }
    }

    /// Tells the connections that the server is shutting down; they are to be woken then.
    pub(super) fn drain(&self) {
        self.draining.set(true);
    }
}

/// Buffers of one size, kept while nobody needs them.
struct Pool {
    size: usize,
    free: RefCell<Vec<Box<[u8]>>>,
}

/// A buffer of a pool, to which it goes back.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    pool: Rc<Pool>,
}

impl Pool {
    fn new(size: usize) -> Rc<Self> {
        Rc::new(Self { size, free: RefCell::default() })
    }

    fn take(self: &Rc<Self>) -> Buffer {
        let bytes = self.free.borrow_mut().pop().unwrap_or_else(|| vec![0; self.size].into());
        Buffer { bytes, pool: Rc::clone(self) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.pool.free.borrow_mut();
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl serve::Runtime for HostRuntime {
    type Socket = TcpSocket;
    type Clock = CoarseClock;
    type Buffer = Buffer;
    type Ticket = Ticket;

    fn clock(&self) -> &CoarseClock {
        &self.clock
    }

    fn buffer(&self, purpose: Purpose) -> Option<Buffer> {
        Some(match purpose {
            Purpose::Head => self.heads.take(),
            Purpose::Event => self.events.take(),
        })
    }

    fn random(&self) -> u32 {
        fastrand::u32(..)
    }

    fn is_draining(&self) -> bool {
        self.draining.get()
    }

    fn ticket<B: AsRef<[u8]>>(&self, request: &Request<B>, transport: Transport) -> Ticket {
        self.figures.ticket(request, transport)
    }
}
