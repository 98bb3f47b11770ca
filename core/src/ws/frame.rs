//! The codec of frame heads (RFC 6455 §5.2).
//!
//! ```
//! use goldcrest_core::ws::Role;
//! use goldcrest_core::ws::frame::{FrameHeader, FrameHeaderDecoder, Opcode};
//!
//! let head = FrameHeader { fin: true, opcode: Opcode::Binary, masking_key: None, len: 256 };
//! let mut bytes = [0; FrameHeader::MAX];
//! let n = head.encode(&mut bytes);
//! assert_eq!(&bytes[..n], [0x82, 0x7e, 0x01, 0x00]);
//!
//! let mut decoder = FrameHeaderDecoder::default();
//! assert_eq!(decoder.push(&bytes[..3], Role::Server), (3, Ok(None)));
//! assert_eq!(decoder.push(&bytes[3..], Role::Server), (1, Ok(Some(head))));
//! ```

use super::{ProtocolError, Role};

/// The opcode of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the unfinished message.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// Close.
    Close = 0x8,
    /// Ping.
    Ping = 0x9,
    /// Pong.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode in the low four bits of `byte`, if it is not a reserved one.
    const fn new(byte: u8) -> Option<Self> {
        match byte & 0x0f {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xa => Some(Self::Pong),
            _ => None,
        }
    }

    /// Whether this is Close, Ping or Pong: never fragmented, at most 125 bytes, allowed between fragments (§5.5).
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The longest payload of a control frame in bytes (RFC 6455 §5.5).
pub const CONTROL_MAX: usize = 125;

/// The head of a frame: everything before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether the frame is the last fragment of its message.
    pub fin: bool,
    /// The opcode.
    pub opcode: Opcode,
    /// The key that the payload is masked with; every client's frame has one, no server's.
    pub masking_key: Option<[u8; 4]>,
    /// Bytes of payload; below 2^63.
    pub len: u64,
}

impl FrameHeader {
    /// The longest head in bytes.
    pub const MAX: usize = 14;

    /// Parses the header at the start of `bytes`, as sent by `sender`. Returns the header and its length in bytes.
    ///
    /// `Ok(None)`: more bytes are needed. An error is reported as soon as its byte has arrived.
    ///
    /// # Errors
    /// Reserved bits or opcodes, a violated rule of control frames or of masking, an invalid length.
    #[inline]
    pub fn decode(bytes: &[u8], sender: Role) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let fin = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::new(first).ok_or(ProtocolError::ReservedOpcode)?;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        match (second & 0x80 != 0, sender) {
            (false, Role::Client) => return Err(ProtocolError::Unmasked),
            (true, Role::Server) => return Err(ProtocolError::Masked),
            _ => {}
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > CONTROL_MAX {
            return Err(ProtocolError::LongControl);
        }
        let (len, rest, used) = match short {
            126 => {
                let Some((&len, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
                let len = u16::from_be_bytes(len);
                if len < 126 {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (u64::from(len), rest, 4)
            }
            127 => {
                if rest.first().is_some_and(|top| top & 0x80 != 0) {
                    return Err(ProtocolError::LengthTooLarge);
                }
                let Some((&len, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
                let len = u64::from_be_bytes(len);
                if len <= u64::from(u16::MAX) {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (len, rest, 10)
            }
            short => (u64::from(short), rest, 2),
        };
        let (masking_key, used) = match sender {
            Role::Server => (None, used),
            Role::Client => match rest.first_chunk::<4>() {
                Some(key) => (Some(*key), used + 4),
                None => return Ok(None),
            },
        };
        Ok(Some((Self { fin, opcode, masking_key, len }, used)))
    }

    /// Writes the head in its shortest form: how many of `out`'s bytes it took.
    ///
    /// A length of 2^63 or more is none that a frame can have; its top bit is dropped.
    #[inline]
    pub fn encode(&self, out: &mut [u8; Self::MAX]) -> usize {
        let [first, second, rest @ ..] = out;
        *first = (self.opcode as u8) | if self.fin { 0x80 } else { 0 };
        let masked = if self.masking_key.is_some() { 0x80 } else { 0 };
        let (length, key_at): (&[u8], _) = match self.len {
            short @ 0..=125 => {
                *second = masked | short as u8;
                (&[], 0)
            }
            126..=0xffff => {
                *second = masked | 126;
                (&(self.len as u16).to_be_bytes(), 2)
            }
            _ => {
                *second = masked | 127;
                (&(self.len & (u64::MAX >> 1)).to_be_bytes(), 8)
            }
        };
        for (to, from) in rest.iter_mut().zip(length) {
            *to = *from;
        }
        let Some(key) = self.masking_key else { return 2 + key_at };
        if let Some(to) = rest.get_mut(key_at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
            *to = key;
        }
        6 + key_at
    }
}

/// A decoder of headers that arrive in parts of any length. It keeps at most 13 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameHeaderDecoder {
    carry: [u8; FrameHeader::MAX],
    len: u8,
}

impl FrameHeaderDecoder {
    /// A decoder before a head.
    pub const NEW: Self = Self { carry: [0; FrameHeader::MAX], len: 0 };

    /// Consumes bytes of `input`. Returns their number, and the header once it is complete.
    ///
    /// With `Ok(None)` all of `input` is consumed. After a header or an error the decoder starts again.
    ///
    /// # Errors
    /// As [`FrameHeader::decode`].
    pub fn push(&mut self, input: &[u8], sender: Role) -> (usize, Result<Option<FrameHeader>, ProtocolError>) {
        let mut taken = 0usize;
        if self.len == 0 {
            match FrameHeader::decode(input, sender) {
                Ok(Some((head, used))) => return (used, Ok(Some(head))),
                Ok(None) => {}
                Err(error) => return (input.len(), Err(error)),
            }
        }
        for &byte in input {
            let Some(slot) = self.carry.get_mut(usize::from(self.len)) else { break };
            *slot = byte;
            self.len = self.len.wrapping_add(1);
            taken = taken.wrapping_add(1);
            let bytes = self.carry.get(..usize::from(self.len)).unwrap_or_default();
            match FrameHeader::decode(bytes, sender) {
                Ok(None) => {}
                whole_or_wrong => {
                    self.len = 0;
                    return (taken, whole_or_wrong.map(|head| head.map(|(head, _)| head)));
                }
            }
        }
        (taken, Ok(None))
    }

    /// The first byte of a head that is partly taken.
    #[inline]
    pub fn first(&self) -> Option<u8> {
        self.carry.first().copied().filter(|_| self.len > 0)
    }

    /// Whether no head is partly taken.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests;
