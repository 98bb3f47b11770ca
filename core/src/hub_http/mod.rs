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
mod rights;
mod subprotocol;
mod websocket;
mod withdrawal;

pub use metrics::{HubMetrics, RequestMetrics};
pub use overloaded::Overloaded;
pub use rights::{
    Authorized, Authorizer, ChannelIntent, ExpiringRights, GRANT_EXPIRED, GRANT_WITHDRAWN, Grant, RENEWAL_NOTICE,
    RIGHTS_FIELD, Rights,
};
pub use withdrawal::{WithdrawableGrant, WithdrawableGrants};

use crate::format::{StreamFormat, Transport};
use crate::http::{Method, PercentEncoded, Status};
use crate::hub::{ChannelName, ChannelReader, HubBackend, OpenError, PublishError};
use crate::log::Position;
use crate::output::{Output, written_text};
use crate::server::{Exchange, Responded};
use crate::server::{Handler, HandlerResult, Resource, Runtime};
use hub_error::{HubError, HubRequestError};
use metrics::RequestMeter;
use negotiate::Negotiated;
use rights::ActiveGrant;

/// The cost of a published event in a turn, beside its bytes.
const PUBLICATION: usize = 2 * 1024;

/// The methods of a channel.
const ALLOW: &str = "GET, HEAD, POST, OPTIONS";

/// The longest text of a rejected request, in bytes.
const REASON: usize = 192;

/// Serves the channels of a hub below `/events/`.
///
/// As a [`Handler`] it answers that path alone; [`HubHandler::answer`] maps any other request to a channel.
///
/// Without [`HubHandler::authorizer`] and [`HubHandler::read_only`] **each client that reads also publishes**: by POST, and on a
/// WebSocket, which is a GET. A check of the method in front of this handler does not prevent that.
#[derive(Debug)]
pub struct HubHandler<'h, H, M = (), A = ()> {
    hub: &'h H,
    metrics: M,
    authorizer: A,
}

// Not derived: `derive` would require that the hub itself is `Clone` and `Copy`.
impl<H, M: Clone, A: Clone> Clone for HubHandler<'_, H, M, A> {
    fn clone(&self) -> Self {
        Self { hub: self.hub, metrics: self.metrics.clone(), authorizer: self.authorizer.clone() }
    }
}

impl<H, M: Copy, A: Copy> Copy for HubHandler<'_, H, M, A> {}

impl<'h, H: HubBackend> HubHandler<'h, H> {
    /// Serves `hub`.
    pub fn new(hub: &'h H) -> Self {
        Self { hub, metrics: (), authorizer: () }
    }

    /// Whether the path is one of a channel: it begins with `/events/`. The rest is the percent-encoded name, which may be invalid
    /// (400).
    pub fn is_channel(path: &str) -> bool {
        channel_of(path).is_some()
    }
}

impl<'h, H, M, A> HubHandler<'h, H, M, A> {
    /// Counts the requests by `metrics`.
    pub fn metrics<N: HubMetrics>(self, metrics: N) -> HubHandler<'h, H, N, A> {
        HubHandler { hub: self.hub, metrics, authorizer: self.authorizer }
    }

    /// Asks `authorizer` for the rights of each request.
    pub fn authorizer<B: Authorizer>(self, authorizer: B) -> HubHandler<'h, H, M, B> {
        HubHandler { hub: self.hub, metrics: self.metrics, authorizer }
    }

    /// Grants every client the right to read, and no client the right to publish: POST is 403, and a WebSocket only reads. The
    /// program itself still publishes.
    pub fn read_only(self) -> HubHandler<'h, H, M, Rights> {
        self.authorizer(Rights::READ)
    }
}

