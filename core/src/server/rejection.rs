//! Requests that are rejected: what a runtime is told of them, and what it may answer.

use super::access::AccessDenied;
use crate::http::{Request, RequestError, Status};

/// A request that is answered by an error of the server's own.
#[derive(Debug)]
pub struct Rejection<'r, B> {
    /// The request; `None` where none could be read.
    pub request: Option<&'r Request<B>>,
    /// The status of the answer.
    pub status: Status,
    /// Why.
    pub reason: RejectionReason,
    /// The content of the answer, unless the runtime gives another: a line of text.
    pub text: &'r str,
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// Its origin or its host is not permitted.
    Access(AccessDenied),
    /// The request breaks a rule of HTTP, or a bound on it.
    Malformed(RequestError),
    /// The event is larger than the history of its channel.
    EventTooLarge,
    /// A bounded resource is in use.
    Exhausted(Resource),
    /// Something else, which the text says.
    Other,
}

/// A bounded resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Connections.
    Connections,
    /// Channels.
    Channels,
    /// Followers of a channel.
    Followers,
    /// Buffers for events that are published.
    EventBuffers,
    /// Buffers for request heads.
    HeadBuffers,
    /// None: the server is shutting down.
    ShuttingDown,
}

/// The content of the answer to a rejected request.
pub trait ErrorContent {
    /// Its `Content-Type` and its bytes; `None` for [`Rejection::text`].
    fn content(&self) -> Option<(&str, &[u8])>;
}

impl ErrorContent for () {
    fn content(&self) -> Option<(&str, &[u8])> {
        None
    }
}

/// The value of `Date`.
pub trait DateField {
    /// An HTTP date (RFC 9110 §5.6.7); `None` where no clock knows it, and answers have no `Date`.
    fn text(&self) -> Option<&[u8]>;
}

impl DateField for () {
    fn text(&self) -> Option<&[u8]> {
        None
    }
}
