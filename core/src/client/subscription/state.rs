//! The state of a subscription.

use core::time::Duration;

use super::SubscriptionOptions;
use super::envelope::EventSpans;
use super::fallback::TransportFallback;
use super::poll_body::PollBodyParser;
use crate::client::http_client::HttpClient;
use crate::client::jitter::Jitter;
use crate::client::{Buffers, ClientConfig, ClientRuntime, ClientWebSocket, Error};
use crate::format::Transport;
use crate::io::Clock;
use crate::log::{Gap, Position};
use crate::sse::parse::Parser;
use crate::sse::reconnect::Reconnect;
use crate::time::Instant;
/// The default limit of an id, in bytes ([`Subscription::with_max_cursor`]). An id of goldcrest has at most 29.
pub const MAX_CURSOR: usize = 64;

/// Stands for an id that is too long: no server knows it, so each reports a gap.
const INVALID_CURSOR: &str = "-";

/// Reads a channel, on any transport that works. `CURSOR` is the limit of an id, in bytes.
pub struct Subscription<'e, R: ClientRuntime, const CURSOR: usize = MAX_CURSOR> {
    pub(super) client: HttpClient<'e, 'e, R>,
    pub(super) options: SubscriptionOptions<'e>,
    /// For heads, and after them for objects and lines; empty while an SSE parser owns it.
    pub(super) buffer: &'e mut [u8],
    pub(super) parser: Option<Parser<&'e mut [u8]>>,
    pub(super) socket: Option<ClientWebSocket<'e, R>>,
    /// The id from which the next request resumes; empty while unknown.
    pub(super) cursor: heapless::String<CURSOR>,
    /// A poll for the newest event's id was sent, with or without success.
    pub(super) newest_requested: bool,
    pub(super) fallback: TransportFallback,
    pub(super) phase: Phase,
    /// The transport that was reported as open.
    pub(super) open_transport: Option<Transport>,
    /// The time for trying the better transports again.
    pub(super) retry_better_at: Instant,
    pub(super) reconnect: Reconnect<0>,
    pub(super) jitter: Jitter,
    /// Bytes of the buffer that hold the text of the last rejection.
    pub(super) rejection_len: usize,
}

impl<'e, R: ClientRuntime> Subscription<'e, R> {
    /// Reads the channel at `url`, whose scheme is `http`, `https`, `ws` or `wss`.
    pub fn new(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &'e str,
        options: SubscriptionOptions<'e>,
        memory: Buffers<'e>,
    ) -> Self {
        Self::with_max_cursor(runtime, config, url, options, memory)
    }
}

impl<'e, R: ClientRuntime, const CURSOR: usize> Subscription<'e, R, CURSOR> {
    /// Reads the channel of a server with longer ids: `Subscription::<_, 1024>::with_max_cursor(…)`. On SSE three of
    /// them, and [`SubscriptionOptions::max_event_type`], take their share of the buffer.
    pub fn with_max_cursor(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &'e str,
        options: SubscriptionOptions<'e>,
        memory: Buffers<'e>,
    ) -> Self {
        let Buffers { buffer, location } = memory;
        let (mut options, mut cursor) = (options, heapless::String::new());
        match options.start {
            Position::Oldest | Position::Newest => {}
            Position::After("") => options.start = Position::Newest,
            Position::After(id) => cursor = id.try_into().or_else(|_| INVALID_CURSOR.try_into()).unwrap_or_default(),
            Position::Unknown => cursor = INVALID_CURSOR.try_into().unwrap_or_default(),
        }
        Self {
            client: HttpClient::new(runtime, config, url, location),
            options,
            buffer,
            parser: None,
            socket: None,
            cursor,
            newest_requested: false,
            fallback: TransportFallback::new(options.transports.len()),
            phase: Phase::START,
            open_transport: None,
            retry_better_at: Instant::MAX,
            reconnect: Reconnect::new(options.reconnect),
            jitter: Jitter::new(options.seed),
            rejection_len: 0,
        }
    }

    /// Closes the subscription at once, without a Close frame.
    pub fn abort(&mut self) {
        self.drop_connection();
        self.phase = Phase::Closed;
    }

    /// The id of the last returned event, or of the start; empty while unknown.
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The content of the last rejection ([`Error::Status`]) until the next request: as much as has arrived with its head, truncated to
    /// the buffer. Empty if its media type was neither `text/plain` nor `application/problem+json` (RFC 9457).
    pub fn rejection_text(&self) -> &str {
        let text = self.buffer.get(..self.rejection_len).unwrap_or_default();
        text.utf8_chunks().next().map_or("", |chunk| chunk.valid()).trim_ascii()
    }

    /// The open transport.
    pub fn transport(&self) -> Option<Transport> {
        self.open_transport
    }

    /// The transport to try, or in use.
    pub(super) fn current_transport(&self) -> Transport {
        self.options.transports.get(self.fallback.at()).copied().unwrap_or(Transport::Poll)
    }

    pub(super) fn now(&self) -> Instant {
        self.client.runtime.clock().now()
    }

    /// Whether better transports are to be tried again; [`Instant::MAX`]: never.
    pub(super) fn is_retry_better_due(&self) -> bool {
        self.retry_better_at < Instant::MAX && self.now() >= self.retry_better_at
    }

    pub(super) fn idle_deadline(&self) -> Instant {
        self.now() + self.client.config.idle_timeout
    }

    /// Closes the connection, and takes the buffer back from the parser.
    pub(super) fn drop_connection(&mut self) {
        self.socket = None;
        self.client.reset();
        if let Some(parser) = self.parser.take() {
            self.buffer = parser.into_memory();
        }
    }
}

/// The phase of a subscription.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// Waiting until this time.
    Waiting(Instant),
    /// A request is in progress.
    Requesting(PendingRequest),
    /// The body of SSE or streaming.
    Streaming(StreamState),
    /// The body of a poll.
    Polling(PollState),
    /// A WebSocket is open; whether a message has arrived.
    WebSocket {
        received_any: bool,
    },
    Closed,
}

impl Phase {
    pub(super) const START: Self = Self::Waiting(Instant::from_millis(0));
}

/// The request in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingRequest {
    /// The request is a poll for the newest event's id, for a transport that does not report it.
    pub(super) find_newest: bool,
    pub(super) nonce: [u8; 16],
    pub(super) since: Instant,
}

/// The body of SSE or streaming.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamState {
    /// The connection is lost at this time without input.
    pub(super) deadline: Instant,
    pub(super) received_any: bool,
    /// The length of the incomplete line in the buffer.
    pub(super) filled: usize,
}

/// The body of a poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollState {
    pub(super) body: PollBodyParser,
    pub(super) deadline: Instant,
    /// The number of events in it.
    pub(super) events: u32,
    pub(super) find_newest: bool,
    pub(super) since: Instant,
}

/// The result of a step.
pub(super) enum Step<E> {
    Opened(Transport),
    /// An event in the buffer.
    Event(EventSpans),
    /// An event in the parser.
    ParsedEvent,
    Gap(Gap),
    Disconnected {
        transport: Transport,
        error: Error<E>,
        delay: Duration,
    },
}
