//! The machine of an open connection, for either side (RFC 6455 §5–§7).
//!
//! # How it is driven
//! ```text
//! bytes came        receive(input) until it returns no event       Piece · Ping · Pong · Closed · Failed
//! room to write     transmit(room)                                 what waits of ours: frame heads, pong, ping, close
//!                   payload(room, fill)                            the payload of the frame that start_frame began
//!                   frame(room, ..)                                a whole message in one go
//! ```
//! - [`Connection::receive`] decodes any split of the input. A payload is unmasked where it stands and lent in pieces.
//! - A control frame never stands inside one of our frames; it may stand between the fragments of our message.
//! - Pings are answered by themselves: the newest, if several wait.
//! - [`Connection::wants_input`] is false in one case only: a ping or Close with a payload came while our last pong is
//!   half written. Nothing else is read until its rest has left; what was not consumed is given again then.
//! - [`Connection::has_output`] says whether `transmit` has anything to write; [`Connection::should_close_tcp`] when the
//!   socket's turn has come.
//!
//! ```
//! use goldcrest_core::ws::close::{CloseCode, CloseReason};
//! use goldcrest_core::ws::connection::{ConnectionConfig, Connection, Incoming, MaskingKeys, NoEntropy, Unmasked};
//!
//! struct Counter(u32); // a real client asks its random source
//! impl MaskingKeys for Counter {
//!     fn next_key(&mut self) -> Result<[u8; 4], NoEntropy> {
//!         self.0 += 1;
//!         Ok(self.0.to_be_bytes())
//!     }
//! }
//!
//! let mut keys = Counter(0);
//! let mut client = Connection::client(ConnectionConfig::default());
//! let mut server = Connection::server(ConnectionConfig::default());
//! let mut wire = [0; 200];
//!
//! client.close(CloseCode::NORMAL, CloseReason::NONE).unwrap();
//! let n = client.transmit(&mut wire, &mut keys).unwrap();
//! let event = server.receive(&mut wire[..n]).event;
//! assert_eq!(event, Some(Incoming::Closed { code: Some(CloseCode::NORMAL) }));
//!
//! let n = server.transmit(&mut wire, &mut Unmasked).unwrap(); // the answer echoes the code
//! assert!(server.should_close_tcp()); // the server closes the TCP connection first
//! client.receive(&mut wire[..n]);
//! assert!(client.is_closed() && !client.should_close_tcp());
//! ```

#[cfg(not(small_code))]
mod fast_path;
mod incoming;
mod keys;
mod receive;
mod receive_control;
mod send;
mod transmit;

#[cfg(test)]
mod tests;

pub use incoming::{Chunk, Incoming, Received};
pub use keys::{MaskingKeys, NoEntropy, Unmasked};
pub use send::SendError;

use super::close::{CloseCode, CloseFrame, CloseReason};
use super::frame::CONTROL_MAX;
use super::{ProtocolError, Role};
use receive::Receiver;
use transmit::Transmitter;

/// The two types of messages (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// The bounds of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// The most bytes that the peer's message may have, all its fragments together; a larger one fails the connection
    /// with 1009 at the head that tells its size. Without bound by default: pieces need no memory.
    pub max_message: u64,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self { max_message: u64::MAX }
    }
}

/// The payload of a ping of ours, or of a pong: at most [`PingPayload::MAX`] bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PingPayload {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl PingPayload {
    /// The longest payload in bytes.
    pub const MAX: usize = 8;

    /// No payload.
    pub const EMPTY: Self = Self { bytes: [0; Self::MAX], len: 0 };

    /// The first [`Self::MAX`] of `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let mut payload = Self::EMPTY;
        payload.extend(bytes);
        payload
    }

    /// The payload's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Appends what fits and drops the rest.
    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let Some(slot) = self.bytes.get_mut(usize::from(self.len)) else { return };
            *slot = *byte;
            self.len = self.len.saturating_add(1);
        }
    }
}

/// A connection after its handshake, for either side.
///
/// It holds no message: about 300 bytes in all, of which [`CONTROL_MAX`] carry the one control payload that has to be
/// kept. That memory is, one after the other, a ping or Close that arrives in pieces, the pong that waits, and the
/// reason of the peer's Close.
#[derive(Clone, Debug)]
pub struct Connection {
    receiver: Receiver,
    transmitter: Transmitter,
    carry: [u8; CONTROL_MAX],
    /// Bytes of `carry` that hold something.
    carried: u8,
    role: Role,
    end: End,
    max_message: u64,
}

