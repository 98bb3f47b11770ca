//! The client's side of the handshake (RFC 6455 §4.1).
//!
//! ```
//! use goldcrest_core::output::{Output, ResumableWriter};
//! use goldcrest_core::ws::handshake::UpgradeRequest;
//!
//! let request = UpgradeRequest {
//!     nonce: *b"the sample nonce", // 16 bytes from the caller's random source
//!     protocols: &["chat", "superchat"],
//!     origin: None,
//! };
//! request.validate().unwrap();
//! let mut room = [0; 400];
//! let mut out = ResumableWriter::new(&mut room, 0);
//! out.put(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n");
//! request.put(&mut out);
//! out.put(b"\r\n");
//! assert!(out.is_whole());
//!
//! let fields: [(&str, &[u8]); 4] = [
//!     ("Upgrade", b"websocket"),
//!     ("Connection", b"Upgrade"),
//!     ("Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
//!     ("Sec-WebSocket-Protocol", b"chat"),
//! ];
//! assert_eq!(request.verify(101, fields.into_iter()), Ok(Some("chat")));
//! ```

use super::key::{WebSocketKey, accept_key};
use super::{ACCEPT, CONNECTION, EXTENSIONS, PROTOCOL, UPGRADE};
use super::{sole_value, values};
use crate::grammar::characters::all_token;
use crate::grammar::list::has_token;
use crate::output::Output;

/// The fields of a request that ask for a WebSocket (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug)]
pub struct UpgradeRequest<'a> {
    /// Sixteen random bytes, new for each connection.
    pub nonce: [u8; 16],
    /// The subprotocols, the preferred one first.
    pub protocols: &'a [&'a str],
    /// The value of `Origin`.
    pub origin: Option<&'a str>,
}

/// A part of an [`UpgradeRequest`] that cannot stand in a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRequestPart {
    /// `origin` is empty or has a byte that is no visible ASCII.
    Origin,
    /// `protocols` are not distinct tokens.
    Protocol,
}

/// Why an answer opens no connection: drop the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeError {
    /// The status, which is not 101. (Redirects and 401 are the caller's to follow.)
    Status(u16),
    /// `Upgrade` is not `websocket`.
    Upgrade,
    /// `Connection` does not name `Upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is missing, there twice, or does not answer our key.
    Accept,
    /// `Sec-WebSocket-Protocol` is repeated, or names a subprotocol that was not offered.
    Protocol,
    /// An extension is in use that was not offered.
    Extension,
}

impl<'a> UpgradeRequest<'a> {
    /// Whether the fields can stand in a request.
    ///
    /// # Errors
    /// The part that cannot, such as an origin with a line end.
    pub fn validate(&self) -> Result<(), BadRequestPart> {
        if self.origin.is_some_and(|origin| !is_visible(origin)) {
            return Err(BadRequestPart::Origin);
        }
        for (index, name) in self.protocols.iter().enumerate() {
            if !all_token(name.as_bytes()) || self.protocols.iter().take(index).any(|earlier| earlier == name) {
                return Err(BadRequestPart::Protocol);
            }
        }
        Ok(())
    }

    /// Writes the header fields, each with its line end.
    pub fn put(&self, out: &mut impl Output) {
        out.put(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
        out.put(self.key().as_bytes());
        out.put(b"\r\nSec-WebSocket-Version: 13");
        if let Some(origin) = self.origin {
            out.put(b"\r\nOrigin: ");
            out.put(origin.as_bytes());
        }
        let mut before: &[u8] = b"\r\nSec-WebSocket-Protocol: ";
        for name in self.protocols {
            out.put(before);
            out.put(name.as_bytes());
            before = b", ";
        }
        out.put(b"\r\n");
    }

    /// Validates the server's response (RFC 6455 §4.1): the index of the subprotocol that the server chose.
    ///
    /// # Errors
    /// The first rule that is broken, in the order of [`UpgradeError`].
    pub fn verify<'h>(
        &self,
        status: u16,
        fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Result<Option<&'a str>, UpgradeError> {
        if status != 101 {
            return Err(UpgradeError::Status(status));
        }
        match sole_value(fields.clone(), UPGRADE) {
            Ok(Some(value)) if value.eq_ignore_ascii_case(b"websocket") => {}
            _ => return Err(UpgradeError::Upgrade),
        }
        if !values(fields.clone(), CONNECTION).any(|value| has_token(value, "upgrade")) {
            return Err(UpgradeError::Connection);
        }
        match sole_value(fields.clone(), ACCEPT) {
            Ok(Some(value)) if value == accept_key(self.key()) => {}
            _ => return Err(UpgradeError::Accept),
        }
        let protocol = match sole_value(fields.clone(), PROTOCOL) {
            Ok(None) => None,
            Ok(Some(value)) => {
                let chosen = self.protocols.iter().find(|name| name.as_bytes() == value);
                Some(*chosen.ok_or(UpgradeError::Protocol)?)
            }
            Err(_) => return Err(UpgradeError::Protocol),
        };
        if values(fields, EXTENSIONS).any(|value| !value.is_empty()) {
            return Err(UpgradeError::Extension);
        }
        Ok(protocol)
    }

    fn key(&self) -> WebSocketKey {
        WebSocketKey::new(self.nonce)
    }
}

/// Whether it is visible ASCII, and not empty.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl core::fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status}, not 101"),
            Self::Upgrade => f.write_str("the answer's Upgrade is not websocket"),
            Self::Connection => f.write_str("the answer's Connection does not name Upgrade"),
            Self::Accept => f.write_str("the answer's Sec-WebSocket-Accept does not answer our key"),
            Self::Protocol => f.write_str("the answer names a subprotocol that was not offered"),
            Self::Extension => f.write_str("the answer names an extension that was not offered"),
        }
    }
}

impl core::error::Error for UpgradeError {}
