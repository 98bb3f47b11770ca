//! The environment of a client.

use core::future::poll_fn;

use super::Connect;
use crate::io::{Clock, Timer};
use crate::time::Instant;
use crate::ws::connection::{MaskingKeys, NoEntropy, PingPayload};

/// The environment of the clients of one executor: a connector, a clock and randomness.
/// A chip and a host have one each, mostly [`RuntimeParts`].
pub trait ClientRuntime {
    /// The connector.
    type Connector: Connect;
    /// The clock.
    type Clock: Clock;

    /// The connector.
    fn connector(&self) -> &Self::Connector;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// Four unpredictable bytes, for masking keys and the handshake's nonce (RFC 6455 §10.3).
    ///
    /// # Errors
    /// [`NoEntropy`]: the frame or the request is not sent. Never return a constant instead.
    fn random(&self) -> Result<[u8; 4], NoEntropy>;

    /// A pong has arrived on a WebSocket, solicited or not (RFC 6455 §5.5.3): for measuring round trips.
    fn pong_received(&self, payload: PingPayload) {
        let _ = payload;
    }
}

/// A [`ClientRuntime`] made of its parts.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeParts<N, C, F> {
    /// The connector.
    pub connector: N,
    /// The clock.
    pub clock: C,
    /// The random source.
    pub random: F,
}

impl<N: Connect, C: Clock, F: Fn() -> Result<[u8; 4], NoEntropy>> ClientRuntime for RuntimeParts<N, C, F> {
    type Connector = N;
    type Clock = C;

    fn connector(&self) -> &N {
        &self.connector
    }

    fn clock(&self) -> &C {
        &self.clock
    }

    fn random(&self) -> Result<[u8; 4], NoEntropy> {
        (self.random)()
    }
}

/// The masking keys of a runtime's random source.
#[derive(Debug)]
pub struct ClientMaskingKeys<'e, R>(pub(super) &'e R);

impl<R: ClientRuntime> MaskingKeys for ClientMaskingKeys<'_, R> {
    fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
        self.0.random()
    }
}

/// Waits until `deadline`.
pub(super) async fn sleep<C: Clock>(clock: &C, deadline: Instant) {
    let mut timer = clock.timer();
    poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}
