//! Between the pipe to the client and the session of TLS.

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

/// What is moved from the pipe into a record at a time.
const CHUNK: usize = 128;

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum SessionEnd {
    /// The server's `close_notify`.
    CloseNotify,
    /// The client has said all, and is gone.
    ClientDone,
    /// The client wants no more of it.
    Cancelled,
    Broken(TlsDisconnect),
}

/// This side's end of the pipe to the client: dropped, it breaks the pipe, since only a `close_notify` ends it in order.
pub(super) struct AbortOnDrop<'a>(pub(super) PipeEnd<'a>);

impl Drop for AbortOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The pipe to the client, for what reads and what writes it; neither waits by itself.
pub(super) struct PlaintextPipe<'a> {
    pub(super) end: RefCell<AbortOnDrop<'a>>,
    pub(super) want: Cell<Interest>,
    /// All that the client said is on its way, and it says no more.
    pub(super) sent: Cell<bool>,
}

impl<'a> PlaintextPipe<'a> {
    /// A pipe that is open.
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

    /// Hands some of these bytes to the client.
    async fn write(&self, bytes: &[u8]) -> Result<usize, SessionEnd> {
        poll_fn(|_| {
            let lent = self.end.borrow_mut().0.try_write_with(|room| {
                let count = copy(bytes, room);
                (count, count)
            });
            match lent {
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

    /// Takes some of what the client says, if it says anything now.
    fn try_read(&self, buffer: &mut [u8]) -> Result<TryIo<usize>, SessionEnd> {
        let lent = self.end.borrow_mut().0.try_read_with(|bytes| {
            let count = copy(bytes, buffer);
            (count, count)
        });
        lent.map_err(|_| SessionEnd::Cancelled)
    }

    /// Completes when there is something to take, or an end.
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

/// From the server to the client.
pub(super) async fn copy_to_client<S: Socket, C: TlsCipherSuite + 'static>(
    mut reader: TlsReader<'_, &RecordIo<S>, C>,
    hose: &PlaintextPipe<'_>,
) -> Result<Infallible, SessionEnd> {
    loop {
        let bytes = reader.fill_buf().await.map_err(session_end)?;
        let count = hose.write(bytes).await?;
        reader.consume(count);
    }
}

/// From the client to the server, until the client ends: all that is there goes into as few records as hold it.
pub(super) async fn copy_to_server<S: Socket, C: TlsCipherSuite + 'static>(
    mut writer: TlsWriter<'_, &RecordIo<S>, C>,
    hose: &PlaintextPipe<'_>,
) -> Result<(), SessionEnd> {
    let mut piece = [0; CHUNK];
    loop {
        match hose.try_read(&mut piece)? {
            TryIo::Done(count) => {
                writer.write_all(piece.get(..count).unwrap_or_default()).await.map_err(session_end)?
            }
            TryIo::WouldBlock => {
                writer.flush().await.map_err(session_end)?;
                hose.readable().await;
            }
            TryIo::Eof => return writer.flush().await.map_err(session_end),
        }
    }
}

/// What an error of an open session means.
fn session_end(error: TlsError) -> SessionEnd {
    match error {
        TlsError::ConnectionClosed => SessionEnd::CloseNotify,
        TlsError::Io(ErrorKind::InvalidData) => SessionEnd::Broken(TlsDisconnect::Forged),
        TlsError::IoError | TlsError::Io(_) => SessionEnd::Broken(TlsDisconnect::Truncated),
        error => SessionEnd::Broken(TlsDisconnect::Tls(error)),
    }
}