/// How far the peer's side has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its Close has not come.
    Open,
    /// Its Close came; its reason is in the carry.
    Closed(Option<CloseCode>),
    /// It broke a rule.
    Failed(ProtocolError),
}

impl Connection {
    /// The server's machine.
    pub const fn server(config: ConnectionConfig) -> Self {
        Self::new(Role::Server, config)
    }

    /// The client's machine.
    pub const fn client(config: ConnectionConfig) -> Self {
        Self::new(Role::Client, config)
    }

    /// A machine for `role`.
    pub const fn new(role: Role, config: ConnectionConfig) -> Self {
        Self {
            receiver: Receiver::NEW,
            transmitter: Transmitter::NEW,
            carry: [0; CONTROL_MAX],
            carried: 0,
            role,
            end: End::Open,
            max_message: config.max_message,
        }
    }

    /// Asks for a Close with `code` and `reason`. It leaves after the frame that is under way, and then nothing of ours
    /// does. What the peer sends before its own Close is still received.
    ///
    /// # Errors
    /// [`SendError::Closing`] if a Close of ours left or waits already; the first one stands.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason) -> Result<(), SendError> {
        self.transmitter.queue_close(Some(code), reason)
    }

    /// Fails the connection for a reason that the caller found, such as a message that its buffer does not hold.
    ///
    /// What comes from the peer is ignored from now on; a Close with the error's code waits unless one left before.
    pub fn fail(&mut self, error: ProtocolError) {
        if self.end == End::Open {
            self.end = End::Failed(error);
        }
        self.receiver.end();
        self.transmitter.drop_pings();
        // If a Close of ours waits or left, that is the one that the peer gets.
        let _ = self.transmitter.queue_close(Some(error.close_code()), CloseReason::NONE);
    }

    /// Queues a ping. If one waits already this one replaces it.
    ///
    /// # Errors
    /// [`SendError::Closing`] if a Close of ours left or waits: nothing follows it.
    pub fn ping(&mut self, payload: PingPayload) -> Result<(), SendError> {
        self.transmitter.queue_ping(payload)
    }

    /// Whether `receive` can take input now. False only while the rest of a pong has to leave first.
    pub fn wants_input(&self) -> bool {
        !(self.receiver.needs_carry() && self.transmitter.is_sending_pong())
    }

    /// Whether a frame or a message of the peer has begun and not ended. Control frames between its fragments do not end it.
    pub fn is_receiving(&self) -> bool {
        !self.receiver.is_at_rest() && !self.receiver.has_ended()
    }

    /// Whether what `receive` would take next, which begins with the byte `next`, is of a control frame.
    pub fn is_control_next(&self, next: u8) -> bool {
        self.receiver.is_control_next(next)
    }

    /// Whether the closing handshake is over: both Closes went, or ours did after the peer broke a rule.
    pub fn is_closed(&self) -> bool {
        self.end != End::Open && self.transmitter.is_close_sent()
    }

    /// Whether the socket is to be closed now (RFC 6455 §7.1.1): the server closes it first. A client waits for that
    /// (no longer than its caller cares to), unless the peer broke a rule.
    pub fn should_close_tcp(&self) -> bool {
        self.is_closed() && (self.role == Role::Server || matches!(self.end, End::Failed(_)))
    }

    /// Whether a Close of ours left or waits: no data can be sent any more.
    pub fn is_closing(&self) -> bool {
        self.transmitter.is_closing()
    }

    /// The peer's Close, once it has come.
    pub fn peer_close(&self) -> Option<CloseFrame<'_>> {
        let End::Closed(code) = self.end else { return None };
        let reason = self.carried_bytes().get(2..).filter(|_| code.is_some()).unwrap_or_default();
        Some(CloseFrame { code, reason: core::str::from_utf8(reason).unwrap_or_default() })
    }

    /// What the peer broke, if it did.
    pub fn error(&self) -> Option<ProtocolError> {
        match self.end {
            End::Failed(error) => Some(error),
            End::Open | End::Closed(_) => None,
        }
    }

    /// The side that this machine plays.
    pub fn role(&self) -> Role {
        self.role
    }

    fn carried_bytes(&self) -> &[u8] {
        self.carry.get(..usize::from(self.carried)).unwrap_or_default()
    }
}
