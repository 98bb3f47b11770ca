//! The response of a full server.

use core::time::Duration;

use super::negotiate::Negotiated;
use crate::format::{StreamFormat, Transport};
use crate::http::{Response, Status};
use crate::output::{decimal, written_text};
use crate::server::Exchange;
use crate::server::{Disconnect, Handler, HandlerResult, RejectionReason, Resource, Runtime, ServerError};
use crate::sse::encode;
use crate::time::millis;
use crate::trace;

/// Answers every request with 503: for a socket that a chip reserves for this response.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overloaded;

impl Handler for Overloaded {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let negotiated = Negotiated::read(exchange.request(), exchange.config());
        answer(exchange, negotiated.map_or(Transport::Poll, |negotiated| negotiated.transport), Resource::Connections)
            .await
    }
}

/// Asks the client to retry later: an `EventSource` by `retry`, since it never reconnects after a 503 (WHATWG HTML §9.2.3), other
/// clients by `Retry-After` (RFC 9110 §10.2.3). Both have jitter, so that clients do not return at once.
pub(super) async fn answer<R: Runtime>(
    exchange: Exchange<'_, '_, R>,
    transport: Transport,
    resource: Resource,
) -> HandlerResult {
    trace::overloaded("all places of readers");
    let base = millis(exchange.config().retry_after);
    let delay = base.saturating_add(jitter(exchange.runtime().random(), base / 2));
    let reason = RejectionReason::Exhausted(resource);
    let ServerError { status, text } = ServerError::OVERLOADED;
    if transport == Transport::Sse {
        exchange.report_rejection(status, reason, text);
        let mut room = [0; 32];
        let retry = written_text(&mut room, |out| encode::retry(Duration::from_millis(delay), out));
        let response = Response {
            status: Status::OK,
            content_type: Some(StreamFormat::EventStream.content_type()),
            headers: &[("Cache-Control", "no-store")],
            body: retry.as_bytes(),
        };
        return exchange.last_respond(&response).await.map_err(|ended| match ended {
            Disconnect::Rejected(_) => Disconnect::Rejected(status),
            ended => ended,
        });
    }
    let mut digits = [0; 20];
    let headers = [("Retry-After", decimal(&mut digits, (delay / 1_000).saturating_add(1)))];
    exchange.reject(status, reason, text, &headers, true).await
}

/// A random part of `range`, both in milliseconds.
pub(super) fn jitter(random: u32, range: u64) -> u64 {
    let range = u32::try_from(range).unwrap_or(u32::MAX).max(1);
    (random % range).into()
}
