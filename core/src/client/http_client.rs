//! Getting an answer: the request, the connection it goes over, redirects.

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

/// Names of fields that are the client's own to write.
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

/// A request, without the URL that it goes to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutgoingRequest<'a> {
    /// The value of `Accept`.
    pub(super) accept: Option<&'a str>,
    /// The value of `Last-Event-ID`.
    pub(super) last_event_id: &'a str,
    /// A parameter of the query beside those of the URL.
    pub(super) query: Option<(&'a str, &'a str)>,
    /// How long the server may wait (RFC 7240).
    pub(super) wait: Option<Duration>,
    /// The request is a WebSocket's handshake.
    pub(super) upgrade: Option<UpgradeRequest<'a>>,
    /// The request is a POST of this.
    pub(super) new_event: Option<&'a NewEvent<'a>>,
}

impl OutgoingRequest<'_> {
    /// Pours the whole request; `elsewhere` where a redirect has led to another origin.
    fn write(&self, url: &Url<'_>, headers: &[(&str, &str)], elsewhere: bool, out: &mut impl Output) {
        let method = if self.new_event.is_some() { "POST " } else { "GET " };
        let of_type = self.new_event.map(|publication| ("type", publication.event_type.as_str()));
        let query = [self.query, of_type.filter(|(_, name)| !name.is_empty())];
        write_request_line(url, method, query, out);
        let given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if let Some(accept) = self.accept {
            write_field("Accept", accept.as_bytes(), out);
            if !given("cache-control") {
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
        write_headers(headers, elsewhere, out);
        let Some(publication) = self.new_event else { return out.put(b"\r\n") };
        if !given("content-type") {
            let media_type: &[u8] = match publication.encoding {
                Encoding::Text => b"text/plain;charset=UTF-8",
                Encoding::Binary => b"application/octet-stream",
            };
            write_field("Content-Type", media_type, out);
        }
        if let Some(key) = publication.idempotency_key {
            write_field("Idempotency-Key", key, out);
        }
        out.put(b"Content-Length: ");
        out.put_decimal(publication.data.len() as u64);
        out.put(b"\r\n\r\n");
        out.put(publication.data);
    }

    /// Whether nothing of it would break out of its field.
    fn is_valid(&self, headers: &[(&str, &str)]) -> bool {
        let key = self.new_event.and_then(|publication| publication.idempotency_key);
        are_valid(headers)
            // What came as an id goes back as it came (WHATWG HTML §9.2.3), control characters included.
            && IdField::new(self.last_event_id.as_bytes()).is_ok()
            && key.is_none_or(all_value)
            && self.upgrade.is_none_or(|offer| offer.validate().is_ok())
    }

    /// Whether it may be sent again without harm.
    fn is_repeatable(&self) -> bool {
        self.new_event.is_none_or(|publication| publication.idempotency_key.is_some())
    }

    /// Whether an answer of this status sends it elsewhere. A POST stays one.
    fn is_redirect(&self, status: u16) -> bool {
        match status {
            307 | 308 => self.upgrade.is_none(),
            301..=303 => self.upgrade.is_none() && self.new_event.is_none(),
            _ => false,
        }
    }
}

/// Pours the request line, and the field that says where it goes.
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

/// Pours the caller's fields; `elsewhere` where a redirect has led to another origin.
fn write_headers(headers: &[(&str, &str)], elsewhere: bool, out: &mut impl Output) {
    for (name, value) in headers {
        let follows = !name.eq_ignore_ascii_case("authorization") && !name.eq_ignore_ascii_case("cookie");
        if follows || !elsewhere {
            write_field(name, value.as_bytes(), out);
        }
    }
}

/// Whether the caller's fields are the caller's to send, and none would break out of its line.
fn are_valid(headers: &[(&str, &str)]) -> bool {
    headers.iter().all(|(name, value)| validate_header(name, value).is_ok())
}

/// Judges a field of [`ClientConfig::headers`].
///
/// # Errors
/// [`HeaderError`] says why no client sends it.
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

/// Everything but *unreserved* (RFC 3986 §2.3) by `%`.
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

/// Who asks one URL again and again, over a connection that is kept where it can be.
pub(super) struct HttpClient<'e, 'u, R: ClientRuntime> {
    pub(super) runtime: &'e R,
    pub(super) config: &'e ClientConfig<'e>,
    url: &'u str,
    /// Where a redirect has led, empty where none has.
    location: UrlBuf<'u>,
    redirects: u8,
    exchange: Option<HttpExchange<'e, R>>,
}

impl<'e, 'u, R: ClientRuntime> HttpClient<'e, 'u, R> {
    pub(super) fn new(runtime: &'e R, config: &'e ClientConfig<'e>, url: &'u str, location: &'u mut [u8]) -> Self {
        Self { runtime, config, url, location: UrlBuf::new(location), redirects: 0, exchange: None }
    }

    /// Asks, and tells the length of the head that stands in `buffer` then; the content is to be had of
    /// [`HttpClient::exchange`]. Dropped midway it goes on when it is called again with the same request and buffer.
    ///
    /// # Errors
    /// There is no answer; the connection is gone, and the next request goes to the first URL again.
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

    /// Asks for an upgrade, over a connection of its own, as [`HttpClient::request`] does; after an error it has to be told to
    /// [`HttpClient::reset`]. No redirect is followed: who asks for nothing else has no code for that.
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
            let elsewhere = !self.location.as_str().is_empty();
            let url = Url::parse(if elsewhere { self.location.as_str() } else { self.url })?;
            let elsewhere = elsewhere && Url::parse(self.url)?.endpoint() != url.endpoint();
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
            let render = |out: &mut ResumableWriter<'_>| request.write(&url, headers, elsewhere, out);
            let length = match exchange.read_head(&render, buffer, request.wait.unwrap_or_default()).await {
                Ok(length) => length,
                // The server has ended a connection that it kept, as it may at any time (RFC 9112 §9.3.1).
                Err(_) if exchange.reused && !exchange.response_started && request.is_repeatable() => {
                    self.exchange = None;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let answer = ResponseHead::parse(buffer.get(..length).unwrap_or_default(), self.config.max_fields)?;
            if request.is_redirect(answer.status()) {
                let secure = url.endpoint().secure;
                let location = answer.header("location").ok_or(Error::InvalidRedirect)?;
                self.follow_redirect(location, secure)?;
                continue;
            }
            exchange.begin_body(answer.body_length(false), answer.keep_alive(), u64::MAX)?;
            self.redirects = 0;
            return Ok(length);
        }
    }

    /// Goes where `location` refers to.
    fn follow_redirect(&mut self, location: &[u8], secure: bool) -> Result<(), Error<ConnectorError<R>>> {
        self.exchange = None;
        if self.redirects >= self.config.max_redirects {
            return Err(Error::TooManyRedirects);
        }
        self.redirects = self.redirects.saturating_add(1);
        let followed = &mut self.location;
        let first = if followed.as_str().is_empty() { followed.set(self.url) } else { Ok(()) };
        // The caller's URL is a good one: what is wrong with this one is the server's doing.
        first.and_then(|()| followed.follow(location)).map_err(|_| Error::InvalidRedirect)?;
        let leads = Url::parse(followed.as_str()).map_err(|_| Error::InvalidRedirect)?;
        if secure && !leads.endpoint().secure { Err(Error::InvalidRedirect) } else { Ok(()) }
    }

    /// The connection whose answer is being read.
    pub(super) fn exchange(&mut self) -> Option<&mut HttpExchange<'e, R>> {
        self.exchange.as_mut()
    }

    /// The connection, for who goes on with it otherwise.
    pub(super) fn take_exchange(&mut self) -> Option<HttpExchange<'e, R>> {
        self.exchange.take()
    }

    /// The answer was read to its end: the connection is kept if it can be.
    pub(super) fn finish_response(&mut self) {
        self.exchange = self.exchange.take().and_then(HttpExchange::into_next);
        if self.exchange.is_none() {
            self.reset();
        }
    }

    /// Gives the connection up: the next request goes to the first URL, over a new one.
    pub(super) fn reset(&mut self) {
        self.exchange = None;
        self.redirects = 0;
        self.location.clear();
    }
}

/// Opens a connection in time.
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

/// What a status that is no success is told as.
pub(super) fn status_error<E>(answer: &ResponseHead<'_>) -> Error<E> {
    Error::Status { status: answer.status(), retry_after: answer.retry_after() }
}

/// Whether the content is coded: a list of anything but `identity` (RFC 9110 §8.4).
pub(super) fn is_coded(fields: HeaderFields<'_>) -> bool {
    let mut codings = fields.named("content-encoding").flat_map(|value| value.split(|byte| *byte == b','));
    codings.any(|coding| {
        let coding = coding.trim_ascii();
        !(coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    })
}

/// Whether `Content-Type` names `media_type`, with any parameters.
pub(super) fn is_of_type(fields: HeaderFields<'_>, media_type: &str) -> bool {
    let mut named = fields.named("content-type");
    let essence = named.next().and_then(|value| value.split(|byte| *byte == b';').next()).unwrap_or_default();
    let mut essence = essence;
    while let [rest @ .., b' ' | b'\t'] = essence {
        essence = rest;
    }
    essence.eq_ignore_ascii_case(media_type.as_bytes())
}
