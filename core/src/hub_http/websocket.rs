//! WebSocket: events as messages, and messages as publications.

use core::net::IpAddr;
use core::task::{Context, Poll, Waker};

use super::metrics::{RequestMeter, RequestMetrics};
use super::negotiate::Negotiated;
use super::subprotocol::{self, Reply};
use crate::connection::notice;
use crate::format::{EventMessages, NextMessage, Subprotocol};
use crate::grammar::copy::copy;
use crate::hub::{ChannelName, ChannelReader, HubBackend, NewEvent, PublishError};
use crate::io::{Interest, Socket, TryIo};
use crate::log::{AppendError, Encoding, EventType, GapPolicy, LogReader};
use crate::output::ResumableWriter;
use crate::server::exchange::{Exchange, Responded};
use crate::server::http_connection::{HttpConnection, PUBLICATION};
use crate::server::{BufferKind, Disconnect, Growth, HandlerResult, Runtime};
use crate::time::Instant;
use crate::websocket::{OVERHEAD, WebSocketState};
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Chunk, Incoming, MessageKind, Unmasked};
use crate::ws::{ProtocolError, Role};

/// Bytes of a message in pieces that are looked at in one loan.
const MOST: usize = 16 * 1024;

/// A reader that fell behind and cannot be told otherwise.
const GAP: Option<CloseCode> = CloseCode::new(4001);

/// Answers with the channel as a WebSocket.
pub(super) fn answer<H: HubBackend, R: Runtime>(
    hub: &H,
    channel: ChannelName<'_>,
    mut reader: H::Reader<'_>,
    ask: &Negotiated,
    policy: GapPolicy,
    exchange: Exchange<'_, '_, R>,
    mut count: RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        let (line, framing, messages) = {
            let acceptance = match exchange.handshake(&[Subprotocol::NAME]) {
                Ok(acceptance) => acceptance,
                Err(refusal) => return exchange.refuse_handshake(refusal).await,
            };
            let framing = if acceptance.protocol.is_some() { Subprotocol::Envelope } else { Subprotocol::Plain };
            // What is published from now on, while the handshake is on its way, is for this reader too.
            let messages = EventMessages::new(framing, &reader, ask.position, policy);
            let (line, _) = exchange.into_parts();
            line.send(&|out: &mut ResumableWriter<'_>| acceptance.put(out)).await?;
            notice::upgraded(acceptance.protocol);
            (line, framing, messages)
        };
        let mut session = Session {
            wire: WebSocketState::new(&line, Role::Server, line.config.max_body),
            messages,
            framing,
            sending: Sending::Nothing,
            incoming: None,
            reply: None,
            stalled: None,
            crowded: None,
        };
        let outcome = session.run(line, hub, channel, &mut reader, &mut count).await;
        count.report(line, 0);
        outcome
    }
}

