//! The state machine of an open connection, for either side (RFC 6455 §5–§7).
//!
//! # Use
//! ```text
//! received bytes    receive(input) until it returns no event       Chunk · Ping · Pong · Closed · Failed
//! send space        transmit(room)                                 queued output: frame headers, pong, ping, Close
//!                   payload(room, fill)                            the payload of the frame that start_frame began
//!                   frame(room, ..)                                a whole message at once
//! ```
//! - [`Connection::receive`] accepts any split of the input. A payload is unmasked in place and borrowed in chunks.
//! - Control frames are sent between the frames of a message, never inside a frame (RFC 6455 §5.4).
//! - Pings are answered automatically: the newest one, if several wait (RFC 6455 §5.5.3).
//! - [`Connection::wants_input`] is false in one case: a ping or Close with a payload arrived while our last pong is half
//!   written. The caller then keeps the unconsumed bytes until the pong is sent.
//! - [`Connection::has_output`]: `transmit` has bytes to write. [`Connection::should_close_tcp`]: the TCP connection is to
//!   be closed.
//!
//! ```
//! use goldcrest_core::ws::close::{CloseCode, CloseReason};
//! use goldcrest_core::ws::connection::{ConnectionConfig, Connection, Incoming, MaskingKeys, NoEntropy, Unmasked};
//!
//! struct Counter(u32); // a real client uses its random source
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
mod send_error;
mod transmit;

#[cfg(test)]
mod tests;

pub use incoming::{Chunk, Incoming, Received};
pub use keys::{MaskingKeys, NoEntropy, Unmasked};
pub use send_error::SendError;

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
    /// Maximum bytes of a received message, all fragments together. A larger one fails the connection with 1009, at the
    /// frame header that exceeds it. Default: no limit, since chunks need no memory.
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

    /// Appends as many bytes as fit, and drops the rest.
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
/// It holds no message: about 300 bytes in all, of which [`CONTROL_MAX`] keep one control payload. That memory holds in
/// turn a ping or Close that arrives in parts, the queued pong, and the reason of the peer's Close.
#[derive(Clone, Debug)]
pub struct Connection {
    receiver: Receiver,
    transmitter: Transmitter,
    carry: [u8; CONTROL_MAX],
    /// Used bytes of `carry`.
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
    /// The peer's Close arrived; its reason is in `carry`.
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

    /// Queues a Close frame with `code` and `reason`. It is sent after the current frame, and no frame of ours follows it.
    /// Messages of the peer before its own Close are still received.
    ///
    /// # Errors
    /// [`SendError::Closing`]: a Close frame is queued or sent already.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason) -> Result<(), SendError> {
        self.transmitter.queue_close(Some(code), reason)
    }

    /// Fails the connection (RFC 6455 §7.1.7) for an error that the caller detected, such as a message larger than its
    /// buffer.
    ///
    /// Further input is ignored. A Close frame with the code of `error` is queued, unless one was sent before.
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

    /// Whether the next byte of the input, `next`, belongs to a control frame.
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

    /// The protocol error of the peer, if there was one.
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
