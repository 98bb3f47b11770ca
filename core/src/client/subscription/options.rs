//! How a channel is read.

use core::time::Duration;

use crate::format::Transport;
use crate::log::Position;
use crate::sse::reconnect::ReconnectPolicy;

/// The longest event type on SSE: ours with `;base64` fits.
const EVENT_TYPE: usize = 72;

/// How a channel is read.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionOptions<'a> {
    /// The transports to use, the preferred one first. Default: WebSocket, SSE, streaming, long polling, polling.
    pub transports: &'a [Transport],
    /// The start. Default: after the newest event.
    ///
    /// [`Position::After`] takes an id as [`Subscription::cursor`](super::Subscription::cursor) returned it; an empty one is
    /// [`Position::Newest`]. An id that the server does not know, an id of more than [`MAX_CURSOR`](super::MAX_CURSOR) bytes and
    /// [`Position::Unknown`] begin with a gap; reading continues by the server's gap policy.
    pub start: Position<&'a str>,
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
            start: Position::Newest,
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
