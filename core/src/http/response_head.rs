//! The parser of a response head (RFC 9112 §4, §6.3).

use core::fmt;

use super::request::parse_version;
use super::{BodyLength, HeaderFields, RequestError, Version, field, length};
use crate::grammar::characters::is_value;
use crate::grammar::list::HeaderList;
use crate::grammar::scan::split_line;

/// A valid response head (RFC 9112), in the buffer of a [`HeadReader`](super::HeadReader).
///
/// As for requests, messages that a recipient may repair are rejected: a folded field, a bare LF, two lengths. A status
/// line without a reason phrase may omit the space before it, because several servers omit it.
///
/// ```
/// use goldcrest_core::http::{ResponseHead, BodyLength, MAX_FIELDS};
///
/// let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
/// let answer = ResponseHead::parse(head, MAX_FIELDS)?;
/// assert_eq!(answer.status(), 200);
/// assert_eq!(answer.header("content-type"), Some(&b"text/event-stream"[..]));
/// assert_eq!(answer.body_length(false), BodyLength::Chunked);
/// assert_eq!(answer.body_length(true), BodyLength::None); // to a HEAD
/// # Ok::<(), goldcrest_core::http::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'h> {
    status: u16,
    fields: HeaderFields<'h>,
    body: BodyLength,
    keep_alive: bool,
}

/// The reason that a response is invalid. The connection cannot be used any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseError {
    /// Not `HTTP/1.x`, a space, three digits from 100 to 599, and a reason without control characters (RFC 9112 §4).
    StatusLine,
    /// A version of HTTP other than 1.x, or 101 by HTTP/1.0, which has no upgrade (RFC 9110 §7.8).
    Version,
    /// 101 before the request was complete: the server would read the rest of it as the new protocol (RFC 9110 §7.8).
    Early,
    /// The head is longer than the buffer.
    TooLarge,
    /// The fields or the framing are invalid. The errors are those of requests.
    Broken(RequestError),
}

impl From<RequestError> for ResponseError {
    fn from(refusal: RequestError) -> Self {
        match refusal {
            RequestError::UriTooLong | RequestError::HeadTooLarge => Self::TooLarge,
            RequestError::NotHttp | RequestError::RequestLine | RequestError::EmptyLines => Self::StatusLine,
            refusal => Self::Broken(refusal),
        }
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatusLine => "the response is not HTTP/1",
            Self::Version => "the response has an unsupported version of HTTP",
            Self::Early => "the response switches protocols before the request is complete",
            Self::TooLarge => "the response head is longer than its buffer",
            Self::Broken(refusal) => refusal.reason(),
        })
    }
}

impl core::error::Error for ResponseError {}

impl<'h> ResponseHead<'h> {
    /// Validates a complete head with its empty line and at most `max_fields` field lines.
    ///
    /// # Errors
    /// The first violation.
    pub fn parse(head: &'h [u8], max_fields: usize) -> Result<Self, ResponseError> {
        let (line, lines) = split_line(head).ok_or(ResponseError::StatusLine)?;
        let (version, status) = status_line(line)?;
        let old = version == Version::Http10;
        if old && status == 101 {
            return Err(ResponseError::Version);
        }
        let mut framing = length::FramingFields::default();
        let (mut close, mut keep_alive) = (false, false);
        field::validate_all(lines, max_fields, |name, value| {
            if name.eq_ignore_ascii_case("content-length") {
                framing.content_length(value)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing.transfer_encoding(value)?;
            } else if name.eq_ignore_ascii_case("connection") {
                for option in HeaderList::new(value) {
                    close |= option.eq_ignore_ascii_case(b"close");
                    keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            Ok(())
        })?;
        // 304 may have the length of the content that is not sent. 1xx and 204 must have none (RFC 9110 §8.6).
        let body = match framing.body_length(old)? {
            _ if status < 200 || status == 204 || status == 304 => BodyLength::None,
            BodyLength::None => BodyLength::UntilClose,
            length => length,
        };
        let keep_alive = !close && (!old || keep_alive) && body != BodyLength::UntilClose;
        Ok(Self { status, fields: HeaderFields::new(lines), body, keep_alive })
    }

    /// The status code, 100 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether another response to the same request follows: 1xx except 101 (RFC 9110 §15.2).
    pub fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }

    /// All fields, in order.
    pub fn fields(&self) -> HeaderFields<'h> {
        self.fields
    }

    /// The value of the field `name`, compared without case, if there is exactly one.
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        let mut named = self.fields.named(name);
        let first = named.next()?;
        if named.next().is_none() { Some(first) } else { None }
    }

    /// The body length (RFC 9112 §6.3). `to_head`: the response is to HEAD, so it has no content.
    pub fn body_length(&self, to_head: bool) -> BodyLength {
        if to_head { BodyLength::None } else { self.body }
    }

    /// Whether the connection stays open after the content (RFC 9112 §9.3).
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// `Retry-After` in seconds (RFC 9110 §10.2.3). `None` for a date: there is no calendar.
    pub fn retry_after(&self) -> Option<u32> {
        let digits = self.header("retry-after")?;
        if digits.is_empty() {
            return None;
        }
        digits.iter().try_fold(0_u32, |sum, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            Some(sum.saturating_mul(10).saturating_add(digit.into()))
        })
    }
}

