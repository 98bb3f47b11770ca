//! What the core's connections stand on here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use goldcrest_core::io::{Clock, Socket};
use goldcrest_core::server::{self, AbortHandle, BufferKind, CorsPolicy, DateField, ErrorContent, Growth, Rejection};

use super::Limits;
use super::date::DateClock;
use super::rejection::Rejections;
use crate::memory::{Memory, Use};
use crate::reactor::{CoarseClock, Reactor, TcpSocket};

/// Buffers of each kind that are kept for the next who needs one, none of them larger than [`LARGEST_KEPT`].
const KEPT: usize = 8;
const LARGEST_KEPT: usize = 4 * 1024;

/// Bytes that a buffer begins with.
const FIRST: usize = 1024;

/// The world around the connections of one thread.
pub(super) struct HostRuntime {
    pub(super) clock: CoarseClock,
    draining: Cell<bool>,
    memory: Memory,
    heads: Rc<Pool>,
    events: Rc<Pool>,
    pub(super) rejections: Rejections,
    date: DateClock,
    cors: CorsPolicy<'static>,
}

impl HostRuntime {
    pub(super) fn new(reactor: &Reactor, limits: &Limits, memory: &Memory, cors: CorsPolicy<'static>) -> Self {
        Self {
            clock: CoarseClock(reactor.alarms.clone()),
            draining: Cell::new(false),
            memory: memory.clone(),
            heads: Pool::new(limits.head, memory),
            events: Pool::new(limits.event, memory),
            rejections: Rejections::new(limits),
            date: DateClock::new(),
            cors,
        }
    }

    /// Tells the connections that the server is shutting down; they are to be woken then.
    pub(super) fn drain(&self) {
        self.draining.set(true);
    }
}

/// Buffers that begin small and grow up to one size, a few of them kept while nobody needs them.
struct Pool {
    /// Bytes of a buffer at most.
    limit: usize,
    free: RefCell<Vec<Box<[u8]>>>,
    memory: Memory,
}

/// A buffer of a pool, to which it goes back. Its bytes are reserved.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    pool: Rc<Pool>,
}

impl Pool {
    fn new(limit: usize, memory: &Memory) -> Rc<Self> {
        Rc::new(Self { limit, free: RefCell::default(), memory: memory.clone() })
    }

    fn take(self: &Rc<Self>) -> Option<Buffer> {
        let kept = self.free.borrow_mut().pop();
        let first = FIRST.min(self.limit);
        let bytes = match kept {
            Some(bytes) => bytes,
            None if self.memory.try_reserve(first, Use::First) => vec![0; first].into(),
            None => return None,
        };
        Some(Buffer { bytes, pool: Rc::clone(self) })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.memory.release(self.free.borrow().iter().map(|bytes| bytes.len()).sum());
    }
}

impl Buffer {
    fn grow(&mut self, filled: usize) -> Growth {
        let (length, limit) = (self.bytes.len(), self.pool.limit);
        if length >= limit {
            return Growth::Full;
        }
        if filled >= length {
            let larger = length.saturating_mul(2).min(limit);
            if !self.pool.memory.try_reserve(larger - length, Use::Growth) {
                return Growth::Refused;
            }
            let mut bytes = Vec::with_capacity(larger);
            bytes.extend_from_slice(&self.bytes);
            bytes.resize(larger, 0);
            self.bytes = bytes.into();
        }
        Growth::Room
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
        if free.len() < KEPT && self.bytes.len() <= LARGEST_KEPT {
            free.push(std::mem::take(&mut self.bytes));
        } else {
            self.pool.memory.release(self.bytes.len());
        }
    }
}

impl server::Runtime for HostRuntime {
    type Socket = TcpSocket;
    type Clock = CoarseClock;
    type Buffer = Buffer;

    fn clock(&self) -> &CoarseClock {
        &self.clock
    }

    fn buffer(&self, purpose: BufferKind) -> Option<Buffer> {
        match purpose {
            BufferKind::Head => self.heads.take(),
            BufferKind::Event => self.events.take(),
        }
    }

    /// Where memory is scarce, a slow head gives up its buffer.
    fn is_exhausted(&self, _purpose: BufferKind) -> bool {
        self.memory.is_scarce()
    }

    fn grow(&self, buffer: &mut Buffer, filled: usize) -> Growth {
        buffer.grow(filled)
    }

    fn random(&self) -> u32 {
        fastrand::u32(..)
    }

    fn is_shutting_down(&self) -> bool {
        self.draining.get()
    }

    fn cors(&self) -> &CorsPolicy<'_> {
        &self.cors
    }

    fn abort_handle(&self, socket: &TcpSocket) -> impl AbortHandle + use<> {
        socket.abort_handle()
    }

    fn reject<B: AsRef<[u8]>>(&self, socket: &TcpSocket, rejection: &Rejection<'_, B>) -> impl ErrorContent + use<B> {
        self.rejections.report(|| socket.peer_address(), rejection, self.clock.now())
    }

    fn date(&self) -> impl DateField + use<> {
        self.date.now()
    }
}
