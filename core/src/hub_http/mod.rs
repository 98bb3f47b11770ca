//! The HTTP interface of a hub: one URL, five transports, and publishing.
//!
//! | request to `/events/{channel}`, the first match wins | transport |
//! | --- | --- |
//! | `Upgrade: websocket` | WebSocket (`websocket.rs`) |
//! | `Accept: text/event-stream` | SSE (`follow.rs`) |
//! | `Accept: application/x-ndjson` | streaming (`follow.rs`) |
//! | `Prefer: wait=SECONDS` (RFC 7240), or `?wait=` | long polling (`poll.rs`) |
//! | any other GET | polling (`poll.rs`) |
//! | POST | publish (`publish.rs`) |
//!
//! `?transport=` takes precedence over the fields, for clients that cannot set fields.

// A future is as large as a connection's memory. A function that returns an `async` block stores its arguments once, an
// `async fn` twice: https://github.com/rust-lang/rust/issues/62958
#![allow(clippy::manual_async_fn, reason = "an async fn stores its arguments twice (rust-lang/rust#62958)")]

mod follow;
mod hub_error;
mod metrics;
mod negotiate;
mod overloaded;
mod poll;
mod publish;
mod subprotocol;
mod websocket;

pub use metrics::{HubMetrics, RequestMetrics};
pub use overloaded::Overloaded;

use crate::format::{StreamFormat, Transport};
use crate::http::{Method, PercentEncoded, Status};
use crate::hub::{ChannelName, HubBackend, OpenError};
use crate::output::{Output, written_text};
use crate::server::{Exchange, Responded};
use crate::server::{Handler, HandlerResult, Resource, Runtime};
use hub_error::{HubError, HubRequestError};
use metrics::RequestMeter;
use negotiate::Negotiated;

/// The cost of a published event in a turn, beside its bytes.
const PUBLICATION: usize = 2 * 1024;

/// The methods of a channel.
const ALLOW: &str = "GET, HEAD, POST, OPTIONS";

/// The longest text of a rejected request, in bytes.
const REASON: usize = 192;

/// Serves the channels of a hub below `/events/`.
///
/// As a [`Handler`] it answers that path alone; [`HubHandler::answer`] maps any other request to a channel.
#[derive(Debug)]
pub struct HubHandler<'h, H, M = ()> {
    hub: &'h H,
    metrics: M,
}

// Not derived: `derive` would require that the hub itself is `Clone` and `Copy`.
impl<H, M: Clone> Clone for HubHandler<'_, H, M> {
    fn clone(&self) -> Self {
        Self { hub: self.hub, metrics: self.metrics.clone() }
    }
}

impl<H, M: Copy> Copy for HubHandler<'_, H, M> {}

impl<'h, H: HubBackend> HubHandler<'h, H> {
    /// Serves `hub`.
    pub fn new(hub: &'h H) -> Self {
        Self { hub, metrics: () }
    }

    /// Whether the path is one of a channel: it begins with `/events/`. The rest is the percent-encoded name, which may be invalid
    /// (400).
    pub fn is_channel(path: &str) -> bool {
        channel_of(path).is_some()
    }

    /// Counts the requests by `metrics`.
    pub fn metrics<M: HubMetrics>(self, metrics: M) -> HubHandler<'h, H, M> {
        HubHandler { hub: self.hub, metrics }
    }
}

