//! A connection's two directions, lent to closures.

use core::fmt;
use core::net::IpAddr;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Bytes to read, or the end of them.
    pub read: bool,
    /// So many bytes of free room in all ([`Socket::send_free`]), or the whole capacity where that is less. 0: no writing.
    pub writable_bytes: usize,
    /// Everything committed has been handed down: [`Socket::send_queue`] is 0.
    pub flushed: bool,
}

impl Interest {
    /// Neither direction: only what is committed moves on.
    pub const NONE: Self = Self { read: false, writable_bytes: 0, flushed: false };
    /// Bytes to read.
    pub const READ: Self = Self { read: true, ..Self::NONE };
    /// Room to write, a byte at least.
    pub const WRITE: Self = Self { writable_bytes: 1, ..Self::NONE };
    /// Everything committed is handed down.
    pub const FLUSHED: Self = Self { flushed: true, ..Self::NONE };
}

/// What came of a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryIo<R> {
    /// The closure was called and returned this.
    Done(R),
    /// There was nothing to lend; the closure was not called.
    WouldBlock,
    /// The peer has ended this direction; the closure was not called.
    Eof,
}

/// A byte stream that lends what it has.
///
/// # The contract of a loan
/// The slice is a non-empty contiguous piece, *perhaps one byte long* (a ring has a seam), so decoders and encoders
/// make progress with any length. The closure returns how many bytes it consumed or wrote, alters only what it reports
/// as consumed, touches no socket and calls no user code.
///
/// Errors end the connection in both directions.
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Socket {
    /// What broke the connection.
    type Error: fmt::Debug;

    /// Completes when a wanted direction can be *attempted*: data, room, end or error.
    ///
    /// It may return early, so look again. Dropping it loses nothing. Committed output moves meanwhile, whatever is
    /// wanted; with [`Interest::NONE`] nothing but that happens and it never completes unless the connection breaks.
    ///
    /// # Errors
    /// The connection is broken.
    async fn wait(&mut self, want: Interest) -> Result<(), Self::Error>;

    /// Lends received bytes; consumes as many as `f` reports.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error>;

    /// Lends free room; commits as many bytes as `f` reports. What is committed leaves at the latest when this side waits.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Self::Error>;

    /// Free room in all, over a ring's seam, in bytes.
    fn send_free(&self) -> usize;

    /// The most that [`Socket::send_free`] ever is, in bytes.
    fn send_capacity(&self) -> usize;

    /// Bytes that are committed here and not yet handed down. 0 on `embassy-net`, whose ring is the TCP buffer itself.
    fn send_queue(&self) -> usize;

    /// The network address of the peer by which limits count clients: a host reduces an IPv6 address to its prefix. Default: `None`,
    /// and clients are not told apart.
    fn peer_network(&self) -> Option<IpAddr> {
        None
    }

    /// Whether the peer has ended its side, even if bytes from before that are unread. Default: `false`, for a socket that learns of
    /// the end by reading alone.
    fn is_peer_closed(&self) -> bool {
        false
    }

    /// Ends our direction once what is committed is sent (FIN). Reading goes on.
    fn close(&mut self);

    /// Breaks the connection at once, in both directions (RST where the transport has one).
    fn abort(&mut self);
}
