//! Server-Sent Events by WHATWG HTML §9.2, without a browser.
//!
//! ```
//! use goldcrest_core::client::{ClientConfig, EventSource, EventSourceOptions, Buffers, ClientRuntime, EventSourceEvent};
//! use goldcrest_core::sse::parse::ParserLimits;
//!
//! async fn listen<R: ClientRuntime>(runtime: &R) {
//!     let config = ClientConfig::default();
//!     // Events of up to 512 bytes of data.
//!     let (mut head, mut location, mut events) = ([0; 512], [0; 128], [0; ParserLimits::DEFAULT.memory(512)]);
//!     let memory = Buffers { buffer: &mut head, location: &mut location };
//!     let options = EventSourceOptions { seed: 0x5eed, ..EventSourceOptions::default() };
//!     let mut source = EventSource::new(runtime, &config, "http://10.0.0.2/news", options, memory, &mut events);
//!     loop {
//!         match source.next().await {
//!             Ok(EventSourceEvent::Event(event)) => println!("{}: {}", event.event_type, event.data),
//!             Ok(EventSourceEvent::Opened) => println!("open"),
//!             Ok(EventSourceEvent::Disconnected { error, delay }) => println!("{error}, again in {delay:?}"),
//!             Err(error) => return println!("closed for good: {error}"),
//!         }
//!     }
//! }
//! ```

use core::time::Duration;

use super::error::is_busy;
use super::http_client::{HttpClient, OutgoingRequest, is_coded, status_error};
use super::http_exchange::BodyProgress;
use super::jitter::Jitter;
use super::runtime::sleep;
use super::{Buffers, ClientConfig, ClientRuntime, ConnectorError, Error};
use crate::http::ResponseHead;
use crate::io::Clock;
use crate::sse::field::IdField;
use crate::sse::media_type::EVENT_STREAM;
use crate::sse::parse::{MessageEvent, ParseError, Parser, ParserLimits};
use crate::sse::reconnect::{Reconnect, ReconnectDecision, ReconnectError, ReconnectPolicy};
use crate::time::Instant;
use crate::websocket::{ConnectionIo, Disconnect};

/// Reads an event stream, and reconnects with the last event ID.
///
/// As in a browser, status 204, any status other than 200, and any type other than `text/event-stream` are final.
/// Redirects are followed. An end or a network failure leads to another attempt after the reconnection time.
///
/// Three rules differ, for a device without a user. Failed attempts wait longer each time. A silent connection is
/// closed after [`ClientConfig::idle_timeout`]. A busy server is tried again ([`EventSourceOptions::retry_busy`]).
pub struct EventSource<'e, R: ClientRuntime> {
    client: HttpClient<'e, 'e, R>,
    head: &'e mut [u8],
    parser: Parser<&'e mut [u8]>,
    reconnect: Reconnect<0>,
    jitter: Jitter,
    retry_busy: bool,
    state: State,
}

/// The options of an [`EventSource`].
#[derive(Clone, Copy, Debug)]
pub struct EventSourceOptions<'a> {
    /// The initial last event ID; empty for none. An ID of more than [`ParserLimits::id`] bytes, or with NULL, CR or
    /// LF, is [`Error::InvalidRequest`], since without it events would be missed silently.
    pub last_event_id: &'a str,
    /// The division of the memory for events. Default: [`ParserLimits::DEFAULT`].
    pub parser_limits: ParserLimits,
    /// The delays between attempts.
    pub reconnect: ReconnectPolicy,
    /// Spreads the delays: any number, a different one for each device.
    pub seed: u32,
    /// Whether 408, 425, 429, 500, 502, 503 and 504 count as network failures, with `Retry-After` within the bounds
    /// of `reconnect`. Default: yes, since a restart of the server behind a proxy would else stop the device forever.
    /// No: all of them are final (WHATWG HTML §9.2.3).
    pub retry_busy: bool,
}

