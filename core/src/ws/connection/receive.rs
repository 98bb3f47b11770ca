//! Bytes in, events out.

use super::super::ProtocolError;
use super::super::frame::{FrameHeader, FrameHeaderDecoder, Opcode};
use super::super::mask::{mask, mask_and_see_ascii, rotated};
use super::super::utf8::Utf8Validator;
#[cfg(not(small_code))]
use super::fast_path::WholeMessage;
use super::incoming::{Chunk, Incoming, Received};
use super::{Connection, MessageKind, PingPayload};

/// The state of the receiving side.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    pub(super) stage: Stage,
    /// The type of the unfinished message.
    message: Option<MessageKind>,
    /// Whether no piece of it was handed out.
    first: bool,
    /// Whether the frame at hand is its last.
    fin: bool,
    utf8: Utf8Validator,
    /// The key for the next byte of payload.
    pub(super) key: [u8; 4],
    head: FrameHeaderDecoder,
    pub(super) pong: PingPayload,
    /// Bytes of the frame's payload that are to come.
    pub(super) remaining: u64,
    /// Bytes of the message, as the frame headers so far announce them.
    told: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before or in a frame's head.
    Head,
    /// In the payload of a data frame.
    Data,
    /// In the payload of a ping, which is kept in `carry`.
    Ping,
    /// In the payload of a Close, which is kept in `carry`.
    Close,
    /// In the payload of a pong.
    Pong,
    /// Everything is ignored.
    Ended,
}

impl Receiver {
    pub(super) const NEW: Self = Self {
        stage: Stage::Head,
        message: None,
        first: false,
        fin: false,
        utf8: Utf8Validator::NEW,
        key: [0; 4],
        head: FrameHeaderDecoder::NEW,
        pong: PingPayload::EMPTY,
        remaining: 0,
        told: 0,
    };

    pub(super) fn end(&mut self) {
        self.stage = Stage::Ended;
    }

    /// Whether the next bytes go into the connection's `carry`.
    pub(super) fn needs_carry(&self) -> bool {
        matches!(self.stage, Stage::Ping | Stage::Close) && self.remaining > 0
    }

    /// Whether the byte `next` is of a control frame: it begins one, or one is under way.
    pub(super) fn is_control_next(&self, next: u8) -> bool {
        match self.stage {
            Stage::Head => self.head.first().unwrap_or(next) & 0x08 != 0,
            Stage::Ping | Stage::Close | Stage::Pong => true,
            Stage::Data | Stage::Ended => false,
        }
    }

    /// Between messages, and nothing of a head taken.
    #[inline]
    pub(super) fn is_at_rest(&self) -> bool {
        self.stage == Stage::Head && self.message.is_none() && self.head.is_empty()
    }

    /// Everything that comes is ignored.
    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }
}

