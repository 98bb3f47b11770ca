//! A validated request head and its parts.

use super::{BodyLength, HeaderFields, Method, PercentEncoded, Query, RequestError};
use super::{accept, field, length, prefer, target};
use crate::grammar::characters::{all_token, ascii};
use crate::grammar::host::is_host_and_port;
use crate::grammar::list::{HeaderList, Lists};
use crate::grammar::scan::split_line;

/// The default bound on field lines in a head. Browsers send about 15. Chains of proxies send up to three times as many.
pub const MAX_FIELDS: usize = 128;

/// The HTTP version for the response. HTTP/1.2 to 1.9 count as 1.1 (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, no interim responses, no persistent connection unless requested.
    Http10,
    /// HTTP/1.1
    Http11,
}

/// A valid request head (RFC 9112), with its buffer or a guard of the buffer.
///
/// There is no table of fields: each look-up reads the lines. A request takes its own bytes and about forty more.
///
/// ```
/// use goldcrest_core::http::{MAX_FIELDS, RequestError, Request};
///
/// let head = b"GET /events/news?after=7-1 HTTP/1.1\r\nHost: a:8080\r\nAccept: text/event-stream\r\n\r\n";
/// let request = Request::parse(head, head.len(), MAX_FIELDS).unwrap();
/// assert_eq!(request.host(), Some("a:8080"));
/// assert_eq!(request.query_param("after").unwrap().raw(), "7-1");
/// assert!(request.accept_names("text/event-stream"));
/// assert!(request.keep_alive());
///
/// let twice = b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n";
/// assert_eq!(Request::parse(twice, twice.len(), MAX_FIELDS).unwrap_err().0, RequestError::Host);
/// ```
#[derive(Debug)]
pub struct Request<B> {
    buffer: B,
    layout: Layout,
}

/// The offsets of the parts, and the results of the field validation.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// End of the method. One space and the target follow.
    method_end: usize,
    /// End of the target.
    target_end: usize,
    /// Start of the first field line.
    fields: usize,
    /// End of the head.
    length: usize,
    version: Version,
    body: BodyLength,
    keep_alive: bool,
    expects_continue: bool,
}

impl Layout {
    const EMPTY: Self = Self {
        method_end: 0,
        target_end: 0,
        fields: 0,
        length: 0,
        version: Version::Http11,
        body: BodyLength::None,
        keep_alive: false,
        expects_continue: false,
    };
}

impl<B: AsRef<[u8]>> Request<B> {
    /// Validates the head in the first `length` bytes of `buffer`, with at most `max_fields` field lines.
    ///
    /// # Errors
    /// The first violation, and the buffer.
    pub fn parse(buffer: B, length: usize, max_fields: usize) -> Result<Self, (RequestError, B)> {
        let parsed = match buffer.as_ref().get(..length) {
            Some(head) => validate_version_line(head, max_fields),
            None => Err(RequestError::RequestLine),
        };
        match parsed {
            Ok(layout) => Ok(Self { buffer, layout }),
            Err(error) => Err((error, buffer)),
        }
    }

    /// A placeholder with empty parts.
    pub(crate) const fn nothing(buffer: B) -> Self {
        Self { buffer, layout: Layout::EMPTY }
    }

    /// Returns the buffer.
    pub fn into_buffer(self) -> B {
        self.buffer
    }

    /// The buffer. If the caller takes bytes out of it, the parts of the request are empty.
    pub fn buffer_mut(&mut self) -> &mut B {
        &mut self.buffer
    }

    /// The head as received, with the empty line.
    pub fn head(&self) -> &[u8] {
        self.slice(0, self.layout.length)
    }

