//! Server-Sent Events as WHATWG HTML §9.2 has them, without a browser.
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

/// Reads an event stream, and comes back when it ends, with the last event ID.
///
/// As in a browser a 204, another status than 200 and another type than `text/event-stream` are final, redirects are
/// followed, and an end or a failure of the network leads to another attempt after the reconnection time. It differs
/// where a device without a user in front of it has to: attempts that fail wait longer each time, a connection that says
/// nothing for [`ClientConfig::idle_timeout`] is given up, and a server that is busy is asked again
/// ([`EventSourceOptions::retry_busy`]).
pub struct EventSource<'e, R: ClientRuntime> {
    client: HttpClient<'e, 'e, R>,
    head: &'e mut [u8],
    parser: Parser<&'e mut [u8]>,
    reconnect: Reconnect<0>,
    jitter: Jitter,
    retry_busy: bool,
    state: State,
}

/// How a source is read.
#[derive(Clone, Copy, Debug)]
pub struct EventSourceOptions<'a> {
    /// The last event ID to begin with; empty for none. One of more than [`ParserLimits::id`] bytes, or with a NULL, CR or LF, is
    /// [`Error::InvalidRequest`]: to begin without it would miss events in silence.
    pub last_event_id: &'a str,
    /// How the memory for events is divided. Default: [`ParserLimits::DEFAULT`].
    pub parser_limits: ParserLimits,
    /// When it comes back.
    pub reconnect: ReconnectPolicy,
    /// Spreads the delays: any number, another one for each device.
    pub seed: u32,
    /// Whether 408, 425, 429, 500, 502, 503 and 504 are failures of the network, with `Retry-After` heard within the
    /// bounds of `reconnect`, rather than final. Default: yes, since the device would else stop for ever when a server behind a proxy is restarted; no is
    /// what WHATWG HTML says.
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

/// The states of a source (WHATWG HTML §9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// It is connecting, or waits to.
    Connecting,
    /// Events may come.
    Open,
    /// It will never come back.
    Closed,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The last event ID to begin with is none.
    InvalidStart,
    Waiting(Instant),
    Connecting,
    /// It is given up when nothing comes until then.
    Open(Instant),
    Closed,
}

/// What there is to know next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSourceEvent<'a, E> {
    /// The stream is open.
    Opened,
    /// An event, lent from the source's memory.
    Event(MessageEvent<'a>),
    /// The stream ended, or could not be opened; it is tried again after `delay`.
    Disconnected {
        /// Why: [`Disconnect::Closed`] where the server ended it, [`Disconnect::Broken`] where it was cut short.
        error: Error<E>,
        /// How long it waits.
        delay: Duration,
    },
}

enum Step<E> {
    Opened,
    Event,
    Disconnected { error: Error<E>, delay: Duration },
}

impl<'e, R: ClientRuntime> EventSource<'e, R> {
    /// A source of the events at `url`, in `events`, which holds ids, type and data of one ([`ParserLimits::memory`]).
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

    /// Closes it: it never comes back.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.client.reset();
    }

    /// Waits for what comes next. Dropped while it waits it loses nothing; an attempt to connect is begun again.
    ///
    /// # Errors
    /// It is closed for good: by the status ([`Error::Status`], 204 included), the type, the redirects, an event past the
    /// bounds ([`Error::EventStream`], since it would come again), or a policy's last attempt, whose error this is. After
    /// that, and after [`EventSource::close`]: [`Error::Closed`].
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

    /// The state that it is in.
    pub fn state(&self) -> ReadyState {
        match self.state {
            State::InvalidStart | State::Waiting(_) | State::Connecting => ReadyState::Connecting,
            State::Open(_) => ReadyState::Open,
            State::Closed => ReadyState::Closed,
        }
    }

    /// What the next request says as `Last-Event-ID`; empty for none.
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
                State::Open(due) => {
                    if let Some(step) = self.read(due).await? {
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
        let answer = ResponseHead::parse(self.head.get(..length).unwrap_or_default(), self.client.config.max_fields)?;
        let status = answer.status();
        if self.retry_busy && is_busy(status) {
            return self.connect_failed(status_error(&answer), answer.retry_after());
        }
        match self.reconnect.on_response(status, answer.header("content-type")) {
            Ok(()) => {}
            Err(ReconnectError::ContentType) => return Err(Error::ContentType),
            Err(ReconnectError::NoContent | ReconnectError::Status(_)) => return Err(status_error(&answer)),
        }
        if is_coded(answer.fields()) {
            return Err(Error::ContentCoding);
        }
        self.parser.restart();
        self.state = State::Open(self.idle_deadline());
        Ok(Step::Opened)
    }

    /// Reads up to the next event or the end; `None` where it is to be looked at again.
    async fn read(&mut self, due: Instant) -> Result<Option<Step<ConnectorError<R>>>, Error<ConnectorError<R>>> {
        let Self { client: asker, parser, .. } = self;
        let Some(exchange) = asker.exchange() else { return Err(Error::Closed) };
        // Before, since between taking an event and giving it out nothing may be waited for.
        exchange.connection.yield_if_spent().await;
        let mut failed: Option<ParseError> = None;
        let came = exchange.read_body(&mut |data| match parser.store(data) {
            Ok(stored) => (stored.consumed, stored.event),
            Err(error) => {
                failed = Some(error);
                (data.len(), true)
            }
        });
        if let Some(error) = failed {
            return Err(Error::EventStream(error));
        }
        let fault = match came {
            Ok(BodyProgress::Data(event)) => {
                self.state = State::Open(self.idle_deadline());
                return Ok(event.then_some(Step::Event));
            }
            Ok(BodyProgress::WouldBlock) => match exchange.wait_body(due).await {
                Ok(()) => return Ok(None),
                Err(fault) => fault.into(),
            },
            Ok(BodyProgress::End) => Error::Disconnected(Disconnect::Closed),
            Err(fault) => fault.into(),
        };
        self.client.reset();
        self.reconnect.on_end();
        self.disconnected(fault, None).map(Some)
    }

    /// An attempt came to nothing.
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
