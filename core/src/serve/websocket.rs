//! A WebSocket of a handler's own.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use super::line::Line;
use super::{Ended, Outcome, Runtime, Served};
use crate::edge::{Interest, Lent, Socket};
use crate::time::Instant;
use crate::ws::ProtocolError;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Config, Connection, Incoming, MessageKind, SendError, Unmasked};
use crate::ws::frame::Head;
use crate::ws::heartbeat::{HeartbeatAction, Pulse};

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
    connection: Connection,
    pulse: Pulse,
    protocol: Option<usize>,
    /// Bytes of an unfinished message that stand in the buffer of who reads.
    filled: usize,
    /// The part that is being read begins its message.
    first: bool,
    /// The type of our message that is being sent in fragments.
    sending: Option<MessageKind>,
    /// A long `send` was dropped midway: its message has no end.
    cut_short: bool,
    /// When the peer's Close is due, once ours has been asked for.
    close_due: Option<Instant>,
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
    Failed(ProtocolError),
}

impl<'x, 'l, R: Runtime> WebSocket<'x, 'l, R> {
    pub(super) fn new(line: &'x mut Line<'l, R>, max_message: u64, protocol: Option<usize>) -> Self {
        let pulse = Pulse::new(line.config.heartbeat, line.now());
        Self {
            line,
            connection: Connection::server(Config { max_message }),
            pulse,
            protocol,
            filled: 0,
            first: true,
            sending: None,
            cut_short: false,
            close_due: None,
        }
    }

    /// Which of [`WebSocketOptions::protocols`] was chosen.
    pub fn protocol(&self) -> Option<usize> {
        self.protocol
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
    /// Dropped while it waits it loses nothing: call it again with the same buffer. Text may be cut within a character.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<Option<Part>, Ended> {
        self.fill(buffer, false).await
    }

    async fn fill(&mut self, buffer: &mut [u8], whole: bool) -> Result<Option<Part>, Ended> {
        self.end_message_cut_short();
        loop {
            if self.connection.wants_input() {
                match self.look(buffer.get_mut(self.filled..).unwrap_or_default())? {
                    Lent::Got(Seen::Piece { kind, len, last }) => {
                        self.filled = self.filled.saturating_add(len);
                        let full = !whole && self.filled >= buffer.len();
                        if last || full {
                            let part = Part { kind, len: self.filled, first: self.first, last };
                            (self.filled, self.first) = (0, last);
                            return Ok(Some(part));
                        }
                        self.line.breathe().await;
                        continue;
                    }
                    Lent::Got(Seen::TooBig) => {
                        self.connection.fail(ProtocolError::MessageTooBig);
                        return self.failed(ProtocolError::MessageTooBig).await;
                    }
                    Lent::Got(Seen::Nothing) => {
                        // Every ping has its pong while there is room; without room the newest one counts.
                        self.transmit_waiting()?;
                        self.line.breathe().await;
                        continue;
                    }
                    Lent::Got(Seen::Closed) => return Ok(None),
                    Lent::Got(Seen::Failed(error)) => return self.failed(error).await,
                    Lent::Eof if self.connection.is_closed() => return Ok(None),
                    Lent::Eof => return Err(Ended::Closed),
                    Lent::NotNow => {}
                }
            }
            if self.connection.is_closed() {
                return Ok(None);
            }
            self.rest(self.connection.wants_input(), false).await?;
        }
    }