/// One reader's connection.
struct Session<B> {
    wire: WebSocketState,
    messages: EventMessages,
    framing: Subprotocol,
    sending: Sending,
    /// A message that comes in pieces, or that is read where it stands.
    incoming: Option<Arriving<B>>,
    /// What the last publication is answered; nothing more is read while it waits.
    reply: Option<Reply>,
    /// When the peer is given up that takes no output.
    stalled: Option<Instant>,
    /// Nothing is read, since followers have not taken yet what the next event may overwrite: until when they are waited for.
    crowded: Option<Instant>,
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
    /// A ping or a pong.
    Control,
    /// A whole message stands in the buffer.
    Message(MessageKind),
    /// A whole message was published as it is.
    Published(Result<(), PublishError>),
    /// All buffers are in use.
    Busy,
    TooBig,
    /// Nothing was looked at: followers are waited for.
    Crowded,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Session<B> {
    /// Reads, publishes and writes until the connection ends.
    fn run<H: HubBackend, R: Runtime<Buffer = B>>(
        &mut self,
        line: &mut HttpConnection<'_, R>,
        hub: &H,
        channel: ChannelName<'_>,
        reader: &mut impl ChannelReader,
        count: &mut RequestMeter<impl RequestMetrics>,
    ) -> impl Future<Output = HandlerResult> {
        async move {
            loop {
                let mut moved = false;
                let readable = self.takes_input();
                if readable {
                    match self.receive(line, hub, channel, reader)? {
                        TryIo::Done(()) => moved = self.crowded.is_none(),
                        // Ours was sent and nothing more can come; or the peer left without a word.
                        TryIo::Eof => return Err(Disconnect::Closed),
                        TryIo::WouldBlock => {}
                    }
                }
                // Behind a Close of ours there is nothing: an answer that waits goes first, and what was published before
                // the shutdown does.
                let all_sent =
                    self.reply.is_none() && self.wire.connection.is_between_frames() && !self.messages.has_next(reader);
                let restarts = all_sent && !self.wire.connection.is_closing();
                if restarts && line.runtime.is_shutting_down() {
                    self.wire.restart();
                }
                self.wire.send_keep_alive(&line)?;
                let mut want = Interest { read: readable && self.crowded.is_none(), ..Interest::NONE };
                let mut payload = 0;
                if self.has_output(reader) {
                    let (lent, sent) = self.transmit(line, reader)?;
                    payload = sent;
                    match lent {
                        TryIo::Done(()) => {
                            moved = true;
                            // A peer that takes what is sent lives, though it says nothing.
                            if self.stalled.take().is_some() {
                                self.wire.pulse.heard(line.now());
                            }
                        }
                        TryIo::WouldBlock | TryIo::Eof => {
                            want.writable_bytes = 1;
                            let due = *self.stalled.get_or_insert(line.after(line.config.write_timeout));
                            if line.now() >= due {
                                return Err(Disconnect::TimedOut);
                            }
                        }
                    }
                }
                count.report(line, payload);
                if self.wire.connection.is_closed() {
                    return self
                        .wire
                        .connection
                        .error()
                        .map_or(Ok(Responded::CLOSE), |error| Err(Disconnect::Protocol(error)));
                }
                if moved {
                    line.yield_if_spent().await;
                    continue;
                }
                let (after, closing) = (self.messages.after(), self.wire.connection.is_closing());
                let mut deadline = self.stalled.map_or(self.wire.deadline(), |due| due.min(self.wire.deadline()));
                if want.read {
                    deadline = deadline.min(self.wire.wait_deadline(line.now(), line.config.receive_timeout())?);
                }
                if let Some(due) = self.crowded {
                    deadline = deadline.min(due);
                }
                let (runtime, crowded) = (line.runtime, self.crowded.is_some());
                let mut also = |cx: &mut Context<'_>| {
                    if (restarts && runtime.is_shutting_down()) || (crowded && reader.poll_publish_ready(cx).is_ready())
                    {
                        return Poll::Ready(());
                    }
                    if closing || want.writable_bytes > 0 { Poll::Pending } else { reader.poll_new_event(cx, after) }
                };
                line.wait(want, deadline, &mut also).await?;
            }
        }
    }

    fn takes_input(&self) -> bool {
        self.reply.is_none() && self.wire.connection.wants_input() && self.wire.connection.error().is_none()
    }

