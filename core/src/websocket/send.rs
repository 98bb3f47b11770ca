//! Messages of ours.

use super::turn::{MessageSource, Payload, refused};
use super::{ConnectionIo, Disconnect, WebSocket};
use crate::io::{Socket, TryIo};
use crate::ws::Role;
use crate::ws::close::{CloseCode, CloseReason};
#[cfg(not(small_code))]
use crate::ws::connection::SendError;
use crate::ws::connection::{MaskingKeys, MessageKind};

/// A message that is started once the whole frame fits.
struct WholeMessage<'b> {
    kind: MessageKind,
    length: usize,
    /// The contiguous space that it is started in; 0 where the frame fits over a ring's seam.
    needs: usize,
    started: bool,
    payload: Payload<'b>,
}

impl MessageSource for WholeMessage<'_> {
    fn next(&mut self, space: usize) -> Option<(MessageKind, u64)> {
        let starts = !self.started && space >= self.needs;
        self.started |= starts;
        starts.then_some((self.kind, self.length as u64))
    }

    fn fill(&mut self, space: &mut [u8]) -> Result<usize, Disconnect> {
        self.payload.fill(space)
    }
}

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<'_, L, K> {
    /// Sends a whole message, waiting for room. Up to the socket's capacity it is atomic: dropped while it waits,
    /// nothing of it has left. A longer message goes in fragments; dropped midway, the next call closes with 1011.
    ///
    /// # Errors
    /// The connection ended, or is closing; or a message is being sent in parts.
    pub async fn send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), Disconnect> {
        // Yield before the message: a call that returns has sent it, and a dropped call has not.
        self.link.yield_if_spent().await;
        let frame = self.frame_length(payload.len());
        while frame <= self.link.socket().send_capacity() {
            if self.state.connection.is_closing() {
                return self.end_with_handshake().await;
            }
            if self.try_send(kind, payload)? {
                return Ok(());
            }
            self.wait_for_control(frame.saturating_add(self.state.connection.buffered())).await?;
        }
        self.start_message(kind)?;
        self.write(payload).await?;
        self.end_message().await
    }

    /// Sends a whole message if there is room for it now, and says whether it did. For one that is longer than the
    /// socket's capacity there never is.
    ///
    /// # Errors
    /// The connection ended, or is closing; or a message is being sent in parts.
    pub fn try_send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<bool, Disconnect> {
        self.recover_cancelled_send()?;
        if self.sending.is_some() {
            return Err(Disconnect::Closed);
        }
        // On a chip code is scarcer than time: there every message goes the same way.
        #[cfg(not(small_code))]
        if self.try_send_at_once(kind, payload)? {
            return Ok(true);
        }
        let frame = self.frame_length(payload.len());
        let needs = if self.has_room(frame) { 0 } else { frame };
        let mut message =
            WholeMessage { kind, needs, length: payload.len(), started: false, payload: Payload(payload) };
        while self.try_transmit(&mut message)? == TryIo::Done(()) {
            if self.is_closing() {
                return Err(Disconnect::Closed);
            }
            // A ring goes on over its seam.
            if !message.started || self.is_between_frames() {
                break;
            }
        }
        Ok(message.started)
    }

    /// The common case: the whole frame fits the contiguous space.
    #[cfg(not(small_code))]
    fn try_send_at_once(&mut self, kind: MessageKind, payload: &[u8]) -> Result<bool, Disconnect> {
        self.watch_room();
        let Self { state, keys, link, .. } = self;
        let connection = &mut state.connection;
        let mut sent = Ok(false);
        link.try_write(&mut |space: &mut [u8]| {
            let Ok(waiting) = connection.transmit(space, keys) else {
                sent = Err(Disconnect::NoEntropy);
                return 0;
            };
            let framed = connection.frame(space.get_mut(waiting..).unwrap_or_default(), kind, payload, keys);
            sent = match framed {
                Ok(_) => Ok(true),
                // A control frame may have taken the end of the space.
                Err(SendError::NoRoom | SendError::Busy) => Ok(false),
                Err(error) => Err(refused(error)),
            };
            waiting.wrapping_add(framed.unwrap_or(0))
        })?;
        self.watch_room();
        sent
    }

    /// Begins a message that is sent in parts with [`WebSocket::write`] and ended with [`WebSocket::end_message`].
    ///
    /// # Errors
    /// The connection is closing, or a message is being sent in parts already.
    pub fn start_message(&mut self, kind: MessageKind) -> Result<(), Disconnect> {
        self.recover_cancelled_send()?;
        if self.state.connection.is_closing() || self.sending.is_some() {
            return Err(Disconnect::Closed);
        }
        self.sending = Some(kind);
        Ok(())
    }

    /// Sends a part of the message that was begun, in fragments that fit the room. Dropped midway, the next call closes
    /// with 1011.
    ///
    /// # Errors
    /// The connection ended, or is closing; or no message was begun.
    pub async fn write(&mut self, part: &[u8]) -> Result<(), Disconnect> {
        self.recover_cancelled_send()?;
        let mut rest = part;
        while !rest.is_empty() {
            self.cut_short = true;
            let sent = self.fragment(rest, false).await?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        self.cut_short = false;
        Ok(())
    }

    /// Ends the message that was begun. Dropped while it waits it loses nothing: call it again.
    ///
    /// # Errors
    /// The connection ended, or is closing; or no message was begun.
    pub async fn end_message(&mut self) -> Result<(), Disconnect> {
        self.recover_cancelled_send()?;
        self.fragment(&[], true).await?;
        Ok(())
    }

    /// Begins a message of so many bytes in one frame, which [`WebSocket::payload`] takes. `false` while another frame is under
    /// way.
    pub(crate) fn start_whole(&mut self, kind: MessageKind, length: usize) -> Result<bool, Disconnect> {
        self.recover_cancelled_send()?;
        if self.sending.is_some() || self.state.connection.is_closing() {
            return Err(Disconnect::Closed);
        }
        if !self.push(&mut &[][..])? {
            return Ok(false);
        }
        self.begin(kind, true, length)?;
        Ok(true)
    }

    /// Sends as much of `payload`, the rest of the current frame, as fits into the send buffer, and returns the number of
    /// bytes. It never waits and keeps nothing, so a caller may continue after them at any time.
    pub(crate) fn payload(&mut self, payload: &[u8]) -> Result<usize, Disconnect> {
        let mut rest = payload;
        self.push(&mut rest)?;
        Ok(payload.len().saturating_sub(rest.len()))
    }

    /// Whether `bytes` fit into the send buffer after the queued ones.
    fn has_room(&self, bytes: usize) -> bool {
        bytes.saturating_add(self.state.connection.buffered()) <= self.link.socket().send_free()
    }

    /// Begins a frame; no other is under way.
    fn begin(&mut self, kind: MessageKind, fin: bool, payload: usize) -> Result<(), Disconnect> {
        self.state.connection.start_frame(kind, fin, payload as u64, &mut self.keys).map_err(refused)
    }

    /// Sends a fragment with as much of `part` as fits: how much.
    async fn fragment(&mut self, part: &[u8], fin: bool) -> Result<usize, Disconnect> {
        self.link.yield_if_spent().await;
        // A fragment of a byte or two would cost more header than payload.
        let worth = self.frame_length(part.len().min(self.payload_length(self.link.socket().send_capacity()) / 2));
        loop {
            if self.state.connection.is_closing() {
                self.end_with_handshake().await?;
            }
            // In a ring that holds no frame at all it leaves as room comes.
            let tiny = worth > self.link.socket().send_capacity();
            if self.push(&mut &[][..])? && (tiny || self.link.socket().send_free() >= worth) {
                break;
            }
            self.wait_for_control(worth.saturating_add(self.state.connection.buffered())).await?;
        }
        let Some(kind) = self.sending.filter(|_| fin == part.is_empty()) else { return Err(Disconnect::Closed) };
        let most = self.payload_length(self.link.socket().send_free()).max(1).min(part.len());
        let now = part.get(..most).unwrap_or_default();
        self.begin(kind, fin, now.len())?;
        if fin {
            self.sending = None;
        }
        let mut rest = now;
        while !self.push(&mut rest)? && !rest.is_empty() {
            self.wait_for_control(1).await?;
        }
        Ok(now.len())
    }

    /// Recovers from a dropped call: an unfinished message cannot be continued, so the connection is closed (1011).
    pub(super) fn recover_cancelled_send(&mut self) -> Result<(), Disconnect> {
        if core::mem::take(&mut self.cut_short) {
            self.sending = None;
            if self.state.connection.payload_remaining() > 0 {
                // Nothing can be said in the midst of a frame.
                self.cut_short = true;
                return Err(Disconnect::Broken);
            }
            self.start_close(CloseCode::INTERNAL_ERROR, CloseReason::NONE);
        }
        Ok(())
    }

    /// Bytes of a frame of ours with so much payload (RFC 6455 §5.2).
    fn frame_length(&self, payload: usize) -> usize {
        let head = match payload {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        payload.wrapping_add(head).wrapping_add(self.masking_key_length())
    }

    /// The most payload that a frame of ours of at most `frame` bytes has.
    fn payload_length(&self, frame: usize) -> usize {
        let frame = frame.saturating_sub(self.masking_key_length());
        match frame {
            0..=127 => frame.saturating_sub(2),
            128..=129 => 125,
            130..=0x1_0003 => frame - 4,
            0x1_0004..=0x1_0009 => 0xffff,
            _ => frame - 10,
        }
    }

    fn masking_key_length(&self) -> usize {
        match self.state.connection.role() {
            Role::Client => 4,
            Role::Server => 0,
        }
    }
}