    /// Looks at what came, and copies payload to `room`.
    fn look(&mut self, room: &mut [u8]) -> Result<Lent<Seen>, Ended> {
        let Self { line, connection, pulse, .. } = self;
        let now = line.now();
        line.try_read(|bytes| {
            // Payload is never longer than the bytes that it was found in. Without room a byte at a time is looked at:
            // what ends the message may still come.
            let most = room.len().max(1).min(bytes.len());
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
                Some(Incoming::Ping) | None => Seen::Nothing,
                Some(Incoming::Closed { .. }) => Seen::Closed,
                Some(Incoming::Failed(error)) => Seen::Failed(error),
            };
            (received.consumed, seen)
        })
    }

    /// Sends a whole message, waiting for room. Short of the socket's capacity it is atomic: dropped while it waits,
    /// nothing of it has left. A longer message goes in fragments; dropped midway, the next call closes with 1011.
    ///
    /// # Errors
    /// The connection ended, or is closing.
    pub async fn send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), Ended> {
        loop {
            if self.send_now(kind, payload)? {
                self.line.breathe().await;
                return Ok(());
            }
            if payload.len().saturating_add(Head::MAX).saturating_add(self.connection.buffered())
                > self.line.socket.capacity()
            {
                self.start_message(kind)?;
                self.write(payload).await?;
                return self.end_message().await;
            }
            self.rest(false, true).await?;
        }
    }

    /// Sends a whole message if there is room for it now, and says whether it did.
    ///
    /// # Errors
    /// The connection ended, or is closing.
    pub fn try_send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<bool, Ended> {
        self.send_now(kind, payload)
    }

    fn send_now(&mut self, kind: MessageKind, payload: &[u8]) -> Result<bool, Ended> {
        self.end_message_cut_short();
        let connection = &mut self.connection;
        let lent = self.line.try_write(|room| {
            let waiting = connection.transmit(room, &mut Unmasked).unwrap_or(0);
            let room = room.get_mut(waiting..).unwrap_or_default();
            match connection.frame(room, kind, payload, &mut Unmasked) {
                Ok(written) => (waiting.saturating_add(written), Ok(true)),
                Err(SendError::NoRoom) => (waiting, Ok(false)),
                Err(_) => (waiting, Err(Ended::Closed)),
            }
        })?;
        match lent {
            Lent::Got(Ok(true)) => Ok(true),
            Lent::Got(Err(ended)) => Err(ended),
            // The piece was too short, and yet the ring may have room on both sides of its seam.
            Lent::Got(Ok(false)) if self.fits(payload.len()) => self.write_frame(kind, payload, true).map(|()| true),
            Lent::Got(Ok(false)) | Lent::NotNow | Lent::Eof => Ok(false),
        }
    }

    /// Whether a frame with so much payload can leave now as a whole.
    fn fits(&self, payload: usize) -> bool {
        payload.saturating_add(Head::MAX).saturating_add(self.connection.buffered()) <= self.line.socket.room()
    }

    /// Writes a frame for which there is room.
    fn write_frame(&mut self, kind: MessageKind, payload: &[u8], fin: bool) -> Result<(), Ended> {
        if !self.transmit_waiting()? {
            return Err(Ended::Broken);
        }
        let connection = &mut self.connection;
        connection.start_frame(kind, fin, payload.len() as u64, &mut Unmasked).map_err(|_| Ended::Closed)?;
        let mut rest = payload;
        while connection.has_output() || connection.payload_remaining() > 0 {
            let lent = self.line.try_write(|room| {
                let head = connection.transmit(room, &mut Unmasked).unwrap_or(0);
                let body = connection.payload(room.get_mut(head..).unwrap_or_default(), |room| {
                    let count = room.len().min(rest.len());
                    let (now, later) = rest.split_at_checked(count).unwrap_or_default();
                    if let Some(room) = room.get_mut(..now.len()) {
                        room.copy_from_slice(now);
                    }
                    rest = later;
                    now.len()
                });
                (head.saturating_add(body), ())
            })?;
            if lent != Lent::Got(()) {
                return Err(Ended::Broken);
            }
        }
        Ok(())
    }

    /// Begins a message that is sent in parts with [`WebSocket::write`] and ended with [`WebSocket::end_message`].
    ///
    /// # Errors
    /// The connection is closing, or a message is being sent in parts already.
    pub fn start_message(&mut self, kind: MessageKind) -> Result<(), Ended> {
        self.end_message_cut_short();
        if self.connection.is_closing() || self.sending.is_some() {
            return Err(Ended::Closed);
        }
        self.sending = Some(kind);
        Ok(())
    }

    /// Sends a part of the message that was begun, in fragments that fit the room. Dropped midway, the next call closes
    /// with 1011.
    ///
    /// # Errors
    /// The connection ended, or is closing.
    pub async fn write(&mut self, part: &[u8]) -> Result<(), Ended> {
        self.end_message_cut_short();
        self.cut_short = true;
        let mut rest = part;
        while !rest.is_empty() {
            let sent = self.fragment(rest, false).await?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        self.cut_short = false;
        Ok(())
    }

    /// Ends the message that was begun.
    ///
    /// # Errors
    /// The connection ended, or is closing.
    pub async fn end_message(&mut self) -> Result<(), Ended> {
        self.end_message_cut_short();
        self.fragment(&[], true).await?;
        self.sending = None;
        Ok(())
    }

    /// Sends a fragment with as much of `part` as fits: how much.
    async fn fragment(&mut self, part: &[u8], fin: bool) -> Result<usize, Ended> {
        let Some(kind) = self.sending else { return Err(Ended::Closed) };
        loop {
            let overhead = Head::MAX.saturating_add(self.connection.buffered());
            let room = self.line.socket.room();
            // A fragment of a byte or two would cost more than it carries.
            let worth = part.len().min(self.line.socket.capacity().saturating_sub(overhead) / 2).max(usize::from(!fin));
            let most = room.saturating_sub(overhead);
            if room >= overhead && most >= worth {
                let now = part.get(..most.min(part.len())).unwrap_or_default();
                self.write_frame(kind, now, fin)?;
                self.line.breathe().await;
                return Ok(now.len());
            }
            self.rest(false, true).await?;
        }
    }

    fn end_message_cut_short(&mut self) {
        if core::mem::take(&mut self.cut_short) {
            self.sending = None;
            self.close(CloseCode::INTERNAL_ERROR, CloseReason::NONE);
        }
    }

    /// Bytes of ours that have not left: what [`WebSocket::send`] committed and what waits in the machine, without what
    /// the network stack below holds.
    pub fn buffered_amount(&self) -> usize {
        self.line.socket.unsent().saturating_add(self.connection.buffered())
    }

    /// Asks for a Close, which leaves with the next call that waits. What the peer sends before its own is still read.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason) {
        // The first Close that was asked for stands.
        if self.connection.close(code, reason).is_ok() {
            self.close_due = Some(self.line.after(self.line.config.close_timeout));
        }
    }

    /// Runs `future` while pings are answered; messages wait until it is done.
    ///
    /// # Errors
    /// The connection ended first.
    pub async fn during<F: Future>(&mut self, future: F) -> Result<F::Output, Ended> {
        let mut future = pin!(future);
        loop {
            let mut output = None;
            self.answer_pings()?;
            let mut resting = pin!(self.rest_for_control());
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

    /// Takes control frames off the received bytes, up to the first that is none.
    fn answer_pings(&mut self) -> Result<(), Ended> {
        while self.control_is_next()? {
            match self.look(&mut [])? {
                Lent::Got(Seen::Nothing) => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// Whether a control frame stands next in what came.
    fn control_is_next(&mut self) -> Result<bool, Ended> {
        if !self.connection.wants_input() || self.connection.is_closing() {
            return Ok(false);
        }
        let connection = &self.connection;
        let lent =
            self.line.try_read(|bytes| (0, bytes.first().is_some_and(|next| connection.is_control_next(*next))))?;
        Ok(lent == Lent::Got(true))
    }

    async fn rest_for_control(&mut self) -> Result<(), Ended> {
        // With a message next, reading on is for who asked for messages: only the clock and our output count.
        let lent = self.line.try_read(|_| (0, ()))?;
        self.rest(lent == Lent::NotNow, false).await
    }

    /// Ends the connection in order: our Close, then the peer's, however much it still sends before.
    ///
    /// # Errors
    /// The connection ended otherwise.
    pub async fn finish(mut self, code: CloseCode, reason: CloseReason) -> Outcome {
        self.close(code, reason);
        self.closing().await
    }

    async fn failed(&mut self, error: ProtocolError) -> Result<Option<Part>, Ended> {
        self.close_due = Some(self.line.after(self.line.config.close_timeout));
        let _: Served = self.closing().await?;
        Err(Ended::Protocol(error))
    }

    async fn closing(&mut self) -> Outcome {
        let mut scrap = [0; 64];
        while !self.connection.is_closed() {
            if self.connection.wants_input() && self.connection.error().is_none() {
                match self.look(&mut scrap)? {
                    Lent::Got(_) => {
                        self.line.breathe().await;
                        continue;
                    }
                    Lent::Eof => break,
                    Lent::NotNow => {}
                }
            }
            let reads = self.connection.wants_input() && self.connection.error().is_none();
            self.rest(reads, false).await?;
        }
        Ok(Served::CLOSE)
    }

    /// Lets what waits of ours leave, as far as there is room; whether all of it did.
    fn transmit_waiting(&mut self) -> Result<bool, Ended> {
        let connection = &mut self.connection;
        while connection.has_output() {
            let lent = self.line.try_write(|room| (connection.transmit(room, &mut Unmasked).unwrap_or(0), ()))?;
            if lent == Lent::NotNow {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets what waits of ours leave, then waits for one of the directions or the heartbeat.
    async fn rest(&mut self, read: bool, write: bool) -> Result<(), Ended> {
        let now = self.line.now();
        if self.line.runtime.is_draining() && !self.connection.is_closing() {
            self.close(CloseCode::SERVICE_RESTART, CloseReason::NONE);
        }
        match self.pulse.tick(now) {
            HeartbeatAction::Wait => {}
            // A Close that waits or left needs no ping: it has its own deadline.
            HeartbeatAction::Ping(payload) => drop(self.connection.ping(payload)),
            HeartbeatAction::GiveUp => return Err(Ended::TimedOut),
        }
        if self.close_due.is_some_and(|due| now >= due) {
            return Err(Ended::TimedOut);
        }
        let stuck = !self.transmit_waiting()?;
        if self.connection.is_closed() {
            return Ok(());
        }
        let deadline = self.close_due.map_or(self.pulse.deadline(), |due| due.min(self.pulse.deadline()));
        let runtime = self.line.runtime;
        let closing = self.connection.is_closing();
        let draining = move |_: &mut core::task::Context<'_>| {
            if runtime.is_draining() && !closing { Poll::Ready(()) } else { Poll::Pending }
        };
        let want = Interest { read, write: write || stuck, drained: false };
        self.line.wait(want, deadline, draining).await
    }
}
