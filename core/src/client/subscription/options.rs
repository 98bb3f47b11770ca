//! The options of a subscription.

use core::time::Duration;

use crate::format::Transport;
use crate::log::Position;
use crate::sse::reconnect::ReconnectPolicy;

/// goldcrest's longest event type with `;base64` fits.
const EVENT_TYPE: usize = 72;

/// The options of a [`Subscription`](super::Subscription).
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionOptions<'a> {
    /// The transports to use, in order of preference. Default: WebSocket, SSE, streaming, long polling, polling.
    pub transports: &'a [Transport],
    /// The start. Default: after the newest event.
    ///
    /// [`Position::After`] takes an id as [`Subscription::cursor`](super::Subscription::cursor) returned it; an empty one is
    /// [`Position::Newest`]. An id that the server does not know, an id of more than [`MAX_CURSOR`](super::MAX_CURSOR) bytes and
    /// [`Position::Unknown`] begin with a gap; reading continues by the server's gap policy.
    pub start: Position<&'a str>,
    /// The wait of a long poll. Default: 25 s.
    pub wait: Duration,
    /// The interval between polls. Default: 5 s.
    pub poll_interval: Duration,
    /// The time to the first byte of a stream; a proxy collects the response if it is exceeded. Default: 10 s;
    /// goldcrest sends a byte at once.
    pub first_byte_timeout: Duration,
    /// The time on a lesser transport before the better ones are tried again. It doubles after each failure, up to
    /// sixteen times. Default: 5 min, so up to 80 min. [`Duration::MAX`] keeps the transport that works.
    ///
    /// The working connection is closed for the retry, since a device may have memory for one. No event is lost, but
    /// events are late until the better transports have failed. That takes a round trip where the upgrade is
    /// rejected, [`ClientConfig::response_timeout`](crate::client::ClientConfig::response_timeout) where it gets no
    /// response, and two unanswered pings ([`ClientConfig::keep_alive`](crate::client::ClientConfig::keep_alive))
    /// where nothing passes after the handshake.
    pub retry_better_after: Duration,
    /// The longest event type on SSE, in bytes; it takes its share of the buffer. Default: 72.
    pub max_event_type: usize,
    /// The delays between attempts.
    pub reconnect: ReconnectPolicy,
    /// Spreads the delays: any number, a different one for each device.
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
