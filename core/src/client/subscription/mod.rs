//! A subscription that resumes: one cursor over five transports.
//!
//! It takes the transports in the order that they are given. One that fails before anything came (something between eats
//! the upgrade, or collects the answer) gives way to the next; one that worked and is lost is tried again. After a while
//! on a lesser transport the better ones are tried again, rarer each time that it was in vain. Whatever happens, the cursor
//! is that of the last event that was handed out: nothing is lost that the server's log still holds, nothing comes twice,
//! and what is gone is told.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `run.rs` | [`Subscription`] at work: asking, failing, coming back |
//! | `read.rs` | what comes on each transport |
//! | `fallback.rs` | which transport is tried next |
//! | `envelope.rs`, `poll_body.rs` | JSON, read where it stands |

mod envelope;
mod fallback;
mod poll_body;
mod read;
mod run;

use core::time::Duration;

use super::http_client::HttpClient;
use super::jitter::Jitter;
use super::{Buffers, ClientConfig, ClientRuntime, ClientWebSocket, ConnectError, Error};
pub use crate::format::Transport;
use crate::sse::parse::Parser;
use crate::sse::reconnect::{Reconnect, ReconnectPolicy};
use crate::time::Instant;
use crate::ws::close::{CloseCode, CloseReason};
use fallback::TransportFallback;
use run::Phase;
pub(super) use run::SUBPROTOCOL;

/// The longest cursor, in bytes, unless [`Subscription::with_bounds`] says otherwise. A server of ours has 29 at most.
pub const MAX_CURSOR: usize = 64;

/// What stands for a cursor that is too long to be one: no server can place it, and each tells a gap.
const NOWHERE: &str = "-";

/// The longest event type on SSE: ours with `;base64` fits.
const EVENT_TYPE: usize = 72;

/// Reads a channel, on whichever transport works. `CURSOR` is how many bytes an id may have.
pub struct Subscription<'e, R: ClientRuntime, const CURSOR: usize = MAX_CURSOR> {
    asker: HttpClient<'e, 'e, R>,
    options: SubscriptionOptions<'e>,
    /// Holds heads, and objects and lines after them; empty while an SSE parser has it.
    buffer: &'e mut [u8],
    parser: Option<Parser<&'e mut [u8]>>,
    socket: Option<ClientWebSocket<'e, R>>,
    /// What the next request resumes from, empty while that is not known.
    cursor: heapless::String<CURSOR>,
    /// Where the newest event is was asked for, whatever came of it.
    anchored: bool,
    ladder: TransportFallback,
    phase: Phase,
    /// The transport that was told to be open.
    told: Option<Transport>,
    /// When the better transports are tried again.
    climb_at: Instant,
    reconnect: Reconnect<0>,
    spread: Jitter,
}

/// How a channel is read.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionOptions<'a> {
    /// The transports to use, the preferred one first. Default: WebSocket, SSE, streaming, long polling, polling.
    pub transports: &'a [Transport],
    /// Where it starts. Default: after the newest event.
    pub start: StartPosition<'a>,
    /// How long a long poll waits. Default: 25 s.
    pub wait: Duration,
    /// From one poll to the next. Default: 5 s.
    pub poll_interval: Duration,
    /// How long an answer that goes on may say nothing at first before something between is taken to collect it. Default:
    /// 10 s; a server of ours says something at once.
    pub first_byte_timeout: Duration,
    /// How long a lesser transport is used before the better ones are tried again; twice as long after each time in vain, up
    /// to sixteen times. Default: 5 min, so up to 80. The connection that works is given up for that, since a device may
    /// have memory for one: nothing is lost, but events are late by as long as the better ones need to fail, which is a
    /// round trip where the upgrade is refused, [`ClientConfig::response_timeout`] where it is swallowed, and two unanswered pings
    /// ([`ClientConfig::keep_alive`]) where nothing passes but the answer to it. [`Duration::MAX`] stays with what works.
    pub retry_better_after: Duration,
    /// The longest event type on SSE, in bytes; it takes its place in the buffer. Default: 72.
    pub max_event_type: usize,
    /// When it comes back.
    pub reconnect: ReconnectPolicy,
    /// Spreads the delays: any number, another one for each device.
    pub seed: u32,
}

impl Default for SubscriptionOptions<'_> {
    fn default() -> Self {
        Self {
            transports: &[
                Transport::WebSocket,
                Transport::Sse,
                Transport::Stream,
                Transport::LongPoll,
                Transport::Poll,
            ],
            start: StartPosition::Newest,
            wait: Duration::from_secs(25),
            poll_interval: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(10),
            retry_better_after: Duration::from_secs(300),
            max_event_type: EVENT_TYPE,
            reconnect: ReconnectPolicy::DEFAULT,
            seed: 0,
        }
    }
}

/// Where a subscription starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartPosition<'a> {
    /// At the oldest event that is kept.
    Oldest,
    /// After the newest event.
    Newest,
    /// After the event of this id, as [`Subscription::cursor`] gave it; where that was not known yet, and empty, after the
    /// newest. One that the server cannot place, or that has more than [`MAX_CURSOR`] bytes, begins with a gap, after which
    /// reading goes on by the server's policy.
    After(&'a str),
}

/// An event, lent from the subscription's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its id: where to resume after it. Empty where the server gives none.
    pub id: &'a str,
    /// Its type, `message` where it has none of its own.
    pub event_type: &'a str,
    /// Its data.
    pub data: EventData<'a>,
}

/// The data of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventData<'a> {
    /// Text. On SSE each CR and CR LF in it has become an LF.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> EventData<'a> {
    /// The bytes, of text as well.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// What there is to know next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEvent<'a, E> {
    /// A transport works. Told again after each loss, not for each poll.
    Opened {
        /// Which one.
        transport: Transport,
    },
    /// An event.
    Event(Event<'a>),
    /// Events are missing here: the log does not hold them any more.
    Gap {
        /// How many, where that can be known.
        missed: Option<u64>,
    },
    /// A transport has failed or is lost.
    Lost {
        /// Which one.
        transport: Transport,
        /// Why.
        error: Error<E>,
        /// How long it waits until the next attempt, on this transport or on the next.
        delay: Duration,
    },
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

    /// Waits for what comes next. Dropped while it waits it loses nothing; an attempt to connect is begun again.
    ///
    /// # Errors
    /// It is over for good: no transport is served there ([`Error::Status`] and the like of the last one), the server said
    /// 204, an event is longer than the memory ([`Error::TooLarge`], since it would come again), or the policy's attempts
    /// are used up. After that: [`Error::Closed`].
    pub async fn next(&mut self) -> Result<SubscriptionEvent<'_, ConnectError<R>>, Error<ConnectError<R>>> {
        match self.step().await {
            Ok(step) => self.item(step),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// Closes it in order: an open WebSocket by its closing handshake (RFC 6455 §7.1.2), for as long as the server may take
    /// to answer a Close. Events that come meanwhile are not handed out.
    pub async fn finish(&mut self) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.close(CloseCode::NORMAL, CloseReason::NONE).await;
        }
        self.close();
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
}
