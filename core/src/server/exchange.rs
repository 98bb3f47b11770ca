//! A request, and the ways to answer it.

use core::net::IpAddr;
use core::{fmt, str};

use super::abort::AbortHandle;
use super::body_writer::BodyWriter;
use super::config::ServerConfig;
use super::event_writer::EventWriter;
use super::head_buffer::HeadBuffer;
use super::http_connection::{HttpConnection, RequestContent};
use super::rejection::RejectionReason;
use super::response::{HandlerResult, ResponseContext, rejected};
use super::runtime::{Growth, Runtime};
use super::server_error::ServerError;
use super::server_websocket::{AcceptOptions, ServerWebSocket};
use crate::connection::Disconnect;
use crate::grammar::copy::copy;
use crate::http::{BodyDecoder, Framing, Method, Request, RequestError, Response, Status, Version};
use crate::io::{Interest, Socket, TryIo, never};
use crate::output::ResumableWriter;
use crate::sse::media_type::EVENT_STREAM_UTF8;
use crate::trace;
use crate::ws::Role;
use crate::ws::connection::Unmasked;
use crate::ws::handshake::{AcceptedHandshake, HandshakeError, RequestLine, accept};

/// A request that has been accepted and is to be answered.
///
/// Every way to answer takes the exchange and gives a [`Responded`], which a handler has to return: a request can neither
/// be forgotten nor be answered twice.
pub struct Exchange<'x, 'l, R: Runtime> {
    // One reference and no more: each future that hands an exchange on has a copy.
    pub(super) connection: &'x mut HttpConnection<'l, R>,
}

/// Why a request's content was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is malformed or too long: answer with [`Exchange::refuse`].
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

/// What a request without a handshake has to send.
const UPGRADE_OR_CLOSE: &[(&str, &str)] =
    &[("Upgrade", "websocket"), ("Connection", "Upgrade, close"), ("Sec-WebSocket-Version", "13")];

impl<'x, 'l, R: Runtime> Exchange<'x, 'l, R> {
    pub(crate) fn new(connection: &'x mut HttpConnection<'l, R>) -> Self {
        Self { connection }
    }

    /// The same exchange, for who may leave it unanswered.
    pub(crate) fn reborrow(&mut self) -> Exchange<'_, 'l, R> {
        Exchange { connection: self.connection }
    }

    /// The request's head.
    pub fn request(&self) -> &Request<HeadBuffer<R::Buffer>> {
        &self.connection.request
    }

    /// The runtime that this connection stands on.
    pub fn runtime(&self) -> &'l R {
        self.connection.runtime
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

    /// The network of the peer, by which limits count it.
    pub(crate) fn peer_network(&self) -> Option<IpAddr> {
        self.connection.socket().peer_network()
    }

    /// Reports a rejected request to the runtime, whose content for the response is not used.
    pub(crate) fn report_rejection(&self, status: Status, reason: RejectionReason, text: &str) {
        let _ = self.connection.reject(status, reason, text);
    }

    /// Reads the next bytes of the content into `buffer`: how many, 0 at its end.
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
            let (count, done) = taken.map_err(BodyError::Refused)?;
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

