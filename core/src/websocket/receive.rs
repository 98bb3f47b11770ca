//! Messages from the peer.

use core::task::Context;

use super::{ConnectionIo, Disconnect, Message, MessageChunk, MessageSink, WebSocket};
use crate::grammar::copy::copy;
use crate::io::{Clock, Timer, TryIo, WakeCondition, never, one_copy};
use crate::time::Instant;
use crate::ws::ProtocolError;
use crate::ws::connection::{Chunk, MaskingKeys, MessageKind};

/// Copies payload to the reader's buffer.
struct Fill<'b> {
    space: &'b mut [u8],
    copied: Option<Copied>,
}

/// A chunk that was received.
enum Copied {
    Chunk {
        kind: MessageKind,
        len: usize,
        last: bool,
    },
    /// There was no space for it.
    TooBig,
}

impl MessageSink for Fill<'_> {
    fn put(&mut self, chunk: Chunk<'_>) {
        let len = chunk.payload.len();
        self.copied = Some(match self.space.get_mut(..len) {
            Some(space) => {
                copy(chunk.payload, space);
                Copied::Chunk { kind: chunk.kind, len, last: chunk.last }
            }
            None => Copied::TooBig,
        });
    }
}

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<'_, L, K> {
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
    pub(crate) fn ready_or<C: WakeCondition>(
        &mut self,
        room: usize,
        also: &mut C,
    ) -> impl Future<Output = Result<Option<bool>, Disconnect>> {
        self.ready_or_by(room, one_copy!(also as &mut WakeCondition))
    }

    async fn ready_or_by<C: WakeCondition + ?Sized>(
        &mut self,
        room: usize,
        also: &mut C,
    ) -> Result<Option<bool>, Disconnect> {
        self.recover_cancelled_send()?;
        let mut rested = false;
        loop {
            self.take_control_frames().await?;
            let reads = self.state.connection.wants_input();
            if self.state.connection.is_closed() {
                return Ok(Some(self.state.connection.error().is_some()));
            }
            match self.link.try_read(&mut |_: &mut [u8]| 0)? {
                TryIo::Done(()) if reads => return Ok(Some(true)),
                TryIo::Eof => return Err(Disconnect::Closed),
                TryIo::Done(()) | TryIo::WouldBlock if rested => return Ok(None),
                TryIo::Done(()) | TryIo::WouldBlock => self.wait_or(reads, room.max(usize::from(!reads)), also).await?,
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
            if self.state.connection.error().is_some() {
                self.closing().await?;
            }
            if self.state.connection.is_closed() {
                return Ok(None);
            }
            let reads = self.wants_input();
            let space = buffer.get_mut(self.filled..).unwrap_or_default();
            // Without space one byte is looked at: it may be of a frame that ends the message.
            let most = space.len().max(1);
            let mut sink = Fill { space, copied: None };
            let lent = if reads { self.try_receive(most, &mut sink)? } else { TryIo::WouldBlock };
            match (lent, sink.copied) {
                (TryIo::Done(()), Some(Copied::Chunk { kind, len, last })) => {
                    self.filled = self.filled.wrapping_add(len);
                    if last || (!whole && self.filled >= buffer.len()) {
                        let part = MessageChunk { kind, len: self.filled, first: self.first, last };
                        (self.filled, self.first) = (0, last);
                        return Ok(Some(part));
                    }
                }
                (TryIo::Done(()), Some(Copied::TooBig)) => self.fail(ProtocolError::MessageTooBig),
                (TryIo::Done(()), None) if self.peer_close().is_some() => return Ok(None),
                (TryIo::Done(()), None) => {}
                (TryIo::Eof, _) => return Err(Disconnect::Closed),
                (TryIo::WouldBlock, _) => self.wait(reads, 0).await?,
            }
        }
    }

    /// Processes control frames up to the first data frame, and sends the responses to them.
    pub(super) async fn take_control_frames(&mut self) -> Result<(), Disconnect> {
        while self.control_is_next()? {
            // After a control frame the state machine stops: nothing else is consumed.
            self.try_receive(usize::MAX, &mut |_: Chunk<'_>| {})?;
            self.turn()?;
            self.link.yield_if_spent().await;
        }
        Ok(())
    }

    /// Whether the next received frame is a control frame.
    fn control_is_next(&mut self) -> Result<bool, Disconnect> {
        let connection = &self.state.connection;
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
