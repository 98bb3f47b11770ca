//! What the core's connections stand on here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use goldcrest_core::Disconnect;
use goldcrest_core::format::Transport;
use goldcrest_core::http::{Request, Status};
use goldcrest_core::io::{Clock, Socket};
use goldcrest_core::server::{self, AbortHandle, BufferKind, CorsPolicy, DateField, ErrorContent, Growth, Rejection};

use super::access_log;
use super::admission::AdmissionControl;
use super::date::DateClock;
use super::rejection::Rejections;
use crate::counters::{
    LASTING, NO_METHOD, REASONS, SHUTDOWN_REASON, ThreadCounters, method_index, reason_index, transport_index,
};
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
    pub(super) counters: Arc<ThreadCounters>,
    access_log: bool,
    admission: Arc<AdmissionControl>,
}

impl HostRuntime {
    pub(super) fn new(
        reactor: &Reactor,
        admission: Arc<AdmissionControl>,
        memory: &Memory,
        cors: CorsPolicy<'static>,
        counters: Arc<ThreadCounters>,
        access_log: bool,
    ) -> Self {
        let limits = admission.limits();
        Self {
            clock: CoarseClock(reactor.alarms.clone()),
            draining: Cell::new(false),
            memory: memory.clone(),
            heads: Pool::new(limits.head, memory),
            events: Pool::new(limits.event, memory),
            rejections: Rejections::new(limits),
            date: DateClock::new(),
            cors,
            counters,
            access_log,
            admission,
        }
    }

    /// Counts the end of a request.
    pub(super) fn count_end(&self, socket: &TcpSocket, reason: usize) {
        let Some((running, access)) = socket.request().end() else { return };
        let reason = if reason == 0 && self.draining.get() { SHUTDOWN_REASON } else { reason };
        let (duration, bytes) = (running.began.elapsed(), socket.sent().wrapping_sub(running.sent_before));
        self.counters.sent_bytes.add(bytes);
        let transport = usize::from(running.transport);
        if let Some(counters) = self.counters.transport(transport) {
            counters.ended(reason, duration);
        }
        // A long poll, a stream, an SSE and a WebSocket last as long as the client wants.
        let lasts = LASTING.contains(&transport);
        if !lasts && running.status > 0 {
            self.counters.short(duration);
        }
        if let Some(access) = access {
            access_log::write(&access, &running, bytes, duration, REASONS[reason]);
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
        // Bytes that are no request have no fields: the client of the request before is not theirs.
        let peer = || match rejection.request {
            Some(_) => socket.peer_address(),
            None => socket.connection_address(),
        };
        self.rejections.report(peer, rejection, self.clock.now())
    }

    fn request_began<B: AsRef<[u8]>>(&self, socket: &TcpSocket, request: &Request<B>) {
        if socket.is_from_proxy() {
            socket.set_client(self.admission.client(request));
        }
        let access = self.access_log.then(|| access_log::entry(socket.peer_address(), request));
        socket.request().begin(method_index(request.method()), socket.sent(), access);
    }

    fn channel_requested(&self, socket: &TcpSocket, transport: Transport, identity: &str) {
        let transport = transport_index(transport);
        socket.request().set_transport(transport, identity);
        if let Some(counters) = self.counters.transport(transport) {
            counters.opened.add(1);
        }
    }

    fn response_began(&self, socket: &TcpSocket, status: Status) {
        let method = socket.request().respond(status.code()).unwrap_or(NO_METHOD);
        self.counters.request(method, status.code());
    }

    fn request_ended(&self, socket: &TcpSocket, ended: Result<(), Disconnect>) {
        self.count_end(socket, ended.map_or_else(reason_index, |()| 0));
    }

    fn date(&self) -> impl DateField + use<> {
        self.date.now()
    }
}