impl<H: HubBackend, M: HubMetrics, A: Authorizer> HubHandler<'_, H, M, A> {
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
                Err(HubError::Answered(result)) => return result,
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
        exchange: Exchange<'_, '_, R>,
        channel: Option<&str>,
    ) -> impl Future<Output = Result<Responded, HubError>> {
        async move {
            let (negotiated, transport, policy, grant, reader, mut exchange) = {
                // Memory for the name until the channel is open: a connection that reads does not keep it.
                let mut buffer = self.hub.name_buffer();
                let name = match channel {
                    Some(name) => name,
                    None => {
                        let encoded = channel_of(exchange.request().path()).ok_or(HubError::Path)?;
                        decode_channel_name(encoded, buffer.as_mut())
                    }
                };
                let channel =
                    ChannelName::with_policy(name, self.hub.name_policy()).map_err(HubRequestError::ChannelName)?;
                let negotiated = match exchange.request().method() {
                    Method::Get | Method::Head => Some(Negotiated::read(exchange.request(), exchange.config())?),
                    Method::Post => None,
                    _ => return Err(HubError::Method),
                };
                let transport = negotiated.as_ref().map_or(Transport::Publish, |negotiated| negotiated.transport);
                let wanted = match transport {
                    Transport::Publish => Rights::PUBLISH,
                    Transport::WebSocket => Rights::ALL,
                    Transport::Poll | Transport::LongPoll | Transport::Stream | Transport::Sse => Rights::READ,
                };
                let reduced = Rights::of_field(exchange.request()).and(wanted);
                let intent = ChannelIntent { channel, transport, wanted };
                let (exchange, grant) =
                    self.authorizer.authorize(exchange, &intent).await.map_err(HubError::Answered)?;
                let rights = grant.rights().and(reduced);
                if rights == Rights::NONE {
                    let publishes = transport == Transport::Publish;
                    return Err(if publishes {
                        PublishError::Forbidden.into()
                    } else {
                        HubRequestError::ReadForbidden.into()
                    });
                }
                let follows = !matches!(transport, Transport::Poll | Transport::Publish);
                let following = rights.read && follows && !exchange.is_head_only();
                let peer = exchange.peer_network();
                let mut reader = match self.hub.open(channel, following, peer) {
                    Ok(reader) => reader,
                    Err(OpenError::InvalidName(error)) => return Err(HubRequestError::ChannelName(error).into()),
                    Err(OpenError::NoSuchChannel) => return Err(HubRequestError::NoSuchChannel.into()),
                    Err(OpenError::TooManyChannels) => return Err(HubError::Overloaded(transport, Resource::Channels)),
                    Err(OpenError::TooManyFollowers) => {
                        return Err(HubError::Overloaded(transport, Resource::Followers));
                    }
                };
                let position = negotiated.as_ref().map(|negotiated| negotiated.position);
                reader.begin(transport, matches!(position, Some(Position::After(_) | Position::Unknown)));
                exchange.report_channel(transport, grant.identity());
                let grant = ActiveGrant { grant, rights };
                (negotiated, transport, self.hub.gap_policy(channel), grant, reader, exchange)
            };
            let Some(negotiated) = negotiated else {
                return publish::answer(reader, &self.metrics, &grant.grant, exchange).await;
            };
            let meter = RequestMeter::new(&self.metrics, &mut exchange, transport, grant.grant.identity());
            let outcome = match transport {
                Transport::WebSocket => websocket::answer(reader, &negotiated, policy, grant, exchange, meter).await,
                Transport::Sse | Transport::Stream => {
                    let sse = transport == Transport::Sse;
                    let format = if sse { StreamFormat::EventStream } else { StreamFormat::Ndjson };
                    follow::answer(format, reader, &negotiated, policy, grant, exchange, meter).await
                }
                Transport::LongPoll | Transport::Poll | Transport::Publish => {
                    poll::answer(reader, &negotiated, policy, grant, exchange, meter).await
                }
            };
            Ok(outcome?)
        }
    }
}

impl<H: HubBackend, M: HubMetrics, A: Authorizer> Handler for HubHandler<'_, H, M, A> {
    fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> impl Future<Output = HandlerResult> {
        self.answer_or_reject(exchange, None)
    }
}

fn channel_of(path: &str) -> Option<&str> {
    path.strip_prefix("/events/")
}

/// The channel name that the part of a path behind `/events/` encodes: percent-encoded characters equal the characters (RFC 3986
/// §6.2.2.2). It is empty, which no [`NamePolicy`](crate::hub::NamePolicy) permits, if it is longer than `buffer` or not UTF-8.
///
/// ```
/// use goldcrest_core::hub_http::decode_channel_name;
///
/// assert_eq!(decode_channel_name("orders%2F42", &mut [0; 255]), "orders/42");
/// ```
pub fn decode_channel_name<'b>(encoded: &str, buffer: &'b mut [u8]) -> &'b str {
    let name = PercentEncoded::new(encoded).decode(buffer).unwrap_or_default();
    core::str::from_utf8(name).unwrap_or_default()
}
