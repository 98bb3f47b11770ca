//! Any `embedded_io_async::Read + Write` as a `Socket`.

use core::fmt;
use core::future::pending;

use embedded_io_async::{Read, Write};

use super::{Interest, Socket, TryIo};

/// A [`Socket`] over a byte stream whose `read` and `write` are documented to be cancel-safe: a future that is dropped before it
/// completes has moved no byte, and a dropped `flush` may be called again. `embedded-io-async` itself does not require that. TCP
/// sockets are cancel-safe; DMA and some TLS streams are not, and need split halves whose futures live as long as the connection.
///
/// The buffers are the caller's, of any length from 1. The stream is not read while output is queued, so that the write timeout
/// detects a peer that stops reading. The stream is flushed before it waits, not for each write.
#[derive(Debug)]
pub struct BufferedIo<'b, T> {
    io: T,
    received: Buffer<'b>,
    queued: Buffer<'b>,
    /// Bytes were written since the last flush.
    flush_due: bool,
    end: End,
}

#[derive(Debug)]
struct Buffer<'b> {
    bytes: &'b mut [u8],
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct End {
    received: bool,
    sent: bool,
}

/// Why the connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferedIoError<E> {
    /// The stream's own error.
    Io(E),
    /// The stream accepts no more bytes, or this side has been closed or aborted.
    Closed,
}

impl<E: fmt::Debug> fmt::Display for BufferedIoError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the stream failed: {error:?}"),
            Self::Closed => f.write_str("the stream is closed"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for BufferedIoError<E> {}

impl Buffer<'_> {
    fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    fn filled(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    fn free(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    fn commit(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
    }
}

impl<'b, T> BufferedIo<'b, T> {
    /// A socket over `io` with a buffer for each direction, both of at least one byte.
    pub fn new(io: T, received: &'b mut [u8], queued: &'b mut [u8]) -> Self {
        let buffer = |bytes| Buffer { bytes, start: 0, end: 0 };
        Self { io, received: buffer(received), queued: buffer(queued), flush_due: false, end: End::default() }
    }

    /// Returns the stream. Bytes that were received and not read, or queued and not sent, are lost.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Returns the buffers for receiving and for sending. Their bytes are lost, and the socket is closed.
    pub(crate) fn take_buffers(&mut self) -> (&'b mut [u8], &'b mut [u8]) {
        self.end = End { received: true, sent: true };
        let take = |buffer: &mut Buffer<'b>| {
            (buffer.start, buffer.end) = (0, 0);
            core::mem::take(&mut buffer.bytes)
        };
        (take(&mut self.received), take(&mut self.queued))
    }
}

impl<T: Read + Write> Socket for BufferedIo<'_, T> {
    type Error = BufferedIoError<T::Error>;

    async fn wait(&mut self, want: Interest) -> Result<(), Self::Error> {
        while !self.queued.is_empty() {
            // Before any read: the peer may be waiting for these bytes.
            let count = self.io.write(self.queued.filled()).await.map_err(BufferedIoError::Io)?;
            if count == 0 {
                return Err(BufferedIoError::Closed);
            }
            self.queued.consume(count);
            self.flush_due = true;
        }
        let readable = !self.received.is_empty() || self.end.received;
        if want.writable_bytes > 0 || (want.read && readable) {
            return Ok(());
        }
        // A flush for each write would send small segments, or wait for acknowledgements.
        if self.flush_due {
            self.io.flush().await.map_err(BufferedIoError::Io)?;
            self.flush_due = false;
        }
        if want.flushed {
            return Ok(());
        }
        if !want.read {
            return pending().await;
        }
        let count = self.io.read(self.received.free()).await.map_err(BufferedIoError::Io)?;
        self.received.commit(count);
        self.end.received = count == 0;
        Ok(())
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        if self.received.is_empty() {
            return Ok(if self.end.received { TryIo::Eof } else { TryIo::WouldBlock });
        }
        let (consumed, result) = f(self.received.filled());
        self.received.consume(consumed);
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        if self.end.sent {
            return Err(BufferedIoError::Closed);
        }
        let free = self.queued.free();
        if free.is_empty() {
            return Ok(TryIo::WouldBlock);
        }
        let (written, result) = f(free);
        self.queued.commit(written);
        Ok(TryIo::Done(result))
    }

    fn send_free(&self) -> usize {
        self.queued.bytes.len().saturating_sub(self.queued.end)
    }

    fn send_capacity(&self) -> usize {
        self.queued.bytes.len()
    }

    fn send_queue(&self) -> usize {
        self.queued.end.saturating_sub(self.queued.start)
    }

    /// `embedded-io-async` has no half-close: the FIN is sent when the stream is dropped.
    fn close(&mut self) {
        self.end.sent = true;
    }

    fn abort(&mut self) {
        self.end = End { received: true, sent: true };
        self.received.consume(usize::MAX);
        self.queued.consume(usize::MAX);
    }
}

#[cfg(test)]
mod tests;
