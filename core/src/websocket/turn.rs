//! One turn of the driver: receive, check the deadlines, transmit, wait. All other methods stand on these four.

#![allow(clippy::manual_async_fn, reason = "an async fn keeps each of its arguments twice")]

use core::future::Future;

use super::state::WebSocketState;
use super::{ConnectionIo, Disconnect, WebSocket};
use crate::grammar::copy::copy;
use crate::io::{Interest, Socket, TryIo, WakeCondition, never, one_copy};
use crate::time::Instant;
use crate::ws::ProtocolError;
use crate::ws::connection::{Chunk, Incoming, MaskingKeys, MessageKind, SendError};

/// Bytes that a received byte without payload counts as: many empty fragments fit one read.
const OVERHEAD: usize = 32;

/// Takes received messages, chunk by chunk, where they stand in the receive buffer.
///
/// It is called inside the socket's loan: it must not touch a socket.
pub trait MessageSink {
    /// Whether received bytes may be consumed now. With `false` they stay in the socket, and back-pressure reaches the peer.
    ///
    /// Called only while there are bytes.
    fn is_ready(&mut self) -> bool {
        true
    }

    /// Takes the next chunk. A message in one frame that was received whole is one chunk.
    fn put(&mut self, chunk: Chunk<'_>);
}

impl<F: FnMut(Chunk<'_>)> MessageSink for F {
    fn put(&mut self, chunk: Chunk<'_>) {
        self(chunk);
    }
}

/// Provides messages that are written straight into free send space, so that many leave in one write.
///
/// It is called inside the socket's loan: it must not touch a socket.
pub trait MessageSource {
    /// Type and length in bytes of the next message; `None` while there is none. The message before has been written whole.
    /// `space` bytes are free here, and a ring has more beyond its seam.
    fn next(&mut self, space: usize) -> Option<(MessageKind, u64)>;

    /// Writes the next bytes of the message's payload into `space`: how many. With 0 the frame goes on in a later call.
    ///
    /// # Errors
    /// The rest of the message no longer exists. The frame cannot be completed, so the connection has to be aborted.
    fn fill(&mut self, space: &mut [u8]) -> Result<usize, Disconnect>;
}

/// Payload of the frame that has begun; no further message.
pub(super) struct Payload<'b>(pub(super) &'b [u8]);

impl MessageSource for Payload<'_> {
    fn next(&mut self, _space: usize) -> Option<(MessageKind, u64)> {
        None
    }

    fn fill(&mut self, space: &mut [u8]) -> Result<usize, Disconnect> {
        let (now, later) = self.0.split_at_checked(space.len().min(self.0.len())).unwrap_or_default();
        self.0 = later;
        Ok(copy(now, space))
    }
}

/// A wait for send space.
#[derive(Clone, Copy)]
pub(super) struct Stall {
    /// The connection ends then, unless the peer takes something.
    due: Instant,
    /// Free send space when it was last checked.
    room: usize,
}

