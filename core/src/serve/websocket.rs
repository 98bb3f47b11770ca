//! A WebSocket of a handler's own.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use super::line::Line;
use super::wire::Wire;
use super::{Ended, Outcome, Runtime, Served};
use crate::edge::{Clock, Interest, Lent, Socket, Timer};
use crate::time::Instant;
use crate::ws::ProtocolError;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Incoming, MessageKind, SendError, Unmasked};

/// How a request becomes a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketOptions<'a> {
    /// Subprotocols that the handler speaks, the preferred one first. The client's offer decides whether one is chosen.
    pub protocols: &'a [&'a str],
    /// Bytes of a message; a larger one closes with 1009. Default: no bound, for who reads parts.
    pub max_message: u64,
}

impl Default for WebSocketOptions<'_> {
    fn default() -> Self {
        Self { protocols: &[], max_message: u64::MAX }
    }
}

/// An open WebSocket.
///
/// Pings are answered and sent while a method of it waits. [`WebSocket::finish`] ends it in order; an error of any
/// method is how the connection ended, for the handler to pass on.
pub struct WebSocket<'x, 'l, R: Runtime> {
    line: &'x mut Line<'l, R>,
    wire: Wire,
    protocol: Option<usize>,
    /// Bytes of an unfinished message that stand in the buffer of who reads.
    filled: usize,
    /// The part that is being read begins its message.
    first: bool,
    /// The type of our message that is being sent in fragments.
    sending: Option<MessageKind>,
    /// A long `send` was dropped midway: its message has no end.
    cut_short: bool,
    /// Room is waited for.
    stall: Option<Stall>,
}

/// A wait for room.
#[derive(Clone, Copy)]
struct Stall {
    /// The peer is given up then, unless it takes something.
    due: Instant,
    /// How much room there was when it was last looked at.
    room: usize,
}

/// A whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'b> {
    /// Text or binary.
    pub kind: MessageKind,
    /// Its bytes; UTF-8 where it is text.
    pub payload: &'b [u8],
}

/// A part of a message that stands at the start of the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The type of the message.
    pub kind: MessageKind,
    /// Bytes of the part.
    pub len: usize,
    /// The message begins here.
    pub first: bool,
    /// The message ends here.
    pub last: bool,
}

/// What a look at the received bytes gave.
enum Seen {
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

impl<'x, 'l, R: Runtime> WebSocket<'x, 'l, R> {
    pub(super) fn new(line: &'x mut Line<'l, R>, max_message: u64, protocol: Option<usize>) -> Self {
        let wire = Wire::new(line, max_message);
        Self { line, wire, protocol, filled: 0, first: true, sending: None, cut_short: false, stall: None }
    }

    /// Which of [`WebSocketOptions::protocols`] was chosen.
    pub fn protocol(&self) -> Option<usize> {
        self.protocol
    }

    /// Waits until a message, or the next part of one, is there to be read; `false` once the peer has closed.
    ///
    /// A connection that waits here needs no buffer.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn ready(&mut self) -> Result<bool, Ended> {
        self.mend()?;
        loop {
            while self.control_is_next()? {
                self.look(None, true)?;
                self.turn()?;
                self.line.breathe().await;
            }
            let reads = self.wire.connection.wants_input();
            if self.wire.connection.is_closed() {
                return Ok(self.wire.connection.error().is_some());
            }
            match self.line.try_read(|_| (0, ()))? {
                Lent::Got(()) if reads => return Ok(true),
                Lent::Eof => return Err(Ended::Closed),
                Lent::Got(()) | Lent::NotNow => self.rest(reads, usize::from(!reads)).await?,
            }
        }
    }

    /// Reads a whole message into `buffer`; `None` once the peer has closed.
    ///
    /// Dropped while it waits it loses nothing: call it again with the same buffer.
    ///
    /// # Errors
    /// How the connection ended. A message that `buffer` does not hold closes it with 1009.
    pub async fn recv<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Message<'b>>, Ended> {
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
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<Option<Part>, Ended> {
        self.fill(buffer, false).await
    }

