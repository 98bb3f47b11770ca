//! Messages from the peer.

use core::task::Context;

use super::state::WebSocketState;
use super::{ConnectionIo, Disconnect, Message, MessageChunk, WebSocket};
use crate::grammar::copy::copy;
use crate::io::{Clock, Timer, TryIo, WakeCondition, never};
use crate::time::Instant;
use crate::ws::ProtocolError;
use crate::ws::connection::{Incoming, MaskingKeys, MessageKind};

/// What a look at the received bytes gave.
pub(super) enum ReceiveOutcome {
    /// So many payload bytes went to the reader's buffer.
    Piece {
        kind: MessageKind,
        len: usize,
        last: bool,
    },
    /// A byte of payload came for which there was no room.
    TooBig,
    /// A control frame, or part of a head.
    Nothing,
    Closed,
}

/// What a byte without payload counts as: empty fragments are taken many at once.
pub(crate) const OVERHEAD: usize = 32;

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<L, K> {
    /// Waits until a message, or the next part of one, is there to be read; `false` once the peer has closed.
    ///
    /// A connection that waits here needs no buffer.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn ready(&mut self) -> Result<bool, Disconnect> {
        loop {
            if let Some(ready) = self.ready_or(0, &mut never).await? {
                return Ok(ready);
            }
        }
    }

    /// As [`WebSocket::ready`] in time; `false` where `deadline` came first, which [`Instant::MAX`] never does. A peer that has
    /// closed is ready too.
    pub(crate) async fn ready_until(&mut self, deadline: Instant) -> Result<bool, Disconnect> {
        let mut timer = self.link.clock().timer();
        loop {
            if deadline < Instant::MAX && self.link.now() >= deadline {
                return Ok(false);
            }
            if self.ready_or(0, &mut |cx: &mut Context<'_>| timer.poll_until(cx, deadline)).await?.is_some() {
                return Ok(true);
            }
        }
    }

    /// As [`WebSocket::ready`], or `None` once there may be so much room, or `also` may be ready.
    pub(crate) async fn ready_or(
        &mut self,
        room: usize,
        also: &mut dyn WakeCondition,
    ) -> Result<Option<bool>, Disconnect> {
        self.recover_cancelled_send()?;
        let mut rested = false;
        loop {
            self.take_control_frames().await?;
            let reads = self.wire.connection.wants_input();
            if self.wire.connection.is_closed() {
                return Ok(Some(self.wire.connection.error().is_some()));
            }
            match self.link.try_read(&mut |_: &mut [u8]| 0)? {
                TryIo::Done(()) if reads => return Ok(Some(true)),
                TryIo::Eof => return Err(Disconnect::Closed),
                TryIo::Done(()) | TryIo::WouldBlock if rested => return Ok(None),
                TryIo::Done(()) | TryIo::WouldBlock => {
                    self.wait_or(reads, room.max(usize::from(!reads)), Some(also)).await?
                }
            }
            rested = true;
        }
    }

    /// Reads a whole message into `buffer`; `None` once the peer has closed.
    ///
    /// Dropped while it waits it loses nothing: call it again with the same buffer.
    ///
    /// # Errors
    /// How the connection ended. A message that `buffer` does not hold closes it with 1009.
    pub async fn recv<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Message<'b>>, Disconnect> {
        let Some(part) = self.fill(buffer, true).await? else { return Ok(None) };
        let payload = buffer.get(..part.len).unwrap_or_default();
        Ok(Some(Message { kind: part.kind, payload }))
    }

    /// Reads a message in parts that fill `buffer`, the last one up to the message's end; `None` once the peer has closed.
    ///
    /// Dropped while it waits it loses nothing: call it again with the same buffer. Text may be cut within a character,
    /// and the last part may be empty.
    ///
    /// # Errors
    /// How the connection ended. A `buffer` without room closes it with 1009.
    pub fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = Result<Option<MessageChunk>, Disconnect>> {
        self.fill(buffer, false)
    }

    async fn fill(&mut self, buffer: &mut [u8], whole: bool) -> Result<Option<MessageChunk>, Disconnect> {
        self.recover_cancelled_send()?;
        loop {
            self.link.yield_if_spent().await;
            self.turn()?;
            if self.wire.connection.error().is_some() {
                self.closing().await?;
            }
            if self.wire.connection.is_closed() {
                return Ok(None);
            }
            let reads = self.wire.connection.wants_input();
            let lent = if reads { self.look(buffer.get_mut(self.filled..), false)? } else { TryIo::WouldBlock };
            match lent {
                TryIo::Done(ReceiveOutcome::Piece { kind, len, last }) => {
                    self.filled = self.filled.wrapping_add(len);
                    if last || (!whole && self.filled >= buffer.len()) {
                        let part = MessageChunk { kind, len: self.filled, first: self.first, last };
                        (self.filled, self.first) = (0, last);
                        return Ok(Some(part));
                    }
                }
                TryIo::Done(ReceiveOutcome::TooBig) => self.wire.connection.fail(ProtocolError::MessageTooBig),
                TryIo::Done(ReceiveOutcome::Nothing) => {}
                TryIo::Done(ReceiveOutcome::Closed) => return Ok(None),
                TryIo::Eof => return Err(Disconnect::Closed),
                TryIo::WouldBlock => self.wait(reads, 0).await?,
            }
        }
    }

    /// Looks at what came, and copies payload to `room`. Control frames alone, of which one is next, need none.
    pub(super) fn look(&mut self, room: Option<&mut [u8]>, control: bool) -> Result<TryIo<ReceiveOutcome>, Disconnect> {
        let Self { link, wire: WebSocketState { connection, pulse, .. }, .. } = self;
        let room = room.unwrap_or_default();
        let now = link.now();
        let mut seen = ReceiveOutcome::Nothing;
        let (mut pong, mut is_control, mut overhead) = (None, false, 0);
        let lent = link.try_read(&mut |bytes: &mut [u8]| {
            // Payload is never longer than the bytes that it was found in. Without room a byte at a time is looked at:
            // what ends the message may still come. After a control frame the machine stops by itself.
            let most = if control { bytes.len() } else { room.len().max(1).min(bytes.len()) };
            let received = connection.receive(bytes.get_mut(..most).unwrap_or_default());
            pulse.heard(now);
            seen = match received.event {
                Some(Incoming::Chunk(piece)) => match room.get_mut(..piece.payload.len()) {
                    Some(room) => {
                        copy(piece.payload, room);
                        ReceiveOutcome::Piece { kind: piece.kind, len: piece.payload.len(), last: piece.last }
                    }
                    None => ReceiveOutcome::TooBig,
                },
                Some(Incoming::Pong(payload)) => {
                    pulse.pong(payload, now);
                    (pong, is_control) = (Some(payload), true);
                    ReceiveOutcome::Nothing
                }
                Some(Incoming::Ping) => {
                    is_control = true;
                    ReceiveOutcome::Nothing
                }
                Some(Incoming::Closed { .. }) => ReceiveOutcome::Closed,
                // What failed is said by the connection.
                Some(Incoming::Failed(_)) => ReceiveOutcome::Nothing,
                None => {
                    overhead = received.consumed;
                    ReceiveOutcome::Nothing
                }
            };
            received.consumed
        })?;
        if lent == TryIo::Done(()) {
            link.charge(overhead.wrapping_mul(OVERHEAD));
            if is_control && !link.admits_control_frame() {
                self.wire.connection.fail(ProtocolError::TooManyControlFrames);
            }
            let payload = if let ReceiveOutcome::Piece { len, .. } = seen { len } else { 0 };
            self.wire.received(payload, now, link.timeouts().message)?;
        }
        if let Some(payload) = pong {
            link.pong_received(payload);
        }
        Ok(match lent {
            TryIo::Done(()) => TryIo::Done(seen),
            TryIo::WouldBlock => TryIo::WouldBlock,
            TryIo::Eof => TryIo::Eof,
        })
    }

    /// Takes control frames off the received bytes, up to the first that is none; what they are answered leaves.
    pub(super) async fn take_control_frames(&mut self) -> Result<(), Disconnect> {
        while self.control_is_next()? {
            self.look(None, true)?;
            self.turn()?;
            self.link.yield_if_spent().await;
        }
        Ok(())
    }

    /// Whether a control frame stands next in what came.
    fn control_is_next(&mut self) -> Result<bool, Disconnect> {
        let connection = &self.wire.connection;
        if !connection.wants_input() {
            return Ok(false);
        }
        let mut control = false;
        self.link.try_read(&mut |bytes: &mut [u8]| {
            control = bytes.first().is_some_and(|next| connection.is_control_next(*next));
            0
        })?;
        Ok(control)
    }
}
