//! Reading each transport.

use super::envelope::{self, EnvelopeMessage, Span};
use super::poll_body::Found;
use super::state::{Phase, PollState, Step, StreamState};
use super::{Event, EventData, Subscription};
use crate::base64::{decode_in_place, is_base64};
use crate::client::http_exchange::BodyProgress;
use crate::client::{ClientRuntime, ConnectorError, Error};
use crate::log::EventId;
use crate::sse::parse::Parser;
use crate::websocket::{ConnectionIo, Disconnect};
use crate::ws::connection::MessageKind;

/// The result of reading.
pub(super) enum Received<E> {
    /// Call again.
    Nothing,
    Step(Step<E>),
    /// The body of a poll has ended.
    PollEnd(PollState),
    /// An open connection is lost.
    ConnectionLost {
        error: Error<E>,
        /// A byte had arrived.
        received_any: bool,
    },
    RequestFailed(Error<E>),
}

/// An error is final.
type Receive<R> = Result<Received<ConnectorError<R>>, Error<ConnectorError<R>>>;

/// The suffix of a binary event's type on SSE.
const BASE64: &str = ";base64";

// No await stands between consuming input and returning it, so these futures are cancel-safe.
impl<R: ClientRuntime, const CURSOR: usize> Subscription<'_, R, CURSOR> {
    /// Reads the body of SSE or streaming.
    pub(super) async fn read_stream(&mut self, stream: StreamState) -> Receive<R> {
        let Some(exchange) = self.client.exchange() else { return Err(Error::Closed) };
        exchange.connection.yield_if_spent().await;
        let StreamState { deadline, mut received_any, mut filled } = stream;
        let (parser, buffer) = (&mut self.parser, &mut *self.buffer);
        let (mut failed, mut line) = (None, None);
        let progress = exchange.read_body(&mut |data| match parser {
            Some(parser) => match parser.store(data) {
                Ok(stored) => (stored.consumed, stored.event),
                Err(error) => {
                    failed = Some(Error::EventStream(error));
                    (data.len(), true)
                }
            },
            None => {
                let end = data.iter().position(|byte| *byte == b'\n');
                let text = data.get(..end.unwrap_or(data.len())).unwrap_or_default();
                match buffer.get_mut(filled..filled.saturating_add(text.len())) {
                    Some(room) => filled = filled.saturating_add(crate::grammar::copy(text, room)),
                    None => failed = Some(Error::TooLarge),
                }
                if end.is_some() {
                    line = Some(core::mem::take(&mut filled));
                }
                (text.len().saturating_add(usize::from(end.is_some())), end.is_some() || failed.is_some())
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let error = match progress {
            Ok(BodyProgress::Data(stopped)) => {
                received_any = true;
                self.phase = Phase::Streaming(StreamState { deadline: self.idle_deadline(), received_any, filled });
                return match line {
                    // An empty line is a keep-alive.
                    Some(length) => self.read_object(length, MessageKind::Text, received_any),
                    None => Ok(self.parser_progress(stopped).map_or(Received::Nothing, Received::Step)),
                };
            }
            Ok(BodyProgress::WouldBlock) => match exchange.wait_body(deadline.min(self.retry_better_at)).await {
                Ok(()) => return Ok(Received::Nothing),
                // The wait ended for the retry of a better transport, not for a timeout.
                Err(_) if self.is_retry_better_due() => return Ok(Received::Nothing),
                Err(crate::client::http_exchange::ExchangeError::Disconnected(Disconnect::TimedOut))
                    if !received_any =>
                {
                    Error::ProxyBuffering
                }
                Err(error) => error.into(),
            },
            Ok(BodyProgress::End) => Error::Disconnected(Disconnect::Closed),
            Err(error) => error.into(),
        };
        Ok(Received::ConnectionLost { error, received_any })
    }

    /// Takes over the parser's progress: the cursor, and an event.
    fn parser_progress(&mut self, event: bool) -> Option<Step<ConnectorError<R>>> {
        let parser = self.parser.as_mut()?;
        let id = parser.last_event_id();
        if id != self.cursor.as_str() {
            self.cursor = id.try_into().unwrap_or_default();
        }
        if !event {
            return None;
        }
        let (id, event_type, data) = parser.event_mut()?;
        // Another server may name an event `gap`: only one with an id of goldcrest is one.
        if event_type == "gap"
            && EventId::parse(id.as_bytes()).is_ok()
            && let Some(gap) = envelope::parse_sse_gap(data)
        {
            return Some(Step::Gap(gap));
        }
        Some(Step::ParsedEvent)
    }

    /// Reads the body of a poll.
    pub(super) async fn read_poll_body(&mut self, poll: PollState) -> Receive<R> {
        let Some(exchange) = self.client.exchange() else { return Err(Error::Closed) };
        exchange.connection.yield_if_spent().await;
        let PollState { mut body, deadline, mut events, .. } = poll;
        let buffer = &mut *self.buffer;
        let mut found = Found::Nothing;
        let progress = exchange.read_body(&mut |data| {
            let (taken, result) = body.take(data, buffer);
            found = result;
            (taken, result != Found::Nothing)
        });
        let error = match (progress, found) {
            (_, Found::TooLarge) => return Err(Error::TooLarge),
            (_, Found::Malformed) => Error::Malformed,
            (Ok(BodyProgress::Data(_)), _) => {
                let deadline = self.idle_deadline();
                let step = match found {
                    Found::Object(length) => self.read_object(length, MessageKind::Text, true)?,
                    _ => Received::Nothing,
                };
                events = events.saturating_add(u32::from(matches!(step, Received::Step(Step::Event(_)))));
                self.phase = Phase::Polling(PollState { body, deadline, events, ..poll });
                return Ok(step);
            }
            (Ok(BodyProgress::WouldBlock), _) => match exchange.wait_body(deadline).await {
                Ok(()) => return Ok(Received::Nothing),
                Err(error) => error.into(),
            },
            (Ok(BodyProgress::End), _) if body.is_done() => return Ok(Received::PollEnd(poll)),
            (Ok(BodyProgress::End), _) => Error::Malformed,
            (Err(error), _) => error.into(),
        };
        Ok(Received::RequestFailed(error))
    }

    /// Reads a message of the WebSocket.
    pub(super) async fn read_message(&mut self, received_any: bool) -> Receive<R> {
        let retry_better_at = self.retry_better_at;
        let Some(socket) = &mut self.socket else { return Err(Error::Closed) };
        let progress = match socket.ready_until(retry_better_at).await {
            Ok(false) => return Ok(Received::Nothing),
            Ok(true) => socket.recv(self.buffer).await.map(|message| message.map(|it| (it.kind, it.payload.len()))),
            Err(ended) => Err(ended),
        };
        match progress {
            Ok(Some((kind, length))) => {
                self.phase = Phase::WebSocket { received_any: true };
                self.read_object(length, kind, true)
            }
            Ok(None) => {
                // Answer the Close frame (RFC 6455 §5.5.1); the result does not matter.
                let _ = socket.close().await;
                Ok(Received::ConnectionLost { error: Error::Disconnected(Disconnect::Closed), received_any })
            }
            // An end without a Close frame, which browsers report as 1006 (RFC 6455 §7.1.5).
            Err(Disconnect::Closed) => {
                Ok(Received::ConnectionLost { error: Error::Disconnected(Disconnect::Broken), received_any })
            }
            Err(ended) => Ok(Received::ConnectionLost { error: Error::Disconnected(ended), received_any }),
        }
    }

    /// Parses the object of this length at the start of the buffer; the cursor follows.
    fn read_object(&mut self, length: usize, kind: MessageKind, received_any: bool) -> Receive<R> {
        let object = self.buffer.get_mut(..length).unwrap_or_default();
        if object.iter().all(u8::is_ascii_whitespace) {
            return Ok(Received::Nothing);
        }
        let message = match kind {
            MessageKind::Text => envelope::read(object, None),
            MessageKind::Binary => envelope::read_binary(object),
        };
        let Ok(message) = message else {
            return Ok(Received::ConnectionLost { error: Error::Malformed, received_any });
        };
        match message {
            EnvelopeMessage::Event(spans) => {
                self.set_cursor(spans.id)?;
                Ok(Received::Step(Step::Event(spans)))
            }
            EnvelopeMessage::Gap { gap, after } => {
                if let Some(after) = after {
                    self.set_cursor(after)?;
                }
                Ok(Received::Step(Step::Gap(gap)))
            }
            EnvelopeMessage::After(after) => {
                self.set_cursor(after)?;
                Ok(Received::Nothing)
            }
            EnvelopeMessage::Other => Ok(Received::Nothing),
        }
    }

    fn set_cursor(&mut self, id: Span) -> Result<(), Error<ConnectorError<R>>> {
        self.cursor = id.text(self.buffer).try_into().map_err(|_| Error::TooLarge)?;
        Ok(())
    }
}

/// The event in the parser, decoded from Base64 if its type ends with `;base64`.
pub(super) fn parsed_event<'p>(parser: Option<&'p mut Parser<&mut [u8]>>) -> Option<Event<'p>> {
    let (id, event_type, data) = parser?.event_mut()?;
    if let Some(event_type) = event_type.strip_suffix(BASE64)
        && is_base64(data)
    {
        let length = decode_in_place(data);
        return Some(Event { id, event_type, data: EventData::Binary(data.get(..length).unwrap_or_default()) });
    }
    Some(Event { id, event_type, data: EventData::Text(core::str::from_utf8(data).unwrap_or_default()) })
}
