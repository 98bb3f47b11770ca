//! Requests of one connection, from the first to the last.

use core::task::{Context, Poll};
use core::time::Duration;

use heapless::Vec;

use super::config::ServerConfig;
use super::exchange::{Exchange, MAX_CHUNKS};
use super::handler::Handler;
use super::head_buffer::HeadBuffer;
use super::http_connection::{HEAD_BYTE, HttpConnection, REQUEST, RequestContent};
use super::rejection::{RejectionReason, Resource};
use super::response::{HandlerResult, Responded, ResponseContext, error_response};
use super::runtime::{BufferKind, Growth, Runtime};
use super::server_error::ServerError;
use crate::connection::{Disconnect, ReceiveAllowance};
use crate::grammar::origin::OriginMatch;
use crate::http::{BodyDecoder, BodyLength, HeadReader, Method, Request, RequestError, Response, Status, Version};
use crate::io::{Interest, TryIo, never};
use crate::output::decimal;
use crate::trace;

/// The response to `OPTIONS *` (RFC 9110 §9.3.7).
const ALLOWED: Response<'_> =
    Response { status: Status::OK, content_type: None, headers: &[("Allow", "GET, HEAD, POST, OPTIONS")], body: b"" };

/// The interval of attempts to get a head buffer while all are in use.
const BUFFER_RETRY: Duration = Duration::from_millis(20);

/// A head that takes longer than this is dropped when another request needs its buffer.
const SLOW_HEAD: Duration = Duration::from_millis(500);

/// Serves one connection until it ends, and returns the reason.
///
/// The socket is closed or aborted by then. The future may be dropped at any time; the peer then sees the effect of dropping
/// the socket.
pub fn serve<R: Runtime, H: Handler>(
    socket: &mut R::Socket,
    runtime: &R,
    config: &ServerConfig<'_>,
    handler: &H,
) -> impl Future<Output = Disconnect> {
    async move {
        let mut connection = HttpConnection::new(socket, runtime, config);
        let ended = requests(&mut connection, handler).await;
        connection.release_head_buffer();
        match ended {
            Disconnect::Closed | Disconnect::Rejected(_) | Disconnect::Protocol(_) if !connection.answering => {
                connection.finish().await
            }
            _ => connection.abort(),
        }
        ended.trace();
        ended
    }
}

/// Serves the requests of a connection one after the other.
fn requests<R: Runtime, H: Handler>(
    connection: &mut HttpConnection<'_, R>,
    handler: &H,
) -> impl Future<Output = Disconnect> {
    async move {
        loop {
            match head(connection).await {
                Ok(()) => {}
                Err(NoRequest::Ended(ended)) => return ended,
                Err(NoRequest::Rejected(rejected)) => {
                    return reject(connection, rejected).await.err().unwrap_or(Disconnect::Closed);
                }
            }
            if let Err(ended) = answer(connection, handler).await {
                return ended;
            }
            // Pipelined requests (RFC 9112 §9.3.2) are answered without a wait between them.
            connection.yield_if_spent().await;
        }
    }
}

/// The end of a connection without a request for the handler.
enum NoRequest {
    Ended(Disconnect),
    /// The end of the request is unknown, so the connection ends with an error response.
    Rejected(RejectedHead),
}

enum RejectedHead {
    Malformed(RequestError),
    /// It did not arrive in time.
    TimedOut,
    /// All head buffers stayed in use.
    NoBuffer,
}

impl From<Disconnect> for NoRequest {
    fn from(ended: Disconnect) -> Self {
        Self::Ended(ended)
    }
}

impl From<RequestError> for NoRequest {
    fn from(error: RequestError) -> Self {
        Self::Rejected(RejectedHead::Malformed(error))
    }
}

