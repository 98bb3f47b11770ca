//! WebSocket: events as messages, and messages as publications.

use core::net::IpAddr;
use core::task::{Context, Poll, Waker};

use super::PUBLICATION;
use super::metrics::{RequestMeter, RequestMetrics};
use super::negotiate::Negotiated;
use super::rights::{ActiveGrant, Grant, Rights};
use super::subprotocol::{self, Reply};
use crate::format::{EventMessages, NextMessage, Subprotocol};
use crate::grammar::copy::copy;
use crate::hub::{ChannelReader, NewEvent, PublishError};
use crate::io::{Interest, Socket, TryIo};
use crate::log::{AppendError, Encoding, EventType, GapPolicy};
use crate::output::ResumableWriter;
use crate::server::{BufferKind, Disconnect, Exchange, Growth, HandlerResult, Responded, Runtime, ServerWebSocket};
use crate::time::Instant;
use crate::websocket::{MessageSink, MessageSource};
use crate::ws::ProtocolError;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Chunk, MessageKind};

/// Bytes of a fragmented message that are received at once.
const MOST: usize = 16 * 1024;

/// The close code for a reader that fell behind, where no message can report the gap.
const GAP: Option<CloseCode> = CloseCode::new(4001);

/// Answers with the channel as a WebSocket.
pub(super) fn answer<C: ChannelReader, R: Runtime>(
    reader: C,
    ask: &Negotiated,
    policy: GapPolicy,
    grant: ActiveGrant<impl Grant>,
    exchange: Exchange<'_, '_, R>,
    mut meter: RequestMeter<impl RequestMetrics>,
) -> impl Future<Output = HandlerResult> {
    async move {
        let acceptance = match exchange.handshake(&[Subprotocol::NAME]) {
            Ok(acceptance) => acceptance,
            Err(error) => return exchange.reject_handshake(error).await,
        };
        let framing = if acceptance.protocol.is_some() { Subprotocol::Envelope } else { Subprotocol::Plain };
        // Events that are published while the handshake is on its way are for this reader too.
        let messages = EventMessages::new(framing, &reader, ask.position, policy);
        let max_message = exchange.config().max_body;
        let mut socket = exchange.upgrade(acceptance, max_message).await?;
        let mut session = Session {
            grant,
            notified: false,
            reader,
            messages,
            framing,
            incoming: None,
            reply: None,
            replied: None,
            crowded: None,
        };
        let outcome = session.run(&mut socket, &mut meter).await;
        meter.report(socket.link, 0);
        outcome
    }
}

/// One reader's connection.
struct Session<C, R: Runtime, G> {
    /// Its rights are [`Rights::NONE`] once it has ended.
    grant: ActiveGrant<G>,
    /// The end of a renewable grant was announced.
    notified: bool,
    reader: C,
    messages: EventMessages,
    framing: Subprotocol,
    /// A message that arrives in fragments, or that is altered while it is parsed.
    incoming: Option<Incoming<R::Buffer>>,
    /// The reply to the last publication; nothing more is received while it waits.
    reply: Option<Reply>,
    /// The frame that has begun is the reply's: so many bytes of it were written.
    replied: Option<usize>,
    /// Nothing is received, since followers have not taken yet the events that the next one overwrites: until when.
    crowded: Option<Instant>,
}

/// A message that is being collected.
struct Incoming<B> {
    buffer: B,
    filled: usize,
}

/// What became of a received chunk.
enum Outcome {
    Nothing,
    Published(Result<(), PublishError>),
    /// All buffers are in use.
    Busy,
    TooBig,
}

