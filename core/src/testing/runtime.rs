//! The runtime of a server in a test.

use alloc::rc::Rc;
use core::cell::Cell;
use core::marker::PhantomData;

use super::{BufferPool, PooledBuffer, Random, VirtualClock};
use crate::format::Transport;
use crate::hub_http::{HubMetrics, RequestMetrics};
use crate::io::Socket;
use crate::server::{BufferKind, Exchange, Runtime};

/// A server's [`Runtime`] over sockets of type `S`.
#[derive(Debug)]
pub struct TestRuntime<S> {
    /// Its clock.
    pub clock: VirtualClock,
    /// Buffers for heads.
    pub head_buffers: BufferPool,
    /// Buffers for events.
    pub event_buffers: BufferPool,
    /// The source of jitter.
    pub random: Random,
    /// Whether the server shuts down.
    pub is_shutting_down: Cell<bool>,
    sockets: PhantomData<fn() -> S>,
}

/// Metrics of a hub's requests, added up. Its clones share the sums.
#[derive(Clone, Debug, Default)]
pub struct TestMetrics(Rc<Cell<MetricsTotals>>);

/// The sums of a [`TestMetrics`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsTotals {
    /// Requests that had metrics.
    pub requests: usize,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Of them, bytes of events.
    pub payload: u64,
}

impl<S> TestRuntime<S> {
    /// A runtime with these buffers for heads and for events.
    pub fn new(clock: VirtualClock, head_buffers: BufferPool, event_buffers: BufferPool, random: Random) -> Self {
        Self { clock, head_buffers, event_buffers, random, is_shutting_down: Cell::new(false), sockets: PhantomData }
    }

    fn pool(&self, kind: BufferKind) -> &BufferPool {
        match kind {
            BufferKind::Head => &self.head_buffers,
            BufferKind::Event => &self.event_buffers,
        }
    }
}

impl TestMetrics {
    /// The sums so far.
    pub fn totals(&self) -> MetricsTotals {
        self.0.get()
    }

    fn add(&self, change: impl FnOnce(&mut MetricsTotals)) {
        let mut totals = self.0.get();
        change(&mut totals);
        self.0.set(totals);
    }
}

impl<S: Socket> Runtime for TestRuntime<S> {
    type Socket = S;
    type Clock = VirtualClock;
    type Buffer = PooledBuffer;

    fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    fn buffer(&self, kind: BufferKind) -> Option<PooledBuffer> {
        self.pool(kind).take()
    }

    fn is_exhausted(&self, kind: BufferKind) -> bool {
        self.pool(kind).is_exhausted()
    }

    fn random(&self) -> u32 {
        self.random.number()
    }

    fn is_shutting_down(&self) -> bool {
        self.is_shutting_down.get()
    }
}

impl HubMetrics for TestMetrics {
    type Request = Self;

    fn begin<R: Runtime>(&self, _exchange: &Exchange<'_, '_, R>, _transport: Transport, _identity: &str) -> Self {
        self.add(|totals| totals.requests += 1);
        self.clone()
    }
}

impl RequestMetrics for TestMetrics {
    fn received(&mut self, bytes: u64) {
        self.add(|totals| totals.received += bytes);
    }

    fn sent(&mut self, bytes: u64, payload: u64) {
        self.add(|totals| {
            totals.sent += bytes;
            totals.payload += payload;
        });
    }
}
