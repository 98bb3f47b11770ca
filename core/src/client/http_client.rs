//! A client of one URL: requests, redirects, the reuse of a connection.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use super::http_exchange::HttpExchange;
use super::url::{Url, UrlBuf};
use super::{ClientConfig, ClientConnection, ClientRuntime, Connect, ConnectorError, Error, HeaderError};
use crate::grammar::characters::{all_token, is_value};
use crate::http::{HeaderFields, ResponseHead};
use crate::hub::NewEvent;
use crate::io::{Clock, Timer};
use crate::log::Encoding;
use crate::output::{Output, ResumableWriter};
use crate::sse::field::IdField;
use crate::websocket::Disconnect;
use crate::ws::handshake::UpgradeRequest;

/// Fields that the client writes itself.
const RESERVED_HEADERS: [&str; 8] = [
    "host",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "accept",
    "last-event-id",
    "idempotency-key",
];

/// A request, without the URL.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutgoingRequest<'a> {
    pub(super) accept: Option<&'a str>,
    pub(super) last_event_id: &'a str,
    /// A query parameter beside those of the URL.
    pub(super) query: Option<(&'a str, &'a str)>,
    /// The value of `Prefer: wait` (RFC 7240 §4.3).
    pub(super) wait: Option<Duration>,
    /// The request is a WebSocket handshake.
    pub(super) upgrade: Option<UpgradeRequest<'a>>,
    /// The request is a POST of this event.
    pub(super) new_event: Option<&'a NewEvent<'a>>,
}

impl OutgoingRequest<'_> {
    /// Writes the whole request; `other_origin` after a redirect to another origin.
    fn write(&self, url: &Url<'_>, headers: &[(&str, &str)], other_origin: bool, out: &mut impl Output) {
        let method = if self.new_event.is_some() { "POST " } else { "GET " };
        let of_type = self.new_event.map(|new_event| ("type", new_event.event_type.as_str()));
        let query = [self.query, of_type.filter(|(_, name)| !name.is_empty())];
        write_request_line(url, method, query, out);
        let configured = |name: &str| headers.iter().any(|(configured, _)| configured.eq_ignore_ascii_case(name));
        if let Some(accept) = self.accept {
            write_field("Accept", accept.as_bytes(), out);
            if !configured("cache-control") {
                write_field("Cache-Control", b"no-store", out);
            }
        }
        if !self.last_event_id.is_empty() {
            write_field("Last-Event-ID", self.last_event_id.as_bytes(), out);
        }
        if let Some(wait) = self.wait {
            out.put(b"Prefer: wait=");
            out.put_decimal(wait.as_secs());
            out.put(b"\r\n");
        }
        if let Some(offer) = &self.upgrade {
            offer.put(out);
        }
        write_headers(headers, other_origin, out);
        let Some(new_event) = self.new_event else { return out.put(b"\r\n") };
        if !configured("content-type") {
            let media_type: &[u8] = match new_event.encoding {
                Encoding::Text => b"text/plain;charset=UTF-8",
                Encoding::Binary => b"application/octet-stream",
            };
            write_field("Content-Type", media_type, out);
        }
        if let Some(key) = new_event.idempotency_key {
            write_field("Idempotency-Key", key, out);
        }
        out.put(b"Content-Length: ");
        out.put_decimal(new_event.data.len() as u64);
        out.put(b"\r\n\r\n");
        out.put(new_event.data);
    }

    /// Whether no value breaks out of its field line.
    fn is_valid(&self, headers: &[(&str, &str)]) -> bool {
        let key = self.new_event.and_then(|new_event| new_event.idempotency_key);
        are_valid(headers)
            // WHATWG HTML §9.2.3: the id is sent as it was received, control characters included.
            && IdField::new(self.last_event_id.as_bytes()).is_ok()
            && key.is_none_or(all_value)
            && self.upgrade.is_none_or(|offer| offer.validate().is_ok())
    }

    /// RFC 9110 §9.2.2: only a request that is idempotent may be repeated automatically.
    fn is_repeatable(&self) -> bool {
        self.new_event.is_none_or(|new_event| new_event.idempotency_key.is_some())
    }

    /// Whether the client follows this status. A POST stays a POST (RFC 9110 §15.4).
    fn is_redirect(&self, status: u16) -> bool {
        match status {
            307 | 308 => self.upgrade.is_none(),
            301..=303 => self.upgrade.is_none() && self.new_event.is_none(),
            _ => false,
        }
    }
}

/// Writes the request line and `Host`.
fn write_request_line<const N: usize>(
    url: &Url<'_>,
    method: &str,
    query: [Option<(&str, &str)>; N],
    out: &mut impl Output,
) {
    out.put(method.as_bytes());
    let target = url.target();
    let (root, rest) = target.pieces();
    out.put(root.as_bytes());
    out.put(rest.as_bytes());
    let mut separator: &[u8] = if target.has_query() { b"&" } else { b"?" };
    for (name, value) in query.into_iter().flatten() {
        out.put(separator);
        out.put(name.as_bytes());
        out.put(b"=");
        percent_encode(value.as_bytes(), out);
        separator = b"&";
    }
    out.put(b" HTTP/1.1\r\n");
    write_field("Host", url.authority().as_bytes(), out);
}

