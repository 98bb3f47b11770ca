//! The client's side of the handshake (RFC 6455 §4.1).
//!
//! ```
//! use goldcrest_core::output::ResumableWriter;
//! use goldcrest_core::ws::handshake::{UpgradeResponse, ClientHandshake};
//!
//! let handshake = ClientHandshake {
//!     host: "server.example.com",
//!     target: "/chat",
//!     origin: None,
//!     protocols: &["chat", "superchat"],
//!     nonce: *b"the sample nonce", // 16 bytes from the caller's random source
//! };
//! let mut room = [0; 400];
//! let mut sink = ResumableWriter::new(&mut room, 0);
//! handshake.put(&mut sink).unwrap();
//! assert!(sink.is_whole());
//!
//! let fields: [(&str, &[u8]); 4] = [
//!     ("Upgrade", b"websocket"),
//!     ("Connection", b"Upgrade"),
//!     ("Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
//!     ("Sec-WebSocket-Protocol", b"chat"),
//! ];
//! assert_eq!(handshake.verify(101, fields.into_iter()), Ok(UpgradeResponse { protocol: Some("chat") }));
//! ```

use super::offer::{UpgradeRequest, is_visible};
use crate::output::Output;

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct ClientHandshake<'a> {
    /// The value of `Host`: the host, and the port unless it is the scheme's own.
    pub host: &'a str,
    /// The path and query: begins with `/`.
    pub target: &'a str,
    /// The value of `Origin`, for clients that have one.
    pub origin: Option<&'a str>,
    /// The subprotocols to offer, the preferred one first; distinct tokens.
    pub protocols: &'a [&'a str],
    /// Sixteen random bytes, new for each connection.
    pub nonce: [u8; 16],
}

/// A part of a [`ClientHandshake`] that cannot stand in a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRequestPart {
    /// `host` is empty or has a byte that is no visible ASCII.
    Host,
    /// `target` does not begin with `/` or has a byte that is no visible ASCII.
    Target,
    /// `origin` is empty or has a byte that is no visible ASCII.
    Origin,
    /// `protocols` are not distinct tokens.
    Protocol,
}

/// What the server agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeResponse<'a> {
    /// The subprotocol that it chose from the offer.
    pub protocol: Option<&'a str>,
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
    /// `Sec-WebSocket-Protocol` is there twice, or names what was not offered.
    Protocol,
    /// An extension is in use that was not offered.
    Extension,
}

impl<'a> ClientHandshake<'a> {
    /// Pours the whole head of the request.
    ///
    /// # Errors
    /// [`BadRequestPart`] if a part could not stand there, such as a line end in the target: nothing was poured.
    pub fn put(&self, out: &mut impl Output) -> Result<(), BadRequestPart> {
        if !is_visible(self.host) {
            return Err(BadRequestPart::Host);
        }
        if !self.target.starts_with('/') || !is_visible(self.target) {
            return Err(BadRequestPart::Target);
        }
        self.offer().validate()?;
        out.put(b"GET ");
        out.put(self.target.as_bytes());
        out.put(b" HTTP/1.1\r\nHost: ");
        out.put(self.host.as_bytes());
        out.put(b"\r\n");
        self.offer().put(out);
        out.put(b"\r\n");
        Ok(())
    }

    /// Judges the server's answer by its status and its header fields.
    ///
    /// # Errors
    /// The first rule that is broken, in the order of [`UpgradeError`].
    pub fn verify<'h>(
        &self,
        status: u16,
        fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Result<UpgradeResponse<'a>, UpgradeError> {
        let chosen = self.offer().verify(status, fields)?;
        Ok(UpgradeResponse { protocol: chosen.and_then(|chosen| self.protocols.get(chosen).copied()) })
    }

    fn offer(&self) -> UpgradeRequest<'a> {
        UpgradeRequest { nonce: self.nonce, protocols: self.protocols, origin: self.origin }
    }
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
