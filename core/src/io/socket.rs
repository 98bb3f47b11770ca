//! A byte stream whose buffers are passed to closures.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// The readiness that a wait is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Bytes to read, or the end of them.
    pub read: bool,
    /// So many free bytes in the send buffer ([`Socket::send_free`]), or all of it where it is smaller. 0: not for writing.
    pub writable_bytes: usize,
    /// The send queue is empty: [`Socket::send_queue`] is 0.
    pub flushed: bool,
}

impl Interest {
    /// Neither direction: only the send queue moves on.
    pub const NONE: Self = Self { read: false, writable_bytes: 0, flushed: false };
    /// Bytes to read.
    pub const READ: Self = Self { read: true, ..Self::NONE };
    /// At least one free byte in the send buffer.
    pub const WRITE: Self = Self { writable_bytes: 1, ..Self::NONE };
    /// An empty send queue.
    pub const FLUSHED: Self = Self { flushed: true, ..Self::NONE };
}

/// The result of an attempt to read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryIo<R> {
    /// The closure was called and returned this.
    Done(R),
    /// No bytes are there to read, or none are free to write; the closure was not called.
    WouldBlock,
    /// The peer has ended this direction; the closure was not called.
    Eof,
}

/// A byte stream that passes its buffers to closures.
///
/// # The contract of a closure
/// The slice is not empty, and *may be one byte long* where a ring buffer wraps: decoders and encoders make progress with any length.
/// The closure returns how many bytes it consumed or wrote, and alters only those. It uses no socket and calls no code of a handler.
///
/// Errors end the connection in both directions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Socket` of goldcrest-core",
    label = "expected a `Socket`",
    note = "`embassy_net::tcp::TcpSocket` of embassy-net 0.9 is one with the feature `embassy-net` of goldcrest-core; the type of another version of embassy-net is another type (`cargo tree -d` lists the versions)",
    note = "`io::BufferedIo` makes a `Socket` of any `embedded_io_async::Read + Write`"
)]
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Socket {
    /// Why the connection broke.
    type Error: fmt::Debug;

    /// Completes when a read or write of the interest can be *attempted*: it would return bytes, the end or an error.
    ///
    /// It may complete early, so the caller tries and waits again. It is cancel-safe. The send queue moves on during any wait; with
    /// [`Interest::NONE`] only that happens, and the wait completes only when the connection breaks.
    ///
    /// # Errors
    /// The connection is broken.
    async fn wait(&mut self, want: Interest) -> Result<(), Self::Error>;

    /// Passes received bytes to `f`, and consumes as many as it returns.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error>;

    /// Passes free bytes of the send buffer to `f`, and queues as many as it returns. They are sent during the next wait at the latest.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error>;

    /// The free bytes of the send buffer, in one or two slices.
    fn send_free(&self) -> usize;

    /// The size of the send buffer, in bytes.
    fn send_capacity(&self) -> usize;

    /// Queued bytes that have not been passed on to TCP. 0 on `embassy-net`, whose send buffer is the one of TCP.
    fn send_queue(&self) -> usize;

    /// The network of the peer, by which limits count clients: a host reduces an IPv6 address to its prefix. Default: `None`, where
    /// clients are not distinguished.
    fn peer_network(&self) -> Option<IpAddr> {
        None
    }

    /// The address of the peer, while it is connected. Default: `None`, where it is not known.
    fn peer_address(&self) -> Option<SocketAddr> {
        None
    }

    /// Whether the peer has sent its FIN, even if bytes before it are unread. Default: `false`, for a socket that learns of the FIN only
    /// by reading.
    fn is_peer_closed(&self) -> bool {
        false
    }

    /// Sends a FIN after the send queue. Reading is still possible.
    fn close(&mut self);

    /// Breaks the connection at once in both directions, with a RST where there is one.
    fn abort(&mut self);
}

impl<S: Socket> Socket for &mut S {
    type Error = S::Error;

    fn wait(&mut self, want: Interest) -> impl Future<Output = Result<(), Self::Error>> {
        (**self).wait(want)
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        (**self).try_read_with(f)
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error> {
        (**self).try_write_with(f)
    }

    fn send_free(&self) -> usize {
        (**self).send_free()
    }

    fn send_capacity(&self) -> usize {
        (**self).send_capacity()
    }

    fn send_queue(&self) -> usize {
        (**self).send_queue()
    }

    fn peer_network(&self) -> Option<IpAddr> {
        (**self).peer_network()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        (**self).peer_address()
    }

    fn is_peer_closed(&self) -> bool {
        (**self).is_peer_closed()
    }

    fn close(&mut self) {
        (**self).close();
    }

    fn abort(&mut self) {
        (**self).abort();
    }
}
