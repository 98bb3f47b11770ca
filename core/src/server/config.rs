//! Every bound of a connection in one table.

use core::time::Duration;

use super::access::Access;
use crate::connection::ReceiveTimeout;
use crate::format::{PollLimits, StreamTimers};
use crate::http::MAX_FIELDS;
use crate::ws::keep_alive::KeepAliveConfig;

/// The bounds and habits of a server's connections.
#[derive(Clone, Debug)]
pub struct ServerConfig<'a> {
    /// Who may ask. Default: pages of the same origin, by address or as `localhost`.
    pub access: Access<'a>,
    /// Field lines in a request head (431). Default: [`MAX_FIELDS`].
    pub max_fields: usize,
    /// Bytes of a request's content (413). Default: 64 KiB.
    pub max_body: u64,
    /// Bytes that a connection may move before the others of its executor have their turn. What costs more than its bytes counts as
    /// so many of them: a frame 256, a request 4,096 and five times its head, a publication 2,048. Default: 16 KiB.
    pub io_budget: usize,
    /// Requests of a connection in a second; the next one waits. 0: without bound. Default: 100,000.
    pub max_requests: u32,
    /// Pings and pongs of a WebSocket's peer in a second; one more closes with 1008. 0: without bound. Default: 1,000.
    pub max_control_frames: u32,
    /// From a head's first byte to its last (408). Default: 10 s.
    pub head_timeout: Duration,
    /// How long a request waits for a buffer of [`ClientRuntime::buffer`](super::Runtime::buffer) for its head (503). A head that has
    /// been coming for half a second gives up its own for it (408). Default: 2 s.
    pub buffer_timeout: Duration,
    /// From one request's end to the next one's start; the connection then closes. Behind a proxy it has to be longer than the
    /// proxy keeps one. Default: 60 s.
    pub idle_timeout: Duration,
    /// How long a request's content, a WebSocket message that comes in pieces or a control frame may be waited for in all (408; a
    /// WebSocket breaks), beside what [`ServerConfig::min_body_rate`] adds. Default: 20 s.
    pub body_timeout: Duration,
    /// Bytes of it that earn one second more, up to `body_timeout` in hand: how slowly it may come and go on. 0: however
    /// slowly, without a pause of `body_timeout`. Default: 500.
    pub min_body_rate: u32,
    /// Without the peer taking any output; the connection then breaks. Default: 30 s.
    pub write_timeout: Duration,
    /// How long a connection that publishes waits, at most, where its event would overwrite one that a follower has not taken yet.
    /// Followers that are behind then are not waited for until they have caught up. Default: 250 ms.
    pub publish_wait: Duration,
    /// From our end of a connection to the peer's. Default: 2 s.
    pub linger_timeout: Duration,
    /// From our Close to the peer's, on a WebSocket. Default: 5 s.
    pub close_timeout: Duration,
    /// Keep-alive and reconnection time of SSE and streaming. Default: 15 s and 3 s.
    pub stream_timers: StreamTimers,
    /// Pings and pongs of a WebSocket. Default: 25 s and 20 s.
    pub keep_alive: KeepAliveConfig,
    /// How much one answer to a poll carries. Default: 100 events, 64 KiB.
    pub poll: PollLimits,
    /// How long a long poll waits where it does not say. Default: 25 s.
    pub default_wait: Duration,
    /// How long a long poll waits at most. Default: 60 s.
    pub max_wait: Duration,
    /// When a client that found the server full is to come back, and half as much again at most. Default: 5 s.
    pub retry_after: Duration,
}

impl ServerConfig<'_> {
    /// How long content, or a message, may take.
    pub(crate) fn receive_timeout(&self) -> ReceiveTimeout {
        ReceiveTimeout { time: self.body_timeout, rate: self.min_body_rate }
    }
}

impl Default for ServerConfig<'_> {
    fn default() -> Self {
        Self {
            access: Access::default(),
            max_fields: MAX_FIELDS,
            max_body: 64 * 1024,
            io_budget: 16 * 1024,
            max_requests: 100_000,
            max_control_frames: 1_000,
            head_timeout: Duration::from_secs(10),
            buffer_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(20),
            min_body_rate: 500,
            write_timeout: Duration::from_secs(30),
            publish_wait: Duration::from_millis(250),
            linger_timeout: Duration::from_secs(2),
            close_timeout: Duration::from_secs(5),
            stream_timers: StreamTimers::default(),
            keep_alive: KeepAliveConfig::default(),
            poll: PollLimits::default(),
            default_wait: Duration::from_secs(25),
            max_wait: Duration::from_secs(60),
            retry_after: Duration::from_secs(5),
        }
    }
}
