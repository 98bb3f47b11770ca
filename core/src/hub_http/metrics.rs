//! Metrics of a hub's requests.

use crate::format::Transport;
use crate::server::http_connection::HttpConnection;
use crate::server::{Exchange, Runtime};

/// Counts the requests of a hub and their bytes. `()` counts nothing and takes no memory.
pub trait HubMetrics {
    /// The metrics of one request.
    type Request: RequestMetrics;

    /// Begins to count the request of `exchange`; the result is dropped when the request ends. `identity` is the one of its grant
    /// ([`Grant::identity`](super::Grant::identity)), or empty.
    fn begin<R: Runtime>(&self, exchange: &Exchange<'_, '_, R>, transport: Transport, identity: &str) -> Self::Request;
}

impl HubMetrics for () {
    type Request = ();

    fn begin<R: Runtime>(&self, _exchange: &Exchange<'_, '_, R>, _transport: Transport, _identity: &str) {}
}

impl<M: HubMetrics> HubMetrics for &M {
    type Request = M::Request;

    fn begin<R: Runtime>(&self, exchange: &Exchange<'_, '_, R>, transport: Transport, identity: &str) -> Self::Request {
        (**self).begin(exchange, transport, identity)
    }
}

/// Counts the bytes of one request while it is answered.
pub trait RequestMetrics {
    /// Counts received bytes: the request's head and content, and WebSocket frames.
    fn received(&mut self, bytes: u64);

    /// Counts sent bytes. `payload` of them are event payload: content without chunk sizes, messages without frame heads.
    fn sent(&mut self, bytes: u64, payload: u64);
}

impl RequestMetrics for () {
    fn received(&mut self, _bytes: u64) {}

    fn sent(&mut self, _bytes: u64, _payload: u64) {}
}

/// Reports the bytes of a connection to the metrics of its request.
pub(super) struct RequestMeter<M> {
    metrics: M,
}

impl<M: RequestMetrics> RequestMeter<M> {
    /// Counts from the request on, whose head has been read.
    pub(super) fn new<R: Runtime>(
        hub: &impl HubMetrics<Request = M>,
        exchange: &mut Exchange<'_, '_, R>,
        transport: Transport,
        identity: &str,
    ) -> Self {
        exchange.connection().take_counts();
        let mut metrics = hub.begin(exchange, transport, identity);
        metrics.received(exchange.request().head().len() as u64);
        Self { metrics }
    }

    /// Reports the bytes since the last report, `payload` of them event payload.
    pub(super) fn report<R: Runtime>(&mut self, connection: &mut HttpConnection<'_, R>, payload: u64) {
        let (received, sent) = connection.take_counts();
        if received > 0 {
            self.metrics.received(received as u64);
        }
        if sent > 0 || payload > 0 {
            self.metrics.sent(sent as u64, payload);
        }
    }
}
