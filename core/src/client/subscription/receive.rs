//! What comes on each transport.

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

/// What came on a transport.
pub(super) enum Received<E> {
    /// Nothing to report yet.
    Nothing,
    Step(Step<E>),
    /// The answer to a poll has ended.
    PollEnd(PollState),
    /// What was open is lost.
    ConnectionLost {
        error: Error<E>,
        /// A byte had come.
        heard: bool,
    },
    /// A request has failed.
    RequestFailed(Error<E>),
}

/// An error is final.
type Receive<R> = Result<Received<ConnectorError<R>>, Error<ConnectorError<R>>>;

/// What ends the event type of an event that is bytes.
const BASE64: &str = ";base64";

// In each of these nothing is waited for between taking something and giving it out: a future that is dropped has taken
// nothing that was not told.
impl<R: ClientRuntime, const CURSOR: usize> Subscription<'_, R, CURSOR> {
    /// Reads an answer that goes on; `None` where it is to be looked at again.
    pub(super) async fn read_stream(&mut self, following: StreamState) -> Receive<R> {
        let Some(exchange) = self.client.exchange() else { return Err(Error::Closed) };
        exchange.connection.yield_if_spent().await;
        let StreamState { deadline: due, received_any: mut heard, mut filled } = following;
        let (parser, buffer) = (&mut self.parser, &mut *self.buffer);
        let (mut failed, mut line) = (None, None);
        let came = exchange.read_body(&mut |data| match parser {
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
        let fault = match came {
            Ok(BodyProgress::Data(stopped)) => {
                heard = true;
                self.phase =
                    Phase::Streaming(StreamState { deadline: self.idle_deadline(), received_any: heard, filled });
                return match line {
                    // An empty line is a sign of life.
                    Some(length) => self.read_object(length, MessageKind::Text, heard),
                    None => Ok(self.parser_progress(stopped).map_or(Received::Nothing, Received::Step)),
                };
            }
            Ok(BodyProgress::WouldBlock) => match exchange.wait_body(due.min(self.retry_better_at)).await {
                Ok(()) => return Ok(Received::Nothing),
                // Then it is looked at what came true.
                Err(_) if self.is_retry_better_due() => return Ok(Received::Nothing),
                Err(crate::client::http_exchange::ExchangeError::Disconnected(Disconnect::TimedOut)) if !heard => {
                    Error::ProxyBuffering
                }
                Err(fault) => fault.into(),
            },
            Ok(BodyProgress::End) => Error::Disconnected(Disconnect::Closed),
            Err(fault) => fault.into(),
        };
        Ok(Received::ConnectionLost { error: fault, heard })
    }

    /// What the parser came to; the cursor follows.
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
        // A foreign event of that name stays one.
        if event_type == "gap"
            && EventId::parse(id.as_bytes()).is_ok()
            && let Some(gap) = envelope::parse_sse_gap(data)
        {
            return Some(Step::Gap(gap));
        }
        Some(Step::ParsedEvent)
    }

    /// Reads the answer to a poll; `None` where it is to be looked at again.
    pub(super) async fn read_poll_body(&mut self, polling: PollState) -> Receive<R> {
        let Some(exchange) = self.client.exchange() else { return Err(Error::Closed) };
        exchange.connection.yield_if_spent().await;
        let PollState { mut body, deadline: due, mut events, .. } = polling;
        let buffer = &mut *self.buffer;
        let mut found = Found::Nothing;
        let came = exchange.read_body(&mut |data| {
            let (taken, what) = body.take(data, buffer);
            found = what;
            (taken, what != Found::Nothing)
        });
        let fault = match (came, found) {
            (_, Found::TooLarge) => return Err(Error::TooLarge),
            (_, Found::Malformed) => Error::Malformed,
            (Ok(BodyProgress::Data(_)), _) => {
                let due = self.idle_deadline();
                let step = match found {
                    Found::Object(length) => self.read_object(length, MessageKind::Text, true)?,
                    _ => Received::Nothing,
                };
                events = events.saturating_add(u32::from(matches!(step, Received::Step(Step::Event(_)))));
                self.phase = Phase::Polling(PollState { body, deadline: due, events, ..polling });
                return Ok(step);
            }
            (Ok(BodyProgress::WouldBlock), _) => match exchange.wait_body(due).await {
                Ok(()) => return Ok(Received::Nothing),
                Err(fault) => fault.into(),
            },
            (Ok(BodyProgress::End), _) if body.is_done() => return Ok(Received::PollEnd(polling)),
            (Ok(BodyProgress::End), _) => Error::Malformed,
            (Err(fault), _) => fault.into(),
        };
        Ok(Received::RequestFailed(fault))
    }

    /// Reads messages; `None` where it is to be looked at again.
    pub(super) async fn read_message(&mut self, heard: bool) -> Receive<R> {
        let climb_at = self.retry_better_at;
        let Some(socket) = &mut self.socket else { return Err(Error::Closed) };
        let came = match socket.ready_until(climb_at).await {
            Ok(false) => return Ok(Received::Nothing),
            Ok(true) => socket.recv(self.buffer).await.map(|message| message.map(|it| (it.kind, it.payload.len()))),
            Err(ended) => Err(ended),
        };
        match came {
            Ok(Some((kind, length))) => {
                self.phase = Phase::WebSocket { heard: true };
                self.read_object(length, kind, true)
            }
            Ok(None) => {
                // Its Close is answered; how that ends makes no difference.
                let _ = socket.close().await;
                Ok(Received::ConnectionLost { error: Error::Disconnected(Disconnect::Closed), heard })
            }
            // Without its Close, which is 1006 elsewhere (RFC 6455 §7.1.5).
            Err(Disconnect::Closed) => {
                Ok(Received::ConnectionLost { error: Error::Disconnected(Disconnect::Broken), heard })
            }
            Err(ended) => Ok(Received::ConnectionLost { error: Error::Disconnected(ended), heard }),
        }
    }

    /// Reads the object of so many bytes at the start of the buffer; the cursor follows.
    fn read_object(&mut self, length: usize, kind: MessageKind, heard: bool) -> Receive<R> {
        let object = self.buffer.get_mut(..length).unwrap_or_default();
        if object.iter().all(u8::is_ascii_whitespace) {
            return Ok(Received::Nothing);
        }
        let said = match kind {
            MessageKind::Text => envelope::read(object, None),
            MessageKind::Binary => envelope::read_binary(object),
        };
        let Ok(said) = said else { return Ok(Received::ConnectionLost { error: Error::Malformed, heard }) };
        match said {
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

/// The event in the parser, out of its Base64.
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