impl<C: ChannelReader, R: Runtime, G: Grant> Session<C, R, G> {
    /// Receives, publishes and transmits until the connection ends.
    fn run(
        &mut self,
        socket: &mut ServerWebSocket<'_, '_, R>,
        meter: &mut RequestMeter<impl RequestMetrics>,
    ) -> impl Future<Output = HandlerResult> {
        async move {
            loop {
                let mut progress = false;
                let readable = self.reply.is_none() && socket.wants_input();
                if readable {
                    match self.receive(socket)? {
                        TryIo::Done(()) => progress = self.crowded.is_none(),
                        // Our end was sent and nothing more can come; or the peer left without a Close.
                        TryIo::Eof => return Err(Disconnect::Closed),
                        TryIo::WouldBlock => {}
                    }
                }
                if self.grant.rights != Rights::NONE
                    && let Some(end) = self.grant.end(socket.link.now())
                {
                    self.grant.rights = Rights::NONE;
                    let (code, reason) = end.close();
                    socket.start_close(code, reason);
                }
                // Known at compile time: a chip whose grants are not renewable has no code for it.
                if G::RENEWABLE && self.notice_at() <= socket.link.now() && !socket.is_closing() {
                    self.reply = Some(Reply::grant_expires(self.grant.seconds_left(socket.link.now())));
                    self.notified = true;
                }
                // Nothing follows a Close: a reply that waits goes first, and so do the events from before the shutdown.
                let all_sent = !self.has_message() && socket.is_between_frames() && !socket.is_closing();
                if all_sent && socket.link.runtime().is_shutting_down() {
                    socket.start_close(CloseCode::SERVICE_RESTART, CloseReason::NONE);
                }
                socket.check_deadlines()?;
                let (mut payload, mut space) = (0, 0);
                if socket.has_output() || !socket.is_between_frames() || (!socket.is_closing() && self.has_message()) {
                    let mut events = Events { session: self, payload: 0, behind: false };
                    let written = socket.try_transmit(&mut events)?;
                    payload = events.payload;
                    let behind = events.behind;
                    self.reader.sent(self.messages.after());
                    if behind {
                        let reason = const { CloseReason::new("gap").unwrap() };
                        socket.start_close(GAP.unwrap_or(CloseCode::INTERNAL_ERROR), reason);
                    }
                    match written {
                        TryIo::Done(()) => progress = true,
                        TryIo::WouldBlock | TryIo::Eof => space = 1,
                    }
                }
                meter.report(socket.link, payload);
                if socket.is_closed() {
                    return socket.error().map_or(Ok(Responded::CLOSE), |error| Err(Disconnect::Protocol(error)));
                }
                if progress {
                    socket.link.yield_if_spent().await;
                    continue;
                }
                let want = Interest { read: readable && self.crowded.is_none(), writable_bytes: space, flushed: false };
                let mut deadline = self.crowded.unwrap_or(Instant::MAX);
                let granted = self.grant.rights != Rights::NONE;
                if granted {
                    deadline = deadline.min(self.grant.valid_until());
                    if G::RENEWABLE && !socket.is_closing() {
                        deadline = deadline.min(self.notice_at());
                    }
                }
                let follows = self.grant.rights.read && !socket.is_closing() && space == 0;
                let Self { reader, messages, crowded, grant, .. } = &mut *self;
                let mut condition = |cx: &mut Context<'_>| {
                    if granted && grant.poll_withdrawn(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    if crowded.is_some() && reader.poll_publish_ready(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    if follows { reader.poll_new_event(cx, messages.after()) } else { Poll::Pending }
                };
                socket.wait_for(want, deadline, all_sent, &mut condition).await?;
            }
        }
    }

    /// The time at which the end of the grant is announced; never where that is not possible or not wanted now.
    fn notice_at(&self) -> Instant {
        let can = self.framing == Subprotocol::Envelope && !self.notified && self.reply.is_none();
        if can && self.grant.rights != Rights::NONE { self.grant.notice_at() } else { Instant::MAX }
    }

    /// Whether a reply or an event waits that has not been written whole.
    fn has_message(&self) -> bool {
        self.reply.is_some() || (self.grant.rights.read && self.messages.has_next(&self.reader))
    }

    /// Receives a frame or a part of one, and publishes a message that it completes.
    fn receive(&mut self, socket: &mut ServerWebSocket<'_, '_, R>) -> Result<TryIo<()>, Disconnect> {
        let (now, runtime) = (socket.link.now(), socket.link.runtime());
        let closing = socket.is_closing();
        let most = if socket.is_receiving() { MOST } else { usize::MAX };
        let due = self.crowded.take().unwrap_or(now + socket.link.config().publish_wait);
        let peer = socket.link.socket().peer_network();
        let mut publisher = Publisher { session: self, runtime, peer, closing, now, due, outcome: Outcome::Nothing };
        let lent = socket.try_receive(most, &mut publisher)?;
        let result = match publisher.outcome {
            Outcome::Nothing => return Ok(lent),
            Outcome::Published(result) => {
                socket.link.charge(PUBLICATION);
                result
            }
            Outcome::Busy => Err(PublishError::OutOfMemory),
            Outcome::TooBig => Err(PublishError::Append(AppendError::TooLarge)),
        };
        // A publication without a reference has no reply: a Close reports its failure.
        let code = match result {
            Ok(()) => return Ok(lent),
            Err(PublishError::Append(AppendError::TooLarge)) => {
                socket.fail(ProtocolError::MessageTooBig);
                return Ok(lent);
            }
            Err(PublishError::Forbidden) => CloseCode::POLICY_VIOLATION,
            Err(PublishError::ShuttingDown) => CloseCode::SERVICE_RESTART,
            Err(PublishError::TooManyChannels | PublishError::OutOfMemory) => CloseCode::TRY_AGAIN_LATER,
            Err(_) => CloseCode::INTERNAL_ERROR,
        };
        socket.start_close(code, CloseReason::NONE);
        Ok(lent)
    }
}

/// The events of the channel, and replies before them, as messages.
struct Events<'s, C, R: Runtime, G> {
    session: &'s mut Session<C, R, G>,
    /// Bytes of events that were written.
    payload: u64,
    /// The reader fell behind.
    behind: bool,
}

