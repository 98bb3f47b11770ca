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
/// The longest cursor, in bytes, unless [`Subscription::with_bounds`] says otherwise. A server of ours has 29 at most.
pub const MAX_CURSOR: usize = 64;

/// What stands for a cursor that is too long to be one: no server can place it, and each tells a gap.
const INVALID_CURSOR: &str = "-";

/// Reads a channel, on whichever transport works. `CURSOR` is how many bytes an id may have.
pub struct Subscription<'e, R: ClientRuntime, const CURSOR: usize = MAX_CURSOR> {
    pub(super) client: HttpClient<'e, 'e, R>,
    pub(super) options: SubscriptionOptions<'e>,
    /// Holds heads, and objects and lines after them; empty while an SSE parser has it.
    pub(super) buffer: &'e mut [u8],
    pub(super) parser: Option<Parser<&'e mut [u8]>>,
    pub(super) socket: Option<ClientWebSocket<'e, R>>,
    /// What the next request resumes from, empty while that is not known.
    pub(super) cursor: heapless::String<CURSOR>,
    /// Where the newest event is was asked for, whatever came of it.
    pub(super) newest_requested: bool,
    pub(super) fallback: TransportFallback,
    pub(super) phase: Phase,
    /// The transport that was told to be open.
    pub(super) open_transport: Option<Transport>,
    /// When the better transports are tried again.
    pub(super) retry_better_at: Instant,
    pub(super) reconnect: Reconnect<0>,
    pub(super) jitter: Jitter,
}

impl<'e, R: ClientRuntime> Subscription<'e, R> {
    /// Reads the channel at `url`, in any of the schemes `http`, `https`, `ws` and `wss`.
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
    /// The same with ids of up to `CURSOR` bytes, for servers whose ids are longer than ours:
    /// `Subscription::<_, 1024>::with_bounds(…)`. On SSE three of them, and [`SubscriptionOptions::max_event_type`], take their place in
    /// the buffer.
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
        }
    }

    /// Closes it at once: it never comes back.
    pub fn abort(&mut self) {
        self.drop_connection();
        self.phase = Phase::Closed;
    }

    /// The id of the last event that was handed out, or where it began; empty while that is not known.
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The transport that is open.
    pub fn transport(&self) -> Option<Transport> {
        self.open_transport
    }

    /// The transport whose turn it is.
    pub(super) fn current_transport(&self) -> Transport {
        self.options.transports.get(self.fallback.at()).copied().unwrap_or(Transport::Poll)
    }

    pub(super) fn now(&self) -> Instant {
        self.client.runtime.clock().now()
    }

    /// Whether the next transport above is to be tried; the end of time is never.
    pub(super) fn is_retry_better_due(&self) -> bool {
        self.retry_better_at < Instant::MAX && self.now() >= self.retry_better_at
    }

    pub(super) fn idle_deadline(&self) -> Instant {
        self.now() + self.client.config.idle_timeout
    }

    /// Gives up what is open, and has the buffer back.
    pub(super) fn drop_connection(&mut self) {
        self.socket = None;
        self.client.reset();
        if let Some(parser) = self.parser.take() {
            self.buffer = parser.into_memory();
        }
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// Until then nothing is done.
    Waiting(Instant),
    /// A request is on its way.
    Requesting(PendingRequest),
    /// An answer goes on, of SSE or of streaming.
    Streaming(StreamState),
    /// The answer to a poll comes.
    Polling(PollState),
    /// A WebSocket is open; whether something has come over it.
    WebSocket {
        heard: bool,
    },
    Closed,
}

impl Phase {
    pub(super) const START: Self = Self::Waiting(Instant::from_millis(0));
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingRequest {
    /// A poll that only tells where the newest event is, so that nothing is lost between it and a transport that does not
    /// tell.
    pub(super) find_newest: bool,
    pub(super) nonce: [u8; 16],
    pub(super) since: Instant,
}

/// A stream that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamState {
    /// It is given up when nothing comes until then.
    pub(super) deadline: Instant,
    /// A byte has come.
    pub(super) received_any: bool,
    /// Bytes of a line that stand in the buffer.
    pub(super) filled: usize,
}

/// The answer to a poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollState {
    pub(super) body: PollBodyParser,
    pub(super) deadline: Instant,
    /// Events that it brought.
    pub(super) events: u32,
    pub(super) find_newest: bool,
    pub(super) since: Instant,
}

/// What came of a step.
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