    async fn fill(&mut self, buffer: &mut [u8], whole: bool) -> Result<Option<Part>, Ended> {
        self.mend()?;
        self.line.breathe().await;
        loop {
            self.turn()?;
            if self.wire.connection.error().is_some() {
                let _: Served = self.closing().await?;
            }
            if self.wire.connection.is_closed() {
                return Ok(None);
            }
            let reads = self.wire.connection.wants_input();
            let lent = if reads { self.look(buffer.get_mut(self.filled..), false)? } else { Lent::NotNow };
            match lent {
                Lent::Got(Seen::Piece { kind, len, last }) => {
                    self.filled = self.filled.saturating_add(len);
                    if last || (!whole && self.filled >= buffer.len()) {
                        let part = Part { kind, len: self.filled, first: self.first, last };
                        (self.filled, self.first) = (0, last);
                        return Ok(Some(part));
                    }
                    self.line.breathe().await;
                }
                Lent::Got(Seen::TooBig) => self.wire.connection.fail(ProtocolError::MessageTooBig),
                Lent::Got(Seen::Nothing) => self.line.breathe().await,
                Lent::Got(Seen::Closed) => return Ok(None),
                Lent::Eof => return Err(Ended::Closed),
                Lent::NotNow => self.rest(reads, 0).await?,
            }
        }
    }

    /// Looks at what came, and copies payload to `room`. Control frames alone, of which one is next, need none.
    fn look(&mut self, room: Option<&mut [u8]>, control: bool) -> Result<Lent<Seen>, Ended> {
        let Self { line, wire: Wire { connection, pulse, .. }, .. } = self;
        let room = room.unwrap_or_default();
        let now = line.now();
        line.try_read(|bytes| {
            // Payload is never longer than the bytes that it was found in. Without room a byte at a time is looked at:
            // what ends the message may still come. After a control frame the machine stops by itself.
            let most = if control { bytes.len() } else { room.len().max(1).min(bytes.len()) };
            let received = connection.receive(bytes.get_mut(..most).unwrap_or_default());
            pulse.heard(now);
            let seen = match received.event {
                Some(Incoming::Piece(piece)) => match room.get_mut(..piece.payload.len()) {
                    Some(room) => {
                        room.copy_from_slice(piece.payload);
                        Seen::Piece { kind: piece.kind, len: piece.payload.len(), last: piece.last }
                    }
                    None => Seen::TooBig,
                },
                Some(Incoming::Pong(payload)) => {
                    pulse.pong(payload, now);
                    Seen::Nothing
                }
                Some(Incoming::Closed { .. }) => Seen::Closed,
                // What failed is said by the connection.
                Some(Incoming::Ping | Incoming::Failed(_)) | None => Seen::Nothing,
            };
            (received.consumed, seen)
        })
    }