impl<C: ChannelReader, R: Runtime, G: Grant> MessageSource for Events<'_, C, R, G> {
    fn next(&mut self, _space: usize) -> Option<(MessageKind, u64)> {
        let Session { messages, reply, replied, reader, grant, .. } = &mut *self.session;
        if let Some(reply) = reply {
            *replied = Some(0);
            return Some((MessageKind::Text, reply.length::<G>()));
        }
        if !grant.rights.read {
            return None;
        }
        match messages.next(reader) {
            NextMessage::Message(kind, length) => Some((kind, length)),
            NextMessage::Nothing => None,
            NextMessage::Behind => {
                self.behind = true;
                None
            }
        }
    }

    fn fill(&mut self, space: &mut [u8]) -> Result<usize, Disconnect> {
        let Session { messages, reply, replied, reader, .. } = &mut *self.session;
        let (Some(sent), Some(waiting)) = (*replied, &reply) else {
            let written = messages.fill(reader, space).map_err(|_| Disconnect::Overwritten)?;
            self.payload = self.payload.saturating_add(written as u64);
            return Ok(written);
        };
        let mut out = ResumableWriter::new(space, sent);
        waiting.put::<G>(&mut out);
        *replied = Some(sent.wrapping_add(out.written()));
        let written = out.written();
        if out.is_whole() {
            (*reply, *replied) = (None, None);
        }
        Ok(written)
    }
}

/// Publishes received messages.
struct Publisher<'s, C, R: Runtime, G> {
    session: &'s mut Session<C, R, G>,
    runtime: &'s R,
    peer: Option<IpAddr>,
    closing: bool,
    now: Instant,
    /// Followers are waited for until then.
    due: Instant,
    outcome: Outcome,
}