/// Writes the fields of the configuration; `other_origin` after a redirect to another origin.
fn write_headers(headers: &[(&str, &str)], other_origin: bool, out: &mut impl Output) {
    for (name, value) in headers {
        let follows = !name.eq_ignore_ascii_case("authorization") && !name.eq_ignore_ascii_case("cookie");
        if follows || !other_origin {
            write_field(name, value.as_bytes(), out);
        }
    }
}

/// Whether all fields of the configuration are valid.
fn are_valid(headers: &[(&str, &str)]) -> bool {
    headers.iter().all(|(name, value)| validate_header(name, value).is_ok())
}

/// Validates a field of [`ClientConfig::headers`].
///
/// # Errors
/// [`HeaderError`]: no client sends this field.
pub fn validate_header(name: &str, value: &str) -> Result<(), HeaderError> {
    let is_sec = name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("sec-websocket-"));
    if name.is_empty() || !all_token(name.as_bytes()) {
        Err(HeaderError::Name)
    } else if is_sec || RESERVED_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        Err(HeaderError::Reserved)
    } else if !all_value(value.as_bytes()) {
        Err(HeaderError::Value)
    } else {
        Ok(())
    }
}

fn all_value(value: &[u8]) -> bool {
    value.iter().all(|byte| is_value(*byte))
}

fn write_field(name: &str, value: &[u8], out: &mut impl Output) {
    out.put(name.as_bytes());
    out.put(b": ");
    out.put(value);
    out.put(b"\r\n");
}

/// Encodes all but *unreserved* (RFC 3986 §2.3).
fn percent_encode(text: &[u8], out: &mut impl Output) {
    for byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.put(&[*byte]);
        } else {
            let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + (value - 10) };
            out.put(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

/// Sends requests for one URL, over one connection while the server keeps it open.
pub(super) struct HttpClient<'e, 'u, R: ClientRuntime> {
    pub(super) runtime: &'e R,
    pub(super) config: &'e ClientConfig<'e>,
    url: &'u str,
    /// The target of the last redirect, or empty.
    location: UrlBuf<'u>,
    redirects: u8,
    exchange: Option<HttpExchange<'e, R>>,
}

impl<'e, 'u, R: ClientRuntime> HttpClient<'e, 'u, R> {
    pub(super) fn new(runtime: &'e R, config: &'e ClientConfig<'e>, url: &'u str, location: &'u mut [u8]) -> Self {
        Self { runtime, config, url, location: UrlBuf::new(location), redirects: 0, exchange: None }
    }

    /// Sends a request and returns the length of the response's head in `buffer`. The body follows from
    /// [`HttpClient::exchange`]. A dropped future continues when called again with the same request and buffer.
    ///
    /// # Errors
    /// There is no response. The connection is closed, and the next request starts at the first URL.
    pub(super) fn request(
        &mut self,
        request: &OutgoingRequest<'_>,
        buffer: &mut [u8],
    ) -> impl Future<Output = Result<usize, Error<ConnectorError<R>>>> {
        async move {
            let result = self.try_request(request, buffer).await;
            if result.is_err() {
                self.reset();
            }
            result
        }
    }

    /// Sends a WebSocket handshake, over a connection of its own. After an error the caller calls
    /// [`HttpClient::reset`]. Redirects are not followed: without that code, a client of WebSockets alone is smaller.
    pub(super) async fn upgrade(
        &mut self,
        upgrade: &UpgradeRequest<'_>,
        query: Option<(&str, &str)>,
        buffer: &mut [u8],
    ) -> Result<usize, Error<ConnectorError<R>>> {
        let headers = self.config.headers;
        if !(are_valid(headers) && upgrade.validate().is_ok()) {
            return Err(Error::InvalidRequest);
        }
        let url = Url::parse(self.url)?;
        let exchange = match &mut self.exchange {
            Some(exchange) => exchange,
            None => {
                let socket = connect(self.runtime, self.config, &url).await?;
                self.exchange.insert(HttpExchange::new(ClientConnection::new(socket, self.runtime, self.config)))
            }
        };
        let render = |out: &mut ResumableWriter<'_>| {
            write_request_line(&url, "GET ", [query], out);
            upgrade.put(out);
            write_headers(headers, false, out);
            out.put(b"\r\n");
        };
        Ok(exchange.read_head(&render, buffer, Duration::ZERO).await?)
    }

    async fn try_request(
        &mut self,
        request: &OutgoingRequest<'_>,
        buffer: &mut [u8],
    ) -> Result<usize, Error<ConnectorError<R>>> {
        if !request.is_valid(self.config.headers) {
            return Err(Error::InvalidRequest);
        }
        loop {
            let other_origin = !self.location.as_str().is_empty();
            let url = Url::parse(if other_origin { self.location.as_str() } else { self.url })?;
            let other_origin = other_origin && Url::parse(self.url)?.endpoint() != url.endpoint();
            if self.exchange.as_mut().is_some_and(HttpExchange::is_stale) {
                self.exchange = None;
            }
            let exchange = match &mut self.exchange {
                Some(exchange) => exchange,
                None => {
                    let socket = connect(self.runtime, self.config, &url).await?;
                    self.exchange.insert(HttpExchange::new(ClientConnection::new(socket, self.runtime, self.config)))
                }
            };
            let headers = self.config.headers;
            let render = |out: &mut ResumableWriter<'_>| request.write(&url, headers, other_origin, out);
            let length = match exchange.read_head(&render, buffer, request.wait.unwrap_or_default()).await {
                Ok(length) => length,
                // RFC 9112 §9.3.1: the server may close a kept connection at any time; an idempotent request is then
                // repeated.
                Err(_) if exchange.reused && !exchange.response_started && request.is_repeatable() => {
                    self.exchange = None;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let response = ResponseHead::parse(buffer.get(..length).unwrap_or_default(), self.config.max_fields)?;
            if request.is_redirect(response.status()) {
                let secure = url.endpoint().secure;
                let location = response.header("location").ok_or(Error::InvalidRedirect)?;
                self.follow_redirect(location, secure)?;
                continue;
            }
            exchange.begin_body(response.body_length(false), response.keep_alive(), u64::MAX)?;
            self.redirects = 0;
            return Ok(length);
        }
    }

    /// Follows `location`.
    fn follow_redirect(&mut self, location: &[u8], secure: bool) -> Result<(), Error<ConnectorError<R>>> {
        self.exchange = None;
        if self.redirects >= self.config.max_redirects {
            return Err(Error::TooManyRedirects);
        }
        self.redirects = self.redirects.saturating_add(1);
        let target = &mut self.location;
        let first = if target.as_str().is_empty() { target.set(self.url) } else { Ok(()) };
        // The first URL is valid, so an error is the fault of the redirect.
        first.and_then(|()| target.follow(location)).map_err(|_| Error::InvalidRedirect)?;
        let target = Url::parse(target.as_str()).map_err(|_| Error::InvalidRedirect)?;
        if secure && !target.endpoint().secure { Err(Error::InvalidRedirect) } else { Ok(()) }
    }

    /// The connection whose response is being read.
    pub(super) fn exchange(&mut self) -> Option<&mut HttpExchange<'e, R>> {
        self.exchange.as_mut()
    }

    /// The connection, to be used as a WebSocket.
    pub(super) fn take_exchange(&mut self) -> Option<HttpExchange<'e, R>> {
        self.exchange.take()
    }

    /// The response was read to its end: keeps the connection if the server does.
    pub(super) fn finish_response(&mut self) {
        self.exchange = self.exchange.take().and_then(HttpExchange::into_next);
        if self.exchange.is_none() {
            self.reset();
        }
    }

    /// Closes the connection: the next request starts at the first URL.
    pub(super) fn reset(&mut self) {
        self.exchange = None;
        self.redirects = 0;
        self.location.clear();
    }
}

