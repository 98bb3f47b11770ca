//! A request, and the ways to answer it.

use core::net::{IpAddr, SocketAddr};
use core::{fmt, str};

use super::abort::AbortHandle;
use super::body_writer::BodyWriter;
use super::config::ServerConfig;
use super::cors::CorsPolicy;
use super::event_writer::EventWriter;
use super::head_buffer::HeadBuffer;
use super::http_connection::{HttpConnection, RequestContent};
use super::rejection::RejectionReason;
use super::response::{HandlerResult, ResponseContext, error_response};
use super::runtime::{Growth, Runtime};
use super::server_error::ServerError;
use super::server_websocket::{AcceptOptions, ServerWebSocket};
use crate::connection::Disconnect;
use crate::format::Transport;
use crate::grammar::copy::copy;
use crate::grammar::origin::OriginMatch;
use crate::http::{BodyDecoder, Framing, Method, Request, RequestError, Response, Status, Version};
use crate::io::{Interest, Socket, TryIo, never};
use crate::output::{ResumableWriter, decimal};
use crate::sse::media_type::EVENT_STREAM_UTF8;
use crate::time::Instant;
use crate::trace;
use crate::ws::Role;
use crate::ws::connection::Unmasked;
use crate::ws::handshake::{AcceptedHandshake, HandshakeError, RequestLine, accept};

/// A request that waits for its response.
///
/// Every method that answers consumes the exchange and returns a [`Responded`](super::Responded), which a handler has to return. So each request
/// gets exactly one response.
pub struct Exchange<'x, 'l, R: Runtime> {
    // A single reference: each future that passes an exchange on stores a copy.
    pub(super) connection: &'x mut HttpConnection<'l, R>,
}

/// The reason why a request's content was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is malformed or too long; answer with [`Exchange::refuse`].
    Refused(RequestError),
    /// The connection ended.
    Ended(Disconnect),
}

impl From<Disconnect> for BodyError {
    fn from(ended: Disconnect) -> Self {
        Self::Ended(ended)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Ended(ended) => ended.fmt(f),
        }
    }
}

impl core::error::Error for BodyError {}

/// The fields of a 426 response: the protocol to upgrade to (RFC 9110 §15.5.22).
const UPGRADE_OR_CLOSE: &[(&str, &str)] =
    &[("Upgrade", "websocket"), ("Connection", "Upgrade, close"), ("Sec-WebSocket-Version", "13")];

impl<'x, 'l, R: Runtime> Exchange<'x, 'l, R> {
    pub(crate) fn new(connection: &'x mut HttpConnection<'l, R>) -> Self {
        Self { connection }
    }

    /// The same exchange, for a function that may return without a response.
    pub(crate) fn reborrow(&mut self) -> Exchange<'_, 'l, R> {
        Exchange { connection: self.connection }
    }

    /// The request's head.
    pub fn request(&self) -> &Request<HeadBuffer<R::Buffer>> {
        &self.connection.request
    }

