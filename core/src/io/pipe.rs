//! Two sockets in memory.

use core::cell::RefCell;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use super::{Interest, Socket, TryIo};

/// A connection in memory: a ring buffer of `N` bytes for each direction, like a TCP socket of a chip.
///
/// It is for tests of handlers without a network, and of code that has to make progress with short slices.
#[derive(Debug)]
pub struct Pipe<const N: usize> {
    rings: [RefCell<Ring<[u8; N]>>; 2],
}

/// One end of a [`Pipe`] of any size.
#[derive(Debug)]
pub struct PipeEnd<'p> {
    outgoing: &'p RefCell<Ring<[u8]>>,
    incoming: &'p RefCell<Ring<[u8]>>,
}

/// The connection was aborted, or this end has been closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeError;

impl fmt::Display for PipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pipe was closed or aborted")
    }
}

impl core::error::Error for PipeError {}

#[derive(Debug)]
struct Ring<B: ?Sized> {
    start: usize,
    len: usize,
    ended: bool,
    aborted: bool,
    /// The reading end was dropped: bytes that are still written cause a reset.
    reader_dropped: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    bytes: B,
}

impl Ring<[u8]> {
    fn free(&self) -> usize {
        self.bytes.len() - self.len
    }

    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn abort(&mut self) {
        self.aborted = true;
        self.len = 0;
        self.wake();
    }
}

impl<const N: usize> Default for Pipe<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Pipe<N> {
    /// An open connection.
    pub const fn new() -> Self {
        const { assert!(N > 0, "a ring buffer has at least one byte") };
        Self { rings: [RefCell::new(Ring::EMPTY), RefCell::new(Ring::EMPTY)] }
    }

    /// The end of the client. Each end exists once at a time.
    #[cfg(feature = "embedded-tls")]
    pub(crate) fn client_end(&self) -> PipeEnd<'_> {
        let [one, other] = &self.rings;
        PipeEnd { outgoing: one, incoming: other }
    }

    /// The end of the server.
    #[cfg(feature = "embedded-tls")]
    pub(crate) fn server_end(&self) -> PipeEnd<'_> {
        let [one, other] = &self.rings;
        PipeEnd { outgoing: other, incoming: one }
    }

    /// Makes it a new connection, once both ends of the previous one have been dropped.
    #[cfg(feature = "embedded-tls")]
    pub(crate) fn reopen(&self) {
        for ring in &self.rings {
            let mut ring = ring.borrow_mut();
            (ring.start, ring.len) = (0, 0);
            (ring.ended, ring.aborted, ring.reader_dropped) = (false, false, false);
            (ring.reader, ring.writer) = (None, None);
        }
    }

    /// The two ends.
    pub fn ends(&self) -> (PipeEnd<'_>, PipeEnd<'_>) {
        let [one, other] = &self.rings;
        (PipeEnd { outgoing: one, incoming: other }, PipeEnd { outgoing: other, incoming: one })
    }
}

impl<const N: usize> Ring<[u8; N]> {
    const EMPTY: Self = Self {
        start: 0,
        len: 0,
        ended: false,
        aborted: false,
        reader_dropped: false,
        reader: None,
        writer: None,
        bytes: [0; N],
    };
}

impl PipeEnd<'_> {
    pub(crate) fn poll_wait(&self, cx: &mut Context<'_>, want: Interest) -> Poll<Result<(), PipeError>> {
        let (mut incoming, mut outgoing) = (self.incoming.borrow_mut(), self.outgoing.borrow_mut());
        if incoming.aborted || outgoing.aborted {
            return Poll::Ready(Err(PipeError));
        }
        let readable = incoming.len > 0 || incoming.ended;
        if want.flushed
            || (want.read && readable)
            || (want.writable_bytes > 0 && outgoing.free() >= want.writable_bytes.min(outgoing.bytes.len()))
        {
            return Poll::Ready(Ok(()));
        }
        incoming.reader = Some(cx.waker().clone());
        outgoing.writer = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Socket for PipeEnd<'_> {
    type Error = PipeError;

    async fn wait(&mut self, want: Interest) -> Result<(), PipeError> {
        poll_fn(|cx| self.poll_wait(cx, want)).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, PipeError> {
        let mut ring = self.incoming.borrow_mut();
        if ring.aborted {
            return Err(PipeError);
        }
        if ring.len == 0 {
            return Ok(if ring.ended { TryIo::Eof } else { TryIo::WouldBlock });
        }
        let (start, end) = (ring.start, (ring.start + ring.len).min(ring.bytes.len()));
        let (consumed, result) = f(ring.bytes.get_mut(start..end).unwrap_or_default());
        let consumed = consumed.min(end - start);
        ring.start = (start + consumed) % ring.bytes.len();
        ring.len -= consumed;
        if consumed > 0 {
            ring.wake();
        }
        Ok(TryIo::Done(result))
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, PipeError> {
        let mut ring = self.outgoing.borrow_mut();
        if ring.aborted || ring.ended {
            return Err(PipeError);
        }
        if ring.free() == 0 {
            return Ok(TryIo::WouldBlock);
        }
        let start = (ring.start + ring.len) % ring.bytes.len();
        let end = if start < ring.start { ring.start } else { ring.bytes.len() };
        let (written, result) = f(ring.bytes.get_mut(start..end).unwrap_or_default());
        ring.len += written.min(end - start);
        if written > 0 {
            ring.wake();
        }
        if ring.reader_dropped && ring.len > 0 {
            drop(ring);
            self.abort();
        }
        Ok(TryIo::Done(result))
    }

    fn send_free(&self) -> usize {
        self.outgoing.borrow().free()
    }

    fn send_capacity(&self) -> usize {
        self.outgoing.borrow().bytes.len()
    }

    fn send_queue(&self) -> usize {
        0
    }

    fn is_peer_closed(&self) -> bool {
        self.incoming.borrow().ended
    }

    fn close(&mut self) {
        let mut ring = self.outgoing.borrow_mut();
        ring.ended = true;
        ring.wake();
    }

    fn abort(&mut self) {
        self.incoming.borrow_mut().abort();
        self.outgoing.borrow_mut().abort();
    }
}

impl Drop for PipeEnd<'_> {
    /// As a TCP socket: a FIN if everything received was read, and a reset for later bytes; else a reset at once.
    fn drop(&mut self) {
        if self.incoming.borrow().len > 0 {
            self.abort();
        } else {
            self.close();
            self.incoming.borrow_mut().reader_dropped = true;
        }
    }
}

#[cfg(test)]
mod tests;
