//! The error responses of the server: status and text in one table.

use crate::http::Status;

/// The status and the content of an error response.
#[derive(Clone, Copy)]
pub(crate) struct ServerError {
    pub(crate) status: Status,
    /// A line of text.
    pub(crate) text: &'static str,
}

macro_rules! server_errors {
    ($($(#[$doc:meta])* $name:ident, $status:ident, $text:literal;)*) => {
        impl ServerError {
            $($(#[$doc])* pub(crate) const $name: Self = Self { status: Status::$status, text: concat!($text, "\n") };)*
        }
    };
}

server_errors! {
    /// No handler has the path.
    NOT_FOUND, NOT_FOUND, "nothing here";
    /// `Origin` or `Host` is not permitted.
    FORBIDDEN, FORBIDDEN, "this origin or host is not allowed";
    /// The request has no valid credentials (RFC 9110 §15.5.2).
    UNAUTHORIZED, UNAUTHORIZED, "credentials are required";
    /// The credentials do not permit the request.
    NOT_PERMITTED, FORBIDDEN, "not permitted";
    METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED, "method not allowed";
    /// A method that is not implemented for any resource (RFC 9110 §15.6.2).
    UNKNOWN_METHOD, NOT_IMPLEMENTED, "unknown method";
    /// The handler panicked.
    INTERNAL, INTERNAL_SERVER_ERROR, "the handler failed";
    /// A `Location` that is not a URI reference.
    BAD_LOCATION, INTERNAL_SERVER_ERROR, "the server cannot redirect: the target is not a URI";
    HEAD_TIMEOUT, REQUEST_TIMEOUT, "the request head took too long";
    BODY_TIMEOUT, REQUEST_TIMEOUT, "the content took too long";
    /// All head buffers are in use.
    NO_HEAD_BUFFER, SERVICE_UNAVAILABLE, "busy, come back later";
    /// A bounded resource is in use.
    OVERLOADED, SERVICE_UNAVAILABLE, "full, come back later";
}