    /// Sends a whole message, waiting for room. Up to the socket's capacity it is atomic: dropped while it waits,
    /// nothing of it has left. A longer message goes in fragments; dropped midway, the next call closes with 1011.
    ///
    /// # Errors
    /// The connection ended, or is closing; or a message is being sent in parts.
    pub async fn send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), Ended> {
        // Others have their turn before it: what returns has been sent, and what was dropped has not.
        self.line.breathe().await;
        let frame = frame_length(payload.len());
        while frame <= self.line.socket.capacity() {
            if self.wire.connection.is_closing() {
                return self.end_with_handshake().await;
            }
            if self.try_send(kind, payload)? {
                return Ok(());
            }
            self.rest_for_control(frame.saturating_add(self.wire.connection.buffered())).await?;
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
    pub fn try_send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<bool, Ended> {
        self.mend()?;
        self.watch_room();
        let connection = &mut self.wire.connection;
        let lent = self.line.try_write(|room| {
            let waiting = connection.transmit(room, &mut Unmasked).unwrap_or(0);
            let room = room.get_mut(waiting..).unwrap_or_default();
            match connection.frame(room, kind, payload, &mut Unmasked) {
                Ok(written) => (waiting.saturating_add(written), Ok(true)),
                // The piece is too short: a control frame may have taken its end, and a ring goes on over its seam.
                Err(SendError::NoRoom | SendError::Busy) => (waiting, Ok(false)),
                Err(_) => (waiting, Err(Ended::Closed)),
            }
        })?;
        self.watch_room();
        match lent {
            Lent::Got(Ok(false)) if self.has_room(frame_length(payload.len())) => {
                if self.sending.is_some() {
                    return Err(Ended::Closed);
                }
                self.push(&mut &[][..])?;
                self.begin(kind, true, payload.len())?;
                self.push(&mut &*payload)?;
                Ok(true)
            }
            Lent::Got(result) => result,
            Lent::NotNow | Lent::Eof => Ok(false),
        }
    }

    /// Whether so many bytes, behind what waits already, can leave now.
    fn has_room(&self, bytes: usize) -> bool {
        bytes.saturating_add(self.wire.connection.buffered()) <= self.line.socket.room()
    }

    /// Begins a frame; no other is under way.
    fn begin(&mut self, kind: MessageKind, fin: bool, payload: usize) -> Result<(), Ended> {
        self.wire.connection.start_frame(kind, fin, payload as u64, &mut Unmasked).map_err(|_| Ended::Closed)
    }

    /// Lets leave what waits and, of the frame under way, its head and payload from `rest`, which moves on. Whether
    /// nothing waits any more.
    fn push(&mut self, rest: &mut &[u8]) -> Result<bool, Ended> {
        self.watch_room();
        while self.wire.connection.has_output() || self.wire.connection.payload_remaining() > 0 {
            let connection = &mut self.wire.connection;
            let lent = self.line.try_write(|room| {
                let head = connection.transmit(room, &mut Unmasked).unwrap_or(0);
                let body = connection.payload(room.get_mut(head..).unwrap_or_default(), |room| {
                    let count = room.len().min(rest.len());
                    let (now, later) = rest.split_at_checked(count).unwrap_or_default();
                    if let Some(room) = room.get_mut(..now.len()) {
                        room.copy_from_slice(now);
                    }
                    *rest = later;
                    now.len()
                });
                (head.saturating_add(body), ())
            })?;
            if lent != Lent::Got(()) {
                return Ok(false);
            }
            self.watch_room();
            if rest.is_empty() && self.wire.connection.payload_remaining() > 0 {
                break;
            }
        }
        Ok(true)
    }

    /// Begins a message that is sent in parts with [`WebSocket::write`] and ended with [`WebSocket::end_message`].
    ///
    /// # Errors
    /// The connection is closing, or a message is being sent in parts already.
    pub fn start_message(&mut self, kind: MessageKind) -> Result<(), Ended> {
        self.mend()?;
        if self.wire.connection.is_closing() || self.sending.is_some() {
            return Err(Ended::Closed);
        }
        self.sending = Some(kind);
        Ok(())
    }

    /// Sends a part of the message that was begun, in fragments that fit the room. Dropped midway, the next call closes
    /// with 1011.
    ///
    /// # Errors
    /// The connection ended, or is closing; or no message was begun.
    pub async fn write(&mut self, part: &[u8]) -> Result<(), Ended> {
        self.mend()?;
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
    pub async fn end_message(&mut self) -> Result<(), Ended> {
        self.mend()?;
        self.fragment(&[], true).await?;
        Ok(())
    }

    /// Sends a fragment with as much of `part` as fits: how much.
    async fn fragment(&mut self, part: &[u8], fin: bool) -> Result<usize, Ended> {
        self.line.breathe().await;
        // A fragment of a byte or two would cost more than it carries.
        let worth = frame_length(part.len().min(payload_length(self.line.socket.capacity()) / 2));
        loop {
            if self.wire.connection.is_closing() {
                self.end_with_handshake().await?;
            }
            // In a ring that holds no frame at all it leaves as room comes.
            let tiny = worth > self.line.socket.capacity();
            if self.push(&mut &[][..])? && (tiny || self.line.socket.room() >= worth) {
                break;
            }
            self.rest_for_control(worth.saturating_add(self.wire.connection.buffered())).await?;
        }
        let Some(kind) = self.sending.filter(|_| fin == part.is_empty()) else { return Err(Ended::Closed) };
        let most = payload_length(self.line.socket.room()).max(1).min(part.len());
        let now = part.get(..most).unwrap_or_default();
        self.begin(kind, fin, now.len())?;
        if fin {
            self.sending = None;
        }
        let mut rest = now;
        while !self.push(&mut rest)? && !rest.is_empty() {
            self.rest_for_control(1).await?;
        }
        Ok(now.len())
    }

    /// What a dropped call left behind: a message without an end is a reason to close.
    fn mend(&mut self) -> Result<(), Ended> {
        if core::mem::take(&mut self.cut_short) {
            self.sending = None;
            if self.wire.connection.payload_remaining() > 0 {
                // Nothing can be said in the midst of a frame.
                self.cut_short = true;
                return Err(Ended::Broken);
            }
            self.close(CloseCode::INTERNAL_ERROR, CloseReason::NONE);
        }
        Ok(())
    }

    /// Bytes of ours that have not left: what [`WebSocket::send`] committed and what waits in the machine, without what
    /// the network stack below holds.
    pub fn buffered_amount(&self) -> usize {
        self.line.socket.unsent().saturating_add(self.wire.connection.buffered())
    }

    /// Asks for a Close, which leaves with the next call that waits. What the peer sends before its own is still read.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason) {
        // The first Close that was asked for stands.
        let _ = self.wire.connection.close(code, reason);
    }

    /// Runs `future` while pings are answered; messages wait until it is done.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn during<F: Future>(&mut self, future: F) -> Result<F::Output, Ended> {
        let mut future = pin!(future);
        loop {
            let mut output = None;
            let mut resting = pin!(self.rest_for_control(0));
            poll_fn(|cx| {
                if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                    output = Some(ready);
                    return Poll::Ready(Ok(()));
                }
                resting.as_mut().poll(cx)
            })
            .await?;
            if let Some(output) = output {
                return Ok(output);
            }
        }
    }

    /// Waits until `time` has passed, while pings are answered; messages wait until then.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn sleep(&mut self, time: Duration) -> Result<(), Ended> {
        let deadline = self.line.after(time);
        let mut timer = self.line.runtime.clock().timer();
        self.during(poll_fn(|cx| timer.poll_until(cx, deadline))).await
    }

    /// Takes control frames off the received bytes, then rests until there may be more, or so much room.
    async fn rest_for_control(&mut self, room: usize) -> Result<(), Ended> {
        while self.control_is_next()? {
            self.look(None, true)?;
            self.turn()?;
            self.line.breathe().await;
        }
        if self.wire.connection.error().is_some() {
            let _: Served = self.closing().await?;
        }
        // With a message next, reading on is for who asked for messages: only the clock and our output count.
        match self.line.try_read(|_| (0, ()))? {
            _ if self.wire.connection.is_closed() => Err(Ended::Closed),
            Lent::Eof => Err(Ended::Closed),
            Lent::NotNow => self.rest(self.wire.connection.wants_input(), room).await,
            Lent::Got(()) => self.rest(false, room).await,
        }
    }

    /// Whether a control frame stands next in what came.
    fn control_is_next(&mut self) -> Result<bool, Ended> {
        let connection = &self.wire.connection;
        if !connection.wants_input() {
            return Ok(false);
        }
        let lent =
            self.line.try_read(|bytes| (0, bytes.first().is_some_and(|next| connection.is_control_next(*next))))?;
        Ok(lent == Lent::Got(true))
    }

    /// Ends the connection in order: our Close, then the peer's, however much it still sends before.
    ///
    /// # Errors
    /// The connection ended otherwise.
    pub async fn finish(&mut self, code: CloseCode, reason: CloseReason) -> Outcome {
        self.mend()?;
        self.close(code, reason);
        self.closing().await
    }

    /// A Close waits or left: nothing can be sent any more.
    async fn end_with_handshake(&mut self) -> Result<(), Ended> {
        let _: Served = self.closing().await?;
        Err(Ended::Closed)
    }

    /// Goes through the closing handshake. An error of the peer's is an error once it has been told.
    async fn closing(&mut self) -> Outcome {
        let mut scrap = [0; 64];
        loop {
            self.turn()?;
            let connection = &self.wire.connection;
            if connection.is_closed() {
                break;
            }
            let reads = connection.wants_input() && connection.error().is_none();
            let lent = if reads { self.look(Some(&mut scrap), false)? } else { Lent::NotNow };
            match lent {
                Lent::Got(_) => self.line.breathe().await,
                Lent::Eof => break,
                Lent::NotNow => self.rest(reads, 0).await?,
            }
        }
        self.wire.connection.error().map_or(Ok(Served::CLOSE), |error| Err(Ended::Protocol(error)))
    }

    /// What every turn does: the clock is heard, and what waits of ours leaves as far as there is room.
    fn turn(&mut self) -> Result<(), Ended> {
        if self.line.runtime.is_draining() {
            self.wire.restart();
        }
        self.wire.beat(self.line)?;
        // The payload of a frame under way is for who gives it.
        if self.wire.connection.payload_remaining() == 0 {
            self.push(&mut &[][..])?;
        }
        Ok(())
    }

    /// Waits for something to read, or for so much room, or for the clock.
    async fn rest(&mut self, read: bool, room: usize) -> Result<(), Ended> {
        self.turn()?;
        let connection = &self.wire.connection;
        if connection.is_closed() {
            return Ok(());
        }
        let (closing, stuck) = (connection.is_closing(), connection.has_output());
        let want = Interest { read, room: room.max(usize::from(stuck)), drained: false };
        let mut deadline = self.wire.deadline();
        if want.room > 0 {
            deadline = deadline.min(self.stall()?);
        }
        let runtime = self.line.runtime;
        let draining = move |_: &mut core::task::Context<'_>| {
            if runtime.is_draining() && !closing { Poll::Ready(()) } else { Poll::Pending }
        };
        self.line.wait(want, deadline, draining).await
    }

    /// When a wait for room is given up.
    fn stall(&mut self) -> Result<Instant, Ended> {
        self.watch_room();
        let (now, room) = (self.line.now(), self.line.socket.room());
        let due = now + self.line.config.write_timeout;
        let stall = self.stall.get_or_insert(Stall { due, room });
        if now >= stall.due { Err(Ended::TimedOut) } else { Ok(stall.due) }
    }

    /// Sees whether there is more room than when it was last looked at, while it is waited for: a peer that takes
    /// something lives, though it says nothing.
    fn watch_room(&mut self) {
        let room = self.line.socket.room();
        match &mut self.stall {
            Some(stall) if room > stall.room => {
                self.stall = None;
                self.wire.pulse.heard(self.line.now());
            }
            Some(stall) => stall.room = room,
            None => {}
        }
    }
}

/// Bytes of a server's frame with so much payload (RFC 6455 §5.2).
const fn frame_length(payload: usize) -> usize {
    let head = match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    payload.saturating_add(head)
}

/// The most payload that a server's frame of at most `frame` bytes has.
const fn payload_length(frame: usize) -> usize {
    match frame {
        0..=127 => frame.saturating_sub(2),
        128..=129 => 125,
        130..=0x1_0003 => frame - 4,
        0x1_0004..=0x1_0009 => 0xffff,
        _ => frame - 10,
    }
}
