//! The errors of clients.

use core::fmt;

use super::url::UrlError;
use crate::http::{RequestError, ResponseError};
use crate::sse::parse::ParseError;
use crate::websocket::Disconnect;
use crate::ws::handshake::UpgradeError;

/// The reason for which a client has no connection; `E` is the connector's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The URL is not absolute, or not of a supported scheme.
    Url(UrlError),
    /// A part of the request is invalid, such as a field of [`ClientConfig::headers`](super::ClientConfig::headers).
    InvalidRequest,
    /// The connector returned an error.
    Connect(E),
    /// The connection has ended: [`Disconnect::Closed`] in order, [`Disconnect::Broken`] early,
    /// [`Disconnect::TimedOut`] by a timeout.
    Disconnected(Disconnect),
    /// The response's head is not HTTP (RFC 9112 §4).
    Response(ResponseError),
    /// The body's framing is invalid (RFC 9112 §6.3, §7.1).
    Body(RequestError),
    /// The status is not one of success.
    Status {
        /// The status code.
        status: u16,
        /// The seconds of `Retry-After` (RFC 9110 §10.2.3).
        retry_after: Option<u32>,
    },
    /// `Content-Type` differs from the requested media type.
    ContentType,
    /// The body is compressed, though the request did not offer that (RFC 9110 §8.4).
    ContentCoding,
    /// More redirects than [`ClientConfig::max_redirects`](super::ClientConfig::max_redirects).
    TooManyRedirects,
    /// The client does not follow this redirect: from TLS to plain text, without exactly one `Location`, to another
    /// [scheme](super::url::Scheme), or longer than [`Buffers::location`](super::Buffers::location).
    InvalidRedirect,
    /// The response is not an accepted WebSocket handshake (RFC 6455 §4.1): no WebSocket server, or a proxy that
    /// drops `Upgrade`.
    UpgradeFailed(UpgradeError),
    /// An event exceeds the parser's limits.
    EventStream(ParseError),
    /// An event or a response exceeds [`Buffers::buffer`](super::Buffers::buffer).
    TooLarge,
    /// The JSON of the response or of an event is malformed.
    Malformed,
    /// The event is stored, since the status was one of success. The rest of the response is lost, malformed, late or
    /// too long. Do not publish the event again.
    PublishResponseLost,
    /// The response began, but its body did not: a proxy collects it.
    ProxyBuffering,
    /// The client was closed, or has failed for good before.
    Closed,
}

impl<E> Error<E> {
    /// Whether another attempt may succeed: the network failed, or the status is 408, 425, 429, 500, 502, 503 or 504.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::ProxyBuffering => true,
            Self::Disconnected(ended) => !matches!(ended, Disconnect::NoEntropy | Disconnect::Protocol(_)),
            Self::Status { status, .. } | Self::UpgradeFailed(UpgradeError::Status(status)) => is_busy(*status),
            _ => false,
        }
    }

    /// Converts the connector's error.
    pub fn map_connect<F>(self, f: impl FnOnce(E) -> F) -> Error<F> {
        match self {
            Self::Connect(error) => Error::Connect(f(error)),
            Self::Url(error) => Error::Url(error),
            Self::InvalidRequest => Error::InvalidRequest,
            Self::Disconnected(ended) => Error::Disconnected(ended),
            Self::Response(error) => Error::Response(error),
            Self::Body(refusal) => Error::Body(refusal),
            Self::Status { status, retry_after } => Error::Status { status, retry_after },
            Self::ContentType => Error::ContentType,
            Self::ContentCoding => Error::ContentCoding,
            Self::TooManyRedirects => Error::TooManyRedirects,
            Self::InvalidRedirect => Error::InvalidRedirect,
            Self::UpgradeFailed(error) => Error::UpgradeFailed(error),
            Self::EventStream(error) => Error::EventStream(error),
            Self::TooLarge => Error::TooLarge,
            Self::Malformed => Error::Malformed,
            Self::PublishResponseLost => Error::PublishResponseLost,
            Self::ProxyBuffering => Error::ProxyBuffering,
            Self::Closed => Error::Closed,
        }
    }
}

/// The reason for which a field of [`ClientConfig::headers`](super::ClientConfig::headers) is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is not a token (RFC 9110 §5.1).
    Name,
    /// The client writes this field itself.
    Reserved,
    /// The value has a control character (RFC 9110 §5.5).
    Value,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "this is not the name of a header field; it has to be a token (RFC 9110 §5.1)",
            Self::Reserved => "the client writes this header field itself; leave it out",
            Self::Value => "the value of a header field must not have control characters (RFC 9110 §5.5)",
        })
    }
}

impl core::error::Error for HeaderError {}

/// Whether the status reports a temporary condition.
pub(super) const fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

impl<E> From<Disconnect> for Error<E> {
    fn from(ended: Disconnect) -> Self {
        Self::Disconnected(ended)
    }
}

impl<E> From<UrlError> for Error<E> {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl<E> From<ResponseError> for Error<E> {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::InvalidRequest => {
                f.write_str("the request has an invalid header field, subprotocol, origin or event id; correct the options")
            },
            Self::Connect(error) => write!(f, "no connection: {error:?}"),
            Self::Disconnected(ended) => ended.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Body(refusal) => refusal.fmt(f),
            Self::Status { status, .. } => write!(f, "the server answered {status}"),
            Self::ContentType => f.write_str("the response has an unexpected media type; check the URL"),
            Self::ContentCoding => {
                f.write_str("the response is compressed, though not requested so; disable compression in the server or proxy")
            },
            Self::TooManyRedirects => f.write_str("too many redirects; use the URL of their target"),
            Self::InvalidRedirect => f.write_str(
                "the redirect has no Location, an invalid or too long one, or leads from TLS to plain text; use its target",
            ),
            Self::UpgradeFailed(error) => error.fmt(f),
            Self::EventStream(error) => error.fmt(f),
            Self::TooLarge => f.write_str("an event or the response exceeds the buffer; enlarge the buffer"),
            Self::Malformed => f.write_str("the response or an event is malformed; check that the URL is the one of a channel"),
            Self::PublishResponseLost => {
                f.write_str("the event is stored, but the rest of the response is lost or malformed; do not publish it again")
            }
            Self::ProxyBuffering => {
                f.write_str("the response began, but no data followed: a proxy buffers it; disable its response buffering")
            },
            Self::Closed => f.write_str("the client is closed; create a new one"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
