//! The opening handshake of both sides (RFC 6455 §4).
//!
//! Header fields are pairs of a name and a value, from any parser.
//!
//! ```
//! use goldcrest_core::ws::handshake::{RequestLine, accept};
//!
//! let fields: [(&str, &[u8]); 6] = [
//!     ("Host", b"server.example.com"),
//!     ("Upgrade", b"websocket"),
//!     ("Connection", b"keep-alive, Upgrade"),
//!     ("Sec-WebSocket-Key", b"x3JJHMbDL1EzLkh9GBhXDw=="),
//!     ("Sec-WebSocket-Version", b"13"),
//!     ("Sec-WebSocket-Protocol", b"superchat, chat"),
//! ];
//! let line = RequestLine { method: "GET", version: (1, 1) };
//! let acceptance = accept(line, fields.into_iter(), &["chat"]).unwrap();
//! assert_eq!(&acceptance.accept, b"HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
//! assert_eq!(acceptance.protocol, Some("chat"));
//! ```

pub mod client;
pub mod extension;
pub mod key;
pub mod protocol;
pub mod server;

pub use client::{BadRequestPart, UpgradeError, UpgradeRequest};
pub use server::{AcceptedHandshake, HandshakeError, RequestLine, accept};

use crate::grammar::characters::trim;

/// The version of the protocol that RFC 6455 defines.
const VERSION: &[u8] = b"13";

const UPGRADE: &str = "Upgrade";
const CONNECTION: &str = "Connection";
const KEY: &str = "Sec-WebSocket-Key";
const ACCEPT: &str = "Sec-WebSocket-Accept";
const SEC_VERSION: &str = "Sec-WebSocket-Version";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// The values of the fields with `name`, in order, without the white space around them.
fn values<'h>(
    fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    name: &'static str,
) -> impl Iterator<Item = &'h [u8]> + Clone {
    fields.filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| trim(value))
}

/// The value of the field with `name`, if there is exactly one.
fn sole_value<'h>(
    fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    name: &'static str,
) -> Result<Option<&'h [u8]>, Repeated> {
    let mut values = values(fields, name);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Repeated),
    }
}

/// A field that may stand once stands twice.
struct Repeated;

#[cfg(test)]
mod tests;
