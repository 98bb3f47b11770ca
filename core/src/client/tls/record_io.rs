//! A socket as what `embedded-tls` reads and writes, and what drives both.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Write};

use super::record_filter::RecordFilter;
use crate::grammar::copy::copy;
use crate::io::{Interest, Socket, TryIo};

/// The TCP connection under a session. Its reader and its writer try at once or say what they wait for; [`drive`] waits.
pub(super) struct RecordIo<S> {
    socket: RefCell<S>,
    want: Cell<Interest>,
    filter: Cell<RecordFilter>,
}

/// Why a wire moves nothing any more.
#[derive(Clone, Copy, Debug)]
pub(super) enum RecordIoError {
    Broken,
    Forged,
}

impl fmt::Display for RecordIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the connection broke",
            Self::Forged => "a record is not the server's",
        })
    }
}

impl core::error::Error for RecordIoError {}

impl Error for RecordIoError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Broken => ErrorKind::ConnectionReset,
            Self::Forged => ErrorKind::InvalidData,
        }
    }
}

impl<S: Socket> RecordIo<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket: RefCell::new(socket), want: Cell::new(Interest::NONE), filter: Cell::new(RecordFilter::new()) }
    }

    /// From here on all is encrypted.
    pub(super) fn handshake_done(&self) {
        let mut guard = self.filter.get();
        guard.handshake_done();
        self.filter.set(guard);
    }

    pub(super) fn abort(&self) {
        self.socket.borrow_mut().abort();
    }

    pub(super) fn close(&self) {
        self.socket.borrow_mut().close();
    }

    /// What completes once all is handed down.
    pub(super) async fn flushed(&self) {
        poll_fn(|_| {
            if self.socket.borrow().send_queue() == 0 {
                return Poll::Ready(());
            }
            self.want(Interest::FLUSHED);
            Poll::Pending
        })
        .await;
    }

    fn want(&self, more: Interest) {
        let want = self.want.get();
        let (read, drained) = (want.read || more.read, want.flushed || more.flushed);
        self.want.set(Interest {
            read,
            writable_bytes: want.writable_bytes.max(more.writable_bytes),
            flushed: drained,
        });
    }
}

impl<S> ErrorType for &RecordIo<S> {
    type Error = RecordIoError;
}

impl<S: Socket> Read for &RecordIo<S> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, RecordIoError> {
        poll_fn(|_| {
            let lent = self.socket.borrow_mut().try_read_with(|bytes| {
                let count = copy(bytes, buffer);
                (count, count)
            });
            Poll::Ready(match lent {
                Ok(TryIo::Done(count)) => {
                    let mut guard = self.filter.get();
                    let judged = guard.check(buffer.get(..count).unwrap_or_default());
                    self.filter.set(guard);
                    if judged { Ok(count) } else { Err(RecordIoError::Forged) }
                }
                Ok(TryIo::Eof) => Ok(0),
                Ok(TryIo::WouldBlock) => {
                    self.want(Interest::READ);
                    return Poll::Pending;
                }
                Err(_) => Err(RecordIoError::Broken),
            })
        })
        .await
    }
}

impl<S: Socket> Write for &RecordIo<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, RecordIoError> {
        poll_fn(|_| {
            let lent = self.socket.borrow_mut().try_write_with(|room| {
                let count = copy(bytes, room);
                (count, count)
            });
            Poll::Ready(match lent {
                Ok(TryIo::Done(count)) => Ok(count),
                Ok(TryIo::WouldBlock) => {
                    self.want(Interest::WRITE);
                    return Poll::Pending;
                }
                Ok(TryIo::Eof) | Err(_) => Err(RecordIoError::Broken),
            })
        })
        .await
    }

    /// What is committed leaves when this side waits.
    async fn flush(&mut self) -> Result<(), RecordIoError> {
        Ok(())
    }
}

/// How driving a future ended.
pub(super) enum DriveResult<T> {
    Done(T),
    /// The connection under it broke.
    Broken,
    /// Nobody wants it any more.
    Stopped,
}

/// Polls `future` whenever it may get on, until it is done, the wire breaks or `stopped` says so; `beside` is what it waits
/// for but the wire.
#[expect(clippy::await_holding_refcell_ref, reason = "the reader and the writer are polled in this function alone")]
pub(super) async fn drive<F: Future, S: Socket>(
    wire: &RecordIo<S>,
    mut future: Pin<&mut F>,
    mut stopped: impl FnMut(&mut Context<'_>) -> bool,
    mut beside: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> DriveResult<F::Output> {
    loop {
        wire.want.set(Interest::NONE);
        let turn = poll_fn(|cx| {
            if stopped(cx) {
                return Poll::Ready(Some(DriveResult::Stopped));
            }
            Poll::Ready(match future.as_mut().poll(cx) {
                Poll::Ready(output) => Some(DriveResult::Done(output)),
                Poll::Pending => None,
            })
        });
        if let Some(driven) = turn.await {
            return driven;
        }
        // One wait until there is something to do: a socket may take several turns to it.
        let want = wire.want.get();
        let ready = {
            let mut socket = wire.socket.borrow_mut();
            let mut wait = pin!(socket.wait(want));
            poll_fn(|cx| {
                if stopped(cx) || beside(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                wait.as_mut().poll(cx)
            })
            .await
        };
        if ready.is_err() {
            return DriveResult::Broken;
        }
    }
}
