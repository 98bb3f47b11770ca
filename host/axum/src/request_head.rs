//! The head of a request, as a connection of the core reads it.

use axum::http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use axum::http::request::Parts;
use axum::http::{Method, Version};
use http_body::Body as _;
use hyper::ext::Protocol;

/// The length of a request's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentLength {
    /// There is none.
    None,
    Fixed,
    /// It is passed on in chunks.
    Unknown,
}

impl ContentLength {
    pub(crate) fn of(parts: &Parts, body: &axum::body::Body) -> Self {
        let is_framed = parts.headers.contains_key(CONTENT_LENGTH) || parts.headers.contains_key(TRANSFER_ENCODING);
        // Over HTTP/2 the end of the stream frames it (RFC 9113 §8.1.1). Over HTTP/1 a request without a length has no content.
        if is_websocket_connect(parts) || (!is_framed && parts.version < Version::HTTP_2) || parts.method == Method::GET
        {
            return Self::None;
        }
        if body.size_hint().exact().is_some() { Self::Fixed } else { Self::Unknown }
    }
}

/// Whether the request opens a WebSocket over HTTP/2 (RFC 8441).
pub(crate) fn is_websocket_connect(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<Protocol>().map(Protocol::as_str);
    parts.method == Method::CONNECT && protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// Writes the head as HTTP/1, with the framing of `length`. A WebSocket over HTTP/2 becomes the handshake of HTTP/1.1.
pub(crate) fn write(parts: &Parts, length: ContentLength, size: Option<u64>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let is_connect = is_websocket_connect(parts);
    out.extend_from_slice(if is_connect { b"GET" } else { parts.method.as_str().as_bytes() });
    out.push(b' ');
    out.extend_from_slice(parts.uri.path_and_query().map_or("/", |path| path.as_str()).as_bytes());
    out.extend_from_slice(if parts.version == Version::HTTP_10 { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" });
    // The authority of the target is the host (RFC 9112 §3.2.2, RFC 9113 §8.3.1).
    if let Some(authority) = parts.uri.authority() {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        field(&mut out, "host", host.as_bytes());
    }
    for (name, value) in &parts.headers {
        let is_framing = name == CONTENT_LENGTH || name == TRANSFER_ENCODING;
        let is_replaced = name == HOST && parts.uri.authority().is_some();
        let is_upgrade = name == UPGRADE && parts.version >= Version::HTTP_2;
        // hyper sends 100 once the content is read. Any other expectation is the core's to reject (RFC 9110 §10.1.1).
        let is_continue = name == EXPECT && value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        if !(is_framing || is_replaced || is_upgrade || is_continue) {
            field(&mut out, name.as_str(), value.as_bytes());
        }
    }
    if is_connect {
        // The key has no meaning over HTTP/2 (RFC 8441 §5): that of RFC 6455 §1.3.
        field(&mut out, "connection", b"Upgrade");
        field(&mut out, "upgrade", b"websocket");
        field(&mut out, "sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==");
    }
    match (length, size) {
        (ContentLength::Fixed, Some(size)) => field(&mut out, "content-length", size.to_string().as_bytes()),
        (ContentLength::None, _) => {}
        _ => field(&mut out, "transfer-encoding", b"chunked"),
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use super::*;

    fn head(request: Request<Body>) -> String {
        let (parts, body) = request.into_parts();
        let length = ContentLength::of(&parts, &body);
        String::from_utf8(write(&parts, length, body.size_hint().exact())).unwrap()
    }

    #[test]
    fn a_get_keeps_its_fields() {
        let request =
            Request::get("/events/a?after=oldest").header("host", "localhost").header("accept", "text/event-stream");
        let expected = "GET /events/a?after=oldest HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
        assert_eq!(head(request.body(Body::empty()).unwrap()), expected);
    }

    #[test]
    fn content_has_its_length_or_chunks() {
        let post =
            |body| Request::post("/events/a").header("host", "a").header("content-length", "2").body(body).unwrap();
        assert!(head(post(Body::from("hi"))).ends_with("content-length: 2\r\n\r\n"));
        // Content whose length a layer changes.
        struct Unsized(Body);
        impl http_body::Body for Unsized {
            type Data = bytes::Bytes;
            type Error = axum::Error;

            fn poll_frame(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, axum::Error>>> {
                std::pin::Pin::new(&mut self.0).poll_frame(cx)
            }
        }
        assert!(head(post(Body::new(Unsized(Body::from("hi"))))).ends_with("transfer-encoding: chunked\r\n\r\n"));
        let request = Request::post("/events/a").header("host", "a").body(Body::empty()).unwrap();
        assert!(head(request).ends_with("host: a\r\n\r\n"), "411 for a request without a length");
    }

    #[test]
    fn the_authority_of_http2_is_the_host() {
        let request =
            Request::post("http://hub.example:8080/events/a").version(Version::HTTP_2).header("expect", "100-continue");
        let head = head(request.body(Body::from("hi")).unwrap());
        assert_eq!(head, "POST /events/a HTTP/1.1\r\nhost: hub.example:8080\r\ncontent-length: 2\r\n\r\n");
    }

    #[test]
    fn an_extended_connect_is_a_handshake() {
        let mut request = Request::connect("http://hub.example/events/a")
            .version(Version::HTTP_2)
            .header("sec-websocket-version", "13")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let head = head(request);
        assert!(
            head.starts_with("GET /events/a HTTP/1.1\r\nhost: hub.example\r\nsec-websocket-version: 13\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nupgrade: websocket\r\nsec-websocket-key: "), "{head}");
    }
}