    /// Takes a frame, or a part of one, of what came.
    fn receive<H: HubBackend, R: Runtime<Buffer = B>>(
        &mut self,
        line: &mut HttpConnection<'_, R>,
        hub: &H,
        channel: ChannelName<'_>,
        reader: &mut impl ChannelReader,
    ) -> Result<TryIo<()>, Disconnect> {
        let (now, runtime, config) = (line.now(), line.runtime, line.config);
        let draining = runtime.is_shutting_down();
        let peer = line.socket.peer_network();
        let Self { wire: WebSocketState { connection, pulse, .. }, incoming, framing, .. } = self;
        // Behind our Close only the peer's is waited for.
        let waits = !draining && !connection.is_closing();
        let due = self.crowded.unwrap_or(now + config.publish_wait);
        let mut seen = Seen::Nothing;
        let (mut payload, mut overhead) = (0, 0);
        let lent = line.try_read(&mut |bytes: &mut [u8]| {
            if waits && reader.poll_publish_ready(&mut Context::from_waker(Waker::noop())).is_pending() {
                if now < due {
                    seen = Seen::Crowded;
                    return 0;
                }
                reader.ignore_slow_followers();
            }
            // Empty fragments are taken many at once.
            let most = if connection.is_receiving() { bytes.len().min(MOST) } else { bytes.len() };
            let received = connection.receive(bytes.get_mut(..most).unwrap_or_default());
            pulse.heard(now);
            seen = match received.event {
                Some(Incoming::Chunk(piece)) => match framing {
                    // A whole message that is the data itself is stored from where it stands.
                    Subprotocol::Plain if piece.first && piece.last && !draining => {
                        Seen::Published(publish_plain(hub, channel, piece.kind, piece.payload, peer))
                    }
                    Subprotocol::Plain | Subprotocol::Envelope => {
                        payload = piece.payload.len();
                        collect(incoming, piece, runtime)
                    }
                },
                Some(Incoming::Pong(payload)) => {
                    pulse.pong(payload, now);
                    Seen::Control
                }
                Some(Incoming::Ping) => Seen::Control,
                Some(Incoming::Closed { .. } | Incoming::Failed(_)) => Seen::Nothing,
                None => {
                    overhead = received.consumed;
                    Seen::Nothing
                }
            };
            received.consumed
        })?;
        self.crowded = matches!(seen, Seen::Crowded).then_some(due);
        if self.crowded.is_some() || lent != TryIo::Done(()) {
            return Ok(lent);
        }
        let publishes = matches!(seen, Seen::Message(_) | Seen::Published(_));
        line.charge(if publishes { PUBLICATION } else { overhead.wrapping_mul(OVERHEAD) });
        self.wire.received(payload, now, config.receive_timeout())?;
        match seen {
            Seen::Nothing | Seen::Crowded => {}
            Seen::Control => {
                if !line.admits(config.max_control_frames) {
                    self.wire.connection.fail(ProtocolError::TooManyControlFrames);
                }
            }
            Seen::Message(kind) => {
                let Some(mut message) = self.incoming.take() else { return Ok(lent) };
                let bytes = message.buffer.as_mut().get_mut(..message.filled).unwrap_or_default();
                // What is stored now might be lost: no reader is left to take it.
                match self.framing {
                    Subprotocol::Plain if draining => self.published(Err(PublishError::ShuttingDown)),
                    Subprotocol::Plain => self.published(publish_plain(hub, channel, kind, bytes, peer)),
                    Subprotocol::Envelope => {
                        let reply = subprotocol::publish((!draining).then_some(hub), channel, kind, bytes, peer);
                        // Behind our Close nothing is said.
                        self.reply = Some(reply).filter(|_| !self.wire.connection.is_closing());
                    }
                }
            }
            Seen::Published(result) => self.published(result),
            Seen::Busy => self.close(CloseCode::TRY_AGAIN_LATER),
            Seen::TooBig => {
                self.incoming = None;
                self.wire.connection.fail(ProtocolError::MessageTooBig);
            }
        }
        Ok(lent)
    }

    fn close(&mut self, code: CloseCode) {
        // The first Close that was asked for stands.
        let _ = self.wire.connection.close(code, CloseReason::NONE);
    }

    /// A publication without a reference has no answer: what failed is told by a Close.
    fn published(&mut self, result: Result<(), PublishError>) {
        match result {
            Ok(()) => {}
            Err(PublishError::Append(AppendError::TooLarge)) => {
                self.wire.connection.fail(ProtocolError::MessageTooBig);
            }
            Err(PublishError::ShuttingDown) => self.close(CloseCode::SERVICE_RESTART),
            Err(PublishError::TooManyChannels | PublishError::OutOfMemory) => self.close(CloseCode::TRY_AGAIN_LATER),
            Err(_) => self.close(CloseCode::INTERNAL_ERROR),
        }
    }

    fn has_output(&self, reader: &impl LogReader) -> bool {
        self.wire.connection.has_output()
            || self.wire.connection.payload_remaining() > 0
            || (!self.wire.connection.is_closing() && (self.reply.is_some() || self.messages.has_next(reader)))
    }