    /// The runtime of the connection.
    pub fn runtime(&self) -> &'l R {
        self.connection.runtime
    }

    /// The current time, by the clock of the connection.
    pub fn now(&self) -> Instant {
        self.connection.now()
    }

    /// A handle by which this connection can be broken from elsewhere in the program.
    pub fn abort_handle(&self) -> impl AbortHandle + use<R> {
        self.connection.runtime.abort_handle(self.connection.socket())
    }

    pub(crate) fn connection(&mut self) -> &mut HttpConnection<'l, R> {
        self.connection
    }

    pub(crate) fn config(&self) -> &'l ServerConfig<'l> {
        self.connection.config
    }

    /// The address of the peer. Behind a proxy it is that of the proxy, unless the host trusts the proxy: then it is that of the client
    /// that the proxy names. `None` where the socket does not know it, or the connection has
    /// ended.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.connection.socket().peer_address()
    }

    /// The network of the peer, by which limits count it.
    pub(crate) fn peer_network(&self) -> Option<IpAddr> {
        self.connection.socket().peer_network()
    }

    /// Reports a rejected request to the runtime, whose content for the response is not used.
    pub(crate) fn report_rejection(&self, status: Status, reason: RejectionReason, text: &str) {
        let _ = self.connection.reject(status, reason, text);
    }

    /// Reports the transport of the request to the runtime, and the identity of its grant.
    pub(crate) fn report_channel(&self, transport: Transport, identity: &str) {
        self.connection.runtime.channel_requested(self.connection.socket(), transport, identity);
    }

    /// Lowers the bound on this request's content from [`ServerConfig::max_body`] to `bytes`, for a route with a bound of its own.
    /// Call it before the content is read.
    ///
    /// # Errors
    /// [`RequestError::ContentTooLarge`] at once if `Content-Length` exceeds it. Reading chunks returns the same error as soon as the
    /// size of a chunk exceeds the rest. Answer both with [`Exchange::respond_body_error`].
    pub fn limit_content(&mut self, bytes: u64) -> Result<(), BodyError> {
        let body = &mut self.connection.body;
        body.set_limit(bytes.min(self.connection.config.max_body));
        match body.decoder.as_mut().map(|decoder| decoder.limit(bytes)) {
            Some(Err(refusal)) => Err(BodyError::Refused(refusal)),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Reads the next bytes of the content into `buffer`. Returns their number, 0 at the end.
    ///
    /// # Errors
    /// [`BodyError`]
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            self.connection.yield_if_spent().await;
            self.connection.send_continue().await?;
            if self.connection.body.decoder.is_none() {
                return Ok(0);
            }
            let mut taken = Ok((0, false));
            let lent = self.connection.try_read_content(&mut |bytes: &mut [u8], content: &mut RequestContent| {
                let Some(decoder) = &mut content.decoder else { return (0, true) };
                let (consumed, result) = take_content(decoder, bytes, buffer);
                let done = matches!(result, Ok((_, true)));
                if done {
                    content.decoder = None;
                }
                taken = result;
                (consumed, done)
            })?;
            let (count, done) = match taken {
                Ok(taken) => taken,
                Err(refusal) => return Err(BodyError::Refused(refusal)),
            };
            let (now, config) = (self.connection.now(), self.connection.config);
            if lent == TryIo::Done(()) {
                self.connection.body.allowance.received(count, now, config.receive_timeout());
            }
            match lent {
                TryIo::Done(()) if count > 0 || done => return Ok(count),
                TryIo::Done(()) => {}
                TryIo::Eof => return Err(BodyError::Ended(Disconnect::Broken)),
                TryIo::WouldBlock => {
                    let due = self.connection.body.allowance.deadline(now, config.receive_timeout());
                    if now >= due {
                        return Err(BodyError::Ended(Disconnect::TimedOut));
                    }
                    self.connection.wait(Interest::READ, due, &mut never).await?;
                }
            }
        }
    }

    /// Reads the whole content into `buffer`. Returns the number of bytes.
    ///
    /// # Errors
    /// [`BodyError`]; [`RequestError::ContentTooLarge`] where it is longer than `buffer`.
    pub async fn read_whole(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        let (mut filled, mut one_more) = (0, [0]);
        loop {
            let room = buffer.get_mut(filled..).filter(|room| !room.is_empty());
            match (room.is_some(), self.read(room.unwrap_or(&mut one_more)).await?) {
                (_, 0) => return Ok(filled),
                (true, count) => filled = filled.wrapping_add(count),
                (false, _) => return Err(self.content_too_large(filled)),
            }
        }
    }

    /// As [`Exchange::read_whole`], into a buffer of the runtime that grows with the content. `None` where the runtime has no memory
    /// for it.
    ///
    /// # Errors
    /// As [`Exchange::read_whole`].
    pub(crate) async fn read_growing(&mut self, buffer: &mut R::Buffer) -> Result<Option<usize>, BodyError> {
        let (mut filled, mut one_more) = (0, [0]);
        loop {
            if self.connection.runtime.grow(buffer, filled) == Growth::Refused {
                return Ok(None);
            }
            let room = buffer.as_mut().get_mut(filled..).filter(|room| !room.is_empty());
            match (room.is_some(), self.read(room.unwrap_or(&mut one_more)).await?) {
                (_, 0) => return Ok(Some(filled)),
                (true, count) => filled = filled.wrapping_add(count),
                (false, _) => return Err(self.content_too_large(filled)),
            }
        }
    }

    /// The error for content of more than `bytes` bytes.
    fn content_too_large(&mut self, bytes: usize) -> BodyError {
        self.connection.body.set_limit(bytes as u64);
        BodyError::Refused(RequestError::ContentTooLarge)
    }

    /// Answers with a whole response.
    ///
    /// # Errors
    /// The connection ended first.
    pub fn respond(self, response: &Response<'_>) -> impl Future<Output = HandlerResult> {
        self.answer(response, false)
    }

    /// Answers with an error, whose content is a line of text. A host logs it, and answers with problem details (RFC 9457) where
    /// `Accept` names JSON.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn respond_error(self, status: Status, text: &str) -> HandlerResult {
        self.respond_error_with(status, text, &[]).await
    }

    /// As [`Exchange::respond_error`], with header fields, such as `WWW-Authenticate`.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn respond_error_with(self, status: Status, text: &str, headers: &[(&str, &str)]) -> HandlerResult {
        self.reject(status, RejectionReason::Other, text, headers, false).await
    }

    /// Answers with a redirection to `location`, such as [`Status::SEE_OTHER`] after a form (RFC 9110 §15.4).
    ///
    /// A location that is empty, or that has other characters than visible ASCII, is answered with 500: it is not a URI reference
    /// (RFC 9110 §10.2.2). So no part of it becomes a field.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn redirect(self, status: Status, location: &str) -> HandlerResult {
        if location.is_empty() || !location.bytes().all(|byte| byte.is_ascii_graphic()) {
            return self.reject_with(ServerError::BAD_LOCATION, &[], false).await;
        }
        self.respond(&Response::empty(status).with_headers(&[("Location", location)])).await
    }

    /// Answers with 404.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn not_found(self) -> HandlerResult {
        self.reject_with(ServerError::NOT_FOUND, &[], false).await
    }

    /// Answers with 401 and `challenge` as the `WWW-Authenticate` that it has to have (RFC 9110 §11.6.1), such as
    /// `Bearer realm="news"`.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn unauthorized(self, challenge: &str) -> HandlerResult {
        self.reject_with(ServerError::UNAUTHORIZED, &[("WWW-Authenticate", challenge)], false).await
    }

    /// Answers with 403: the credentials do not permit the request.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn forbidden(self) -> HandlerResult {
        self.reject_with(ServerError::NOT_PERMITTED, &[], false).await
    }

    /// Answers with the permitted methods `allow`: 200 for OPTIONS, 405 for any other method.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn method_not_allowed(self, allow: &str) -> HandlerResult {
        let headers = &[("Allow", allow)];
        if self.request().method() == Method::Options {
            return self.respond(&Response { status: Status::OK, content_type: None, headers, body: b"" }).await;
        }
        self.reject_with(ServerError::METHOD_NOT_ALLOWED, headers, false).await
    }

    /// Rejects a request that cannot be read to its end, and closes the connection.
    ///
    /// # Errors
    /// [`Disconnect::Rejected`], which a handler passes on.
    pub async fn refuse(self, refusal: RequestError) -> HandlerResult {
        trace::rejected(refusal.status().code(), refusal.reason());
        self.reject(refusal.status(), RejectionReason::Malformed(refusal), refusal.reason(), &[], true).await
    }

    pub(super) fn reject_with(
        self,
        error: ServerError,
        headers: &[(&str, &str)],
        last: bool,
    ) -> impl Future<Output = HandlerResult> {
        self.reject(error.status, RejectionReason::Other, error.text, headers, last)
    }

    /// Answers with an error. The runtime sees it, and may replace the content. If `last`, the response ends the connection with
    /// [`Disconnect::Rejected`].
    pub(crate) fn reject(
        self,
        status: Status,
        reason: RejectionReason,
        text: &str,
        headers: &[(&str, &str)],
        last: bool,
    ) -> impl Future<Output = HandlerResult> {
        async move {
            let content = self.connection.reject(status, reason, text);
            let response = error_response(&content, status, text, headers);
            self.answer(&response, last).await
        }
    }

    /// Answers with a response that ends the connection: [`Disconnect::Rejected`].
    pub(crate) fn last_respond(self, response: &Response<'_>) -> impl Future<Output = HandlerResult> {
        self.answer(response, true)
    }

    async fn answer(self, response: &Response<'_>, refuses: bool) -> HandlerResult {
        let (connection, mut context) = self.into_parts();
        context.keeps_connection &= !refuses;
        context.rejects = refuses;
        context.respond(connection, response).await
    }

    /// Answers after a failure to read the content.
    ///
    /// # Errors
    /// [`Disconnect`], which a handler passes on.
    pub async fn respond_body_error(self, error: BodyError) -> HandlerResult {
        match error {
            BodyError::Refused(refusal) => self.refuse(refusal).await,
            BodyError::Ended(Disconnect::TimedOut) => self.reject_with(ServerError::BODY_TIMEOUT, &[], true).await,
            BodyError::Ended(ended) => Err(ended),
        }
    }

    /// Answers with a stream of bytes that the handler writes: chunked, or up to the connection's end for HTTP/1.0.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn stream(self, content_type: &str) -> Result<BodyWriter<'x, 'l, R>, Disconnect> {
        let (connection, mut context) = self.into_parts();
        let framing = Framing::streaming(context.version);
        context.keeps_connection &= framing == Framing::Chunked;
        context.begin_stream(connection, content_type, framing).await?;
        Ok(BodyWriter::new(connection, framing, &context))
    }

    /// Answers with Server-Sent Events that the handler writes.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn sse(self) -> Result<EventWriter<'x, 'l, R>, Disconnect> {
        Ok(EventWriter::new(self.stream(EVENT_STREAM_UTF8).await?))
    }

    /// Answers with a WebSocket. Any other request is rejected with 400, 405 or 426.
    ///
    /// # Errors
    /// The connection ended first, or the request was rejected ([`Disconnect::Rejected`]). A handler returns both.
    pub async fn websocket(self, options: &AcceptOptions<'x>) -> Result<ServerWebSocket<'x, 'l, R>, Disconnect> {
        let accepted = match self.handshake(options.protocols) {
            Ok(accepted) => accepted,
            Err(error) => return self.reject_handshake(error).await.and(Err(Disconnect::Closed)),
        };
        self.upgrade(accepted, options.max_message).await
    }

    /// Completes the handshake. The buffer of the request's head is released before the first wait.
    pub(crate) async fn upgrade(
        self,
        accepted: AcceptedHandshake<'x>,
        max_message: u64,
    ) -> Result<ServerWebSocket<'x, 'l, R>, Disconnect> {
        let (connection, _) = self.into_parts();
        connection.runtime.response_began(connection.socket(), Status::SWITCHING_PROTOCOLS);
        connection.send(&|out: &mut ResumableWriter<'_>| accepted.put(out)).await?;
        trace::upgraded(accepted.protocol);
        Ok(ServerWebSocket::new(connection, Role::Server, Unmasked, max_message, accepted.protocol))
    }

    pub(crate) fn handshake<'p>(&self, protocols: &[&'p str]) -> Result<AcceptedHandshake<'p>, HandshakeError> {
        let version = if self.request().version() == Version::Http10 { (1, 0) } else { (1, 1) };
        let line = RequestLine { method: self.request().method().as_str(), version };
        accept(line, self.request().headers(), protocols)
    }

    pub(crate) async fn reject_handshake(self, error: HandshakeError) -> HandlerResult {
        trace::rejected(error.status(), error.text());
        let status = Status::new(error.status()).unwrap_or(Status::BAD_REQUEST);
        // One `Connection` field lists both options: `Upgrade` and `close` (RFC 9110 §7.6.1).
        let upgrades = error.fields().iter().any(|(name, _)| *name == "Connection");
        let headers = if upgrades { UPGRADE_OR_CLOSE } else { error.fields() };
        let content = self.connection.reject(status, RejectionReason::Other, error.text());
        let (connection, mut context) = self.into_parts();
        (context.keeps_connection, context.rejects) = (upgrades, true);
        context.origin.clear();
        context.respond(connection, &error_response(&content, status, error.text(), headers)).await
    }

    /// The connection, and the context of the response. The buffer of the request's head is released.
    pub(crate) fn into_parts(self) -> (&'x mut HttpConnection<'l, R>, ResponseContext) {
        let context = self.context();
        self.connection.release_head_buffer();
        (self.connection, context)
    }

    fn context(&self) -> ResponseContext {
        let origin = self.request().header("origin").filter(|_| self.connection.origin.is_some()).unwrap_or_default();
        let origin_match = match self.connection.origin.unwrap_or_default() {
            // A listed origin without credentials counts as `null`, which never has them.
            OriginMatch::Listed if !self.connection.runtime.cors().credentials => OriginMatch::Null,
            found => found,
        };
        ResponseContext {
            version: self.request().version(),
            origin: heapless::Vec::from_slice(origin).unwrap_or_default(),
            origin_match,
            keeps_connection: self.keeps_connection(),
            head_only: self.is_head_only(),
            rejects: false,
        }
    }

    /// Whether the request is HEAD, whose response has no content (RFC 9110 §9.3.2).
    pub(crate) fn is_head_only(&self) -> bool {
        self.request().method() == Method::Head
    }

    /// Whether the connection persists after the response (RFC 9112 §9.3).
    pub(crate) fn keeps_connection(&self) -> bool {
        self.request().keep_alive()
            && self.connection.body.continue_at.is_none()
            && !self.connection.runtime.is_shutting_down()
    }

    /// Whether this is a CORS-preflight request (Fetch §4.8).
    pub(crate) fn is_preflight(&self) -> bool {
        self.request().method() == Method::Options
            && self.request().header("origin").is_some()
            && self.request().header("access-control-request-method").is_some()
    }

    /// Answers a preflight of a permitted origin by the rules of [`Runtime::cors`]. A method or field that they do not permit is
    /// omitted, and the browser rejects the page's request.
    pub(crate) async fn allow_preflight(self) -> HandlerResult {
        let cors = self.connection.runtime.cors();
        let context = self.context();
        // The response contains bytes of the request, which is dropped after it.
        let request = self.connection.take_request();
        // A received field value is valid to send.
        let requested = |name| str::from_utf8(request.header(name).unwrap_or_default()).unwrap_or_default();
        let mut digits = [0; 20];
        let max_age = match cors.max_age {
            // The default is a text, which saves flash on a chip.
            CorsPolicy::DEFAULT_MAX_AGE => "600",
            max_age => decimal(&mut digits, max_age.as_secs()),
        };
        let fields = [
            ("Access-Control-Allow-Methods", cors.methods.permitted_method(requested("access-control-request-method"))),
            // The time that a browser caches the response. Other caches do not (RFC 9110 §9.3.7), so it needs no `Vary`.
            ("Access-Control-Max-Age", max_age),
            (
                "Access-Control-Allow-Headers",
                cors.headers.permitted_fields(requested("access-control-request-headers")),
            ),
        ];
        let headers = match &fields[..] {
            [without @ .., (_, "")] => without,
            all => all,
        };
        let response = Response { status: Status::NO_CONTENT, content_type: None, headers, body: b"" };
        context.respond(self.connection, &response).await
    }
}

