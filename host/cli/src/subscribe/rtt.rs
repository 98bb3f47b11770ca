//! Round trips by ping and pong.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use goldcrest_core::client::ClientRuntime;
use goldcrest_core::ws::connection::{NoEntropy, PingPayload};
use goldcrest_host::client::{CoarseClock, Connector, SmolRuntime};

use crate::diagnostics::Diagnostics;

/// Pings without a pong that are remembered; a server that answers none is not to be counted for ever.
const REMEMBERED: usize = 64;

/// The world of a WebSocket, with a stop-watch for its pongs.
pub(super) struct RttRuntime<'r> {
    runtime: &'r SmolRuntime,
    status: Diagnostics,
    /// The pings under kind, each with its time.
    pings: RefCell<VecDeque<(PingPayload, Instant)>>,
    number: Cell<u32>,
}

impl<'r> RttRuntime<'r> {
    pub(super) fn new(runtime: &'r SmolRuntime, status: Diagnostics) -> Self {
        Self { runtime, status, pings: RefCell::default(), number: Cell::new(0) }
    }

    /// A ping that leaves now. Its payload is `text`, or else unique.
    pub(super) fn ping(&self, text: &[u8]) -> PingPayload {
        let number = self.number.get().wrapping_add(1);
        self.number.set(number);
        let payload = if text.is_empty() { PingPayload::new(&number.to_be_bytes()) } else { PingPayload::new(text) };
        let mut pings = self.pings.borrow_mut();
        pings.truncate(REMEMBERED - 1);
        pings.push_front((payload, Instant::now()));
        payload
    }

    /// How long ago the ping left that this answers; it, and all before it, are answered by that.
    fn answered(&self, payload: PingPayload) -> Option<Duration> {
        let mut pings = self.pings.borrow_mut();
        let at = pings.iter().position(|(ping, _)| *ping == payload)?;
        let (_, left) = pings[at];
        pings.truncate(at);
        Some(left.elapsed())
    }
}

impl ClientRuntime for RttRuntime<'_> {
    type Connector = Connector;
    type Clock = CoarseClock;

    fn connector(&self) -> &Connector {
        self.runtime.connector()
    }

    fn clock(&self) -> &CoarseClock {
        self.runtime.clock()
    }

    fn random(&self) -> Result<[u8; 4], NoEntropy> {
        self.runtime.random()
    }

    fn pong_received(&self, payload: PingPayload) {
        // The heartbeat has pings of its own.
        if let Some(time) = self.answered(payload) {
            self.status.info(format_args!("pong after {:.3} ms", time.as_secs_f64() * 1e3));
        }
    }
}
