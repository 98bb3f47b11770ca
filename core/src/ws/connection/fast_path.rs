//! The common case, straight through: a whole message in one frame, all of it in the input.

use super::super::Role;
use super::super::mask::{mask, mask_and_see_ascii};
use super::MessageKind;
use super::incoming::{Chunk, Incoming, Received};

/// Where a whole unfragmented message stands in the input.
#[derive(Clone, Copy)]
pub(super) struct WholeMessage {
    kind: MessageKind,
    head: usize,
    pub(super) len: usize,
    key: Option<[u8; 4]>,
}

impl WholeMessage {
    /// Detects the common case and rejects no other: a complete text or binary frame with FIN, its length in the shortest
    /// form, and masked as required.
    #[inline]
    pub(super) fn find(input: &[u8], role: Role) -> Option<Self> {
        let (&[first, second], rest) = input.split_first_chunk::<2>()?;
        let kind = match first {
            0x81 => MessageKind::Text,
            0x82 => MessageKind::Binary,
            _ => return None,
        };
        if (second & 0x80 != 0) != (role == Role::Server) {
            return None;
        }
        let (len, rest, head) = match second & 0x7f {
            126 => {
                let (len, rest) = rest.split_first_chunk::<2>()?;
                let len = u16::from_be_bytes(*len);
                (if len < 126 { return None } else { usize::from(len) }, rest, 4)
            }
            127 => {
                let (len, rest) = rest.split_first_chunk::<8>()?;
                let len = u64::from_be_bytes(*len);
                (if len <= 0xffff { return None } else { usize::try_from(len).ok()? }, rest, 10)
            }
            short => (usize::from(short), rest, 2),
        };
        let (key, head, rest) = match role {
            Role::Client => (None, head, rest),
            Role::Server => {
                let (key, rest) = rest.split_first_chunk::<4>()?;
                (Some(*key), head + 4, rest)
            }
        };
        (rest.len() >= len).then_some(Self { kind, head, len, key })
    }

    /// Unmasks the payload where it stands. False where it is text that is not UTF-8: the input is then as it was, and the general
    /// path finds the first invalid byte.
    #[inline]
    pub(super) fn unmask(self, input: &mut [u8]) -> bool {
        let text = self.kind == MessageKind::Text;
        let Some(payload) = input.get_mut(self.head..self.end()) else { return false };
        let valid = match self.key {
            Some(key) if text => mask_and_see_ascii(payload, key) || core::str::from_utf8(payload).is_ok(),
            Some(key) => {
                mask(payload, key);
                true
            }
            None => !text || core::str::from_utf8(payload).is_ok(),
        };
        if !valid && let Some(key) = self.key {
            mask(payload, key);
        }
        valid
    }

    /// The message, once it is unmasked.
    #[inline]
    pub(super) fn received(self, input: &[u8]) -> Received<'_> {
        let payload = input.get(self.head..self.end()).unwrap_or_default();
        let chunk = Chunk { kind: self.kind, payload, first: true, last: true };
        Received { consumed: self.end(), event: Some(Incoming::Chunk(chunk)) }
    }

    fn end(self) -> usize {
        self.head.wrapping_add(self.len)
    }
}
