//! A connection of the core that serves one request of hyper.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;

use crate::request_head::ContentLength;
use crate::shutdown::LiveResponse;
use crate::socket::Pipe;

/// The future of the connection.
pub(crate) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The connection, and the bytes that go into it and come out of it.
///
/// Whoever polls it moves the bytes: a response's body, or the task of a WebSocket. So it needs no task and no channel.
pub(crate) struct Connection {
    /// `None` once it has ended.
    serving: Option<Serving>,
    pub(crate) pipe: Pipe,
    content: Content,
    live: LiveResponse,
}

/// The content of the request, which is read when the connection reads it.
pub(crate) struct Content {
    body: Option<Body>,
    in_chunks: bool,
}

impl Content {
    pub(crate) fn new(body: Body, length: ContentLength) -> Self {
        Self { body: (length != ContentLength::None).then_some(body), in_chunks: length == ContentLength::Unknown }
    }

    /// Passes the next bytes on. Ready where there were some.
    fn poll(&mut self, cx: &mut Context<'_>, pipe: &Pipe) -> Poll<()> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Pending };
            match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers are discarded, as the core discards them.
                    let Ok(data) = frame.into_data() else { continue };
                    if data.is_empty() {
                        continue;
                    }
                    if self.in_chunks {
                        pipe.push(format!("{:x}\r\n", data.len()).as_bytes());
                    }
                    pipe.push(&data);
                    if self.in_chunks {
                        pipe.push(b"\r\n");
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "the content of a request cannot be read");
                    self.body = None;
                    pipe.end();
                }
                None => {
                    self.body = None;
                    if !self.in_chunks {
                        return Poll::Pending;
                    }
                    pipe.push(b"0\r\n\r\n");
                }
            }
            return Poll::Ready(());
        }
    }
}

impl Connection {
    pub(crate) fn new(serving: Serving, pipe: Pipe, content: Content, live: LiveResponse) -> Self {
        Self { serving: Some(serving), pipe, content, live }
    }

    /// Lets the connection do what it can do now. The task is woken when it can do more.
    pub(crate) fn advance(&mut self, cx: &mut Context<'_>) {
        self.live.register(cx.waker());
        while let Some(serving) = &mut self.serving {
            if serving.as_mut().poll(cx).is_ready() {
                self.serving = None;
                return;
            }
            if !self.pipe.is_starved() || self.content.poll(cx, &self.pipe).is_pending() {
                return;
            }
        }
    }

    /// Whether no more output comes.
    pub(crate) fn is_over(&self) -> bool {
        self.serving.is_none() || self.pipe.is_closed()
    }

    /// Whether the connection has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.serving.is_none()
    }

    /// Takes the output.
    pub(crate) fn take_output(&self) -> Bytes {
        self.pipe.take_output().into()
    }
}
