//! Response heads, and complete small responses.

use super::{Status, Version};
use crate::grammar::characters::{all_token, is_value};
use crate::output::Output;

/// How the content of a response is delimited (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No framing field: for 1xx, 204 and 304, which have no content.
    None,
    /// `Content-Length`
    Length(u64),
    /// `Transfer-Encoding: chunked`. Not for a client of HTTP/1.0 (RFC 9112 §6.1).
    Chunked,
    /// The content ends with the connection.
    Close,
}

impl Framing {
    /// The framing for content of unknown length.
    pub const fn streaming(version: Version) -> Self {
        match version {
            Version::Http10 => Self::Close,
            Version::Http11 => Self::Chunked,
        }
    }
}

/// Writes a response head: the status line in the constructor, then fields, then the empty line.
///
/// The output depends on the arguments only. A head that did not fit is written again, with a longer skip.
///
/// No argument can inject a line. Control characters in a value become spaces (RFC 9110 §5.5). A field is omitted if
/// its name is not a token.
///
/// ```
/// use goldcrest_core::http::{Framing, HeadWriter, Status, Version};
/// use goldcrest_core::output::ResumableWriter;
///
/// let mut room = [0; 128];
/// let mut sink = ResumableWriter::new(&mut room, 0);
/// HeadWriter::new(&mut sink, Status::OK)
///     .header("Content-Type", b"text/plain")
///     .header("X-Name", b"a\r\nSet-Cookie: b")
///     .framing(Framing::Chunked)
///     .connection(Version::Http11, false)
///     .finish();
/// let written = sink.written();
/// assert_eq!(
///     core::str::from_utf8(&room[..written]).unwrap(),
///     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Name: a  Set-Cookie: b\r\n\
///      Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
/// );
/// ```
#[derive(Debug)]
#[must_use = "a head ends with `finish`"]
pub struct HeadWriter<'p, P: Output> {
    out: &'p mut P,
}

impl<'p, P: Output> HeadWriter<'p, P> {
    /// Writes the status line. Its version is HTTP/1.1 for every version of the request (RFC 9110 §2.5).
    pub fn new(out: &'p mut P, status: Status) -> Self {
        out.put(b"HTTP/1.1 ");
        out.put_decimal(u64::from(status.code()));
        out.put(b" ");
        out.put(status.reason().as_bytes());
        out.put(b"\r\n");
        Self { out }
    }

    /// Continues a head after its status line.
    pub fn resume(out: &'p mut P) -> Self {
        Self { out }
    }

    /// Writes a field.
    pub fn header(self, name: &str, value: &[u8]) -> Self {
        self.header_parts(name, &[value])
    }

    /// Writes a field with the concatenated parts as its value.
    pub fn header_parts(self, name: &str, parts: &[&[u8]]) -> Self {
        if all_token(name.as_bytes()) {
            self.out.put(name.as_bytes());
            self.out.put(b": ");
            for part in parts {
                put_value(self.out, part);
            }
            self.out.put(b"\r\n");
        }
        self
    }

    /// Writes a field with a decimal number as its value.
    pub fn header_decimal(self, name: &str, value: u64) -> Self {
        if all_token(name.as_bytes()) {
            self.out.put(name.as_bytes());
            self.out.put(b": ");
            self.out.put_decimal(value);
            self.out.put(b"\r\n");
        }
        self
    }

    /// Writes the field for the framing, if there is one.
    pub fn framing(self, framing: Framing) -> Self {
        match framing {
            Framing::None | Framing::Close => self,
            Framing::Length(length) => self.header_decimal("Content-Length", length),
            Framing::Chunked => self.header("Transfer-Encoding", b"chunked"),
        }
    }

    /// Writes `Connection` if its value is not the default of `version` (RFC 9112 §9.3).
    pub fn connection(self, version: Version, keep_alive: bool) -> Self {
        match (version, keep_alive) {
            (Version::Http11, true) => self,
            (Version::Http10, true) => self.header("Connection", b"keep-alive"),
            (_, false) => self.header("Connection", b"close"),
        }
    }

    /// Writes the empty line.
    pub fn finish(self) {
        self.out.put(b"\r\n");
    }
}

/// A complete response, with its content in memory.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status.
    pub status: Status,
    /// `Content-Type`, omitted if `None`.
    pub content_type: Option<&'a str>,
    /// More fields, in this order, without `Content-Length`, `Transfer-Encoding` and `Connection`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The content, omitted for 1xx, 204 and 304.
    pub body: &'a [u8],
}

impl<'a> Response<'a> {
    /// A response of the media type `text/plain`.
    pub const fn text(status: Status, body: &'a str) -> Self {
        Self { status, content_type: Some("text/plain;charset=UTF-8"), headers: &[], body: body.as_bytes() }
    }

    /// A response with content of the media type `content_type`.
    pub const fn new(status: Status, content_type: &'a str, body: &'a [u8]) -> Self {
        Self { status, content_type: Some(content_type), headers: &[], body }
    }

