//! Streams that a handler writes itself.

use super::exchange::Asker;
use super::line::Line;
use super::{Ended, Outcome, Runtime, Served};
use crate::edge::Socket;
use crate::http::Framing;
use crate::http::chunked::ChunkEncoder;
use crate::sink::{Pour, Sink};
use crate::sse::encode;

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
    pub(super) fn new(line: &'x mut Line<'l, R>, framing: Framing, asker: &Asker) -> Self {
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
    pub(super) async fn pour(&mut self, render: &impl Fn(&mut Sink<'_>)) -> Result<(), Ended> {
        self.judge()?;
        if self.head_only {
            return Ok(());
        }
        self.line.breathe().await;
        self.cut_short = true;
        let (mut skip, mut whole) = (0usize, false);
        let Self { line, chunks, .. } = self;
        line.write(|room| {
            let mut fill = |room: &mut [u8]| {
                let mut sink = Sink::new(room, skip);
                render(&mut sink);
                skip = skip.saturating_add(sink.written());
                whole = sink.is_whole();
                sink.written()
            };
            let (written, pending) = match chunks {
                Some(chunks) => (chunks.transmit(room, fill), chunks.pending()),
                None => (fill(room), false),
            };
            (written, (whole && !pending).then_some(()))
        })
        .await?;
        self.cut_short = false;
        Ok(())
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
pub(super) async fn end_stream<R: Runtime>(line: &mut Line<'_, R>, chunks: Option<ChunkEncoder>) -> Result<(), Ended> {
    if let Some(mut chunks) = chunks {
        line.write(|room| {
            let finished = chunks.finish(room);
            (finished.written, finished.done.then_some(()))
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
    pub(super) fn new(body: BodyWriter<'x, 'l, R>) -> Self {
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