impl Default for EventSourceOptions<'_> {
    fn default() -> Self {
        Self {
            last_event_id: "",
            parser_limits: ParserLimits::DEFAULT,
            reconnect: ReconnectPolicy::DEFAULT,
            seed: 0,
            retry_busy: true,
        }
    }
}

/// The ready state (WHATWG HTML §9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// Connecting, or waiting for the next attempt.
    Connecting,
    /// The stream is open.
    Open,
    /// Closed for good.
    Closed,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The initial last event ID is invalid.
    InvalidStart,
    Waiting(Instant),
    Connecting,
    /// Open; closed at this deadline without input.
    Open(Instant),
    Closed,
}

/// The next event of an [`EventSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSourceEvent<'a, E> {
    /// The stream is open.
    Opened,
    /// An event, borrowed from the source's memory.
    Event(MessageEvent<'a>),
    /// The stream has ended or could not be opened. The next attempt follows after `delay`.
    Disconnected {
        /// [`Disconnect::Closed`] if the server ended the stream, [`Disconnect::Broken`] if it was truncated.
        error: Error<E>,
        /// The time until the next attempt.
        delay: Duration,
    },
}

enum Step<E> {
    Opened,
    Event,
    Disconnected { error: Error<E>, delay: Duration },
}

impl<'e, R: ClientRuntime> EventSource<'e, R> {
    /// Reads the stream at `url`. `events` holds ids, type and data of one event ([`ParserLimits::memory`]).
    pub fn new(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &'e str,
        options: EventSourceOptions<'_>,
        memory: Buffers<'e>,
        events: &'e mut [u8],
    ) -> Self {
        let Buffers { buffer, location } = memory;
        let mut parser = Parser::new(events, options.parser_limits);
        let start = IdField::new(options.last_event_id.as_bytes()).map(|id| parser.restart_after(id));
        Self {
            client: HttpClient::new(runtime, config, url, location),
            head: buffer,
            parser,
            reconnect: Reconnect::new(options.reconnect),
            jitter: Jitter::new(options.seed),
            retry_busy: options.retry_busy,
            state: if matches!(start, Ok(Ok(()))) { State::Connecting } else { State::InvalidStart },
        }
    }