/// Runs of content and chunk sizes that are decoded in one access to the receive buffer.
pub(crate) const MAX_CHUNKS: usize = 32;

/// Moves content from `bytes` to `buffer`. Returns the consumed bytes, the content bytes, and whether the content ended.
fn take_content(
    decoder: &mut BodyDecoder,
    bytes: &[u8],
    buffer: &mut [u8],
) -> (usize, Result<(usize, bool), RequestError>) {
    let (mut consumed, mut filled) = (0usize, 0usize);
    for _ in 0..MAX_CHUNKS {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let rest = bytes.get(consumed..).unwrap_or_default();
        if room.is_empty() || rest.is_empty() {
            return (consumed, Ok((filled, false)));
        }
        // A run of content is never longer than the decoder's input: cut that to the free space.
        let piece = rest.get(..room.len()).unwrap_or(rest);
        match decoder.decode(piece) {
            Ok(decoded) => {
                if let Some(data) = piece.get(decoded.data)
                    && let Some(room) = room.get_mut(..data.len())
                {
                    filled = filled.wrapping_add(copy(data, room));
                }
                consumed = consumed.wrapping_add(decoded.consumed);
                if decoded.done {
                    return (consumed, Ok((filled, true)));
                }
                if decoded.consumed == 0 {
                    return (consumed, Ok((filled, false)));
                }
            }
            Err(refusal) => return (bytes.len(), Err(refusal)),
        }
    }
    (consumed, Ok((filled, false)))
}
