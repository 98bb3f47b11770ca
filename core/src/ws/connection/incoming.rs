//! The results of receiving.

use super::super::ProtocolError;
use super::super::close::CloseCode;
use super::{MessageKind, PingPayload};

/// The result of one call of [`Connection::receive`](super::Connection::receive).
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Received<'a> {
    /// Bytes of the input that are done with: the next call begins after them.
    pub consumed: usize,
    /// The event. `None`: this input has no further event.
    pub event: Option<Incoming<'a>>,
}

/// An event from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A part of a message, or a whole one.
    Chunk(Chunk<'a>),
    /// A ping. Its pong waits already (unless our Close went before): there is nothing to do.
    Ping,
    /// A pong, with as much of its payload as a ping of ours can have.
    Pong(PingPayload),
    /// The peer's Close; within, its code. The reason is in [`Connection::peer_close`](super::Connection::peer_close). Our answer waits already,
    /// with the same code. Nothing follows: input is ignored.
    Closed {
        /// The status code, if the Close frame has one.
        code: Option<CloseCode>,
    },
    /// The peer broke a rule. A Close with the error's code waits already. Nothing follows: input is ignored.
    Failed(ProtocolError),
}

/// A part of a message, unmasked, where it stood in the input.
///
/// The pieces of a message in order, joined, are the message. The fragments of the sender do not show.
/// Text may be cut within a character, and is valid as far as it was handed out; a message whose last piece came is
/// valid as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The type of the message.
    pub kind: MessageKind,
    /// The bytes; empty only if the piece is the last.
    pub payload: &'a [u8],
    /// Whether the message begins here.
    pub first: bool,
    /// Whether the message ends here.
    pub last: bool,
}
