//! The socket as `embedded-tls` reads and writes it, and the driver of its futures.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Write};

use super::record_filter::RecordFilter;
use crate::grammar::copy::copy;
use crate::io::{Interest, Socket, TryIo};

/// The TCP connection below a session. Reader and writer attempt and register an interest; [`drive`] waits for it.
pub(super) struct RecordIo<S> {
    socket: RefCell<S>,
    want: Cell<Interest>,
    filter: Cell<RecordFilter>,
}

/// The reason for which the connection is unusable.
#[derive(Clone, Copy, Debug)]
pub(super) enum RecordIoError {
    Broken,
    Forged,
}

impl fmt::Display for RecordIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the connection broke",
            Self::Forged => "a record was not sent by the server",
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

    /// The handshake is done: from here on all records are encrypted.
    pub(super) fn handshake_done(&self) {
        let mut filter = self.filter.get();
        filter.handshake_done();
        self.filter.set(filter);
    }

    pub(super) fn abort(&self) {
        self.socket.borrow_mut().abort();
    }

    pub(super) fn close(&self) {
        self.socket.borrow_mut().close();
    }

    /// Completes when the send queue is empty.
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
            let attempt = self.socket.borrow_mut().try_read_with(|bytes| {
                let count = copy(bytes, buffer);
                (count, count)
            });
            Poll::Ready(match attempt {
                Ok(TryIo::Done(count)) => {
                    let mut filter = self.filter.get();
                    let passes = filter.check(buffer.get(..count).unwrap_or_default());
                    self.filter.set(filter);
                    if passes { Ok(count) } else { Err(RecordIoError::Forged) }
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
            let attempt = self.socket.borrow_mut().try_write_with(|room| {
                let count = copy(bytes, room);
                (count, count)
            });
            Poll::Ready(match attempt {
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

    /// The socket sends when [`drive`] waits for it.
    async fn flush(&mut self) -> Result<(), RecordIoError> {
        Ok(())
    }
}

/// The result of driving a future.
pub(super) enum DriveResult<T> {
    Done(T),
    /// The connection broke.
    Broken,
    /// The caller's condition stopped it.
    Stopped,
}

/// Polls `future` until it is done, the connection breaks or `stopped` is true. Between polls it waits for the socket
/// and for `beside`.
#[expect(clippy::await_holding_refcell_ref, reason = "the reader and the writer are polled in this function alone")]
pub(super) async fn drive<F: Future, S: Socket>(
    records: &RecordIo<S>,
    mut future: Pin<&mut F>,
    mut stopped: impl FnMut(&mut Context<'_>) -> bool,
    mut beside: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> DriveResult<F::Output> {
    loop {
        records.want.set(Interest::NONE);
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
        // One wait until there is progress: a socket may need several polls for it.
        let want = records.want.get();
        let ready = {
            let mut socket = records.socket.borrow_mut();
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
