//! A server of axum on a free port, and clients of other projects.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use goldcrest_axum::EventRoutes;
use goldcrest_host::{ChannelLimits, Hub};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

/// Long after everything that should happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The content of a request.
pub(crate) type Content = Full<Bytes>;

pub(crate) fn routes() -> EventRoutes {
    EventRoutes::new(Hub::new(ChannelLimits::default()).unwrap())
}

/// Serves `app` by `axum::serve` until `shutdown`.
pub(crate) async fn start(
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown);
    (address, tokio::spawn(async move { server.await.unwrap() }))
}

/// A connection over HTTP/2 with prior knowledge.
pub(crate) async fn connect_http2(address: SocketAddr) -> http2::SendRequest<Content> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A connection over HTTP/1.1.
pub(crate) async fn connect_http1(address: SocketAddr) -> http1::SendRequest<Content> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender
}

/// A request to `path` of the server at `address`.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    content: &str,
) -> Request<Content> {
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::from(content.to_owned())).unwrap()
}

/// The status and the text of a whole response.
pub(crate) async fn text(response: axum::http::Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let content = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(content.to_vec()).unwrap())
}

/// A client of a stream of text.
pub(crate) struct Lines {
    body: Incoming,
    received: String,
}

impl Lines {
    pub(crate) fn new(response: axum::http::Response<Incoming>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self { body: response.into_body(), received: String::new() }
    }

    /// Reads until `text` was received, and returns everything up to there.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        while !self.received.contains(text) {
            let frame = timeout(PATIENCE, self.body.frame()).await.unwrap_or_else(|_| panic!("{text:?} did not come"));
            let frame = frame.expect("the stream goes on").expect("the stream is not broken off");
            self.received.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
        let end = self.received.find(text).unwrap() + text.len();
        self.received.drain(..end).collect()
    }

    /// Reads up to the end of the stream, which is in order.
    pub(crate) async fn rest(mut self) -> String {
        while let Some(frame) = timeout(PATIENCE, self.body.frame()).await.expect("the stream ends in time") {
            let frame = frame.expect("the stream ends in order");
            self.received.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
        self.received
    }
}

/// An open WebSocket of tungstenite.
pub(crate) struct Socket(WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>);

impl Socket {
    /// Opens it over HTTP/1.1.
    pub(crate) async fn open(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Self {
        let host = address.to_string();
        let fields = [
            fields,
            &[
                ("host", &host),
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
        ]
        .concat();
        let mut request = request(address, "GET", path, &fields, "");
        *request.uri_mut() = path.parse().unwrap();
        let response = connect_http1(address).await.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        Self::over(response).await
    }

    /// Opens it over HTTP/2 by extended CONNECT (RFC 8441).
    pub(crate) async fn open_http2(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Self {
        let fields = [fields, &[("sec-websocket-version", "13")]].concat();
        let mut request = request(address, "CONNECT", path, &fields, "");
        request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
        let mut sender = connect_http2(address).await;
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("sec-websocket-accept"));
        Self::over(response).await
    }

    async fn over(response: axum::http::Response<Incoming>) -> Self {
        let upgraded = hyper::upgrade::on(response).await.unwrap();
        Self(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text message, or `close CODE REASON`.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            let next = timeout(PATIENCE, self.0.next()).await.expect("a message comes in time");
            match next.expect("the WebSocket is open").unwrap() {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Close(Some(close)) => return format!("close {} {}", u16::from(close.code), close.reason),
                Message::Close(None) => return "close".into(),
                _ => {}
            }
        }
    }
}