impl<L: ConnectionIo, K: MaskingKeys> WebSocket<'_, L, K> {
    /// Whether [`WebSocket::try_receive`] can consume input now. It cannot while a pong is half written, nor after a protocol error.
    pub fn wants_input(&self) -> bool {
        self.state.connection.wants_input() && self.state.connection.error().is_none()
    }

    /// Whether control frames or the rest of a frame's head wait for send space.
    pub fn has_output(&self) -> bool {
        self.state.connection.has_output()
    }

    /// Makes one attempt at the received bytes, `most` of them: one frame or a part of one. Control frames are handled here; payload
    /// goes to `sink`.
    ///
    /// # Errors
    /// How the connection ended. A protocol error of the peer is none: a Close with its code waits for send space.
    pub fn try_receive(&mut self, most: usize, sink: &mut dyn MessageSink) -> Result<TryIo<()>, Disconnect> {
        let Self { link, state: WebSocketState { connection, pulse, .. }, .. } = self;
        let now = link.now();
        let (mut accepted, mut control, mut pong) = (false, false, None);
        let (mut payload, mut overhead) = (0, 0);
        let lent = link.try_read(&mut |bytes: &mut [u8]| {
            if !sink.is_ready() {
                return 0;
            }
            accepted = true;
            let most = most.min(bytes.len());
            let received = connection.receive(bytes.get_mut(..most).unwrap_or_default());
            pulse.heard(now);
            match received.event {
                Some(Incoming::Chunk(chunk)) => {
                    payload = chunk.payload.len();
                    sink.put(chunk);
                }
                Some(Incoming::Pong(data)) => {
                    pulse.pong(data, now);
                    (control, pong) = (true, Some(data));
                }
                Some(Incoming::Ping) => control = true,
                Some(Incoming::Closed { .. } | Incoming::Failed(_)) => {}
                None => overhead = received.consumed,
            }
            received.consumed
        })?;
        if accepted {
            link.charge(overhead.wrapping_mul(OVERHEAD));
            if control && !link.admits_control_frame() {
                self.state.connection.fail(ProtocolError::TooManyControlFrames);
            }
            self.state.received(payload, now, link.timeouts().message)?;
        }
        if let Some(data) = pong {
            link.pong_received(data);
        }
        Ok(lent)
    }

    /// Queues the ping that is due, and enforces the deadlines of keep-alive and closing handshake. Each turn needs it once.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`]
    pub fn check_deadlines(&mut self) -> Result<(), Disconnect> {
        self.state.send_keep_alive(&self.link)
    }

    /// Makes one attempt at the free send space: control frames, the rest of the frame that has begun, then messages of `source`
    /// until the space is full or `source` has none.
    ///
    /// # Errors
    /// How the connection ended.
    pub fn try_transmit(&mut self, source: &mut dyn MessageSource) -> Result<TryIo<()>, Disconnect> {
        self.watch_room();
        let Self { state, keys, link, .. } = self;
        let connection = &mut state.connection;
        let mut result = Ok(());
        let lent = link.try_write(&mut |space: &mut [u8]| {
            let mut written = 0usize;
            loop {
                let rest = space.get_mut(written..).unwrap_or_default();
                let Ok(control) = connection.transmit(rest, keys) else {
                    result = Err(Disconnect::NoEntropy);
                    break;
                };
                written = written.wrapping_add(control);
                let rest = space.get_mut(written..).unwrap_or_default();
                if rest.is_empty() || connection.has_output() {
                    break;
                }
                if connection.payload_remaining() > 0 {
                    let filled = connection.payload(rest, |space| {
                        source.fill(space).unwrap_or_else(|ended| {
                            result = Err(ended);
                            0
                        })
                    });
                    written = written.wrapping_add(filled);
                    if filled == 0 {
                        break;
                    }
                } else if connection.is_closing() {
                    break;
                } else if let Some((kind, length)) = source.next(rest.len()) {
                    if let Err(error) = connection.start_frame(kind, true, length, keys) {
                        result = Err(refused(error));
                        break;
                    }
                } else {
                    break;
                }
            }
            written
        })?;
        result?;
        if lent == TryIo::Done(()) {
            self.watch_room();
        }
        Ok(lent)
    }

    /// Waits for received bytes or send space as `want` says, for `deadline` or `condition`; with `until_shutdown` also for the
    /// server's shutdown. Send space is waited for too while there is output, and the WebSocket's own deadlines end the wait.
    /// It may return early.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`]: the peer took no output, or left a message unfinished, for too long. Else how the connection ended.
    pub fn wait_for<C: WakeCondition>(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_shutdown: bool,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        self.wait_until(want, deadline, until_shutdown, one_copy!(condition as &mut WakeCondition))
    }

    fn wait_until<C: WakeCondition + ?Sized>(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_shutdown: bool,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            let stuck = usize::from(self.state.connection.has_output());
            let want = Interest { writable_bytes: want.writable_bytes.max(stuck), ..want };
            let mut deadline = deadline.min(self.state.deadline());
            if want.read {
                let (now, timeout) = (self.link.now(), self.link.timeouts().message);
                deadline = deadline.min(self.state.wait_deadline(now, timeout)?);
            }
            if want.writable_bytes > 0 {
                deadline = deadline.min(self.stall()?);
            }
            self.link.wait(want, deadline, until_shutdown, condition).await
        }
    }

    /// Handles control frames, then waits until there may be more, or `room` bytes of send space.
    pub(super) async fn wait_for_control(&mut self, room: usize) -> Result<(), Disconnect> {
        self.take_control_frames().await?;
        if self.state.connection.error().is_some() {
            self.closing().await?;
        }
        // With a message next, only a call that receives messages consumes input: this wait is for deadlines and send space.
        let reads = match self.link.try_read(&mut |_: &mut [u8]| 0)? {
            _ if self.state.connection.is_closed() => return Err(Disconnect::Closed),
            TryIo::Eof => return Err(Disconnect::Closed),
            TryIo::WouldBlock => self.state.connection.wants_input(),
            TryIo::Done(()) => false,
        };
        self.wait(reads, room).await
    }

    /// Waits for something to read, or for `room` bytes of send space, or for a deadline.
    pub(super) fn wait(&mut self, read: bool, room: usize) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            let condition = &mut never;
            self.wait_or(read, room, one_copy!(condition as &mut WakeCondition)).await
        }
    }

    /// As [`WebSocket::wait`], and until `also` is ready.
    pub(super) fn wait_or<C: WakeCondition + ?Sized>(
        &mut self,
        read: bool,
        room: usize,
        also: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            self.turn()?;
            let connection = &self.state.connection;
            if connection.is_closed() {
                return Ok(());
            }
            let (want, closing) = (Interest { read, writable_bytes: room, flushed: false }, connection.is_closing());
            self.wait_until(want, Instant::MAX, !closing, also).await
        }
    }

    /// Checks shutdown and deadlines, and transmits waiting output as far as there is space.
    pub(super) fn turn(&mut self) -> Result<(), Disconnect> {
        if self.link.is_shutting_down() {
            self.state.restart();
        }
        self.check_deadlines()?;
        // The payload of a frame under way is for the sender to give; its head need not wait for that.
        if self.state.connection.has_output() {
            self.push(&mut &[][..])?;
        }
        Ok(())
    }

    /// Transmits waiting output and, of the frame under way, payload from `rest`, which moves on. Whether nothing waits any more.
    pub(super) fn push(&mut self, rest: &mut &[u8]) -> Result<bool, Disconnect> {
        self.watch_room();
        while self.state.connection.has_output() || self.state.connection.payload_remaining() > 0 {
            let mut source = Payload(rest);
            let lent = self.try_transmit(&mut source)?;
            *rest = source.0;
            if lent != TryIo::Done(()) {
                return Ok(false);
            }
            if rest.is_empty() && self.state.connection.payload_remaining() > 0 {
                break;
            }
        }
        Ok(true)
    }

    /// When the wait for send space ends.
    fn stall(&mut self) -> Result<Instant, Disconnect> {
        self.watch_room();
        let (now, room) = (self.link.now(), self.link.socket().send_free());
        let due = now + self.link.timeouts().write;
        let stall = self.stall.get_or_insert(Stall { due, room });
        if now >= stall.due { Err(Disconnect::TimedOut) } else { Ok(stall.due) }
    }

    /// Ends the wait for send space once there is more of it: a peer that takes output lives, though it sends nothing.
    pub(super) fn watch_room(&mut self) {
        let room = self.link.socket().send_free();
        match &mut self.stall {
            Some(stall) if room > stall.room => {
                self.stall = None;
                self.state.pulse.heard(self.link.now());
            }
            Some(stall) => stall.room = room,
            None => {}
        }
    }
}

/// The disconnect for an error at the start of a frame.
pub(super) fn refused(error: SendError) -> Disconnect {
    match error {
        SendError::NoEntropy => Disconnect::NoEntropy,
        _ => Disconnect::Closed,
    }
}