    /// A response without content.
    pub const fn empty(status: Status) -> Self {
        Self { status, content_type: None, headers: &[], body: b"" }
    }

    /// The response with these fields in place of [`Response::headers`].
    ///
    /// ```
    /// use goldcrest_core::http::{Response, Status};
    ///
    /// let welcome = Response::empty(Status::SEE_OTHER)
    ///     .with_headers(&[("Location", "/"), ("Set-Cookie", "__Host-session=31d4d96e; Secure; HttpOnly; Path=/; SameSite=Lax")]);
    /// assert_eq!(welcome.headers[0], ("Location", "/"));
    /// ```
    pub const fn with_headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Writes the response for a client of `version`. `head_only` omits the content, for a response to HEAD.
    ///
    /// If `keep_alive` is false, `Connection: close` is sent and the caller closes the connection.
    pub fn render(&self, out: &mut impl Output, version: Version, keep_alive: bool, head_only: bool) {
        let bodiless = self.status.is_bodiless();
        let mut head = HeadWriter::new(out, self.status);
        if let Some(content_type) = self.content_type.filter(|_| !bodiless) {
            head = head.header("Content-Type", content_type.as_bytes());
        }
        for (name, value) in self.headers {
            head = head.header(name, value.as_bytes());
        }
        let framing = if bodiless { Framing::None } else { Framing::Length(self.body.len() as u64) };
        head.framing(framing).connection(version, keep_alive).finish();
        if !bodiless && !head_only {
            out.put(self.body);
        }
    }
}

/// Writes `value`, with a space for each control character except HTAB.
fn put_value(out: &mut impl Output, value: &[u8]) {
    let mut runs = value.split(|&byte| !is_value(byte));
    out.put(runs.next().unwrap_or_default());
    for run in runs {
        out.put(b" ");
        out.put(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{ByteCounter, ResumableWriter};
    use std::string::String;
    use std::vec::Vec;

    const NOTE: Response<'_> = Response {
        status: Status::NOT_FOUND,
        content_type: Some("text/plain"),
        headers: &[("Allow", "GET"), ("no token", "x"), ("X", "\u{e9}\0\r\n\ty")],
        body: b"nothing",
    };

    fn rendered(response: &Response<'_>, version: Version, keep_alive: bool, head_only: bool) -> String {
        let mut room = [0; 512];
        let mut sink = ResumableWriter::new(&mut room, 0);
        response.render(&mut sink, version, keep_alive, head_only);
        assert!(sink.is_whole());
        let written = sink.written();
        String::from_utf8(room[..written].to_vec()).unwrap()
    }

    #[test]
    fn a_response_has_its_length_and_no_injected_fields() {
        assert_eq!(
            rendered(&NOTE, Version::Http11, true, false),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nAllow: GET\r\nX: \u{e9}   \ty\r\nContent-Length: 7\r\n\r\nnothing"
        );
    }

    #[test]
    fn connection_is_sent_if_not_the_default_of_the_version() {
        let of = |version, keep_alive| {
            let text = rendered(&NOTE, version, keep_alive, false);
            text.lines().find(|line| line.starts_with("Connection")).map(String::from)
        };
        assert_eq!(of(Version::Http11, true), None);
        assert_eq!(of(Version::Http11, false).as_deref(), Some("Connection: close"));
        assert_eq!(of(Version::Http10, true).as_deref(), Some("Connection: keep-alive"));
        assert_eq!(of(Version::Http10, false).as_deref(), Some("Connection: close"));
    }

    #[test]
    fn responses_to_head_have_a_length_and_no_content() {
        let text = rendered(&NOTE, Version::Http11, true, true);
        assert!(text.contains("Content-Length: 7\r\n") && text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn bodiless_statuses_have_no_content_length() {
        for status in [Status::NO_CONTENT, Status::NOT_MODIFIED, Status::CONTINUE] {
            let text = rendered(&Response { status, ..NOTE }, Version::Http11, true, false);
            assert!(!text.contains("Content-") && text.ends_with("\r\n\r\n"), "{text}");
        }
    }

    #[test]
    fn any_buffer_results_in_the_same_bytes_and_length() {
        let whole = rendered(&NOTE, Version::Http10, true, false);
        let mut measure = ByteCounter::default();
        NOTE.render(&mut measure, Version::Http10, true, false);
        assert_eq!(measure.0, whole.len() as u64);
        for size in 1..40 {
            let mut seen = Vec::new();
            loop {
                let mut room = std::vec![0; size];
                let mut sink = ResumableWriter::new(&mut room, seen.len());
                NOTE.render(&mut sink, Version::Http10, true, false);
                let (written, done) = (sink.written(), sink.is_whole());
                seen.extend_from_slice(&room[..written]);
                if done {
                    break;
                }
            }
            assert_eq!(seen, whole.as_bytes(), "room of {size}");
        }
    }
}
