//! The output of a connection, into room of any size.

use super::super::Role;
use super::super::close::{CloseCode, CloseReason};
use super::super::frame::{CONTROL_MAX, FrameHeader, Opcode};
use super::super::mask::{mask, rotated};
use super::{Connection, MaskingKeys, MessageKind, NoEntropy, PingPayload, SendError};
use crate::grammar::copy;

/// The state of the sending side.
#[derive(Clone, Debug)]
pub(super) struct Transmitter {
    /// The head under way: of a data frame, or of the control frame that is being sent.
    head: [u8; FrameHeader::MAX],
    pub(super) head_at: u8,
    pub(super) head_len: u8,
    /// The key for the next byte of the payload under way; zeros for a server.
    pub(super) key: [u8; 4],
    /// The type of our unfinished message.
    pub(super) message: Option<MessageKind>,
    /// The control frame under way, and how much of its payload left.
    sending: Option<Control>,
    control_at: u8,
    /// The length of the pong, queued or half written, whose payload is in `carry`.
    pong: Option<u8>,
    /// An empty pong waits behind the one that is under way.
    empty_pong: bool,
    ping: Option<PingPayload>,
    close: Close,
    code: Option<CloseCode>,
    reason: CloseReason,
    /// Bytes of the data frame's payload that are to leave.
    pub(super) remaining: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    Pong,
    Ping,
    Close,
}

/// How far our Close has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    Not,
    Waiting,
    Sent,
}

impl Transmitter {
    pub(super) const NEW: Self = Self {
        head: [0; FrameHeader::MAX],
        head_at: 0,
        head_len: 0,
        key: [0; 4],
        message: None,
        sending: None,
        control_at: 0,
        pong: None,
        empty_pong: false,
        ping: None,
        close: Close::Not,
        code: None,
        reason: CloseReason::NONE,
        remaining: 0,
    };

    pub(super) fn queue_close(&mut self, code: Option<CloseCode>, reason: CloseReason) -> Result<(), SendError> {
        if self.is_closing() {
            return Err(SendError::Closing);
        }
        (self.close, self.code, self.reason) = (Close::Waiting, code, reason);
        Ok(())
    }

    pub(super) fn queue_ping(&mut self, payload: PingPayload) -> Result<(), SendError> {
        if self.is_closing() {
            return Err(SendError::Closing);
        }
        self.ping = Some(payload);
        Ok(())
    }

    /// Queues a pong whose payload of `len` bytes is in `carry`. (Zero, if another pong is half written.)
    pub(super) fn queue_pong(&mut self, len: u8) {
        if self.is_closing() {
        } else if self.is_sending_pong() {
            self.empty_pong = true;
        } else {
            self.pong = Some(len);
        }
    }

    /// Drops a queued pong from `carry`, since a newer ping or a Close needs the memory. No pong is half written then.
    pub(super) fn forget_pong(&mut self) {
        if !self.is_sending_pong() {
            self.pong = None;
        }
    }

    /// Drops pings and pongs that have not begun to leave.
    pub(super) fn drop_pings(&mut self) {
        self.forget_pong();
        self.empty_pong = false;
        if self.sending != Some(Control::Ping) {
            self.ping = None;
        }
    }

    pub(super) fn is_sending_pong(&self) -> bool {
        self.sending == Some(Control::Pong)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.close != Close::Not
    }

    pub(super) fn is_close_sent(&self) -> bool {
        self.close == Close::Sent
    }

    /// No frame is under way.
    #[inline]
    pub(super) fn is_between_frames(&self) -> bool {
        self.head_at == self.head_len && self.remaining == 0 && self.sending.is_none()
    }

    fn head_rest(&self) -> &[u8] {
        self.head.get(usize::from(self.head_at)..usize::from(self.head_len)).unwrap_or_default()
    }

    fn control_len(&self, control: Control) -> usize {
        match control {
            Control::Pong => self.pong.map_or(0, usize::from),
            Control::Ping => self.ping.map_or(0, |ping| ping.as_bytes().len()),
            Control::Close => self.code.map_or(0, |_| self.reason.as_str().len().wrapping_add(2)),
        }
    }

    /// The control frame that is to leave next. A Close is the last of all.
    fn next_control(&self) -> Option<Control> {
        if self.pong.is_some() {
            Some(Control::Pong)
        } else if self.ping.is_some() {
            Some(Control::Ping)
        } else if self.close == Close::Waiting {
            Some(Control::Close)
        } else {
            None
        }
    }

    pub(super) fn begin(&mut self, head: FrameHeader) {
        self.head_len = head.encode(&mut self.head) as u8;
        self.head_at = 0;
        self.key = head.masking_key.unwrap_or_default();
    }
}

