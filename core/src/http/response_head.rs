//! The head of a response, as a client reads it (RFC 9112 §4, §6.3).

use core::fmt;

use super::request::judge_version;
use super::{BodyLength, HeaderFields, RequestError, Version, field, length};
use crate::grammar::characters::is_value;
use crate::grammar::list::HeaderList;
use crate::grammar::scan::split_line;

/// The head of a response that keeps every rule of RFC 9112, in the buffer where an
/// [`HeadReader`](super::HeadReader) collected it.
///
/// What a recipient might mend is refused, as it is for requests: a folded field, a bare LF, two lengths. A status line
/// without a reason phrase is taken without the space before it as well, as several servers write it.
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

/// Why a response cannot be read. The connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseError {
    /// Not `HTTP/1.x`, a space, three digits from 100 to 599, and a reason without control characters (RFC 9112 §4).
    StatusLine,
    /// A version of HTTP other than 1.x, or 101 by HTTP/1.0, which has no upgrade (RFC 9110 §7.8).
    Version,
    /// 101 before the request was whole: what is still to be sent of it would be taken for the new protocol.
    Early,
    /// The head, or a part of it, is longer than the buffer.
    TooLarge,
    /// The fields or the framing of the content break a rule, by the name that it has for requests.
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
            Self::StatusLine => "the answer is not HTTP/1",
            Self::Version => "the answer is of a version of HTTP that it cannot be of",
            Self::Early => "the answer changes the protocol before the request was whole",
            Self::TooLarge => "the answer's head is longer than the buffer for it",
            Self::Broken(refusal) => refusal.reason(),
        })
    }
}

impl core::error::Error for ResponseError {}

impl<'h> ResponseHead<'h> {
    /// Judges a whole head, its empty line included, which may have at most `max_fields` field lines.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(head: &'h [u8], max_fields: usize) -> Result<Self, ResponseError> {
        let (line, lines) = split_line(head).ok_or(ResponseError::StatusLine)?;
        let (version, status) = status_line(line)?;
        let old = version == Version::Http10;
        if old && status == 101 {
            return Err(ResponseError::Version);
        }
        let mut judge = length::Judge::default();
        let (mut close, mut keep_alive) = (false, false);
        field::validate_all(lines, max_fields, |name, value| {
            if name.eq_ignore_ascii_case("content-length") {
                judge.content_length(value)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                judge.transfer_encoding(value)?;
            } else if name.eq_ignore_ascii_case("connection") {
                for option in HeaderList::new(value) {
                    close |= option.eq_ignore_ascii_case(b"close");
                    keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            Ok(())
        })?;
        // 304 may tell the length of what it does not send (RFC 9110 §8.6); 1xx and 204 must not have one at all.
        let body = match judge.verdict(old)? {
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

    /// Whether another answer to the same request follows: 1xx but for 101 (RFC 9110 §15.2).
    pub fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }

    /// All fields in their order.
    pub fn fields(&self) -> HeaderFields<'h> {
        self.fields
    }

    /// The value of the field `name`, compared without case, if there is exactly one.
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        let mut named = self.fields.named(name);
        let first = named.next()?;
        if named.next().is_none() { Some(first) } else { None }
    }

    /// How the content is delimited (RFC 9112 §6.3); `to_head` where the request was a HEAD, whose answer has none.
    pub fn body_length(&self, to_head: bool) -> BodyLength {
        if to_head { BodyLength::None } else { self.body }
    }

    /// Whether the connection goes on after the content.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Whole seconds of `Retry-After` (RFC 9110 §10.2.3); a date is not understood.
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
    let version = judge_version(version).map_err(|refusal| match refusal {
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
    fn what_two_recipients_might_read_differently_is_refused() {
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
    fn a_field_that_stands_twice_is_no_field_and_a_date_no_number() {
        let head = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nlocation: /b\r\nRetry-After: 120\r\n\r\n";
        let answer = ResponseHead::parse(head, 4).unwrap();
        assert_eq!((answer.header("Location"), answer.retry_after()), (None, Some(120)));
        let head = b"HTTP/1.1 503 Busy\r\nRetry-After: Fri, 07 Nov 2014 23:59:59 GMT\r\n\r\n";
        assert_eq!(ResponseHead::parse(head, 4).unwrap().retry_after(), None);
    }
}
