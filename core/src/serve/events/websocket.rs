//! WebSocket: events as messages, and messages as publications.

use core::task::{Context, Poll};

use super::Count;
use super::ask::Ask;
use super::spoken::{self, Reply};
use crate::delivery::{Framing, MessageKind as Kind, Messages, NextMessage};
use crate::edge::{Interest, Lent};
use crate::hub::{ChannelName, Channels, Publication, PublishError, Reader};
use crate::log::{AppendError, Encoding, EventType, GapPolicy, Source};
use crate::serve::exchange::{Exchange, Served};
use crate::serve::line::Line;
use crate::serve::{Ended, Outcome, Purpose, Runtime};
use crate::sink::Sink;
use crate::time::Instant;
use crate::ws::ProtocolError;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Config, Connection, Incoming, MessageKind, Piece, Unmasked};
use crate::ws::heartbeat::{HeartbeatAction, Pulse};

/// The subprotocol whose messages carry id, type and gaps.
const SUBPROTOCOL: &str = "goldcrest.v1";

/// A reader that fell behind and cannot be told otherwise.
const GAP: Option<CloseCode> = CloseCode::new(4001);

/// Answers with the channel as a WebSocket.
pub(super) async fn answer<H: Channels, R: Runtime>(
    hub: &H,
    channel: ChannelName<'_>,
    mut reader: H::Reader<'_>,
    ask: Ask,
    policy: GapPolicy,
    exchange: Exchange<'_, '_, R>,
) -> Outcome {
    let mut count = Count::new(&exchange, ask.transport);
    let acceptance = match exchange.handshake(&[SUBPROTOCOL]) {
        Ok(acceptance) => acceptance,
        Err(refusal) => return Err(exchange.refuse_handshake(refusal).await),
    };
    let framing = if acceptance.protocol.is_some() { Framing::Envelope } else { Framing::Plain };
    let (line, _) = exchange.into_parts();
    line.send(|out| acceptance.pour(out)).await?;
    let mut session = Session {
        connection: Connection::server(Config { max_message: line.config.max_body }),
        pulse: Pulse::new(line.config.heartbeat, line.now()),
        messages: Messages::new(framing, &reader, ask.position, policy),
        framing,
        sending: Sending::Nothing,
        incoming: None,
        reply: None,
        close_due: None,
        stalled: None,
    };
    loop {
        if count.is_cut() {
            return Err(Ended::Cut);
        }
        session.beat(line, &reader)?;
        let mut moved = false;
        let readable = session.takes_input();
        if readable {
            match session.receive(line, hub, channel)? {
                Lent::Got(()) => moved = true,
                // Ours was sent and nothing more can come; or the peer left without a word.
                Lent::Eof => return Err(Ended::Closed),
                Lent::NotNow => {}
            }
        }
        let mut want = Interest { read: readable, ..Interest::NONE };
        if session.has_output(&reader) {
            let (lent, payload) = session.transmit(line, &reader)?;
            count.tally(line, payload);
            match lent {
                Lent::Got(()) => {
                    moved = true;
                    session.stalled = None;
                }
                Lent::NotNow | Lent::Eof => {
                    want.write = true;
                    session.stalled.get_or_insert(line.now() + line.config.write_timeout);
                }
            }
        }
        if session.connection.is_closed() {
            count.tally(line, 0);
            return match session.connection.error() {
                Some(error) => Err(Ended::Protocol(error)),
                None => Ok(Served::CLOSE),
            };
        }
        if moved {
            line.breathe().await;
            continue;
        }
        let (after, closing) = (session.messages.after(), session.connection.is_closing());
        let deadline = session.deadline();
        let runtime = line.runtime;
        let also = |cx: &mut Context<'_>| {
            // While there is no room a shutdown waits, too.
            if (!closing && !want.write && runtime.is_draining()) || count.poll_cut(cx).is_ready() {
                return Poll::Ready(());
            }
            if closing || want.write { Poll::Pending } else { reader.poll_moved(cx, after) }
        };
        line.wait(want, deadline, also).await?;
    }
}

/// One reader's connection.
struct Session<B> {
    connection: Connection,
    pulse: Pulse,
    messages: Messages,
    framing: Framing,
    sending: Sending,
    /// A message that comes in pieces, or that is read where it stands.
    incoming: Option<Arriving<B>>,
    /// What the last publication is answered; nothing more is read while it waits.
    reply: Option<Reply>,
    close_due: Option<Instant>,
    stalled: Option<Instant>,
}

/// Whose payload the frame under way has.
enum Sending {
    Nothing,
    Event,
    Reply { sent: usize },
}

/// A message that is being collected.
struct Arriving<B> {
    buffer: B,
    filled: usize,
}

