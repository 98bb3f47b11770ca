//! The payloads of the peer's control frames.

use super::super::ProtocolError;
use super::super::close::{CloseCode, CloseReason};
use super::super::mask::{mask, rotated};
use super::incoming::Incoming;
use super::receive::Stage;
use super::{Connection, End};
use crate::grammar::copy;

impl Connection {
    /// Takes the control frame's payload from the start of `input`: how many bytes.
    pub(super) fn gather_control(&mut self, input: &mut [u8]) -> usize {
        let receiver = &mut self.receiver;
        let take = usize::try_from(receiver.remaining).unwrap_or(usize::MAX).min(input.len());
        let payload = input.get_mut(..take).unwrap_or_default();
        mask(payload, receiver.key);
        receiver.key = rotated(receiver.key, take);
        receiver.remaining = receiver.remaining.wrapping_sub(take as u64);
        if receiver.stage == Stage::Pong {
            receiver.pong.extend(payload);
        } else if take > 0 {
            self.transmitter.forget_pong();
            let room = self.carry.get_mut(usize::from(self.carried)..).unwrap_or_default();
            self.carried = self.carried.wrapping_add(copy(payload, room) as u8);
        }
        take
    }

    /// The control frame is whole.
    pub(super) fn end_control<'a>(&mut self) -> Result<Incoming<'a>, ProtocolError> {
        let stage = core::mem::replace(&mut self.receiver.stage, Stage::Head);
        match stage {
            Stage::Ping => {
                let len = core::mem::take(&mut self.carried);
                self.transmitter.queue_pong(len);
                Ok(Incoming::Ping)
            }
            Stage::Pong => Ok(Incoming::Pong(self.receiver.pong)),
            _ => {
                let code = match self.carried_bytes() {
                    [] => None,
                    [_] => return Err(ProtocolError::HalfCloseCode),
                    [high, low, reason @ ..] => {
                        let code = CloseCode::new(u16::from_be_bytes([*high, *low]));
                        core::str::from_utf8(reason).map_err(|_| ProtocolError::NotUtf8)?;
                        Some(code.ok_or(ProtocolError::BadCloseCode)?)
                    }
                };
                self.receiver.stage = Stage::Ended;
                self.end = End::Closed(code);
                self.transmitter.drop_pings();
                // If our Close waits or left, the handshake needs no other.
                let _ = self.transmitter.queue_close(code, CloseReason::NONE);
                Ok(Incoming::Closed { code })
            }
        }
    }
}
