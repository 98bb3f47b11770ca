//! Streams that a handler writes itself.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::exchange::Asker;
use super::line::{Content, LOOK_FOR_END, Line};
use super::{Ended, Outcome, Runtime, Served};
use crate::http::Framing;
use crate::http::chunked::ChunkEncoder;
use crate::io::{Interest, Lent, Socket, never};
use crate::output::{Pour, Sink};
use crate::sse::encode;
use crate::time::Instant;

/// The content of an answer that a handler writes; [`BodyWriter::finish`] ends it.
///
/// Dropped before that the connection breaks, so that the reader knows that the end is missing.
pub struct BodyWriter<'x, 'l, R: Runtime> {
    line: &'x mut Line<'l, R>,
    chunks: Option<ChunkEncoder>,
    head_only: bool,
    keeps_connection: bool,
    /// A call that wrote was dropped midway: what has left has no end.
    cut_short: bool,
}

impl<'x, 'l, R: Runtime> BodyWriter<'x, 'l, R> {
    pub(crate) fn new(line: &'x mut Line<'l, R>, framing: Framing, asker: &Asker) -> Self {
        let chunks = (framing == Framing::Chunked).then(ChunkEncoder::new);
        let Asker { head_only, keeps_connection, .. } = *asker;
        Self { line, chunks, head_only, keeps_connection, cut_short: false }
    }

    /// Writes all of `bytes`, waiting for room. Dropped midway, the next call breaks the connection: the reader is never
    /// left with half of them.
    ///
    /// # Errors
    /// The connection ended, or the peer took nothing for the write timeout.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.pour(&|out: &mut Sink<'_>| out.pour(bytes)).await
    }

    /// Writes what `render` pours; it is called as often as the room demands.
    pub(crate) async fn pour(&mut self, render: &impl Fn(&mut Sink<'_>)) -> Result<(), Ended> {
        self.judge()?;
        if self.head_only {
            return Ok(());
        }
        self.line.breathe().await;
        self.cut_short = true;
        let (mut skip, mut whole) = (0usize, false);
        let Self { line, chunks, .. } = self;
        line.write(&mut |room: &mut [u8], _: &mut Content| {
            let mut fill = |room: &mut [u8]| {
                let mut sink = Sink::new(room, skip);
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

    /// Waits until `time` has passed: `true` then. `false` at once where there is no more to wait for: the server is
    /// shutting down, or the request was a HEAD and nobody reads what is written. [`BodyWriter::finish`] is next then.
    ///
    /// What was written leaves meanwhile. Dropping it loses nothing.
    ///
    /// # Errors
    /// The client has ended the connection, or it broke.
    pub async fn sleep(&mut self, time: Duration) -> Result<bool, Ended> {
        let deadline = self.line.after(time);
        self.rest(deadline, never).await
    }

    /// Waits for `future`: its output, or `None` where [`BodyWriter::sleep`] says `false`.
    ///
    /// # Errors
    /// As [`BodyWriter::sleep`].
    pub async fn during<F: Future>(&mut self, future: F) -> Result<Option<F::Output>, Ended> {
        let mut future = pin!(future);
        let mut output = None;
        self.rest(Instant::MAX, |cx| future.as_mut().poll(cx).map(|ready| output = Some(ready))).await?;
        Ok(output)
    }

    /// Waits until `deadline` has come or `also` is ready, which is not asked again then.
    async fn rest(
        &mut self,
        deadline: Instant,
        mut also: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Result<bool, Ended> {
        self.judge()?;
        let runtime = self.line.runtime;
        let mut done = false;
        loop {
            if self.head_only || runtime.is_draining() {
                return Ok(false);
            }
            // A look that takes nothing: what the client says already is its next request.
            let (want, until) = match self.line.try_read(&mut |_: &mut [u8]| 0)? {
                Lent::Got(()) if !self.line.socket.is_peer_closed() => (Interest::NONE, self.line.after(LOOK_FOR_END)),
                Lent::NotNow => (Interest::READ, deadline),
                Lent::Got(()) | Lent::Eof => {
                    // Chunks without the last one show by themselves that the end is missing.
                    self.line.answering = self.chunks.is_none();
                    return Err(Ended::Closed);
                }
            };
            if self.line.now() >= deadline {
                return Ok(true);
            }
            let mut over = |cx: &mut Context<'_>| {
                done = also(cx).is_ready();
                if done || runtime.is_draining() { Poll::Ready(()) } else { Poll::Pending }
            };
            self.line.wait(want, until.min(deadline), &mut over).await?;
            if done {
                return Ok(true);
            }
        }
    }

    fn judge(&self) -> Result<(), Ended> {
        if self.cut_short { Err(Ended::Broken) } else { Ok(()) }
    }

    /// Bytes that were written and have not left this side.
    pub fn buffered_amount(&self) -> usize {
        self.line.socket.unsent()
    }

    /// Ends the content.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn finish(self) -> Outcome {
        self.judge()?;
        let Self { line, chunks, head_only, keeps_connection, .. } = self;
        end_stream(line, chunks.filter(|_| !head_only)).await?;
        Ok(Served::after_stream(keeps_connection))
    }
}

/// Sends the last chunk, if there are chunks.
pub(crate) async fn end_stream<R: Runtime>(line: &mut Line<'_, R>, chunks: Option<ChunkEncoder>) -> Result<(), Ended> {
    if let Some(mut chunks) = chunks {
        line.write(&mut |room: &mut [u8], _: &mut Content| {
            let finished = chunks.finish(room);
            (finished.written, finished.done)
        })
        .await?;
    }
    line.answering = false;
    Ok(())
}

/// Server-Sent Events that a handler writes; [`EventWriter::finish`] ends them.
pub struct EventWriter<'x, 'l, R: Runtime> {
    body: BodyWriter<'x, 'l, R>,
}

impl<'x, 'l, R: Runtime> EventWriter<'x, 'l, R> {
    pub(crate) fn new(body: BodyWriter<'x, 'l, R>) -> Self {
        Self { body }
    }

    /// Sends an event, waiting for room.
    ///
    /// # Errors
    /// The connection ended, or the peer took nothing for the write timeout.
    pub async fn event(&mut self, event: &encode::Event<'_>) -> Result<(), Ended> {
        self.body.pour(&|out: &mut Sink<'_>| event.encode(out)).await
    }

    /// Sends a comment, which keeps the connection alive.
    ///
    /// # Errors
    /// As [`EventWriter::event`].
    pub async fn comment(&mut self, comment: crate::sse::field::Comment<'_>) -> Result<(), Ended> {
        self.body.pour(&|out: &mut Sink<'_>| encode::comment(comment, out)).await
    }

    /// Waits until `time` has passed, as [`BodyWriter::sleep`]: `false` says to finish.
    ///
    /// # Errors
    /// The client has ended the connection, or it broke.
    pub async fn sleep(&mut self, time: Duration) -> Result<bool, Ended> {
        self.body.sleep(time).await
    }

    /// Waits for `future`, as [`BodyWriter::during`]: `None` says to finish.
    ///
    /// # Errors
    /// The client has ended the connection, or it broke.
    pub async fn during<F: Future>(&mut self, future: F) -> Result<Option<F::Output>, Ended> {
        self.body.during(future).await
    }

    /// Bytes that were written and have not left this side.
    pub fn buffered_amount(&self) -> usize {
        self.body.buffered_amount()
    }

    /// Ends the stream: the browser comes back after its reconnection time.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn finish(self) -> Outcome {
        self.body.finish().await
    }
}