    /// Reads the whole content into `buffer`: how many bytes.
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
                (false, _) => return Err(BodyError::Refused(RequestError::ContentTooLarge)),
            }
        }
    }

    /// As [`Exchange::read_whole`], into a buffer of the runtime, which grows as the content comes. `None` where the runtime has no
    /// memory for it.
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
                (false, _) => return Err(BodyError::Refused(RequestError::ContentTooLarge)),
            }
        }
    }

    /// Answers with a whole response.
    ///
    /// # Errors
    /// The connection ended first.
    pub fn respond(self, response: &Response<'_>) -> impl Future<Output = HandlerResult> {
        self.answer(response, false)
    }

    /// Answers that there is nothing here (404).
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn not_found(self) -> HandlerResult {
        self.reject_with(ServerError::NOT_FOUND, &[], false).await
    }

    /// Answers that only the methods `allow` are answered here: 200 to OPTIONS, 405 to any other.
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

    /// Answers that the request cannot be read to its end, and closes the connection.
    ///
    /// # Errors
    /// [`Disconnect::Rejected`], which a handler passes on.
    pub async fn refuse(self, refusal: RequestError) -> HandlerResult {
        trace::rejected(refusal.status().code(), refusal.reason());
        self.reject(refusal.status(), RejectionReason::Malformed(refusal), refusal.reason(), &[], true).await
    }

    fn reject_with(
        self,
        error: ServerError,
        headers: &[(&str, &str)],
        last: bool,
    ) -> impl Future<Output = HandlerResult> {
        self.reject(error.status, RejectionReason::Other, error.text, headers, last)
    }

    /// Answers with an error of the server's own, which the runtime is told of and may put in its own words. If `last` the
    /// answer ends the connection: [`Disconnect::Rejected`].
    pub(crate) fn reject(
        self,
        status: Status,
        reason: RejectionReason,
        text: &str,
        headers: &[(&str, &str)],
        last: bool,
    ) -> impl Future<Output = HandlerResult> {
        async move {
            let own = self.connection.reject(status, reason, text);
            let response = rejected(&own, status, text, headers);
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
        context.refuses = refuses;
        context.respond(connection, response).await
    }

    /// Answers what became of reading the content.
    ///
    /// # Errors
    /// [`Disconnect`], which a handler passes on.
    pub async fn respond_body_error(self, error: BodyError) -> HandlerResult {
        match error {
            BodyError::Refused(refusal) => self.refuse(refusal).await,
            BodyError::Ended(Disconnect::TimedOut) => {
                self.reject_with(ServerError::BODY_TIMEOUT, &[], true).await
            }
            BodyError::Ended(ended) => Err(ended),
        }
    }

    /// Answers with a stream of bytes that the handler writes: chunked, or to the connection's end for HTTP/1.0.
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

    /// Answers with a WebSocket. A request that is none is refused: 400, 405 or 426 with what the client has to send.
    ///
    /// # Errors
    /// The connection ended first, or the request was refused ([`Disconnect::Rejected`]): a handler passes both on.
    pub async fn websocket(self, options: &AcceptOptions<'x>) -> Result<ServerWebSocket<'x, 'l, R>, Disconnect> {
        let acceptance = match self.handshake(options.protocols) {
            Ok(acceptance) => acceptance,
            Err(refusal) => return self.refuse_handshake(refusal).await.and(Err(Disconnect::Closed)),
        };
        self.upgrade(acceptance, options.max_message).await
    }

    /// Completes the handshake. The request's buffer is given back before anything is waited for.
    pub(crate) async fn upgrade(
        self,
        acceptance: AcceptedHandshake<'x>,
        max_message: u64,
    ) -> Result<ServerWebSocket<'x, 'l, R>, Disconnect> {
        let (connection, _) = self.into_parts();
        connection.send(&|out: &mut ResumableWriter<'_>| acceptance.put(out)).await?;
        trace::upgraded(acceptance.protocol);
        Ok(ServerWebSocket::new(connection, Role::Server, Unmasked, max_message, acceptance.protocol))
    }

    pub(crate) fn handshake<'p>(&self, protocols: &[&'p str]) -> Result<AcceptedHandshake<'p>, HandshakeError> {
        let version = if self.request().version() == Version::Http10 { (1, 0) } else { (1, 1) };
        let line = RequestLine { method: self.request().method().as_str(), version };
        accept(line, self.request().headers(), protocols)
    }

    pub(crate) async fn refuse_handshake(self, refusal: HandshakeError) -> HandlerResult {
        trace::rejected(refusal.status(), refusal.text());
        let status = Status::new(refusal.status()).unwrap_or(Status::BAD_REQUEST);
        // One `Connection` says both: what may be upgraded to, and that this connection ends.
        let upgrades = refusal.fields().iter().any(|(name, _)| *name == "Connection");
        let headers = if upgrades { UPGRADE_OR_CLOSE } else { refusal.fields() };
        let own = self.connection.reject(status, RejectionReason::Other, refusal.text());
        let (connection, mut context) = self.into_parts();
        (context.keeps_connection, context.refuses) = (upgrades, true);
        context.origin.clear();
        context.respond(connection, &rejected(&own, status, refusal.text(), headers)).await
    }

    /// The connection and who asked; the request's buffer is given back.
    pub(crate) fn into_parts(self) -> (&'x mut HttpConnection<'l, R>, ResponseContext) {
        let context = self.context();
        self.connection.forget_request();
        (self.connection, context)
    }

    fn context(&self) -> ResponseContext {
        let origin = self.request().header("origin").filter(|_| self.connection.origin.is_some()).unwrap_or_default();
        ResponseContext {
            version: self.request().version(),
            origin: heapless::Vec::from_slice(origin).unwrap_or_default(),
            found: self.connection.origin.unwrap_or_default(),
            keeps_connection: self.keeps_connection(),
            head_only: self.is_head_only(),
            refuses: false,
        }
    }

    /// Whether the answer is to have no content.
    pub(crate) fn is_head_only(&self) -> bool {
        self.request().method() == Method::Head
    }

    /// Whether the connection may go on to another request after this one's answer.
    pub(crate) fn keeps_connection(&self) -> bool {
        self.request().keep_alive() && self.connection.body.continue_at.is_none() && !self.connection.runtime.is_shutting_down()
    }

    /// Whether a browser asks what it may ask (Fetch §4.8, CORS-preflight).
    pub(crate) fn is_preflight(&self) -> bool {
        self.request().method() == Method::Options
            && self.request().header("origin").is_some()
            && self.request().header("access-control-request-method").is_some()
    }

    /// Answers a preflight: what is asked for is permitted, since the origin is.
    pub(crate) async fn allow_preflight(self) -> HandlerResult {
        let context = self.context();
        // The answer is made of the request's own bytes.
        let request = self.connection.take_request();
        // A field value that was read is one that can be sent.
        let asked = |name| str::from_utf8(request.header(name).unwrap_or_default()).unwrap_or_default();
        let fields = [
            ("Access-Control-Allow-Methods", asked("access-control-request-method")),
            // For how long a browser keeps the answer. No other cache does (RFC 9110 §9.3.7), so it needs no `Vary`.
            ("Access-Control-Max-Age", "600"),
            ("Access-Control-Allow-Headers", asked("access-control-request-headers")),
        ];
        let headers = match &fields[..] {
            [without @ .., (_, "")] => without,
            all => all,
        };
        let response = Response { status: Status::NO_CONTENT, content_type: None, headers, body: b"" };
        context.respond(self.connection, &response).await
    }
}

/// Runs of content, and sizes of chunks, that are taken in one loan.
pub(crate) const MAX_CHUNKS: usize = 32;

/// Moves content out of `bytes`: what was consumed, how much of it went to `buffer`, and whether that was the end.
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
        // A run of content is never longer than what it was found in: cut that to the room.
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
