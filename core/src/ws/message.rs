//! Whole messages in a caller's buffer, on top of the pieces.
//!
//! A message that is wholly there is lent from where it stands; only one that comes in several pieces is copied.
//!
//! ```
//! use goldcrest_core::ws::connection::{ConnectionConfig, Connection, Incoming, MessageKind};
//! use goldcrest_core::ws::message::Assembler;
//!
//! let mut client = Connection::client(ConnectionConfig::default());
//! let mut buffer = [0; 16];
//! let mut messages = Assembler::new(&mut buffer);
//! let mut input = *b"\x01\x03Hel\x80\x02lo"; // two fragments
//!
//! let mut rest = &mut input[..];
//! loop {
//!     let received = client.receive(rest);
//!     let (consumed, event) = (received.consumed, received.event);
//!     let Some(event) = event else { break };
//!     if let Incoming::Chunk(piece) = event {
//!         match messages.push(piece) {
//!             Ok(Some(message)) => assert_eq!((message.kind, message.payload), (MessageKind::Text, &b"Hello"[..])),
//!             Ok(None) => {}
//!             Err(too_big) => client.fail(too_big), // a Close with 1009 waits now
//!         }
//!     }
//!     rest = &mut rest[consumed..];
//! }
//! ```

use super::ProtocolError;
use super::connection::{Chunk, MessageKind, copy};

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The type of the message.
    pub kind: MessageKind,
    /// All of its bytes; valid UTF-8 if it is text.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message's text, if it is a text message.
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            MessageKind::Text => core::str::from_utf8(self.payload).ok(),
            MessageKind::Binary => None,
        }
    }
}

/// Joins the pieces of a message in a buffer of the caller's, whose length bounds messages that come in pieces.
///
/// To bound every message alike, say the same number in
/// [`ConnectionConfig::max_message`](super::connection::ConnectionConfig::max_message).
#[derive(Debug)]
pub struct Assembler<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Assembler<'b> {
    /// Joins messages in `buffer`.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Takes the next piece: the message, if it is the last.
    ///
    /// # Errors
    /// [`ProtocolError::MessageTooBig`] if the message is longer than the buffer: pass it to
    /// [`Connection::fail`](super::connection::Connection::fail), which closes with 1009.
    pub fn push<'a>(&'a mut self, piece: Chunk<'a>) -> Result<Option<Message<'a>>, ProtocolError> {
        if piece.first {
            self.len = 0;
            if piece.last {
                return if piece.payload.len() <= self.buffer.len() {
                    Ok(Some(Message { kind: piece.kind, payload: piece.payload }))
                } else {
                    Err(ProtocolError::MessageTooBig)
                };
            }
        }
        let room = self.buffer.get_mut(self.len..).unwrap_or_default();
        if piece.payload.len() > room.len() {
            return Err(ProtocolError::MessageTooBig);
        }
        self.len = self.len.saturating_add(copy(piece.payload, room));
        if !piece.last {
            return Ok(None);
        }
        let payload = self.buffer.get(..self.len).unwrap_or_default();
        self.len = 0;
        Ok(Some(Message { kind: piece.kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(payload: &[u8], first: bool, last: bool) -> Chunk<'_> {
        Chunk { kind: MessageKind::Text, payload, first, last }
    }

    #[test]
    fn pieces_are_joined_and_the_next_message_begins_anew() {
        let mut buffer = [0; 8];
        let mut messages = Assembler::new(&mut buffer);
        for _ in 0..2 {
            assert_eq!(messages.push(piece(b"ab", true, false)), Ok(None));
            assert_eq!(messages.push(piece(b"cd", false, false)), Ok(None));
            let message = messages.push(piece(b"", false, true)).unwrap().unwrap();
            assert_eq!(message.text(), Some("abcd"));
        }
        assert_eq!(messages.push(piece(b"gone", true, false)), Ok(None));
        assert_eq!(messages.push(piece(b"whole", true, true)).unwrap().unwrap().payload, b"whole");
    }

    #[test]
    fn a_message_past_the_buffer_is_too_big_however_it_comes() {
        let mut buffer = [0; 4];
        let mut messages = Assembler::new(&mut buffer);
        assert_eq!(messages.push(piece(b"12345", true, true)), Err(ProtocolError::MessageTooBig));
        assert_eq!(messages.push(piece(b"1234", true, false)), Ok(None));
        assert_eq!(messages.push(piece(b"5", false, true)), Err(ProtocolError::MessageTooBig));
        assert_eq!(messages.push(piece(b"123", true, false)), Ok(None));
        assert_eq!(messages.push(piece(b"4", false, true)).unwrap().unwrap().payload, b"1234");
    }

    #[test]
    fn a_binary_message_has_no_text() {
        let message = Message { kind: MessageKind::Binary, payload: b"plain" };
        assert_eq!(message.text(), None);
    }
}
