//! Why a request is not served, and the status that says so.

use super::Status;
use core::fmt;

/// What is wrong with a request.
///
/// After any of these the connection cannot be trusted to know where the next request begins: answer with
/// [`status`](Self::status) and `Connection: close`, then close.
///
/// ```
/// use goldcrest_core::http::{HeadReader, RequestError, Status};
///
/// let mut buffer = [0; 64];
/// let refusal = HeadReader::new().take(&mut buffer, b"GET / HTTP/1.1\nHost: a\n\n").unwrap_err();
/// assert_eq!(refusal, RequestError::LineEnd);
/// assert_eq!(refusal.status(), Status::BAD_REQUEST);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// 400: the first byte begins no request, as that of a TLS handshake does not.
    NotHttp,
    /// 400: more empty lines before the request line than are skipped.
    EmptyLines,
    /// 400: a bare CR or a bare LF (RFC 9112 §2.2).
    LineEnd,
    /// 400: a control character in the head, NUL included (RFC 9110 §5.5).
    Control,
    /// 400: a request line that is not `method SP target SP version` (RFC 9112 §3).
    RequestLine,
    /// 400: a target of none of the four forms, or of one that the method does not go with (RFC 9112 §3.2).
    Target,
    /// 400: a field line without a colon, with a name that is no token, or with whitespace before the name or the
    /// colon, line folding included (RFC 9112 §5.1, §5.2).
    FieldLine,
    /// 400: `Host` is missing, given twice or invalid (RFC 9112 §3.2).
    Host,
    /// 400: `Content-Length` is given twice or is not digits alone (RFC 9112 §6.3).
    ContentLength,
    /// 400: `Transfer-Encoding` does not end in a single `chunked`, or comes with HTTP/1.0 (RFC 9112 §6.1).
    TransferEncoding,
    /// 400: both `Content-Length` and `Transfer-Encoding` (RFC 9112 §6.1).
    AmbiguousLength,
    /// 400: a chunk size that is not 1 to 16 hexadecimal digits (RFC 9112 §7.1).
    ChunkSize,
    /// 400: chunk extensions that are malformed or longer in all than their bound (RFC 9112 §7.1.1).
    ChunkExtension,
    /// 400: a chunk's data is not followed by CR LF (RFC 9112 §7.1).
    ChunkEnd,
    /// 400: a trailer section that is malformed (RFC 9112 §7.1.2).
    Trailer,
    /// 413: the content is longer than its bound.
    ContentTooLarge,
    /// 414: the request line does not fit the buffer.
    UriTooLong,
    /// 417: an expectation other than `100-continue` (RFC 9110 §10.1.1).
    Expectation,
    /// 431: the head does not fit the buffer.
    HeadTooLarge,
    /// 431: more field lines than are taken.
    TooManyFields,
    /// 431: a trailer section longer than its bound.
    TrailerTooLarge,
    /// 501: a transfer coding other than `chunked` (RFC 9112 §6.1).
    TransferCoding,
    /// 505: a version of HTTP other than 1.x, the preface of HTTP/2 included.
    Version,
}

impl RequestError {
    /// The status to answer with.
    pub const fn status(self) -> Status {
        match self {
            Self::NotHttp
            | Self::EmptyLines
            | Self::LineEnd
            | Self::Control
            | Self::RequestLine
            | Self::Target
            | Self::FieldLine
            | Self::Host
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::AmbiguousLength
            | Self::ChunkSize
            | Self::ChunkExtension
            | Self::ChunkEnd
            | Self::Trailer => Status::BAD_REQUEST,
            Self::ContentTooLarge => Status::CONTENT_TOO_LARGE,
            Self::UriTooLong => Status::URI_TOO_LONG,
            Self::Expectation => Status::EXPECTATION_FAILED,
            Self::HeadTooLarge | Self::TooManyFields | Self::TrailerTooLarge => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TransferCoding => Status::NOT_IMPLEMENTED,
            Self::Version => Status::HTTP_VERSION_NOT_SUPPORTED,
        }
    }

    /// The reason in a few words, for a response's content or a log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotHttp => "not HTTP",
            Self::EmptyLines => "too many empty lines",
            Self::LineEnd => "bare CR or LF",
            Self::Control => "control character in the head",
            Self::RequestLine => "malformed request line",
            Self::Target => "invalid request target",
            Self::FieldLine => "malformed field line",
            Self::Host => "missing, repeated or invalid Host",
            Self::ContentLength => "repeated or invalid Content-Length",
            Self::TransferEncoding => "invalid Transfer-Encoding",
            Self::AmbiguousLength => "both Content-Length and Transfer-Encoding",
            Self::ChunkSize => "invalid chunk size",
            Self::ChunkExtension => "invalid chunk extension",
            Self::ChunkEnd => "chunk data not followed by CR LF",
            Self::Trailer => "malformed trailer",
            Self::ContentTooLarge => "content too large",
            Self::UriTooLong => "request line too long",
            Self::Expectation => "unknown expectation",
            Self::HeadTooLarge => "request head too large",
            Self::TooManyFields => "too many fields",
            Self::TrailerTooLarge => "trailer too large",
            Self::TransferCoding => "unknown transfer coding",
            Self::Version => "unsupported HTTP version",
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl core::error::Error for RequestError {}
