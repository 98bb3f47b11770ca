//! The violations by a request, each with the status and the text of the response.

use super::Status;
use core::fmt;

macro_rules! request_errors {
    ($($(#[$doc:meta])* $name:ident, $status:ident, $reason:literal;)*) => {
        /// A violation by a request.
        ///
        /// After an error the start of the next request is unknown. Respond with [`status`](Self::status) and
        /// `Connection: close`, then close the connection.
        ///
        /// ```
        /// use goldcrest_core::http::{HeadReader, RequestError, Status};
        ///
        /// let mut buffer = [0; 64];
        /// let error = HeadReader::new().take(&mut buffer, b"GET / HTTP/1.1\nHost: a\n\n").unwrap_err();
        /// assert_eq!(error, RequestError::LineEnd);
        /// assert_eq!(error.status(), Status::BAD_REQUEST);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RequestError {
            $($(#[$doc])* #[doc = concat!("\n\nStatus: [`", stringify!($status), "`](Status::", stringify!($status), ")")] $name,)*
        }

        impl RequestError {
            /// The status of the response.
            pub const fn status(self) -> Status {
                match self {
                    $(Self::$name => Status::$status,)*
                }
            }

            /// A short text for the content of the response or for a log.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)*
                }
            }
        }
    };
}

request_errors! {
    /// The first byte does not begin a request. An example is the first byte of a TLS handshake.
    NotHttp, BAD_REQUEST, "not HTTP";
    /// More than [`MAX_EMPTY_LINES`](crate::http::MAX_EMPTY_LINES) empty lines before the request line.
    EmptyLines, BAD_REQUEST, "too many empty lines";
    /// A bare CR or a bare LF (RFC 9112 §2.2).
    LineEnd, BAD_REQUEST, "bare CR or LF";
    /// A control character in the head, NUL included (RFC 9110 §5.5).
    Control, BAD_REQUEST, "control character in the head";
    /// The request line is not `method SP target SP version` (RFC 9112 §3).
    RequestLine, BAD_REQUEST, "malformed request line";
    /// A target with none of the four forms, or with a form that the method does not permit (RFC 9112 §3.2).
    Target, BAD_REQUEST, "invalid request target";
    /// A field line without a colon, with a name that is not a token, or with whitespace before the name or the
    /// colon. This includes line folding (RFC 9112 §5.1, §5.2).
    FieldLine, BAD_REQUEST, "malformed field line";
    /// `Host` is missing, repeated or invalid (RFC 9112 §3.2).
    Host, BAD_REQUEST, "missing, repeated or invalid Host";
    /// `Content-Length` is repeated or has other characters than digits (RFC 9112 §6.3).
    ContentLength, BAD_REQUEST, "repeated or invalid Content-Length";
    /// `Transfer-Encoding` does not end in a single `chunked`, or comes with HTTP/1.0 (RFC 9112 §6.1).
    TransferEncoding, BAD_REQUEST, "invalid Transfer-Encoding";
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 §6.1).
    AmbiguousLength, BAD_REQUEST, "both Content-Length and Transfer-Encoding";
    /// A chunk size without 1 to 16 hexadecimal digits (RFC 9112 §7.1).
    ChunkSize, BAD_REQUEST, "invalid chunk size";
    /// Chunk extensions that are malformed, or longer than their bound on the whole message (RFC 9112 §7.1.1).
    ChunkExtension, BAD_REQUEST, "invalid chunk extension";
    /// A chunk's data is not followed by CR LF (RFC 9112 §7.1).
    ChunkEnd, BAD_REQUEST, "chunk data not followed by CR LF";
    /// A malformed trailer section (RFC 9112 §7.1.2).
    Trailer, BAD_REQUEST, "malformed trailer";
    /// The content is longer than its bound.
    ContentTooLarge, CONTENT_TOO_LARGE, "content too large";
    /// The request line does not fit the buffer.
    UriTooLong, URI_TOO_LONG, "request line too long";
    /// An expectation other than `100-continue` (RFC 9110 §10.1.1).
    Expectation, EXPECTATION_FAILED, "unknown expectation";
    /// The head does not fit the buffer.
    HeadTooLarge, REQUEST_HEADER_FIELDS_TOO_LARGE, "request head too large";
    /// More field lines than their bound.
    TooManyFields, REQUEST_HEADER_FIELDS_TOO_LARGE, "too many fields";
    /// A trailer section longer than its bound.
    TrailerTooLarge, REQUEST_HEADER_FIELDS_TOO_LARGE, "trailer too large";
    /// A transfer coding other than `chunked` (RFC 9112 §6.1).
    TransferCoding, NOT_IMPLEMENTED, "unknown transfer coding";
    /// A version of HTTP other than 1.x. This includes the preface of HTTP/2 (RFC 9113 §3.4).
    Version, HTTP_VERSION_NOT_SUPPORTED, "unsupported HTTP version";
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl core::error::Error for RequestError {}