impl Connection {
    /// Takes bytes from the peer: at most one event a call, to be repeated until there is none.
    ///
    /// Without an event all of `input` was consumed, or [`Self::wants_input`] is false. Any split of the peer's bytes
    /// gives the same messages; only bytes that are consumed are altered (they are unmasked in place).
    #[inline]
    pub fn receive<'a>(&mut self, input: &'a mut [u8]) -> Received<'a> {
        // On a chip code is scarcer than time: there every frame goes the same way.
        #[cfg(not(small_code))]
        if self.receiver.is_at_rest()
            && let Some(whole) = WholeMessage::find(input, self.role)
            && whole.len as u64 <= self.max_message
            && whole.unmask(input)
        {
            return whole.received(input);
        }
        self.receive_any(input)
    }

    /// Any input, in any state.
    #[inline(never)]
    fn receive_any<'a>(&mut self, input: &'a mut [u8]) -> Received<'a> {
        let mut at = 0;
        loop {
            let rest = input.get_mut(at..).unwrap_or_default();
            match self.receiver.stage {
                Stage::Ended => return Received { consumed: input.len(), event: None },
                Stage::Head => {
                    let (taken, head) = self.receiver.head.push(rest, self.role.peer());
                    at = at.wrapping_add(taken);
                    let begun = match head {
                        Ok(None) => return Received { consumed: at, event: None },
                        Ok(Some(head)) => self.begin_frame(head),
                        Err(error) => Err(error),
                    };
                    if let Err(error) = begun {
                        return self.failed(error, input.len());
                    }
                }
                Stage::Data => {
                    if self.receiver.remaining == 0 && !self.receiver.fin {
                        self.receiver.stage = Stage::Head;
                    } else if rest.is_empty() && self.receiver.remaining > 0 {
                        return Received { consumed: at, event: None };
                    } else {
                        break;
                    }
                }
                Stage::Ping | Stage::Close | Stage::Pong => {
                    if !self.wants_input() {
                        return Received { consumed: at, event: None };
                    }
                    at = at.wrapping_add(self.gather_control(rest));
                    if self.receiver.remaining > 0 {
                        return Received { consumed: at, event: None };
                    }
                    let event = match self.end_control() {
                        Ok(event) => event,
                        Err(error) => return self.failed(error, input.len()),
                    };
                    let ended = matches!(event, Incoming::Closed { .. });
                    return Received { consumed: if ended { input.len() } else { at }, event: Some(event) };
                }
            }
        }
        self.receive_data(input, at)
    }

    /// The payload of a data frame from `at` on. There is some, or the message ends here.
    fn receive_data<'a>(&mut self, input: &'a mut [u8], at: usize) -> Received<'a> {
        let all = input.len();
        let payload = input.get_mut(at..).unwrap_or_default();
        let receiver = &mut self.receiver;
        let take = usize::try_from(receiver.remaining).unwrap_or(usize::MAX).min(payload.len());
        let payload = payload.get_mut(..take).unwrap_or_default();
        let ascii = mask_and_see_ascii(payload, receiver.key);
        let kind = receiver.message.unwrap_or(MessageKind::Binary);
        let ends = receiver.fin && take as u64 == receiver.remaining;
        let mut good = take;
        if kind == MessageKind::Text && !(ascii && receiver.utf8.is_complete()) {
            let before = receiver.utf8;
            match receiver.utf8.push(payload) {
                Err(bad) => good = bad,
                // The byte that ends the text within a character is the bad one.
                Ok(()) if ends && !receiver.utf8.is_complete() => {
                    good = take.saturating_sub(1);
                    receiver.utf8 = before;
                    let _ = receiver.utf8.push(payload.get(..good).unwrap_or_default());
                }
                Ok(()) => {}
            }
        }
        let bad = good < take || (ends && !receiver.utf8.is_complete());
        if bad && good == 0 {
            return self.failed(ProtocolError::NotUtf8, all);
        }
        if let Some(rest) = payload.get_mut(good..) {
            mask(rest, rotated(receiver.key, good));
        }
        receiver.key = rotated(receiver.key, good);
        receiver.remaining = receiver.remaining.wrapping_sub(good as u64);
        let last = ends && !bad;
        let first = core::mem::take(&mut receiver.first);
        if receiver.remaining == 0 {
            receiver.stage = Stage::Head;
        }
        if last {
            receiver.message = None;
        }
        let payload = payload.get(..good).unwrap_or_default();
        Received { consumed: at.wrapping_add(good), event: Some(Incoming::Chunk(Chunk { kind, payload, first, last })) }
    }

    fn begin_frame(&mut self, head: FrameHeader) -> Result<(), ProtocolError> {
        let receiver = &mut self.receiver;
        receiver.key = head.masking_key.unwrap_or_default();
        let kind = match (head.opcode, receiver.message) {
            (Opcode::Text, None) => MessageKind::Text,
            (Opcode::Binary, None) => MessageKind::Binary,
            (Opcode::Continuation, Some(kind)) => kind,
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::MessageUnfinished),
            (control, _) => {
                receiver.remaining = head.len;
                receiver.stage = match control {
                    Opcode::Ping => Stage::Ping,
                    Opcode::Pong => Stage::Pong,
                    _ => Stage::Close,
                };
                receiver.pong = PingPayload::EMPTY;
                return Ok(());
            }
        };
        if receiver.message.is_none() {
            receiver.first = true;
            receiver.told = 0;
            receiver.utf8 = Utf8Validator::NEW;
        }
        receiver.told = receiver.told.saturating_add(head.len);
        if receiver.told > self.max_message {
            return Err(ProtocolError::MessageTooBig);
        }
        receiver.message = Some(kind);
        receiver.fin = head.fin;
        receiver.remaining = head.len;
        receiver.stage = Stage::Data;
        Ok(())
    }

    #[cold]
    fn failed<'a>(&mut self, error: ProtocolError, consumed: usize) -> Received<'a> {
        self.fail(error);
        Received { consumed, event: Some(Incoming::Failed(error)) }
    }
}