impl<C: ChannelReader, R: Runtime, G: Grant> MessageSink for Publisher<'_, C, R, G> {
    fn is_ready(&mut self) -> bool {
        // After our Close only the peer's is waited for. Nothing is published without the right, nor during a shutdown.
        if self.closing || self.refusal().is_some() {
            return true;
        }
        let reader = &mut self.session.reader;
        if reader.poll_publish_ready(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        if self.now < self.due {
            self.session.crowded = Some(self.due);
            return false;
        }
        reader.ignore_slow_followers();
        true
    }

    fn put(&mut self, chunk: Chunk<'_>) {
        let refusal = self.refusal();
        let whole = chunk.first && chunk.last;
        self.outcome = if whole && self.session.framing == Subprotocol::Plain && refusal.is_none() {
            // A whole message that is the data itself is stored from where it stands.
            Outcome::Published(self.publish_plain(chunk.kind, chunk.payload))
        } else {
            self.collect(chunk, refusal)
        };
    }
}

impl<C: ChannelReader, R: Runtime, G: Grant> Publisher<'_, C, R, G> {
    /// The reason why no message is published now.
    fn refusal(&self) -> Option<PublishError> {
        if !self.session.grant.rights.publish {
            return Some(PublishError::Forbidden);
        }
        // An event that is stored during a shutdown might be lost: no reader is left.
        self.runtime.is_shutting_down().then_some(PublishError::ShuttingDown)
    }

    /// Appends a chunk to the message that is being collected, and publishes the message that it completes, or refuses it.
    fn collect(&mut self, chunk: Chunk<'_>, refusal: Option<PublishError>) -> Outcome {
        let Session { incoming, .. } = &mut *self.session;
        if incoming.is_none() && chunk.first {
            *incoming = self.runtime.buffer(BufferKind::Event).map(|buffer| Incoming { buffer, filled: 0 });
        }
        let Some(message) = incoming else {
            // The rest of a message that was refused at its start is passed over.
            return if chunk.first { Outcome::Busy } else { Outcome::Nothing };
        };
        let end = message.filled.wrapping_add(chunk.payload.len());
        loop {
            let length = message.buffer.as_ref().len();
            match if length < end { self.runtime.grow(&mut message.buffer, length) } else { Growth::Full } {
                Growth::Room => {}
                Growth::Full => break,
                Growth::Refused => {
                    *incoming = None;
                    return Outcome::Busy;
                }
            }
        }
        let Some(space) = message.buffer.as_mut().get_mut(message.filled..end) else {
            *incoming = None;
            return Outcome::TooBig;
        };
        copy(chunk.payload, space);
        message.filled = end;
        if !chunk.last {
            return Outcome::Nothing;
        }
        let Some(mut message) = incoming.take() else { return Outcome::Nothing };
        let bytes = message.buffer.as_mut().get_mut(..end).unwrap_or_default();
        Outcome::Published(match self.session.framing {
            Subprotocol::Plain => refusal.map_or_else(|| self.publish_plain(chunk.kind, bytes), Err),
            Subprotocol::Envelope => {
                let Session { reader, grant, notified, .. } = &mut *self.session;
                let reader = refusal.map_or(Ok(&*reader), Err);
                let end = if G::RENEWABLE { grant.valid_until() } else { Instant::MAX };
                let reply = subprotocol::publish(reader, grant, chunk.kind, bytes, self.peer, self.now);
                // A renewed grant has another end, which is announced as well.
                if G::RENEWABLE {
                    *notified &= end == grant.valid_until();
                }
                // Nothing is sent after our Close.
                self.session.reply = Some(reply).filter(|_| !self.closing);
                Ok(())
            }
        })
    }

    fn publish_plain(&self, kind: MessageKind, data: &[u8]) -> Result<(), PublishError> {
        let encoding = subprotocol::encoding(kind);
        let event = NewEvent { event_type: EventType::MESSAGE, encoding, data, idempotency_key: None };
        debug_assert!(encoding == Encoding::Binary || core::str::from_utf8(data).is_ok());
        self.session.reader.publish(&event, self.peer).map(|_| ())
    }
}
