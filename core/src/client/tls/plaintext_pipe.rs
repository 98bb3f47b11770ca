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
const PIECE: usize = 128;

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// The server's `close_notify`.
    InOrder,
    /// The client has said all, and is gone.
    Left,
    /// The client wants no more of it.
    GivenUp,
    Broken(TlsDisconnect),
}

/// This side's end of the pipe to the client: dropped, it breaks the pipe, since only a `close_notify` ends it in order.
pub(super) struct NearEnd<'a>(pub(super) PipeEnd<'a>);

impl Drop for NearEnd<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The pipe to the client, for what reads and what writes it; neither waits by itself.
pub(super) struct PlaintextPipe<'a> {
    pub(super) end: RefCell<NearEnd<'a>>,
    pub(super) want: Cell<Interest>,
    /// All that the client said is on its way, and it says no more.
    pub(super) sent: Cell<bool>,
}

impl<'a> PlaintextPipe<'a> {
    /// A pipe that is open.
    pub(super) const fn new(end: PipeEnd<'a>) -> Self {
        Self { end: RefCell::new(NearEnd(end)), want: Cell::new(Interest::NONE), sent: Cell::new(false) }
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
    async fn put(&self, bytes: &[u8]) -> Result<usize, Ended> {
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
                Ok(TryIo::Eof) | Err(_) => Poll::Ready(Err(Ended::GivenUp)),
            }
        })
        .await
    }

    /// Takes some of what the client says, if it says anything now.
    fn take(&self, buffer: &mut [u8]) -> Result<TryIo<usize>, Ended> {
        let lent = self.end.borrow_mut().0.try_read_with(|bytes| {
            let count = copy(bytes, buffer);
            (count, count)
        });
        lent.map_err(|_| Ended::GivenUp)
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
pub(super) async fn receive<S: Socket, C: TlsCipherSuite + 'static>(
    mut reader: TlsReader<'_, &RecordIo<S>, C>,
    hose: &PlaintextPipe<'_>,
) -> Result<Infallible, Ended> {
    loop {
        let bytes = reader.fill_buf().await.map_err(ended)?;
        let count = hose.put(bytes).await?;
        reader.consume(count);
    }
}

/// From the client to the server, until the client ends: all that is there goes into as few records as hold it.
pub(super) async fn send<S: Socket, C: TlsCipherSuite + 'static>(
    mut writer: TlsWriter<'_, &RecordIo<S>, C>,
    hose: &PlaintextPipe<'_>,
) -> Result<(), Ended> {
    let mut piece = [0; PIECE];
    loop {
        match hose.take(&mut piece)? {
            TryIo::Done(count) => writer.write_all(piece.get(..count).unwrap_or_default()).await.map_err(ended)?,
            TryIo::WouldBlock => {
                writer.flush().await.map_err(ended)?;
                hose.readable().await;
            }
            TryIo::Eof => return writer.flush().await.map_err(ended),
        }
    }
}

/// What an error of an open session means.
fn ended(error: TlsError) -> Ended {
    match error {
        TlsError::ConnectionClosed => Ended::InOrder,
        TlsError::Io(ErrorKind::InvalidData) => Ended::Broken(TlsDisconnect::Forged),
        TlsError::IoError | TlsError::Io(_) => Ended::Broken(TlsDisconnect::Truncated),
        error => Ended::Broken(TlsDisconnect::Tls(error)),
    }
}
