//! What a connection needs of the world around it.

use super::abort::AbortHandle;
use super::rejection::{DateField, ErrorContent, Rejection};
use crate::io::{Clock, Socket};

/// The world around the connections of one executor: their sockets, a clock, buffers and randomness.
///
/// A chip and a host have one each; everything else of a connection is the same code on both.
pub trait Runtime {
    /// A connection's socket.
    type Socket: Socket;
    /// The clock.
    type Clock: Clock;
    /// A buffer, given back when it is dropped: of a pool on a chip, of the heap on a host.
    type Buffer: AsRef<[u8]> + AsMut<[u8]>;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// A buffer, or `None` while all are in use: the client waits a little for a head's, and is then asked to come back.
    fn buffer(&self, purpose: BufferKind) -> Option<Self::Buffer>;

    /// Whether somebody was refused a buffer since one was last given back: who is slow to fill one gives it up then. Default:
    /// never, for a runtime that refuses nobody.
    fn is_exhausted(&self, _purpose: BufferKind) -> bool {
        false
    }

    /// Makes room behind the first `filled` bytes of a buffer, which are kept: for a runtime whose buffers begin small. Default: a
    /// buffer has its full size from the start.
    fn grow(&self, _buffer: &mut Self::Buffer, _filled: usize) -> Growth {
        Growth::Full
    }

    /// Random bits that spread reconnections. They need not be secret.
    fn random(&self) -> u32;

    /// Whether the server is shutting down. When that begins every waiting task is to be woken.
    fn is_shutting_down(&self) -> bool;

    /// Reports a request that is rejected, for a log, and returns what the answer contains instead of [`Rejection::text`].
    /// Default: nothing is done, and the answer is that text.
    fn reject<B: AsRef<[u8]>>(
        &self,
        _socket: &Self::Socket,
        _rejection: &Rejection<'_, B>,
    ) -> impl ErrorContent + use<Self, B> {
    }

    /// A handle by which the connection of `socket` can be broken from elsewhere in the program. Default: one without effect.
    fn abort_handle(&self, _socket: &Self::Socket) -> impl AbortHandle + use<Self> {}

    /// The `Date` of an answer that begins now. Default: none, for a chip without a clock (RFC 9110 §6.6.1).
    fn date(&self) -> impl DateField + use<Self> {}
}

/// What a buffer is for; its size is the runtime's to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// A request head: its size bounds the head (414, 431).
    Head,
    /// An event that is published: its size bounds the event (413, close code 1009).
    Event,
}

/// What became of a buffer that more bytes are to be put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// There is room behind its filled part, and there may be more later.
    Room,
    /// It has its full size.
    Full,
    /// It needs memory that the runtime does not have now.
    Refused,
}
