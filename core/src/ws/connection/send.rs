//! Our messages: in frames that are filled as room comes, or whole.

use super::super::Role;
use super::super::frame::{FrameHeader, Opcode};
use super::super::mask::{mask, rotated};
use super::transmit::{Transmitter, new_key};
use super::{Connection, MaskingKeys, MessageKind, SendError};
use crate::grammar::copy;

impl Transmitter {
    /// The opcode of the next data frame.
    #[inline]
    fn opcode(&self, kind: MessageKind) -> Result<Opcode, SendError> {
        if self.is_closing() {
            return Err(SendError::Closing);
        }
        if !self.is_between_frames() {
            return Err(SendError::Busy);
        }
        match (self.message, kind) {
            (None, MessageKind::Text) => Ok(Opcode::Text),
            (None, MessageKind::Binary) => Ok(Opcode::Binary),
            (Some(unfinished), kind) if unfinished == kind => Ok(Opcode::Continuation),
            (Some(_), _) => Err(SendError::OtherMessage),
        }
    }
}

impl Connection {
    /// Begins a frame of a message of `kind` with `len` bytes of payload, the message's last frame if `fin`.
    ///
    /// The connection distinguishes the first frame of a message from continuations. After this, [`Self::transmit`] writes
    /// the header and [`Self::payload`] the payload. The caller guarantees that a text message is UTF-8 as a whole.
    ///
    /// # Errors
    /// [`SendError::Busy`], [`SendError::Closing`], [`SendError::OtherMessage`], [`SendError::NoEntropy`]: nothing was
    /// begun.
    pub fn start_frame(
        &mut self,
        kind: MessageKind,
        fin: bool,
        len: u64,
        keys: &mut dyn MaskingKeys,
    ) -> Result<(), SendError> {
        let opcode = self.transmitter.opcode(kind)?;
        let masking_key = new_key(self.role, keys)?;
        let len = len.min(u64::MAX >> 1);
        let sender = &mut self.transmitter;
        sender.begin(FrameHeader { fin, opcode, masking_key, len });
        sender.message = if fin { None } else { Some(kind) };
        sender.remaining = len;
        Ok(())
    }

    /// Lets `fill` write payload of the current frame into `room`, cut to the rest of the frame, and returns the number of
    /// bytes. A client's payload is masked in place.
    ///
    /// `fill` is not called before the frame header is written, without due payload, or with empty room.
    pub fn payload(&mut self, room: &mut [u8], fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let sender = &mut self.transmitter;
        if sender.head_at < sender.head_len || sender.remaining == 0 || room.is_empty() {
            return 0;
        }
        let most = usize::try_from(sender.remaining).unwrap_or(usize::MAX).min(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        let filled = fill(room).min(most);
        if self.role == Role::Client {
            mask(room.get_mut(..filled).unwrap_or_default(), sender.key);
            sender.key = rotated(sender.key, filled);
        }
        sender.remaining = sender.remaining.wrapping_sub(filled as u64);
        filled
    }

    /// Writes a whole message in one frame at the start of `room`: how many bytes.
    ///
    /// Control frames that wait are not written: call [`Self::transmit`] before, so that a pong is not late.
    ///
    /// # Errors
    /// All of [`SendError`]; nothing was written then. A message that is sent in fragments is [`SendError::Busy`] too.
    #[inline]
    pub fn frame(
        &mut self,
        room: &mut [u8],
        kind: MessageKind,
        payload: &[u8],
        keys: &mut dyn MaskingKeys,
    ) -> Result<usize, SendError> {
        let opcode = self.transmitter.opcode(kind)?;
        if opcode == Opcode::Continuation {
            return Err(SendError::Busy);
        }
        let head =
            2 + match payload.len() {
                0..=125 => 0,
                126..=0xffff => 2,
                _ => 8,
            } + if self.role == Role::Client { 4 } else { 0 };
        let whole = payload.len().wrapping_add(head);
        let Some((head_room, body)) = room.get_mut(..whole).and_then(|room| room.split_at_mut_checked(head)) else {
            return Err(SendError::NoRoom);
        };
        let masking_key = new_key(self.role, keys)?;
        match (head_room, masking_key) {
            ([first, second], None) => {
                *first = 0x80 | opcode as u8;
                *second = payload.len() as u8;
            }
            (head_room, masking_key) => {
                let mut bytes = [0; FrameHeader::MAX];
                let used = FrameHeader { fin: true, opcode, masking_key, len: payload.len() as u64 }.encode(&mut bytes);
                copy(bytes.get(..used).unwrap_or_default(), head_room);
            }
        }
        copy(payload, body);
        if let Some(key) = masking_key {
            mask(body, key);
        }
        Ok(whole)
    }

    /// Bytes of payload that the frame under way still takes; zero without one.
    pub fn payload_remaining(&self) -> u64 {
        self.transmitter.remaining
    }
}
