//! What a client's request says of WebSocket, whoever writes the rest of it.

use super::client::{BadRequestPart, NotUpgraded};
use super::key::{Key, accept_key};
use super::list::{has_token, is_token, same};
use super::{ACCEPT, CONNECTION, EXTENSIONS, PROTOCOL, UPGRADE};
use super::{sole_value, values};
use crate::output::Pour;

/// The fields of a request that ask for a WebSocket (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<'a> {
    /// Sixteen random bytes, new for each connection.
    pub(crate) nonce: [u8; 16],
    /// The subprotocols, the preferred one first.
    pub(crate) protocols: &'a [&'a str],
    /// The value of `Origin`.
    pub(crate) origin: Option<&'a str>,
}

impl Offer<'_> {
    /// Whether it can stand in a request: the origin is visible ASCII, the subprotocols are distinct tokens.
    pub(crate) fn judge(&self) -> Result<(), BadRequestPart> {
        if self.origin.is_some_and(|origin| !is_visible(origin)) {
            return Err(BadRequestPart::Origin);
        }
        for (index, name) in self.protocols.iter().enumerate() {
            if !is_token(name.as_bytes()) || self.protocols.iter().take(index).any(|earlier| earlier == name) {
                return Err(BadRequestPart::Protocol);
            }
        }
        Ok(())
    }

    /// Pours the fields, each with its line end.
    pub(crate) fn pour(&self, out: &mut impl Pour) {
        out.pour(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
        out.pour(self.key().as_bytes());
        out.pour(b"\r\nSec-WebSocket-Version: 13");
        if let Some(origin) = self.origin {
            out.pour(b"\r\nOrigin: ");
            out.pour(origin.as_bytes());
        }
        let mut before: &[u8] = b"\r\nSec-WebSocket-Protocol: ";
        for name in self.protocols {
            out.pour(before);
            out.pour(name.as_bytes());
            before = b", ";
        }
        out.pour(b"\r\n");
    }

    /// Judges the answer: which of the subprotocols the server chose.
    pub(crate) fn verify<'h>(
        &self,
        status: u16,
        fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Result<Option<usize>, NotUpgraded> {
        if status != 101 {
            return Err(NotUpgraded::Status(status));
        }
        match sole_value(fields.clone(), UPGRADE) {
            Ok(Some(value)) if same(value, b"websocket") => {}
            _ => return Err(NotUpgraded::Upgrade),
        }
        if !values(fields.clone(), CONNECTION).any(|value| has_token(value, "upgrade")) {
            return Err(NotUpgraded::Connection);
        }
        match sole_value(fields.clone(), ACCEPT) {
            Ok(Some(value)) if value == accept_key(self.key()) => {}
            _ => return Err(NotUpgraded::Accept),
        }
        let protocol = match sole_value(fields.clone(), PROTOCOL) {
            Ok(None) => None,
            Ok(Some(value)) => {
                let chosen = self.protocols.iter().position(|name| name.as_bytes() == value);
                Some(chosen.ok_or(NotUpgraded::Protocol)?)
            }
            Err(_) => return Err(NotUpgraded::Protocol),
        };
        if values(fields, EXTENSIONS).any(|value| !value.is_empty()) {
            return Err(NotUpgraded::Extension);
        }
        Ok(protocol)
    }

    fn key(&self) -> Key {
        Key::new(self.nonce)
    }
}

/// Whether it is visible ASCII, and not empty.
pub(super) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