/// Opens a connection within [`ClientConfig::connect_timeout`].
async fn connect<'e, R: ClientRuntime>(
    runtime: &'e R,
    config: &ClientConfig<'_>,
    url: &Url<'_>,
) -> Result<<R::Connector as Connect>::Socket<'e>, Error<ConnectorError<R>>> {
    let deadline = runtime.clock().now() + config.connect_timeout;
    let mut timer = runtime.clock().timer();
    let mut connecting = pin!(runtime.connector().connect(url.endpoint()));
    poll_fn(|cx| {
        if let Poll::Ready(result) = connecting.as_mut().poll(cx) {
            return Poll::Ready(result.map_err(Error::Connect));
        }
        timer.poll_until(cx, deadline).map(|()| Err(Error::Disconnected(Disconnect::TimedOut)))
    })
    .await
}

/// The error for a status other than success.
pub(super) fn status_error<E>(response: &ResponseHead<'_>) -> Error<E> {
    Error::Status { status: response.status(), retry_after: response.retry_after() }
}

/// Whether the body is encoded, other than by `identity` (RFC 9110 §8.4).
pub(super) fn is_coded(fields: HeaderFields<'_>) -> bool {
    let mut codings = fields.named("content-encoding").flat_map(|value| value.split(|byte| *byte == b','));
    codings.any(|coding| {
        let coding = coding.trim_ascii();
        !(coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    })
}

/// Whether `Content-Type` is `media_type`, with any parameters (RFC 9110 §8.3.1).
pub(super) fn is_of_type(fields: HeaderFields<'_>, media_type: &str) -> bool {
    let mut named = fields.named("content-type");
    let essence = named.next().and_then(|value| value.split(|byte| *byte == b';').next()).unwrap_or_default();
    let mut essence = essence;
    while let [rest @ .., b' ' | b'\t'] = essence {
        essence = rest;
    }
    essence.eq_ignore_ascii_case(media_type.as_bytes())
}
