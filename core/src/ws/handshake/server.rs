//! The server's side of the handshake (RFC 6455 §4.2).
//!
//! ```
//! use goldcrest_core::ws::handshake::{HandshakeError, RequestLine, accept};
//!
//! let line = RequestLine { method: "GET", version: (1, 1) };
//! let fields: [(&str, &[u8]); 5] = [
//!     ("host", b"h"),
//!     ("upgrade", b"websocket"),
//!     ("connection", b"upgrade"),
//!     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
//!     ("sec-websocket-version", b"8"),
//! ];
//! let refusal = accept(line, fields.into_iter(), &[]).unwrap_err();
//! assert_eq!((refusal, refusal.status()), (HandshakeError::Version, 426));
//! assert!(refusal.fields().contains(&("Sec-WebSocket-Version", "13")));
//! ```

use super::extension::offers;
use super::key::{WebSocketKey, accept_key};
use super::protocol::choose;
use super::{ACCEPT, CONNECTION, EXTENSIONS, KEY, PROTOCOL, SEC_VERSION, UPGRADE, VERSION};
use super::{sole_value, values};
use crate::grammar::list::has_token;
use crate::output::Output;

/// The request line of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method, with its case.
    pub method: &'a str,
    /// HTTP's major and minor version.
    pub version: (u8, u8),
}

/// A handshake that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedHandshake<'p> {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: [u8; 28],
    /// The subprotocol to answer with, if one of the server's was offered.
    pub protocol: Option<&'p str>,
}

impl AcceptedHandshake<'_> {
    /// Writes the whole response head: `101 Switching Protocols`, its fields and the empty line.
    pub fn put(&self, out: &mut impl Output) {
        out.put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        out.put(b"Sec-WebSocket-Accept: ");
        out.put(&self.accept);
        if let Some(protocol) = self.protocol {
            out.put(b"\r\nSec-WebSocket-Protocol: ");
            out.put(protocol.as_bytes());
        }
        out.put(b"\r\n\r\n");
    }

    /// The fields of the response with status 101, for callers that write the head themselves.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let always: [(&str, &[u8]); 3] =
            [(UPGRADE, b"websocket"), (CONNECTION, b"Upgrade"), (ACCEPT, self.accept.as_slice())];
        always.into_iter().chain(self.protocol.map(|protocol| (PROTOCOL, protocol.as_bytes())))
    }
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The method is not GET.
    Method,
    /// HTTP before 1.1 knows no `Upgrade`.
    HttpVersion,
    /// Not exactly one `Host`.
    Host,
    /// `Upgrade` does not name `websocket`, or `Connection` does not name `Upgrade`: an ordinary request.
    NoUpgrade,
    /// `Sec-WebSocket-Key` is missing, there twice, or not the base64 of 16 bytes.
    Key,
    /// `Sec-WebSocket-Version` is not 13.
    Version,
    /// `Sec-WebSocket-Version` is there twice.
    RepeatedVersion,
    /// The offer of subprotocols is not a list of distinct tokens.
    Protocol,
    /// The offer of extensions breaks its grammar.
    Extension,
    /// The request has a body.
    Body,
}

impl HandshakeError {
    /// The status of the answer: 400, 405 or 426.
    pub const fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::NoUpgrade | Self::Version => 426,
            _ => 400,
        }
    }

    /// The required fields of the response.
    pub const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("Allow", "GET")],
            Self::NoUpgrade | Self::Version => &[(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (SEC_VERSION, "13")],
            _ => &[],
        }
    }

    /// The content of the answer: the reason in a line.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Method => "a WebSocket handshake is a GET\n",
            Self::HttpVersion => "a WebSocket handshake needs HTTP/1.1\n",
            Self::Host => "a request has exactly one Host\n",
            Self::NoUpgrade => "this is for WebSocket: Upgrade: websocket, Connection: Upgrade\n",
            Self::Key => "Sec-WebSocket-Key is not the base64 of 16 bytes\n",
            Self::Version => "Sec-WebSocket-Version has to be 13\n",
            Self::RepeatedVersion => "Sec-WebSocket-Version is there twice\n",
            Self::Protocol => "Sec-WebSocket-Protocol is not a list of distinct tokens\n",
            Self::Extension => "Sec-WebSocket-Extensions breaks its grammar\n",
            Self::Body => "a WebSocket handshake has no body\n",
        }
    }
}

impl core::fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text().trim_end())
    }
}

impl core::error::Error for HandshakeError {}

/// Validates the opening handshake of a client (RFC 6455 §4.2.1).
///
/// `fields` are the header fields in order, `protocols` the subprotocols of the server, the preferred one first.
/// Extensions are validated and declined; [`extension::offers`](super::extension::offers) parses them. `Origin` is not
/// checked here: see [`OriginPolicy`](crate::server::OriginPolicy).
///
/// # Errors
/// The first violated rule, in the order of [`HandshakeError`].
pub fn accept<'h, 'p>(
    line: RequestLine<'_>,
    fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    protocols: &[&'p str],
) -> Result<AcceptedHandshake<'p>, HandshakeError> {
    if line.method != "GET" {
        return Err(HandshakeError::Method);
    }
    if line.version < (1, 1) {
        return Err(HandshakeError::HttpVersion);
    }
    if !matches!(sole_value(fields.clone(), "Host"), Ok(Some(_))) {
        return Err(HandshakeError::Host);
    }
    if !is_upgrade(fields.clone()) {
        return Err(HandshakeError::NoUpgrade);
    }
    let Ok(Some(key)) = sole_value(fields.clone(), KEY) else { return Err(HandshakeError::Key) };
    let key = WebSocketKey::parse(key).ok_or(HandshakeError::Key)?;
    match sole_value(fields.clone(), SEC_VERSION) {
        Ok(Some(VERSION)) => {}
        Ok(_) => return Err(HandshakeError::Version),
        Err(_) => return Err(HandshakeError::RepeatedVersion),
    }
    let protocol = choose(values(fields.clone(), PROTOCOL), protocols).map_err(|_| HandshakeError::Protocol)?;
    if values(fields.clone(), EXTENSIONS).any(|value| offers(value).any(|offer| offer.is_err())) {
        return Err(HandshakeError::Extension);
    }
    let bodiless = |length: &[u8]| length == b"0";
    if values(fields.clone(), "Transfer-Encoding").next().is_some() || !values(fields, "Content-Length").all(bodiless) {
        return Err(HandshakeError::Body);
    }
    Ok(AcceptedHandshake { accept: accept_key(key), protocol })
}

/// Whether the fields ask for (or grant) a change to WebSocket: `Upgrade` names it and `Connection` names `Upgrade`.
pub fn is_upgrade<'h>(fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone) -> bool {
    values(fields.clone(), UPGRADE).any(|value| has_token(value, "websocket"))
        && values(fields, CONNECTION).any(|value| has_token(value, "upgrade"))
}