    /// Fills the room with all that is ready: how much payload of events.
    fn transmit<R: Runtime>(
        &mut self,
        line: &mut HttpConnection<'_, R>,
        reader: &impl LogReader,
    ) -> Result<(TryIo<()>, u64), Disconnect> {
        let mut payload = 0u64;
        let mut result = Ok(());
        let lent = line.try_write(&mut |room: &mut [u8]| {
            let mut written = 0usize;
            result = loop {
                let rest = room.get_mut(written..).unwrap_or_default();
                let control = self.wire.connection.transmit(rest, &mut Unmasked).unwrap_or(0);
                written = written.wrapping_add(control);
                let rest = room.get_mut(written..).unwrap_or_default();
                if rest.is_empty() || self.wire.connection.has_output() {
                    break Ok(());
                }
                if self.wire.connection.payload_remaining() > 0 {
                    let (body, result) = self.payload(reader, rest);
                    if matches!(self.sending, Sending::Event) {
                        payload = payload.saturating_add(body as u64);
                    }
                    written = written.wrapping_add(body);
                    match result {
                        Ok(()) if body > 0 => continue,
                        // A measured message that gives nothing more is one that is gone.
                        Ok(()) => break Err(Disconnect::Overwritten),
                        Err(ended) => break Err(ended),
                    }
                }
                if let Sending::Reply { .. } = self.sending {
                    self.reply = None;
                }
                self.sending = Sending::Nothing;
                if self.wire.connection.is_closing() || !self.start_next(reader) {
                    break Ok(());
                }
            };
            written
        })?;
        result.map(|()| (lent, payload))
    }

    fn payload(&mut self, reader: &impl LogReader, room: &mut [u8]) -> (usize, Result<(), Disconnect>) {
        let Self { wire: WebSocketState { connection, .. }, messages, sending, reply, .. } = self;
        let mut result = Ok(());
        let written = connection.payload(room, |room| match sending {
            Sending::Event => messages.fill(reader, room).unwrap_or_else(|_| {
                result = Err(Disconnect::Overwritten);
                0
            }),
            Sending::Reply { sent } => {
                let mut sink = ResumableWriter::new(room, *sent);
                if let Some(reply) = reply {
                    reply.pour(&mut sink);
                }
                *sent = sent.wrapping_add(sink.written());
                sink.written()
            }
            Sending::Nothing => 0,
        });
        (written, result)
    }

    /// Begins the next frame, if there is one to send.
    fn start_next(&mut self, reader: &impl LogReader) -> bool {
        let (kind, length) = if let Some(reply) = &self.reply {
            self.sending = Sending::Reply { sent: 0 };
            (MessageKind::Text, reply.length())
        } else {
            match self.messages.next(reader) {
                NextMessage::Message(kind, length) => {
                    self.sending = Sending::Event;
                    (kind, length)
                }
                NextMessage::Nothing => return false,
                NextMessage::Behind => {
                    let reason = const { CloseReason::new("gap").unwrap() };
                    return self.wire.connection.close(GAP.unwrap_or(CloseCode::INTERNAL_ERROR), reason).is_ok();
                }
            }
        };
        self.wire.connection.start_frame(kind, true, length, &mut Unmasked).is_ok()
    }
}

/// Appends a piece to the message that is being collected.
fn collect<R: Runtime>(incoming: &mut Option<Arriving<R::Buffer>>, piece: Chunk<'_>, runtime: &R) -> Seen {
    if incoming.is_none() && piece.first {
        *incoming = runtime.buffer(BufferKind::Event).map(|buffer| Arriving { buffer, filled: 0 });
    }
    let Some(message) = incoming else {
        // The rest of a message that was refused at its start is passed over.
        return if piece.first { Seen::Busy } else { Seen::Nothing };
    };
    let end = message.filled.wrapping_add(piece.payload.len());
    loop {
        let length = message.buffer.as_ref().len();
        match if length < end { runtime.grow(&mut message.buffer, length) } else { Growth::Full } {
            Growth::Room => {}
            Growth::Full => break,
            Growth::Refused => {
                *incoming = None;
                return Seen::Busy;
            }
        }
    }
    let Some(room) = message.buffer.as_mut().get_mut(message.filled..end) else { return Seen::TooBig };
    copy(piece.payload, room);
    message.filled = end;
    if piece.last { Seen::Message(piece.kind) } else { Seen::Nothing }
}

fn publish_plain<H: HubBackend>(
    hub: &H,
    channel: ChannelName<'_>,
    kind: MessageKind,
    data: &[u8],
    peer: Option<IpAddr>,
) -> Result<(), PublishError> {
    let encoding = subprotocol::encoding(kind);
    let publication = NewEvent { event_type: EventType::MESSAGE, encoding, data, idempotency_key: None };
    debug_assert!(encoding == Encoding::Binary || core::str::from_utf8(data).is_ok());
    hub.publish(channel, &publication, peer).map(|_| ())
}
