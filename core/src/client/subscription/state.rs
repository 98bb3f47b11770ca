//! The state of a subscription.

use core::time::Duration;

use super::envelope::Spans;
use super::fallback::TransportFallback;
use super::poll_body::PollBodyParser;
use super::{StartPosition, SubscriptionOptions};
use crate::client::http_client::HttpClient;
use crate::client::jitter::Jitter;
use crate::client::{Buffers, ClientConfig, ClientRuntime, ClientWebSocket, Error};
use crate::format::Transport;
use crate::io::Clock;
use crate::sse::parse::Parser;
use crate::sse::reconnect::Reconnect;
use crate::time::Instant;
/// The longest cursor, in bytes, unless [`Subscription::with_bounds`] says otherwise. A server of ours has 29 at most.
pub const MAX_CURSOR: usize = 64;

/// What stands for a cursor that is too long to be one: no server can place it, and each tells a gap.
const NOWHERE: &str = "-";

/// Reads a channel, on whichever transport works. `CURSOR` is how many bytes an id may have.
pub struct Subscription<'e, R: ClientRuntime, const CURSOR: usize = MAX_CURSOR> {
    pub(super) asker: HttpClient<'e, 'e, R>,
    pub(super) options: SubscriptionOptions<'e>,
    /// Holds heads, and objects and lines after them; empty while an SSE parser has it.
    pub(super) buffer: &'e mut [u8],
    pub(super) parser: Option<Parser<&'e mut [u8]>>,
    pub(super) socket: Option<ClientWebSocket<'e, R>>,
    /// What the next request resumes from, empty while that is not known.
    pub(super) cursor: heapless::String<CURSOR>,
    /// Where the newest event is was asked for, whatever came of it.
    pub(super) anchored: bool,
    pub(super) ladder: TransportFallback,
    pub(super) phase: Phase,
    /// The transport that was told to be open.
    pub(super) told: Option<Transport>,
    /// When the better transports are tried again.
    pub(super) climb_at: Instant,
    pub(super) reconnect: Reconnect<0>,
    pub(super) spread: Jitter,
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
        Self::with_bounds(runtime, config, url, options, memory)
    }
}

impl<'e, R: ClientRuntime, const CURSOR: usize> Subscription<'e, R, CURSOR> {
    /// The same with ids of up to `CURSOR` bytes, for servers whose ids are longer than ours:
    /// `Subscription::<_, 1024>::with_bounds(…)`. On SSE three of them, and [`SubscriptionOptions::max_event_type`], take their place in
    /// the buffer.
    pub fn with_bounds(
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
        url: &'e str,
        options: SubscriptionOptions<'e>,
        memory: Buffers<'e>,
    ) -> Self {
        let Buffers { buffer, location } = memory;
        let (mut options, mut cursor) = (options, heapless::String::new());
        match options.start {
            StartPosition::Oldest | StartPosition::Newest => {}
            StartPosition::After("") => options.start = StartPosition::Newest,
            StartPosition::After(id) => cursor = id.try_into().or_else(|_| NOWHERE.try_into()).unwrap_or_default(),
        }
        Self {
            asker: HttpClient::new(runtime, config, url, location),
            options,
            buffer,
            parser: None,
            socket: None,
            cursor,
            anchored: false,
            ladder: TransportFallback::new(options.transports.len()),
            phase: Phase::START,
            told: None,
            climb_at: Instant::MAX,
            reconnect: Reconnect::new(options.reconnect),
            spread: Jitter::new(options.seed),
        }
    }

    /// Closes it at once: it never comes back.
    pub fn close(&mut self) {
        self.drop_connection();
        self.phase = Phase::Closed;
    }

    /// The id of the last event that was handed out, or where it began; empty while that is not known.
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The transport that is open.
    pub fn transport(&self) -> Option<Transport> {
        self.told
    }

    /// The transport whose turn it is.
    pub(super) fn current(&self) -> Transport {
        self.options.transports.get(self.ladder.at()).copied().unwrap_or(Transport::Poll)
    }

    pub(super) fn now(&self) -> Instant {
        self.asker.runtime.clock().now()
    }

    /// Whether the next transport above is to be tried; the end of time is never.
    pub(super) fn is_climb_due(&self) -> bool {
        self.climb_at < Instant::MAX && self.now() >= self.climb_at
    }

    pub(super) fn silent_until(&self) -> Instant {
        self.now() + self.asker.config.idle_timeout
    }

    /// Gives up what is open, and has the buffer back.
    pub(super) fn drop_connection(&mut self) {
        self.socket = None;
        self.asker.forget();
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
    Asking(PendingRequest),
    /// An answer goes on, of SSE or of streaming.
    Following(Following),
    /// The answer to a poll comes.
    Polling(Polling),
    /// A WebSocket is open; whether something has come over it.
    Talking {
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
    pub(super) anchor: bool,
    pub(super) nonce: [u8; 16],
    pub(super) since: Instant,
}

/// A stream that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Following {
    /// It is given up when nothing comes until then.
    pub(super) due: Instant,
    /// A byte has come.
    pub(super) heard: bool,
    /// Bytes of a line that stand in the buffer.
    pub(super) filled: usize,
}

/// The answer to a poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polling {
    pub(super) body: PollBodyParser,
    pub(super) due: Instant,
    /// Events that it brought.
    pub(super) events: u32,
    pub(super) anchor: bool,
    pub(super) since: Instant,
}

/// What came of a step.
pub(super) enum Step<E> {
    Opened(Transport),
    /// An event in the buffer.
    Event(Spans),
    /// An event in the parser.
    ParsedEvent,
    Gap(Option<u64>),
    Lost {
        transport: Transport,
        error: Error<E>,
        delay: Duration,
    },
}