/// `HTTP/1.1 200 OK`: the version and the status.
fn status_line(line: &[u8]) -> Result<(Version, u16), ResponseError> {
    let (version, rest) = line.split_first_chunk::<8>().ok_or(ResponseError::StatusLine)?;
    let version = parse_version(version).map_err(|refusal| match refusal {
        RequestError::Version => ResponseError::Version,
        _ => ResponseError::StatusLine,
    })?;
    let (status, reason) = rest.split_first_chunk::<4>().ok_or(ResponseError::StatusLine)?;
    let ([b' ', digits @ ..], b"" | [b' ', ..]) = (status, reason) else {
        return Err(ResponseError::StatusLine);
    };
    if !reason.iter().all(|byte| is_value(*byte)) {
        return Err(ResponseError::StatusLine);
    }
    match digits {
        [hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            let digit = |digit: &u8| u16::from(digit.wrapping_sub(b'0'));
            Ok((version, digit(hundreds) * 100 + digit(tens) * 10 + digit(ones)))
        }
        _ => Err(ResponseError::StatusLine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn parse(line: &str, fields: &str) -> Result<(u16, BodyLength, bool), ResponseError> {
        let head = format!("{line}\r\n{fields}\r\n");
        let answer = ResponseHead::parse(head.as_bytes(), 4)?;
        Ok((answer.status(), answer.body_length(false), answer.keep_alive()))
    }

    #[test]
    fn a_status_line_is_version_and_three_digits() {
        for line in ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.9 200 a\u{e9} b"] {
            assert_eq!(parse(line, "Content-Length: 0\r\n"), Ok((200, BodyLength::Fixed(0), true)), "{line}");
        }
        for line in ["", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099 x", "HTTP/1.1 600 x"] {
            assert_eq!(parse(line, ""), Err(ResponseError::StatusLine), "{line}");
        }
        for line in ["http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1\t200 OK"] {
            assert_eq!(parse(line, ""), Err(ResponseError::StatusLine), "{line}");
        }
        for line in ["HTTP/1.1 200 a\rb", "HTTP/1.1 200 a\nb", "HTTP/1.1 200 \0", "HTTP/1.1 200 \x7f"] {
            assert_eq!(parse(line, ""), Err(ResponseError::StatusLine), "{line:?}");
        }
        assert_eq!(parse("HTTP/2.0 200 OK", ""), Err(ResponseError::Version));
    }

    #[test]
    fn the_length_follows_rfc_9112() {
        for (line, fields, body, keeps) in [
            ("HTTP/1.1 200 OK", "", BodyLength::UntilClose, false),
            ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", BodyLength::Chunked, true),
            ("HTTP/1.1 200 OK", "Content-Length: 7\r\nConnection: close\r\n", BodyLength::Fixed(7), false),
            ("HTTP/1.0 200 OK", "Content-Length: 7\r\n", BodyLength::Fixed(7), false),
            ("HTTP/1.0 200 OK", "Content-Length: 7\r\nConnection: keep-alive\r\n", BodyLength::Fixed(7), true),
            ("HTTP/1.1 204 No Content", "", BodyLength::None, true),
            ("HTTP/1.1 304 Not Modified", "Content-Length: 7\r\n", BodyLength::None, true),
            ("HTTP/1.1 101 Switching Protocols", "", BodyLength::None, true),
        ] {
            let (_, length, keep_alive) = parse(line, fields).unwrap();
            assert_eq!((length, keep_alive), (body, keeps), "{line} {fields}");
        }
    }

    #[test]
    fn ambiguous_responses_are_rejected() {
        for (fields, refusal) in [
            ("Content-Length: 7\r\nContent-Length: 7\r\n", RequestError::ContentLength),
            ("Content-Length: 7, 7\r\n", RequestError::ContentLength),
            ("Content-Length: -1\r\n", RequestError::ContentLength),
            ("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", RequestError::AmbiguousLength),
            ("Transfer-Encoding: gzip\r\n", RequestError::TransferCoding),
            ("Transfer-Encoding: chunked, chunked\r\n", RequestError::TransferEncoding),
            ("A: b\r\n c\r\n", RequestError::FieldLine),
            ("A : b\r\n", RequestError::FieldLine),
            ("A\r\n", RequestError::FieldLine),
            ("A: b\0\r\n", RequestError::Control),
            ("A: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n", RequestError::TooManyFields),
        ] {
            assert_eq!(parse("HTTP/1.1 200 OK", fields), Err(ResponseError::Broken(refusal)), "{fields}");
        }
        assert_eq!(
            parse("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n"),
            Err(ResponseError::Broken(RequestError::TransferEncoding))
        );
    }

    #[test]
    fn repeated_fields_and_retry_after_dates_are_ignored() {
        let head = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nlocation: /b\r\nRetry-After: 120\r\n\r\n";
        let answer = ResponseHead::parse(head, 4).unwrap();
        assert_eq!((answer.header("Location"), answer.retry_after()), (None, Some(120)));
        let head = b"HTTP/1.1 503 Busy\r\nRetry-After: Fri, 07 Nov 2014 23:59:59 GMT\r\n\r\n";
        assert_eq!(ResponseHead::parse(head, 4).unwrap().retry_after(), None);
    }
}
