//! Streams that a handler writes.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::http_connection::{HttpConnection, LOOK_FOR_END, RequestContent};
use super::response::{HandlerResult, Responded, ResponseContext};
use super::runtime::Runtime;
use crate::connection::Disconnect;
use crate::http::Framing;
use crate::http::chunked::ChunkEncoder;
use crate::io::{Interest, Socket, TryIo, never};
use crate::output::{Output, ResumableWriter};
use crate::time::Instant;

/// The content of a response that a handler writes; [`BodyWriter::finish`] ends it.
///
/// A drop before that breaks the connection, so that the reader sees an incomplete response.
pub struct BodyWriter<'x, 'l, R: Runtime> {
    connection: &'x mut HttpConnection<'l, R>,
    chunks: Option<ChunkEncoder>,
    head_only: bool,
    keeps_connection: bool,
    /// A write was dropped midway, so the sent content is incomplete.
    cut_short: bool,
}

impl<'x, 'l, R: Runtime> BodyWriter<'x, 'l, R> {
    pub(crate) fn new(connection: &'x mut HttpConnection<'l, R>, framing: Framing, context: &ResponseContext) -> Self {
        let chunks = (framing == Framing::Chunked).then(ChunkEncoder::new);
        let ResponseContext { head_only, keeps_connection, .. } = *context;
        Self { connection, chunks, head_only, keeps_connection, cut_short: false }
    }

    /// Writes all of `bytes` and waits for free space. After a drop midway, the next call breaks the connection: the reader never
    /// takes a part of them for the whole.
    ///
    /// # Errors
    /// The connection ended, or the peer took nothing for the write timeout.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Disconnect> {
        self.put(&|out: &mut ResumableWriter<'_>| out.put(bytes)).await
    }

    /// Writes the output of `render`, which is called once for each attempt to write.
    pub(crate) async fn put(&mut self, render: &impl Fn(&mut ResumableWriter<'_>)) -> Result<(), Disconnect> {
        self.check()?;
        if self.head_only {
            return Ok(());
        }
        self.connection.yield_if_spent().await;
        self.cut_short = true;
        let (mut skip, mut whole) = (0usize, false);
        let Self { connection, chunks, .. } = self;
        connection
            .write(&mut |room: &mut [u8], _: &mut RequestContent| {
                let mut fill = |room: &mut [u8]| {
                    let mut sink = ResumableWriter::new(room, skip);
                    render(&mut sink);
                    skip = skip.wrapping_add(sink.written());
                    whole = sink.is_whole();
                    sink.written()
                };
                let (written, pending) = match chunks {
                    Some(chunks) => (chunks.transmit(room, fill), chunks.pending()),
                    None => (fill(room), false),
                };
                (written, whole && !pending)
            })
            .await?;
        self.cut_short = false;
        Ok(())
    }

    /// Waits until `time` has passed, and returns `true`. Returns `false` at once if the server shuts down, or if the request was a
    /// HEAD and its response has no content; call [`BodyWriter::finish`] then.
    ///
    /// Written bytes are sent meanwhile. Cancel-safe.
    ///
    /// # Errors
    /// The client has ended the connection, or it broke.
    pub async fn sleep(&mut self, time: Duration) -> Result<bool, Disconnect> {
        let deadline = self.connection.after(time);
        self.wait(deadline, never).await
    }

    /// Waits for `future`. Returns its output, or `None` where [`BodyWriter::sleep`] returns `false`.
    ///
    /// # Errors
    /// As [`BodyWriter::sleep`].
    pub async fn while_open<F: Future>(&mut self, future: F) -> Result<Option<F::Output>, Disconnect> {
        let mut future = pin!(future);
        let mut output = None;
        self.wait(Instant::MAX, |cx| future.as_mut().poll(cx).map(|ready| output = Some(ready))).await?;
        Ok(output)
    }

    /// Waits until `deadline`, or until `condition` is ready, which is not polled again then.
    async fn wait(
        &mut self,
        deadline: Instant,
        mut condition: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Result<bool, Disconnect> {
        self.check()?;
        let runtime = self.connection.runtime;
        let mut done = false;
        loop {
            if self.head_only || runtime.is_shutting_down() {
                return Ok(false);
            }
            // Reads nothing: received bytes are the next request.
            let (want, until) = match self.connection.try_read(&mut |_: &mut [u8]| 0)? {
                TryIo::Done(()) if !self.connection.socket().is_peer_closed() => {
                    (Interest::NONE, self.connection.after(LOOK_FOR_END))
                }
                TryIo::WouldBlock => (Interest::READ, deadline),
                TryIo::Done(()) | TryIo::Eof => {
                    // Without the last chunk the reader sees an incomplete response (RFC 9112 §8), so FIN is enough.
                    self.connection.answering = self.chunks.is_none();
                    return Err(Disconnect::Closed);
                }
            };
            if self.connection.now() >= deadline {
                return Ok(true);
            }
            let mut over = |cx: &mut Context<'_>| {
                done = condition(cx).is_ready();
                if done || runtime.is_shutting_down() { Poll::Ready(()) } else { Poll::Pending }
            };
            self.connection.wait(want, until.min(deadline), &mut over).await?;
            if done {
                return Ok(true);
            }
        }
    }

    fn check(&self) -> Result<(), Disconnect> {
        if self.cut_short { Err(Disconnect::Broken) } else { Ok(()) }
    }

    /// Written bytes that were not handed to the network.
    pub fn buffered_amount(&self) -> usize {
        self.connection.socket().send_queue()
    }

    /// Ends the content.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn finish(self) -> HandlerResult {
        self.check()?;
        let Self { connection, chunks, head_only, keeps_connection, .. } = self;
        end_stream(connection, chunks.filter(|_| !head_only)).await?;
        Ok(Responded::after_stream(keeps_connection))
    }
}

/// Sends the last chunk, if there are chunks.
pub(crate) async fn end_stream<R: Runtime>(
    connection: &mut HttpConnection<'_, R>,
    chunks: Option<ChunkEncoder>,
) -> Result<(), Disconnect> {
    if let Some(mut chunks) = chunks {
        connection
            .write(&mut |room: &mut [u8], _: &mut RequestContent| {
                let finished = chunks.finish(room);
                (finished.written, finished.done)
            })
            .await?;
    }
    connection.answering = false;
    Ok(())
}
