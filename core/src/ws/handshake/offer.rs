//! What a client's request says of WebSocket, whoever writes the rest of it.

use super::client::{BadRequestPart, UpgradeError};
use super::key::{WebSocketKey, accept_key};
use super::list::{eq_ignore_ascii_case, has_token, is_token};
use super::{ACCEPT, CONNECTION, EXTENSIONS, PROTOCOL, UPGRADE};
use super::{sole_value, values};
use crate::output::Output;

/// The fields of a request that ask for a WebSocket (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpgradeRequest<'a> {
    /// Sixteen random bytes, new for each connection.
    pub(crate) nonce: [u8; 16],
    /// The subprotocols, the preferred one first.
    pub(crate) protocols: &'a [&'a str],
    /// The value of `Origin`.
    pub(crate) origin: Option<&'a str>,
}

impl UpgradeRequest<'_> {
    /// Whether it can stand in a request: the origin is visible ASCII, the subprotocols are distinct tokens.
    pub(crate) fn validate(&self) -> Result<(), BadRequestPart> {
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
    pub(crate) fn put(&self, out: &mut impl Output) {
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

    /// Judges the answer: which of the subprotocols the server chose.
    pub(crate) fn verify<'h>(
        &self,
        status: u16,
        fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Result<Option<usize>, UpgradeError> {
        if status != 101 {
            return Err(UpgradeError::Status(status));
        }
        match sole_value(fields.clone(), UPGRADE) {
            Ok(Some(value)) if eq_ignore_ascii_case(value, b"websocket") => {}
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
                let chosen = self.protocols.iter().position(|name| name.as_bytes() == value);
                Some(chosen.ok_or(UpgradeError::Protocol)?)
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
pub(super) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