impl Connection {
    /// Writes queued output into `room`, and returns the number of bytes. `room` may be a single byte.
    ///
    /// The rest of a frame header is first, then pong, ping and Close. While payload of a frame is due, nothing is written:
    /// see [`Self::payload`].
    ///
    /// # Errors
    /// [`NoEntropy`]: nothing was written, since there is no masking key for a client's control frame.
    pub fn transmit(&mut self, room: &mut [u8], keys: &mut dyn MaskingKeys) -> Result<usize, NoEntropy> {
        let mut at = 0;
        loop {
            let rest = room.get_mut(at..).unwrap_or_default();
            let sender = &mut self.transmitter;
            let put = copy(sender.head_rest(), rest);
            sender.head_at = sender.head_at.wrapping_add(put as u8);
            at = at.wrapping_add(put);
            if sender.head_at < sender.head_len || sender.remaining > 0 {
                return Ok(at);
            }
            if let Some(control) = sender.sending {
                at = at.wrapping_add(self.transmit_control(control, room.get_mut(at..).unwrap_or_default()));
                if self.transmitter.sending.is_some() {
                    return Ok(at);
                }
            } else if let Some(control) = sender.next_control() {
                let masking_key = match new_key(self.role, keys) {
                    Ok(key) => key,
                    Err(error) if at == 0 => return Err(error),
                    Err(_) => return Ok(at),
                };
                let opcode = match control {
                    Control::Pong => Opcode::Pong,
                    Control::Ping => Opcode::Ping,
                    Control::Close => Opcode::Close,
                };
                let len = sender.control_len(control) as u64;
                sender.begin(FrameHeader { fin: true, opcode, masking_key, len });
                (sender.sending, sender.control_at) = (Some(control), 0);
            } else {
                return Ok(at);
            }
        }
    }

    /// Writes as much of the current control frame's payload as fits.
    fn transmit_control(&mut self, control: Control, room: &mut [u8]) -> usize {
        let sender = &mut self.transmitter;
        let from = usize::from(sender.control_at);
        let put = match control {
            Control::Pong => copy(self.carry.get(from..sender.control_len(control)).unwrap_or_default(), room),
            Control::Ping => {
                let ping = sender.ping.unwrap_or_default();
                copy(ping.as_bytes().get(from..).unwrap_or_default(), room)
            }
            Control::Close => match sender.code {
                None => 0,
                Some(code) => {
                    let code = code.as_u16().to_be_bytes();
                    let put = copy(code.get(from..).unwrap_or_default(), room);
                    let at = from.wrapping_add(put);
                    let reason = sender.reason.as_str().as_bytes().get(at.saturating_sub(code.len())..);
                    let done = at >= code.len();
                    let reason = if done { reason.unwrap_or_default() } else { &[] };
                    put.wrapping_add(copy(reason, room.get_mut(put..).unwrap_or_default()))
                }
            },
        };
        mask(room.get_mut(..put).unwrap_or_default(), sender.key);
        sender.key = rotated(sender.key, put);
        sender.control_at = sender.control_at.wrapping_add(put as u8);
        if from.wrapping_add(put) >= sender.control_len(control) {
            sender.sending = None;
            match control {
                Control::Pong => sender.pong = core::mem::take(&mut sender.empty_pong).then_some(0),
                Control::Ping => sender.ping = None,
                Control::Close => sender.close = Close::Sent,
            }
        }
        put
    }

    /// Whether no frame of ours is half written: [`Self::start_frame`] would not be [`SendError::Busy`].
    pub fn is_between_frames(&self) -> bool {
        self.transmitter.is_between_frames()
    }

    /// Whether [`Self::transmit`] has something to write now.
    pub fn has_output(&self) -> bool {
        let sender = &self.transmitter;
        sender.head_at < sender.head_len
            || sender.remaining == 0 && (sender.sending.is_some() || sender.next_control().is_some())
    }

    /// Bytes of ours that wait in the machine: the rest of a head, and control frames with their heads. Payload that
    /// the caller has yet to give is not counted.
    pub fn buffered(&self) -> usize {
        let sender = &self.transmitter;
        let overhead = if self.role == Role::Client { 6 } else { 2 };
        let mut waiting = sender.head_rest().len().wrapping_add(if sender.empty_pong { overhead } else { 0 });
        for (control, queued) in [
            (Control::Pong, sender.pong.is_some()),
            (Control::Ping, sender.ping.is_some()),
            (Control::Close, sender.close == Close::Waiting),
        ] {
            if sender.sending == Some(control) {
                let rest = sender.control_len(control).saturating_sub(usize::from(sender.control_at));
                waiting = waiting.wrapping_add(rest);
            } else if queued {
                waiting = waiting.wrapping_add(sender.control_len(control).wrapping_add(overhead));
            }
        }
        waiting
    }
}

/// A frame's masking key as `role` needs it.
#[inline]
pub(super) fn new_key(role: Role, keys: &mut dyn MaskingKeys) -> Result<Option<[u8; 4]>, NoEntropy> {
    match role {
        Role::Server => Ok(None),
        Role::Client => keys.next_key().map(Some),
    }
}

const _: () = assert!(CONTROL_MAX + 6 <= u8::MAX as usize);