/// Waits for a request, reads its head, and determines the length of its content.
async fn head<R: Runtime>(connection: &mut HttpConnection<'_, R>) -> Result<(), NoRequest> {
    let idle = connection.after(connection.config.idle_timeout);
    loop {
        // Reads nothing: a connection without a request needs no buffer.
        match connection.try_read(&mut |_: &mut [u8]| 0)? {
            TryIo::Done(()) => break,
            TryIo::Eof => return Err(Disconnect::Closed.into()),
            TryIo::WouldBlock => {}
        }
        if connection.now() >= idle || connection.runtime.is_shutting_down() {
            return Err(Disconnect::Closed.into());
        }
        let runtime = connection.runtime;
        let mut shutdown =
            |_: &mut Context<'_>| if runtime.is_shutting_down() { Poll::Ready(()) } else { Poll::Pending };
        connection.wait(Interest::READ, idle, &mut shutdown).await?;
    }
    let give_up = connection.after(connection.config.buffer_timeout);
    let mut buffer = loop {
        // A request beyond the rate waits for the next second. Nothing is read meanwhile, so TCP slows the client down.
        if connection.admits(connection.config.max_requests)
            && let Some(buffer) = connection.runtime.buffer(BufferKind::Head)
        {
            break buffer;
        }
        if connection.now() >= give_up {
            return Err(NoRequest::Rejected(RejectedHead::NoBuffer));
        }
        let retry = connection.after(BUFFER_RETRY);
        connection.wait(Interest::NONE, retry, &mut never).await?;
    };
    let deadline = connection.after(connection.config.head_timeout);
    let mut reader = HeadReader::new();
    let mut complete = Ok(0);
    let runtime = connection.runtime;
    let mut take = |bytes: &mut [u8], _: &mut RequestContent| {
        let filled = reader.written();
        // A buffer that grows takes only the bytes that it has space for.
        let bytes = match runtime.grow(&mut buffer, filled) {
            Growth::Room => {
                let room = buffer.as_ref().len().saturating_sub(filled);
                bytes.get(..room).unwrap_or(bytes)
            }
            Growth::Full => bytes,
            Growth::Refused => {
                complete = Err(RejectedHead::NoBuffer);
                return (bytes.len(), true);
            }
        };
        match reader.take(buffer.as_mut(), bytes) {
            Ok(taken) => {
                complete = Ok(taken.complete.unwrap_or_default());
                (taken.consumed, taken.complete.is_some())
            }
            Err(error) => {
                complete = Err(RejectedHead::Malformed(error));
                (bytes.len(), true)
            }
        }
    };
    let read = loop {
        let slow = connection.after(SLOW_HEAD).min(deadline);
        match connection.read(slow, &mut take).await {
            // Slow heads are tolerated until the buffer pool is exhausted.
            Err(Disconnect::TimedOut)
                if connection.now() < deadline && !connection.runtime.is_exhausted(BufferKind::Head) => {}
            read => break read,
        }
    };
    let length = match read {
        Ok(true) => complete.map_err(NoRequest::Rejected)?,
        Ok(false) => return Err(Disconnect::Closed.into()),
        Err(Disconnect::TimedOut) => return Err(NoRequest::Rejected(RejectedHead::TimedOut)),
        Err(ended) => return Err(ended.into()),
    };
    connection.charge(length.wrapping_mul(HEAD_BYTE).wrapping_add(REQUEST));
    let request =
        Request::parse(HeadBuffer::new(buffer), length, connection.config.max_fields).map_err(|(error, _)| error)?;
    let length = request.body_length();
    connection.body.set_limit(connection.config.max_body);
    let decoder = BodyDecoder::new(length, connection.config.max_body)?;
    connection.body.decoder = (length != BodyLength::None && !length.is_empty()).then_some(decoder);
    connection.body.allowance = ReceiveAllowance::WHOLE;
    connection.body.continue_at = (connection.body.decoder.is_some() && request.expects_continue()).then_some(0);
    (connection.request, connection.origin) = (request, None);
    Ok(())
}

/// Answers one request; an error ends the connection.
fn answer<R: Runtime, H: Handler>(
    connection: &mut HttpConnection<'_, R>,
    handler: &H,
) -> impl Future<Output = Result<(), Disconnect>> {
    async move {
        connection.runtime.request_began(connection.socket(), &connection.request);
        // A chip reports no end of a request, and saves the code that carries the error past the report.
        #[cfg(target_os = "none")]
        let responded = match reject_early(connection).await? {
            Some(responded) => responded,
            None => handler.handle(Exchange::new(connection)).await?,
        };
        #[cfg(not(target_os = "none"))]
        let responded = {
            let result = match reject_early(connection).await {
                Ok(Some(responded)) => Ok(responded),
                Ok(None) => handler.handle(Exchange::new(connection)).await,
                Err(ended) => Err(ended),
            };
            connection.runtime.request_ended(connection.socket(), result.as_ref().map(|_| ()).map_err(|ended| *ended));
            result?
        };
        if !responded.keeps_connection() {
            return Err(Disconnect::Closed);
        }
        skip_content(connection).await
    }
}

