//! Rejected requests, as the runtime sees them, and the content of their responses.

use super::access::AccessDenied;
use crate::http::{Request, RequestError, Status};

/// A request that the server answers with an error.
#[derive(Debug)]
pub struct Rejection<'r, B> {
    /// The request; `None` where its head could not be read.
    pub request: Option<&'r Request<B>>,
    /// The status of the answer.
    pub status: Status,
    /// The reason.
    pub reason: RejectionReason,
    /// The content of the response unless the runtime replaces it: a line of text.
    pub text: &'r str,
    /// The bound on the content of the request, in bytes: the lower of the configured one and that of
    /// [`Exchange::limit_content`](super::Exchange::limit_content).
    pub content_limit: u64,
}

/// The reason of a rejection.
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
    /// Another reason, which the text has.
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
    /// No resource: the server shuts down.
    ShuttingDown,
}

/// The content of the response to a rejected request.
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
    /// An HTTP date (RFC 9110 §5.6.7); `None` without a clock, and responses have no `Date` (RFC 9110 §6.6.1).
    fn text(&self) -> Option<&[u8]>;
}

impl DateField for () {
    fn text(&self) -> Option<&[u8]> {
        None
    }
}
