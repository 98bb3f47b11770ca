//! The type, the encoding and the metadata of an event.

use core::fmt;

/// The longest event type, in bytes.
pub const MAX_EVENT_TYPE: usize = 64;

/// Names with another meaning: `gap` and `grant-end` are notices of the server, `open` and `error` are events of `EventSource`.
const RESERVED: [&str; 4] = ["gap", "grant-end", "open", "error"];

/// Whether an event's data is text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, which was validated by the append.
    Text,
    /// Any bytes. They are Base64 on transports of text.
    Binary,
}

/// The type of an event: the `event` field of SSE, the `type` of the JSON forms.
///
/// At most [`MAX_EVENT_TYPE`] bytes of UTF-8 without `;` (which marks `;base64` on SSE), without control characters and
/// none of the reserved `gap`, `grant-end`, `open` and `error`. The default is empty, which readers see as `message`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventType<'a>(&'a str);

/// Why a text is not an event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTypeError {
    /// Longer than [`MAX_EVENT_TYPE`] bytes.
    TooLong,
    /// `gap`, `grant-end`, `open` and `error` are reserved.
    Reserved,
    /// `;`, a line end or another control character.
    Character,
}

impl fmt::Display for EventTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "an event type has at most 64 bytes",
            Self::Reserved => "the event types gap, grant-end, open and error are reserved",
            Self::Character => "an event type has no semicolon, line end or other control character",
        })
    }
}

impl core::error::Error for EventTypeError {}

impl<'a> EventType<'a> {
    /// The empty type, which readers see as `message`.
    pub const MESSAGE: Self = Self("");

    /// The type named `name`; `message` and the empty name are [`EventType::MESSAGE`].
    ///
    /// # Errors
    /// [`EventTypeError`].
    pub fn new(name: &'a str) -> Result<Self, EventTypeError> {
        if name.len() > MAX_EVENT_TYPE {
            return Err(EventTypeError::TooLong);
        }
        if RESERVED.contains(&name) {
            return Err(EventTypeError::Reserved);
        }
        if name.chars().any(|c| c == ';' || c.is_control()) {
            return Err(EventTypeError::Character);
        }
        Ok(if name == "message" { Self::MESSAGE } else { Self(name) })
    }

    /// The name as it is stored: empty for [`EventType::MESSAGE`].
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The metadata of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMeta {
    /// The sequence number.
    pub seq: u64,
    /// Bytes of the type, at most [`MAX_EVENT_TYPE`]; 0 is `message`.
    pub type_len: usize,
    /// Bytes of the data.
    pub data_len: usize,
    /// Whether the data is text.
    pub encoding: Encoding,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_types_that_could_inject_a_field_are_refused() {
        for (name, why) in [
            ("a\nb", EventTypeError::Character),
            ("a\rb", EventTypeError::Character),
            ("a;base64", EventTypeError::Character),
            ("a\0", EventTypeError::Character),
            ("gap", EventTypeError::Reserved),
            ("grant-end", EventTypeError::Reserved),
            ("open", EventTypeError::Reserved),
            ("error", EventTypeError::Reserved),
            ("0123456789012345678901234567890123456789012345678901234567890123x", EventTypeError::TooLong),
        ] {
            assert_eq!(EventType::new(name), Err(why), "{name:?}");
        }
        assert_eq!(EventType::new("message"), Ok(EventType::MESSAGE));
        assert_eq!(EventType::new("Température").map(|t| t.as_str()), Ok("Température"));
    }
}
