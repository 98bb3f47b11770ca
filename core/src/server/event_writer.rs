//! Server-Sent Events that a handler writes.

use core::future::Future;
use core::time::Duration;

use super::body_writer::BodyWriter;
use super::response::HandlerResult;
use super::runtime::Runtime;
use crate::connection::Disconnect;
use crate::output::ResumableWriter;
use crate::sse::encode;

/// Server-Sent Events that a handler writes; [`EventWriter::finish`] ends them.
pub struct EventWriter<'x, 'l, R: Runtime> {
    body: BodyWriter<'x, 'l, R>,
}

impl<'x, 'l, R: Runtime> EventWriter<'x, 'l, R> {
    pub(crate) fn new(body: BodyWriter<'x, 'l, R>) -> Self {
        Self { body }
    }

    /// Sends an event, and waits for free space.
    ///
    /// # Errors
    /// The connection ended, or the peer took nothing for the write timeout.
    pub async fn event(&mut self, event: &encode::EventBlock<'_>) -> Result<(), Disconnect> {
        self.body.put(&|out: &mut ResumableWriter<'_>| event.encode(out)).await
    }

    /// Sends a comment, which keeps the connection alive.
    ///
    /// # Errors
    /// As [`EventWriter::event`].
    pub async fn comment(&mut self, comment: crate::sse::field::Comment<'_>) -> Result<(), Disconnect> {
        self.body.put(&|out: &mut ResumableWriter<'_>| encode::comment(comment, out)).await
    }

    /// Waits until `time` has passed, as [`BodyWriter::sleep`]. After `false`, call [`EventWriter::finish`].
    ///
    /// # Errors
    /// The client has ended the connection, or it broke.
    pub async fn sleep(&mut self, time: Duration) -> Result<bool, Disconnect> {
        self.body.sleep(time).await
    }

    /// Waits for `future`, as [`BodyWriter::while_open`]. After `None`, call [`EventWriter::finish`].
    ///
    /// # Errors
    /// The client has ended the connection, or it broke.
    pub async fn while_open<F: Future>(&mut self, future: F) -> Result<Option<F::Output>, Disconnect> {
        self.body.while_open(future).await
    }

    /// Written bytes that were not handed to the network.
    pub fn buffered_amount(&self) -> usize {
        self.body.buffered_amount()
    }

    /// Ends the stream. A browser reconnects after its reconnection time.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn finish(self) -> HandlerResult {
        self.body.finish().await
    }
}
