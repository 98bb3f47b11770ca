//! The plaintext between the client and the TLS session.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll};

use embedded_io_async::{BufRead, ErrorKind, Write};
use embedded_tls::{TlsCipherSuite, TlsError, TlsReader, TlsWriter};

use super::TlsDisconnect;
use super::record_io::RecordIo;
use crate::grammar::copy::copy;
use crate::io::{Interest, PipeEnd, Socket, TryIo};

/// The bytes moved from the pipe into a record at a time.
const CHUNK: usize = 128;

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum SessionEnd {
    /// By the server's `close_notify` (RFC 8446 §6.1).
    CloseNotify,
    /// The client has closed its side and dropped the socket.
    ClientDone,
    /// The client has aborted the connection.
    Cancelled,
    Broken(TlsDisconnect),
}

/// The session's end of the pipe. Dropped, it aborts the pipe, since only a `close_notify` is an end in order.
pub(super) struct AbortOnDrop<'a>(pub(super) PipeEnd<'a>);

impl Drop for AbortOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The pipe to the client, shared by the session's reader and writer. Neither waits by itself.
pub(super) struct PlaintextPipe<'a> {
    pub(super) end: RefCell<AbortOnDrop<'a>>,
    pub(super) want: Cell<Interest>,
    /// The client has closed its side, and all its bytes were written.
    pub(super) sent: Cell<bool>,
}

impl<'a> PlaintextPipe<'a> {
    pub(super) const fn new(end: PipeEnd<'a>) -> Self {
        Self { end: RefCell::new(AbortOnDrop(end)), want: Cell::new(Interest::NONE), sent: Cell::new(false) }
    }

    fn want(&self, more: Interest) {
        let want = self.want.get();
        self.want.set(Interest {
            read: want.read || more.read,
            writable_bytes: want.writable_bytes.max(more.writable_bytes),
            flushed: false,
        });
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.end.borrow().0.poll_wait(cx, self.want.get()).map(|_| ())
    }

    /// Writes some of the bytes to the client.
    async fn write(&self, bytes: &[u8]) -> Result<usize, SessionEnd> {
        poll_fn(|_| {
            let attempt = self.end.borrow_mut().0.try_write_with(|room| {
                let count = copy(bytes, room);
                (count, count)
            });
            match attempt {
                Ok(TryIo::Done(count)) => Poll::Ready(Ok(count)),
                Ok(TryIo::WouldBlock) => {
                    self.want(Interest::WRITE);
                    Poll::Pending
                }
                Ok(TryIo::Eof) | Err(_) => Poll::Ready(Err(SessionEnd::Cancelled)),
            }
        })
        .await
    }

    /// Reads bytes of the client, if there are any now.
    fn try_read(&self, buffer: &mut [u8]) -> Result<TryIo<usize>, SessionEnd> {
        let attempt = self.end.borrow_mut().0.try_read_with(|bytes| {
            let count = copy(bytes, buffer);
            (count, count)
        });
        attempt.map_err(|_| SessionEnd::Cancelled)
    }

    /// Completes when bytes, or the end, can be read.
    async fn readable(&self) {
        poll_fn(|_| {
            if matches!(self.end.borrow_mut().0.try_read_with(|_| (0, ())), Ok(TryIo::WouldBlock)) {
                self.want(Interest::READ);
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Copies from the server to the client.
pub(super) async fn copy_to_client<S: Socket, C: TlsCipherSuite + 'static>(
    mut reader: TlsReader<'_, &RecordIo<S>, C>,
    pipe: &PlaintextPipe<'_>,
) -> Result<Infallible, SessionEnd> {
    loop {
        let bytes = reader.fill_buf().await.map_err(session_end)?;
        let count = pipe.write(bytes).await?;
        reader.consume(count);
    }
}

/// Copies from the client to the server, until the client's end. Pending bytes share a record.
pub(super) async fn copy_to_server<S: Socket, C: TlsCipherSuite + 'static>(
    mut writer: TlsWriter<'_, &RecordIo<S>, C>,
    pipe: &PlaintextPipe<'_>,
) -> Result<(), SessionEnd> {
    let mut chunk = [0; CHUNK];
    loop {
        match pipe.try_read(&mut chunk)? {
            TryIo::Done(count) => {
                writer.write_all(chunk.get(..count).unwrap_or_default()).await.map_err(session_end)?
            }
            TryIo::WouldBlock => {
                writer.flush().await.map_err(session_end)?;
                pipe.readable().await;
            }
            TryIo::Eof => return writer.flush().await.map_err(session_end),
        }
    }
}

/// The end that an error of the session means.
fn session_end(error: TlsError) -> SessionEnd {
    match error {
        TlsError::ConnectionClosed => SessionEnd::CloseNotify,
        TlsError::Io(ErrorKind::InvalidData) => SessionEnd::Broken(TlsDisconnect::Forged),
        TlsError::IoError | TlsError::Io(_) => SessionEnd::Broken(TlsDisconnect::Truncated),
        error => SessionEnd::Broken(TlsDisconnect::Tls(error)),
    }
}