/// Answers requests that never reach the handler.
fn reject_early<R: Runtime>(
    connection: &mut HttpConnection<'_, R>,
) -> impl Future<Output = Result<Option<Responded>, Disconnect>> {
    async move {
        let exchange = Exchange::new(connection);
        let checked = exchange.connection.config.access.check(exchange.request());
        exchange.connection.origin = checked.ok();
        let (status, reason, text, headers) = if let Err(denied) = checked {
            let ServerError { status, text } = ServerError::FORBIDDEN;
            trace::rejected(status.code(), text);
            (status, RejectionReason::Access(denied), text, &[][..])
        } else if exchange.is_preflight() {
            return exchange.allow_preflight().await.map(Some);
        } else {
            match exchange.request().method() {
                Method::Other(_) => {
                    let ServerError { status, text } = ServerError::UNKNOWN_METHOD;
                    (status, RejectionReason::Other, text, &[][..])
                }
                Method::Options if exchange.request().path() == "*" => {
                    return exchange.respond(&ALLOWED).await.map(Some);
                }
                _ => return Ok(None),
            }
        };
        exchange.reject(status, reason, text, headers, false).await.map(Some)
    }
}

/// Discards the content that the handler did not read.
async fn skip_content<R: Runtime>(connection: &mut HttpConnection<'_, R>) -> Result<(), Disconnect> {
    if connection.body.decoder.is_none() {
        return Ok(());
    }
    let deadline = connection.after(connection.config.body_timeout);
    let mut sound = true;
    let mut skip = |bytes: &mut [u8], content: &mut RequestContent| {
        let mut consumed = 0usize;
        for _ in 0..MAX_CHUNKS {
            let rest = bytes.get(consumed..).unwrap_or_default();
            match content.decoder.as_mut().map(|it| it.decode(rest)) {
                Some(Ok(decoded)) => {
                    consumed = consumed.wrapping_add(decoded.consumed);
                    if decoded.done || decoded.consumed == 0 {
                        return (consumed, decoded.done);
                    }
                }
                Some(Err(_)) | None => {
                    sound = false;
                    return (bytes.len(), true);
                }
            }
        }
        (consumed, false)
    };
    let whole = connection.read(deadline, &mut skip).await?;
    if whole && sound { Ok(()) } else { Err(Disconnect::Closed) }
}

/// Rejects a request whose end is unknown, and ends the connection.
async fn reject<R: Runtime>(connection: &mut HttpConnection<'_, R>, rejected: RejectedHead) -> HandlerResult {
    let mut digits = [0; 20];
    let later = [("Retry-After", decimal(&mut digits, connection.config.retry_after.as_secs().max(1)))];
    let (status, reason, text, headers) = match rejected {
        RejectedHead::Malformed(error) => {
            trace::rejected(error.status().code(), error.reason());
            (error.status(), RejectionReason::Malformed(error), error.reason(), &[][..])
        }
        RejectedHead::TimedOut => {
            let ServerError { status, text } = ServerError::HEAD_TIMEOUT;
            (status, RejectionReason::Other, text, &[][..])
        }
        RejectedHead::NoBuffer => {
            trace::overloaded("all head buffers");
            let reason = RejectionReason::Exhausted(Resource::HeadBuffers);
            let ServerError { status, text } = ServerError::NO_HEAD_BUFFER;
            (status, reason, text, &later[..])
        }
    };
    // The stored request is the one before.
    connection.release_head_buffer();
    let content = connection.reject(status, reason, text);
    let context = ResponseContext {
        version: Version::Http11,
        origin: Vec::new(),
        origin_match: OriginMatch::Absent,
        keeps_connection: false,
        head_only: false,
        rejects: true,
    };
    context.respond(connection, &error_response(&content, status, text, headers)).await
}