/// What a look at the received bytes gave.
enum Seen {
    Nothing,
    /// A whole message stands in the buffer.
    Message(MessageKind),
    /// A whole message was published as it is.
    Published(Result<(), PublishError>),
    /// All buffers are in use.
    Busy,
    TooBig,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Session<B> {
    /// The heartbeat, the shutdown and the deadlines.
    fn beat<R: Runtime>(&mut self, line: &Line<'_, R>, reader: &impl Source) -> Result<(), Ended> {
        let now = line.now();
        // What was published before the shutdown goes out first.
        let all_sent = self.connection.is_between_frames() && !self.messages.has_next(reader);
        if line.runtime.is_draining() && all_sent {
            self.close(CloseCode::SERVICE_RESTART, CloseReason::NONE, line);
        }
        match self.pulse.tick(now) {
            HeartbeatAction::Wait => {}
            // Behind a Close no ping follows; its deadline is its own.
            HeartbeatAction::Ping(payload) => drop(self.connection.ping(payload)),
            HeartbeatAction::GiveUp => return Err(Ended::TimedOut),
        }
        let late = |due: Option<Instant>| due.is_some_and(|due| now >= due);
        if late(self.close_due) || late(self.stalled) { Err(Ended::TimedOut) } else { Ok(()) }
    }

    fn deadline(&self) -> Instant {
        [self.close_due, self.stalled].into_iter().flatten().fold(self.pulse.deadline(), Instant::min)
    }

    fn close<R: Runtime>(&mut self, code: CloseCode, reason: CloseReason, line: &Line<'_, R>) {
        if self.connection.close(code, reason).is_ok() {
            self.close_due = Some(line.after(line.config.close_timeout));
        }
    }

    fn fail<R: Runtime>(&mut self, error: ProtocolError, line: &Line<'_, R>) {
        self.connection.fail(error);
        self.close_due.get_or_insert(line.after(line.config.close_timeout));
    }

    fn takes_input(&self) -> bool {
        self.reply.is_none() && self.connection.wants_input() && self.connection.error().is_none()
    }

    /// Takes a frame, or a part of one, of what came.
    fn receive<H: Channels, R: Runtime<Buffer = B>>(
        &mut self,
        line: &mut Line<'_, R>,
        hub: &H,
        channel: ChannelName<'_>,
    ) -> Result<Lent<()>, Ended> {
        let (now, runtime) = (line.now(), line.runtime);
        let Self { connection, pulse, incoming, framing, .. } = self;
        let lent = line.try_read(|bytes| {
            let received = connection.receive(bytes);
            pulse.heard(now);
            let seen = match received.event {
                Some(Incoming::Piece(piece)) => match framing {
                    // A whole message that is the data itself is stored from where it stands.
                    Framing::Plain if piece.first && piece.last => {
                        Seen::Published(publish_plain(hub, channel, piece.kind, piece.payload))
                    }
                    Framing::Plain | Framing::Envelope => collect(incoming, piece, runtime),
                },
                Some(Incoming::Pong(payload)) => {
                    pulse.pong(payload, now);
                    Seen::Nothing
                }
                Some(Incoming::Ping | Incoming::Closed { .. } | Incoming::Failed(_)) | None => Seen::Nothing,
            };
            (received.consumed, seen)
        })?;
        let seen = match lent {
            Lent::Got(seen) => seen,
            Lent::NotNow => return Ok(Lent::NotNow),
            Lent::Eof => return Ok(Lent::Eof),
        };
        match seen {
            Seen::Nothing => {}
            Seen::Message(kind) => {
                let Some(mut message) = self.incoming.take() else { return Ok(Lent::Got(())) };
                let bytes = message.buffer.as_mut().get_mut(..message.filled).unwrap_or_default();
                match self.framing {
                    Framing::Plain => self.published(publish_plain(hub, channel, kind, bytes), line),
                    Framing::Envelope => self.reply = Some(spoken::publish(hub, channel, kind, bytes)),
                }
            }
            Seen::Published(result) => self.published(result, line),
            Seen::Busy => self.close(CloseCode::TRY_AGAIN_LATER, CloseReason::NONE, line),
            Seen::TooBig => self.fail(ProtocolError::MessageTooBig, line),
        }
        if self.connection.error().is_some() || self.connection.is_closing() {
            self.close_due.get_or_insert(line.after(line.config.close_timeout));
        }
        Ok(Lent::Got(()))
    }

    /// A publication without a reference has no answer: what failed is told by a Close.
    fn published<R: Runtime>(&mut self, result: Result<(), PublishError>, line: &Line<'_, R>) {
        match result {
            Ok(()) => {}
            Err(PublishError::Append(AppendError::TooLarge)) => self.fail(ProtocolError::MessageTooBig, line),
            Err(PublishError::Draining) => self.close(CloseCode::SERVICE_RESTART, CloseReason::NONE, line),
            Err(PublishError::TooManyChannels) => self.close(CloseCode::TRY_AGAIN_LATER, CloseReason::NONE, line),
            Err(_) => self.close(CloseCode::INTERNAL_ERROR, CloseReason::NONE, line),
        }
    }

    fn has_output(&self, reader: &impl Source) -> bool {
        self.connection.has_output()
            || self.connection.payload_remaining() > 0
            || (!self.connection.is_closing() && (self.reply.is_some() || self.messages.has_next(reader)))
    }

    /// Fills the room with all that is ready: how much payload of events.
    fn transmit<R: Runtime>(&mut self, line: &mut Line<'_, R>, reader: &impl Source) -> Result<(Lent<()>, u64), Ended> {
        let close_due = line.after(line.config.close_timeout);
        let mut payload = 0u64;
        let lent = line.try_write(|room| {
            let mut written = 0usize;
            let result = loop {
                let rest = room.get_mut(written..).unwrap_or_default();
                let control = self.connection.transmit(rest, &mut Unmasked).unwrap_or(0);
                written = written.saturating_add(control);
                let rest = room.get_mut(written..).unwrap_or_default();
                if rest.is_empty() || self.connection.has_output() {
                    break Ok(());
                }
                if self.connection.payload_remaining() > 0 {
                    let (body, result) = self.payload(reader, rest);
                    if matches!(self.sending, Sending::Event) {
                        payload = payload.saturating_add(body as u64);
                    }
                    written = written.saturating_add(body);
                    match result {
                        Ok(()) if body > 0 => continue,
                        // A measured message that gives nothing more is one that is gone.
                        Ok(()) => break Err(Ended::Overwritten),
                        Err(ended) => break Err(ended),
                    }
                }
                if let Sending::Reply { .. } = self.sending {
                    self.reply = None;
                }
                self.sending = Sending::Nothing;
                if self.connection.is_closing() || !self.start_next(reader, close_due) {
                    break Ok(());
                }
            };
            (written, result)
        })?;
        match lent {
            Lent::Got(result) => result.map(|()| (Lent::Got(()), payload)),
            Lent::NotNow | Lent::Eof => Ok((Lent::NotNow, payload)),
        }
    }

    fn payload(&mut self, reader: &impl Source, room: &mut [u8]) -> (usize, Result<(), Ended>) {
        let Self { connection, messages, sending, reply, .. } = self;
        let mut result = Ok(());
        let written = connection.payload(room, |room| match sending {
            Sending::Event => messages.fill(reader, room).unwrap_or_else(|_| {
                result = Err(Ended::Overwritten);
                0
            }),
            Sending::Reply { sent } => {
                let mut sink = Sink::new(room, *sent);
                if let Some(reply) = reply {
                    reply.pour(&mut sink);
                }
                *sent = sent.saturating_add(sink.written());
                sink.written()
            }
            Sending::Nothing => 0,
        });
        (written, result)
    }

    /// Begins the next frame, if there is one to send.
    fn start_next(&mut self, reader: &impl Source, close_due: Instant) -> bool {
        let (kind, length) = if let Some(reply) = &self.reply {
            self.sending = Sending::Reply { sent: 0 };
            (MessageKind::Text, reply.length())
        } else {
            match self.messages.next(reader) {
                NextMessage::Message(kind, length) => {
                    self.sending = Sending::Event;
                    let kind = match kind {
                        Kind::Text => MessageKind::Text,
                        Kind::Binary => MessageKind::Binary,
                    };
                    (kind, length)
                }
                NextMessage::Nothing => return false,
                NextMessage::Behind => {
                    let reason = const { CloseReason::new("gap").unwrap() };
                    let queued = self.connection.close(GAP.unwrap_or(CloseCode::INTERNAL_ERROR), reason);
                    if queued.is_ok() {
                        self.close_due = Some(close_due);
                    }
                    return queued.is_ok();
                }
            }
        };
        self.connection.start_frame(kind, true, length, &mut Unmasked).is_ok()
    }
}

/// Appends a piece to the message that is being collected.
fn collect<R: Runtime>(incoming: &mut Option<Arriving<R::Buffer>>, piece: Piece<'_>, runtime: &R) -> Seen {
    if incoming.is_none() {
        *incoming = runtime.buffer(Purpose::Event).map(|buffer| Arriving { buffer, filled: 0 });
    }
    let Some(message) = incoming else { return Seen::Busy };
    let end = message.filled.saturating_add(piece.payload.len());
    let Some(room) = message.buffer.as_mut().get_mut(message.filled..end) else { return Seen::TooBig };
    room.copy_from_slice(piece.payload);
    message.filled = end;
    if piece.last { Seen::Message(piece.kind) } else { Seen::Nothing }
}

fn publish_plain<H: Channels>(
    hub: &H,
    channel: ChannelName<'_>,
    kind: MessageKind,
    data: &[u8],
) -> Result<(), PublishError> {
    let encoding = spoken::encoding(kind);
    let publication = Publication { event_type: EventType::MESSAGE, encoding, data, idempotency_key: None };
    debug_assert!(encoding == Encoding::Binary || core::str::from_utf8(data).is_ok());
    hub.publish(channel, &publication).map(|_| ())
}
