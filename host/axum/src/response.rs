//! The response of a connection of the core, as hyper sends it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::{CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{StatusCode, Version};
use axum::response::Response;
use bytes::{Buf, Bytes, BytesMut};
use goldcrest_core::http::{BodyDecoder, BodyLength, MAX_FIELDS, ResponseHead};
use http_body::{Frame, SizeHint};

use crate::connection::Connection;

/// The head of a response, and the bytes after it.
pub(crate) struct Head {
    pub(crate) response: Response<()>,
    /// The connection is a WebSocket from here on.
    pub(crate) switches_protocols: bool,
    length: BodyLength,
    pub(crate) rest: Bytes,
}

/// Waits for the head. `None` where the connection ended first.
pub(crate) async fn head(connection: &mut Connection, version: Version, to_head: bool) -> Option<Head> {
    let mut received = BytesMut::new();
    poll_fn(|cx| {
        loop {
            connection.advance(cx);
            let output = connection.take_output();
            let is_last = output.is_empty();
            received.extend_from_slice(&output);
            if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = received.split_to(end + 4);
                return Poll::Ready(parse(&head, version, to_head, received.split().freeze()));
            }
            if is_last {
                return if connection.is_over() { Poll::Ready(None) } else { Poll::Pending };
            }
        }
    })
    .await
}

fn parse(head: &[u8], version: Version, to_head: bool, rest: Bytes) -> Option<Head> {
    let head = ResponseHead::parse(head, MAX_FIELDS).ok()?;
    let mut response = Response::new(());
    let switches = head.status() == 101;
    let is_http2 = version >= Version::HTTP_2;
    // Over HTTP/2 a WebSocket is opened by 200 (RFC 8441 §5).
    let status = if switches && is_http2 { 200 } else { head.status() };
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    for (name, value) in head.fields() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // hyper frames the content. Fields of a connection are forbidden over HTTP/2 (RFC 9113 §8.2.2).
        let is_of_connection = [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT].contains(&name);
        if name != TRANSFER_ENCODING && !(is_http2 && is_of_connection) {
            response.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
        }
    }
    Some(Head { response, switches_protocols: switches, length: head.body_length(to_head), rest })
}

impl Head {
    /// The response with its content.
    pub(crate) fn with_body(self, connection: Connection) -> Response {
        let Self { response, length, rest, .. } = self;
        let (parts, ()) = response.into_parts();
        let Ok(decoder) = BodyDecoder::new(length, u64::MAX) else { return Response::from_parts(parts, Body::empty()) };
        let body = match length {
            BodyLength::None | BodyLength::Fixed(0) => Body::empty(),
            // The usual response of a poll or a publication.
            BodyLength::Fixed(length) if rest.len() as u64 == length => Body::from(rest),
            _ => Body::new(ResponseBody { connection: Some(connection), decoder, received: rest }),
        };
        Response::from_parts(parts, body)
    }
}

/// The content of a response, while the connection writes it.
struct ResponseBody {
    /// `None` once the content is complete.
    connection: Option<Connection>,
    decoder: BodyDecoder,
    /// Output that is not decoded.
    received: Bytes,
}

impl ResponseBody {
    /// The next run of content in the received bytes.
    fn decode(&mut self) -> Result<Option<Bytes>, io::Error> {
        while !self.received.is_empty() {
            let progress = self.decoder.decode(&self.received).map_err(|error| io::Error::other(error.reason()))?;
            let data = self.received.slice(progress.data);
            self.received.advance(progress.consumed);
            if progress.done {
                self.connection = None;
                self.received = Bytes::new();
            }
            if !data.is_empty() {
                return Ok(Some(data));
            }
            if progress.consumed == 0 {
                break;
            }
        }
        Ok(None)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        loop {
            match this.decode() {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            let Some(connection) = &mut this.connection else { return Poll::Ready(None) };
            connection.advance(cx);
            this.received = connection.take_output();
            if !this.received.is_empty() {
                continue;
            }
            if !connection.is_over() {
                return Poll::Pending;
            }
            let is_complete = this.decoder.ends_with_connection() && !connection.pipe.is_aborted();
            this.connection = None;
            // An error breaks the connection, or resets the stream of HTTP/2: the client sees an incomplete response.
            return Poll::Ready((!is_complete).then(|| Err(io::Error::other("the response was broken off"))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none() && self.received.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
