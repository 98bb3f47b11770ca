//! What every turn does, waiting, and the closing handshake.

use super::{ConnectionIo, Disconnect, WebSocket};
use crate::io::{Interest, Socket, TryIo, WakeCondition, never};
use crate::time::Instant;
use crate::ws::connection::MaskingKeys;

/// A wait for room.
#[derive(Clone, Copy)]
pub(super) struct Stall {
    /// The peer is given up then, unless it takes something.
    due: Instant,
    /// How much room there was when it was last looked at.
    room: usize,
}

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<L, K> {
    /// Goes through the closing handshake. An error of the peer's is an error once it has been told.
    pub(super) async fn closing(&mut self) -> Result<(), Disconnect> {
        let mut scrap = [0; 64];
        loop {
            self.turn()?;
            let connection = &self.wire.connection;
            if connection.is_closed() {
                break;
            }
            let reads = connection.wants_input() && connection.error().is_none();
            let lent = if reads { self.look(Some(&mut scrap), false)? } else { TryIo::WouldBlock };
            match lent {
                TryIo::Done(_) => self.link.yield_if_spent().await,
                TryIo::Eof => break,
                TryIo::WouldBlock => self.wait(reads, 0).await?,
            }
        }
        self.wire.connection.error().map_or(Ok(()), |error| Err(Disconnect::Protocol(error)))
    }

    /// A Close waits or left: nothing can be sent any more.
    pub(super) async fn end_with_handshake(&mut self) -> Result<(), Disconnect> {
        self.closing().await?;
        Err(Disconnect::Closed)
    }

    /// Takes control frames, then rests until there may be more, or so much room.
    pub(super) async fn wait_for_control(&mut self, room: usize) -> Result<(), Disconnect> {
        self.take_control_frames().await?;
        if self.wire.connection.error().is_some() {
            self.closing().await?;
        }
        // With a message next, reading on is for who asked for messages: only the clock and our output count.
        let reads = match self.link.try_read(&mut |_: &mut [u8]| 0)? {
            _ if self.wire.connection.is_closed() => return Err(Disconnect::Closed),
            TryIo::Eof => return Err(Disconnect::Closed),
            TryIo::WouldBlock => self.wire.connection.wants_input(),
            TryIo::Done(()) => false,
        };
        self.wait(reads, room).await
    }

    /// Waits for something to read, or for so much room, or for the clock.
    pub(super) fn wait(&mut self, read: bool, room: usize) -> impl Future<Output = Result<(), Disconnect>> {
        self.wait_or(read, room, None)
    }

    /// As [`WebSocket::wait`], and until `also` is ready.
    pub(super) async fn wait_or(
        &mut self,
        read: bool,
        room: usize,
        also: Option<&mut dyn WakeCondition>,
    ) -> Result<(), Disconnect> {
        self.turn()?;
        let connection = &self.wire.connection;
        if connection.is_closed() {
            return Ok(());
        }
        let (closing, stuck) = (connection.is_closing(), connection.has_output());
        let want = Interest { read, writable_bytes: room.max(usize::from(stuck)), flushed: false };
        let mut deadline = self.wire.deadline();
        if read {
            let (now, timeout) = (self.link.now(), self.link.timeouts().message);
            deadline = deadline.min(self.wire.wait_deadline(now, timeout)?);
        }
        if want.writable_bytes > 0 {
            deadline = deadline.min(self.stall()?);
        }
        self.link.wait(want, deadline, !closing, also.unwrap_or(&mut never)).await
    }

    /// What every turn does: the clock is heard, and what waits of ours leaves as far as there is room.
    pub(super) fn turn(&mut self) -> Result<(), Disconnect> {
        if self.link.is_shutting_down() {
            self.wire.restart();
        }
        self.wire.send_keep_alive(&self.link)?;
        // The payload of a frame under way is for who gives it; its head need not wait for that.
        if self.wire.connection.has_output() {
            self.push(&mut &[][..])?;
        }
        Ok(())
    }

    /// When a wait for room is given up.
    fn stall(&mut self) -> Result<Instant, Disconnect> {
        self.watch_room();
        let (now, room) = (self.link.now(), self.link.socket().send_free());
        let due = now + self.link.timeouts().write;
        let stall = self.stall.get_or_insert(Stall { due, room });
        if now >= stall.due { Err(Disconnect::TimedOut) } else { Ok(stall.due) }
    }

    /// Sees whether there is more room than when it was last looked at, while it is waited for: a peer that takes
    /// something lives, though it says nothing.
    pub(super) fn watch_room(&mut self) {
        let room = self.link.socket().send_free();
        match &mut self.stall {
            Some(stall) if room > stall.room => {
                self.stall = None;
                self.wire.pulse.heard(self.link.now());
            }
            Some(stall) => stall.room = room,
            None => {}
        }
    }
}
