//! The common case, straight through: a whole message in one frame, all of it in the input.

use super::super::Role;
use super::super::mask::{mask, mask_and_see_ascii};
use super::receive::{Chunk, Incoming, Received};
use super::{Connection, MessageKind};

/// Where a whole unfragmented message stands in the input.
#[derive(Clone, Copy)]
pub(super) struct Whole {
    kind: MessageKind,
    head: usize,
    pub(super) len: usize,
    key: Option<[u8; 4]>,
}

impl Whole {
    /// Looks for the common case without judging any other: a frame of text or binary, with FIN, its length in its
    /// shortest form, masked as it has to be, and all there.
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
}

impl Connection {
    /// A whole message in one frame, all of it in `input`.
    #[inline]
    pub(super) fn receive_whole<'a>(&mut self, input: &'a mut [u8], whole: Whole) -> Received<'a> {
        let consumed = whole.head.wrapping_add(whole.len);
        let text = whole.kind == MessageKind::Text;
        let valid = match input.get_mut(whole.head..consumed) {
            None => false,
            Some(payload) => match whole.key {
                Some(key) if text => mask_and_see_ascii(payload, key) || core::str::from_utf8(payload).is_ok(),
                Some(key) => {
                    mask(payload, key);
                    true
                }
                None => !text || core::str::from_utf8(payload).is_ok(),
            },
        };
        if !valid {
            // Put the input back as it was, and find the bad byte by the way that fails there.
            if let (Some(payload), Some(key)) = (input.get_mut(whole.head..consumed), whole.key) {
                mask(payload, key);
            }
            return self.receive_any(input);
        }
        let payload = input.get(whole.head..consumed).unwrap_or_default();
        let piece = Chunk { kind: whole.kind, payload, first: true, last: true };
        Received { consumed, event: Some(Incoming::Chunk(piece)) }
    }
}