    /// The method.
    pub fn method(&self) -> Method<'_> {
        Method::new(ascii(self.slice(0, self.layout.method_end)))
    }

    /// The target as sent: visible ASCII, not empty.
    pub fn target(&self) -> &str {
        ascii(self.slice(self.layout.method_end.wrapping_add(1), self.layout.target_end))
    }

    /// The path, percent-encoded. It begins with `/`, except `*` of `OPTIONS *` and the empty path of `CONNECT`.
    pub fn path(&self) -> &str {
        ascii(self.parts().path)
    }

    /// The query without its `?`, percent-encoded. `None` without a `?`.
    pub fn query(&self) -> Option<&str> {
        self.parts().query.map(ascii)
    }

    /// The pairs of the query.
    pub fn query_params(&self) -> Query<'_> {
        Query::new(self.query().unwrap_or(""))
    }

    /// The value of the first pair of the query with this name.
    pub fn query_param(&self, name: &str) -> Option<PercentEncoded<'_>> {
        self.query_params().param(name)
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.layout.version
    }

    /// All fields, in order.
    pub fn headers(&self) -> HeaderFields<'_> {
        HeaderFields::new(self.slice(self.layout.fields, self.layout.length))
    }

    /// The value of the first field named `name`, compared without case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().named(name).next()
    }

    /// The values of all fields named `name`, compared without case.
    pub fn header_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &[u8]> + Clone + use<'_, 'n, B> {
        self.headers().named(name)
    }

    /// The elements of the comma-separated lists in all fields named `name`, as one list (RFC 9110 §5.3).
    pub fn header_list<'n>(&self, name: &'n str) -> impl Iterator<Item = &[u8]> + Clone + use<'_, 'n, B> {
        Lists { values: self.header_all(name), list: None }
    }

    /// Whether the list in the fields named `name` has the element `token`, compared without case.
    pub fn header_has_token(&self, name: &str, token: &str) -> bool {
        self.header_list(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether `If-None-Match` has this entity tag, so that the response is 304 (RFC 9110 §13.1.2).
    ///
    /// `entity_tag` is strong and includes its quotes. The comparison is weak (§8.8.3.2): a proxy that compresses a
    /// response weakens its tag.
    pub fn matches_etag(&self, entity_tag: &str) -> bool {
        let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag) == entity_tag.as_bytes();
        self.header_list("if-none-match").any(|tag| tag == b"*" || opaque(tag))
    }

    /// The host and port of the request, as sent: those of an absolute target, else those of `Host` (RFC 9112 §3.2.2).
    ///
    /// `None` only for HTTP/1.0. It may be empty: an empty `Host` is valid (RFC 9110 §7.2).
    pub fn host(&self) -> Option<&str> {
        self.parts().authority.or_else(|| self.header("host")).map(ascii)
    }

    /// How the content is delimited.
    pub fn body_length(&self) -> BodyLength {
        self.layout.body
    }

    /// Whether the connection may stay open after the response (RFC 9112 §9.3).
    pub fn keep_alive(&self) -> bool {
        self.layout.keep_alive
    }

    /// Whether `Connection` names this option, compared without case.
    pub fn connection_has(&self, option: &str) -> bool {
        self.header_has_token("connection", option)
    }

    /// Whether the client waits for `100 Continue` before it sends the content (RFC 9110 §10.1.1).
    ///
    /// False for HTTP/1.0, and for a request without content.
    pub fn expects_continue(&self) -> bool {
        self.layout.expects_continue
    }

    /// Whether `Accept` names `media_type` (`type/subtype`) in full, with a weight above 0 (RFC 9110 §12.5.1).
    pub fn accept_names(&self, media_type: &str) -> bool {
        let [found] = self.accept_names_each([media_type]);
        found
    }

    /// As [`accept_names`](Self::accept_names), for several media types in one pass.
    pub(crate) fn accept_names_each<const N: usize>(&self, media_types: [&str; N]) -> [bool; N] {
        accept::named(self.header_all("accept"), media_types)
    }

    /// Whether `Accept-Encoding` names the content coding `coding`, with a weight above 0 (RFC 9110 §12.5.3).
    pub fn accepts_coding(&self, coding: &str) -> bool {
        let [found] = accept::named(self.header_all("accept-encoding"), [coding]);
        found
    }

    /// The seconds of `Prefer: wait=N` (RFC 7240 §4.3), not clamped.
    pub fn prefer_wait(&self) -> Option<u32> {
        prefer::wait(self.header_all("prefer"))
    }

    fn parts(&self) -> target::Target<'_> {
        let connect = self.slice(0, self.layout.method_end) == b"CONNECT";
        target::parts(self.slice(self.layout.method_end.wrapping_add(1), self.layout.target_end), connect)
    }

    fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.buffer.as_ref().get(from..to).unwrap_or_default()
    }
}

fn validate_version_line(head: &[u8], max_fields: usize) -> Result<Layout, RequestError> {
    let (line, rest) = split_line(head).ok_or(RequestError::RequestLine)?;
    let fields = head.len().saturating_sub(rest.len());
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(RequestError::RequestLine);
    };
    if !all_token(method) {
        return Err(RequestError::RequestLine);
    }
    let version = parse_version(version)?;
    target::validate(target, Method::new(ascii(method)))?;

    let mut noted = Noted::default();
    field::validate_all(rest, max_fields, |name, value| noted.field(name, value))?;

    let old = version == Version::Http10;
    if !old && !noted.host {
        return Err(RequestError::Host);
    }
    let body = noted.length.body_length(old)?;
    if !old && noted.expects_other {
        return Err(RequestError::Expectation);
    }
    let method_end = method.len();
    Ok(Layout {
        method_end,
        target_end: method_end.wrapping_add(1).wrapping_add(target.len()),
        fields,
        length: head.len(),
        version,
        body,
        keep_alive: !noted.close && (!old || noted.keep_alive),
        expects_continue: !old && noted.expects_continue && !body.is_empty(),
    })
}

pub(super) fn parse_version(version: &[u8]) -> Result<Version, RequestError> {
    match version {
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Version::Http11),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(RequestError::Version)
        }
        _ => Err(RequestError::RequestLine),
    }
}

/// The fields that determine the framing and the persistence of the connection.
#[derive(Debug, Default)]
struct Noted {
    host: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    expects_other: bool,
    length: length::FramingFields,
}

impl Noted {
    fn field(&mut self, name: &str, value: &[u8]) -> Result<(), RequestError> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            if self.host || !is_host_and_port(value) {
                return Err(RequestError::Host);
            }
            self.host = true;
        } else if is("content-length") {
            self.length.content_length(value)?;
        } else if is("transfer-encoding") {
            self.length.transfer_encoding(value)?;
        } else if is("connection") {
            for option in HeaderList::new(value) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if is("expect") {
            for expectation in HeaderList::new(value) {
                let known = expectation.eq_ignore_ascii_case(b"100-continue");
                self.expects_continue |= known;
                self.expects_other |= !known;
            }
        }
        Ok(())
    }
}
