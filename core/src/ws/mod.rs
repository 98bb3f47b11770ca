//! WebSocket (RFC 6455) as state machines: input by slice, events by borrow, output into the caller's slice.
//!
//! | module | content |
//! | --- | --- |
//! | [`handshake`] | the opening handshake of both sides, subprotocols, extension offers |
//! | [`frame`] | the codec of frame headers |
//! | [`mask`], [`utf8`] | masking in place; validation of UTF-8 in parts |
//! | [`close`] | close codes and reasons |
//! | [`connection`] | the state machine of an open connection, for either side |
//! | [`keep_alive`] | the times of pings, and the time-out of a silent peer |
//!
//! This module has no socket, no clock and no random source: the caller passes bytes, time and masking keys.
//!
//! ```
//! use goldcrest_core::ws::connection::{ConnectionConfig, Connection, Incoming, MessageKind, Unmasked};
//!
//! let mut server = Connection::server(ConnectionConfig::default());
//! // "Hello" as a client sends it (RFC 6455 §5.7).
//! let mut input = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let received = server.receive(&mut input);
//! let Some(Incoming::Chunk(piece)) = received.event else { panic!("a message") };
//! assert_eq!((piece.payload, piece.first, piece.last), (&b"Hello"[..], true, true));
//!
//! let mut room = [0; 64];
//! let written = server.frame(&mut room, MessageKind::Text, piece.payload, &mut Unmasked).unwrap();
//! assert_eq!(&room[..written], b"\x81\x05Hello");
//! ```

pub mod close;
pub mod connection;
mod error;
pub mod frame;
pub mod handshake;
pub mod keep_alive;
pub mod mask;
pub mod utf8;

pub use error::ProtocolError;

/// The side of a connection.
///
/// A client masks its frames and rejects masked ones; a server does the opposite (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The side that accepted the connection.
    Server,
    /// The side that opened it.
    Client,
}

impl Role {
    /// The other side.
    pub const fn peer(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}
