//! What went wrong.

use core::fmt;

use super::url::UrlError;
use crate::http::{RequestError, ResponseError};
use crate::sse::parse::ParseError;
use crate::websocket::Disconnect;
use crate::ws::handshake::UpgradeError;

/// Why a client has no connection, or no longer has one; `E` is the connector's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The URL is none that a client can go to.
    Url(UrlError),
    /// A field of [`ClientConfig::headers`](super::ClientConfig::headers), or another part of the request, cannot be sent.
    InvalidRequest,
    /// There is no connection.
    Connect(E),
    /// The connection ended: in order ([`Disconnect::Closed`]), before its time ([`Disconnect::Broken`]), silent for too long.
    Disconnected(Disconnect),
    /// What came is no answer.
    Response(ResponseError),
    /// The content is not delimited as it should be.
    Body(RequestError),
    /// A status that is no success, with the seconds of its `Retry-After`.
    Status {
        /// The status.
        status: u16,
        /// When to come back, if the server says so.
        retry_after: Option<u32>,
    },
    /// The content is of another type than what was asked for.
    ContentType,
    /// The content is compressed, or coded otherwise (RFC 9110 §8.4), though nobody asked for that.
    ContentCoding,
    /// More redirects than are followed, or a loop of them.
    TooManyRedirects,
    /// A redirect that is not followed: from TLS to the clear, without a single `Location`, to what is no URL of
    /// [these schemes](super::url::Scheme), or to one that is longer than the memory for it.
    InvalidRedirect,
    /// The server does not speak WebSocket here, or something between eats the upgrade.
    UpgradeFailed(UpgradeError),
    /// An event of SSE is past its bound.
    EventStream(ParseError),
    /// An event or an answer is longer than the memory for it.
    TooLarge,
    /// What came is not of the form that it should have.
    Malformed,
    /// The server has answered that the event is stored (a status of success), and the rest of its answer is lost, malformed,
    /// late, or longer than the memory for it. The event must not be published again.
    PublishResponseLost,
    /// Nothing came for too long though the answer had begun: something between collects it.
    ProxyBuffering,
    /// It was closed by this side, or has failed for good before.
    Closed,
}

impl<E> Error<E> {
    /// Whether trying the same again later may help: the network failed, or the server says that it is busy (408, 425, 429,
    /// 500, 502, 503, 504).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::ProxyBuffering => true,
            Self::Disconnected(ended) => !matches!(ended, Disconnect::NoEntropy | Disconnect::Protocol(_)),
            Self::Status { status, .. } | Self::UpgradeFailed(UpgradeError::Status(status)) => is_busy(*status),
            _ => false,
        }
    }

    /// The same for another connector.
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

/// Why a field of [`ClientConfig::headers`](super::ClientConfig::headers) cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// Its name is none (RFC 9110 §5.1).
    Name,
    /// The client writes it itself.
    Reserved,
    /// Its value has a byte that would break out of its line (RFC 9110 §5.5).
    Value,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "this is no name of a field",
            Self::Reserved => "the client writes this field itself",
            Self::Value => "its value has a character that no field may have",
        })
    }
}

impl core::error::Error for HeaderError {}

/// Whether a status says that the server has trouble now and may not have it later.
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
            Self::InvalidRequest => f.write_str("the request has a part that cannot be sent"),
            Self::Connect(error) => write!(f, "no connection: {error:?}"),
            Self::Disconnected(ended) => ended.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Body(refusal) => refusal.fmt(f),
            Self::Status { status, .. } => write!(f, "the server answered {status}"),
            Self::ContentType => f.write_str("the answer is of another type than what was asked for"),
            Self::ContentCoding => f.write_str("the answer is compressed, which was not asked for"),
            Self::TooManyRedirects => f.write_str("too many redirects"),
            Self::InvalidRedirect => f.write_str("a redirect to where nobody goes"),
            Self::UpgradeFailed(error) => error.fmt(f),
            Self::EventStream(error) => error.fmt(f),
            Self::TooLarge => f.write_str("longer than the memory for it"),
            Self::Malformed => f.write_str("what came is not of the form that it should have"),
            Self::PublishResponseLost => {
                f.write_str("the event is stored; the rest of the answer is malformed, late or too long")
            }
            Self::ProxyBuffering => f.write_str("something between collects the answer"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