    /// Closes the source for good.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.client.reset();
    }

    /// Waits for the next event. A dropped future loses nothing; an attempt to connect starts again.
    ///
    /// # Errors
    /// The source is closed for good: by the status ([`Error::Status`], 204 included), the type, the redirects, an
    /// event beyond the limits ([`Error::EventStream`], since it would come again), or the policy's last attempt.
    /// After that, and after [`EventSource::close`]: [`Error::Closed`].
    pub async fn next(&mut self) -> Result<EventSourceEvent<'_, ConnectorError<R>>, Error<ConnectorError<R>>> {
        match self.step().await {
            Ok(Step::Opened) => Ok(EventSourceEvent::Opened),
            Ok(Step::Disconnected { error, delay }) => Ok(EventSourceEvent::Disconnected { error, delay }),
            Ok(Step::Event) => self.parser.event().map(EventSourceEvent::Event).ok_or(Error::Closed),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// The ready state.
    pub fn state(&self) -> ReadyState {
        match self.state {
            State::InvalidStart | State::Waiting(_) | State::Connecting => ReadyState::Connecting,
            State::Open(_) => ReadyState::Open,
            State::Closed => ReadyState::Closed,
        }
    }

    /// The `Last-Event-ID` of the next request; empty for none.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    async fn step(&mut self) -> Result<Step<ConnectorError<R>>, Error<ConnectorError<R>>> {
        loop {
            match self.state {
                State::Closed => return Err(Error::Closed),
                State::InvalidStart => return Err(Error::InvalidRequest),
                State::Waiting(until) => {
                    sleep(self.client.runtime.clock(), until).await;
                    self.state = State::Connecting;
                }
                State::Connecting => return self.connect().await,
                State::Open(deadline) => {
                    if let Some(step) = self.read(deadline).await? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Step<ConnectorError<R>>, Error<ConnectorError<R>>> {
        let last_event_id = self.parser.last_event_id();
        let asking = OutgoingRequest { accept: Some(EVENT_STREAM), last_event_id, ..OutgoingRequest::default() };
        let length = match self.client.request(&asking, self.head).await {
            Ok(length) => length,
            Err(error) => {
                let last = matches!(
                    error,
                    Error::Url(_) | Error::InvalidRequest | Error::InvalidRedirect | Error::TooManyRedirects
                );
                return if last { Err(error) } else { self.connect_failed(error, None) };
            }
        };
        let response = ResponseHead::parse(self.head.get(..length).unwrap_or_default(), self.client.config.max_fields)?;
        let status = response.status();
        if self.retry_busy && is_busy(status) {
            return self.connect_failed(status_error(&response), response.retry_after());
        }
        match self.reconnect.on_response(status, response.header("content-type")) {
            Ok(()) => {}
            Err(ReconnectError::ContentType) => return Err(Error::ContentType),
            Err(ReconnectError::NoContent | ReconnectError::Status(_)) => return Err(status_error(&response)),
        }
        if is_coded(response.fields()) {
            return Err(Error::ContentCoding);
        }
        self.parser.restart();
        self.state = State::Open(self.idle_deadline());
        Ok(Step::Opened)
    }

    /// Reads up to the next event or the end; `None`: call again.
    async fn read(&mut self, deadline: Instant) -> Result<Option<Step<ConnectorError<R>>>, Error<ConnectorError<R>>> {
        let Self { client: asker, parser, .. } = self;
        let Some(exchange) = asker.exchange() else { return Err(Error::Closed) };
        // Yield here: no await may stand between taking an event and returning it.
        exchange.connection.yield_if_spent().await;
        let mut failed: Option<ParseError> = None;
        let progress = exchange.read_body(&mut |data| match parser.store(data) {
            Ok(stored) => (stored.consumed, stored.event),
            Err(error) => {
                failed = Some(error);
                (data.len(), true)
            }
        });
        if let Some(error) = failed {
            return Err(Error::EventStream(error));
        }
        let error = match progress {
            Ok(BodyProgress::Data(event)) => {
                self.state = State::Open(self.idle_deadline());
                return Ok(event.then_some(Step::Event));
            }
            Ok(BodyProgress::WouldBlock) => match exchange.wait_body(deadline).await {
                Ok(()) => return Ok(None),
                Err(error) => error.into(),
            },
            Ok(BodyProgress::End) => Error::Disconnected(Disconnect::Closed),
            Err(error) => error.into(),
        };
        self.client.reset();
        self.reconnect.on_end();
        self.disconnected(error, None).map(Some)
    }

    /// An attempt to connect failed.
    fn connect_failed(
        &mut self,
        error: Error<ConnectorError<R>>,
        retry_after: Option<u32>,
    ) -> Result<Step<ConnectorError<R>>, Error<ConnectorError<R>>> {
        self.client.reset();
        self.reconnect.on_network_error();
        self.disconnected(error, retry_after)
    }

    fn disconnected(
        &mut self,
        error: Error<ConnectorError<R>>,
        retry_after: Option<u32>,
    ) -> Result<Step<ConnectorError<R>>, Error<ConnectorError<R>>> {
        if let Some(time) = self.parser.reconnection_time() {
            self.reconnect.on_retry_field(time);
        }
        match self.reconnect.next_delay_after(self.jitter.next(), retry_after) {
            ReconnectDecision::Stop => Err(error),
            ReconnectDecision::After(delay) => {
                self.state = State::Waiting(self.client.runtime.clock().now() + delay);
                Ok(Step::Disconnected { error, delay })
            }
        }
    }

    fn idle_deadline(&self) -> Instant {
        self.client.runtime.clock().now() + self.client.config.idle_timeout
    }
}