impl<H: HubBackend, M: HubMetrics> HubHandler<'_, H, M> {
    /// Answers a request with the channel `channel`. The path of the request is not used.
    ///
    /// # Errors
    /// The connection ended first.
    pub fn answer<R: Runtime>(
        &self,
        exchange: Exchange<'_, '_, R>,
        channel: &str,
    ) -> impl Future<Output = HandlerResult> {
        self.answer_or_reject(exchange, Some(channel))
    }

    /// Answers with the channel, or with the one that the path names, or rejects the request.
    fn answer_or_reject<R: Runtime>(
        &self,
        mut exchange: Exchange<'_, '_, R>,
        channel: Option<&str>,
    ) -> impl Future<Output = HandlerResult> {
        async move {
            let error = match self.serve(exchange.reborrow(), channel).await {
                Ok(responded) => return Ok(responded),
                Err(HubError::Disconnected(disconnect)) => return Err(disconnect),
                Err(HubError::Path) => return exchange.not_found().await,
                Err(HubError::Method) => return exchange.method_not_allowed(ALLOW).await,
                Err(HubError::Overloaded(transport, resource)) => {
                    return overloaded::answer(exchange, transport, resource).await;
                }
                Err(HubError::Body(error)) => return exchange.respond_body_error(error).await,
                Err(HubError::Request(error)) => error,
            };
            let (status, reason) = error.response();
            let mut room = [0; REASON];
            let text = written_text(&mut room, |out| {
                out.put(reason.as_bytes());
                out.put(b"\n");
            });
            // A 415 names the accepted codings (RFC 9110 §15.5.16).
            let headers: &[_] =
                if status == Status::UNSUPPORTED_MEDIA_TYPE { &[("Accept-Encoding", "identity")] } else { &[] };
            exchange.reject(status, error.rejection_reason(), text, headers, false).await
        }
    }

    fn serve<R: Runtime>(
        &self,
        mut exchange: Exchange<'_, '_, R>,
        channel: Option<&str>,
    ) -> impl Future<Output = Result<Responded, HubError>> {
        async move {
            let (negotiated, policy, reader) = {
                // Memory for the name until the channel is open: a connection that reads does not keep it.
                let mut buffer = self.hub.name_buffer();
                let name = match channel {
                    Some(name) => name,
                    None => {
                        let encoded = channel_of(exchange.request().path()).ok_or(HubError::Path)?;
                        decode(encoded, buffer.as_mut())
                    }
                };
                let channel =
                    ChannelName::with_policy(name, self.hub.name_policy()).map_err(HubRequestError::ChannelName)?;
                let negotiated = match exchange.request().method() {
                    Method::Get | Method::Head => Negotiated::read(exchange.request(), exchange.config())?,
                    Method::Post => return publish::answer(self.hub, &self.metrics, channel, exchange).await,
                    _ => return Err(HubError::Method),
                };
                let following = negotiated.transport != Transport::Poll && !exchange.is_head_only();
                let peer = exchange.peer_network();
                let reader = self.hub.open(channel, following, peer).map_err(|error| match error {
                    OpenError::InvalidName(error) => HubRequestError::ChannelName(error).into(),
                    OpenError::NoSuchChannel => HubRequestError::NoSuchChannel.into(),
                    OpenError::TooManyChannels => HubError::Overloaded(negotiated.transport, Resource::Channels),
                    OpenError::TooManyFollowers => HubError::Overloaded(negotiated.transport, Resource::Followers),
                })?;
                (negotiated, self.hub.gap_policy(channel), reader)
            };
            let meter = RequestMeter::new(&self.metrics, &mut exchange, negotiated.transport);
            let outcome = match negotiated.transport {
                Transport::WebSocket => websocket::answer(reader, &negotiated, policy, exchange, meter).await,
                Transport::Sse | Transport::Stream => {
                    let sse = negotiated.transport == Transport::Sse;
                    let format = if sse { StreamFormat::EventStream } else { StreamFormat::Ndjson };
                    follow::answer(format, reader, &negotiated, policy, exchange, meter).await
                }
                Transport::LongPoll | Transport::Poll | Transport::Publish => {
                    poll::answer(reader, &negotiated, policy, exchange, meter).await
                }
            };
            Ok(outcome?)
        }
    }
}

impl<H: HubBackend, M: HubMetrics> Handler for HubHandler<'_, H, M> {
    fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> impl Future<Output = HandlerResult> {
        self.answer_or_reject(exchange, None)
    }
}

fn channel_of(path: &str) -> Option<&str> {
    path.strip_prefix("/events/")
}

/// The decoded name. One that is too long or not UTF-8 becomes empty, which is invalid too. Percent-encoded characters equal the
/// characters (RFC 3986 §6.2.2.2).
fn decode<'b>(encoded: &str, buffer: &'b mut [u8]) -> &'b str {
    let name = PercentEncoded::new(encoded).decode(buffer).unwrap_or_default();
    core::str::from_utf8(name).unwrap_or_default()
}
