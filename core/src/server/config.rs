//! The bounds of a connection.

use core::time::Duration;

use super::access::Access;
use crate::connection::ReceiveTimeout;
use crate::format::{PollLimits, StreamTimers};
use crate::grammar::host::HostPolicy;
use crate::grammar::origin::OriginPolicy;
use crate::http::MAX_FIELDS;
use crate::ws::keep_alive::KeepAliveConfig;

/// The bounds and deadlines of a server's connections.
#[derive(Clone, Debug)]
pub struct ServerConfig<'a> {
    /// Permitted origins and hosts. Default: the same origin, by IP address or `localhost`.
    pub access: Access<'a>,
    /// Field lines in a request head (431). Default: [`MAX_FIELDS`].
    pub max_fields: usize,
    /// Bytes of a request's content (413). Default: 64 KiB.
    pub max_body: u64,
    /// Bytes that a connection moves before it yields to the other tasks of its executor. Other work counts as bytes: a frame 256, a
    /// request 4,096 and five times its head, a published event 2,048. Default: 16 KiB.
    pub io_budget: usize,
    /// Requests of a connection in a second; the next one waits. 0: without bound. Default: 100,000.
    pub max_requests: u32,
    /// Pings and pongs of a WebSocket's peer in a second; one more closes with 1008. 0: without bound. Default: 1,000.
    pub max_control_frames: u32,
    /// From a head's first byte to its last (408). Default: 10 s.
    pub head_timeout: Duration,
    /// The wait for a head buffer from [`Runtime::buffer`](super::Runtime::buffer) (503). A head that takes longer than 500 ms loses its
    /// buffer to it (408). Default: 2 s.
    pub buffer_timeout: Duration,
    /// From the end of a request to the start of the next; the connection then closes. Behind a proxy it must exceed the proxy's idle
    /// timeout. Default: 60 s.
    pub idle_timeout: Duration,
    /// The wait for a request's content, a fragmented WebSocket message or a control frame in all (408; a WebSocket breaks), beside
    /// the time that [`ServerConfig::min_body_rate`] adds. Default: 20 s.
    pub body_timeout: Duration,
    /// Bytes of it that add a second, up to `body_timeout` in reserve. 0: any rate without a pause of `body_timeout`. Default: 500.
    pub min_body_rate: u32,
    /// From a blocked write to the next progress; the connection then breaks. Default: 30 s.
    pub write_timeout: Duration,
    /// The longest wait of a publisher whose event would overwrite one that a follower has not read. Followers that are behind then are
    /// ignored until they have caught up. Default: 250 ms.
    pub publish_wait: Duration,
    /// From the sent FIN to the peer's FIN. Default: 2 s.
    pub linger_timeout: Duration,
    /// From the sent Close of a WebSocket to the peer's Close. Default: 5 s.
    pub close_timeout: Duration,
    /// Keep-alive and reconnection time of SSE and streaming. Default: 15 s and 3 s.
    pub stream_timers: StreamTimers,
    /// Interval and deadline of the pings of a WebSocket. Default: 25 s and 20 s.
    pub keep_alive: KeepAliveConfig,
    /// The events in one response to a poll. Default: 100 events, 64 KiB.
    pub poll: PollLimits,
    /// The wait of a long poll without a value. Default: 25 s.
    pub default_wait: Duration,
    /// The longest wait of a long poll. Default: 60 s.
    pub max_wait: Duration,
    /// The delay after which a client retries that found the server full, plus a random part of half of it. Default: 5 s.
    pub retry_after: Duration,
}

impl ServerConfig<'_> {
    /// The deadline for content or a message.
    pub(crate) fn receive_timeout(&self) -> ReceiveTimeout {
        ReceiveTimeout { time: self.body_timeout, rate: self.min_body_rate }
    }
}

impl ServerConfig<'_> {
    const DEFAULT: Self = Self {
        access: Access { origins: OriginPolicy::Same, hosts: HostPolicy::Local },
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
        stream_timers: StreamTimers::DEFAULT,
        keep_alive: KeepAliveConfig::DEFAULT,
        poll: PollLimits::DEFAULT,
        default_wait: Duration::from_secs(25),
        max_wait: Duration::from_secs(60),
        retry_after: Duration::from_secs(5),
    };

    /// The bounds for a chip, which has few connections and few buffers: as the default, except these.
    ///
    /// | field | value | reason |
    /// | --- | --- | --- |
    /// | `access.hosts` | [`HostPolicy::LocalNetwork`] | its users type `http://sensor.local/` or `http://sensor/` |
    /// | `max_body` | 1 KiB | the content that a handler reads; the event buffers bound publications |
    /// | `idle_timeout` | 5 s | a browser would keep idle connections for a minute |
    /// | `head_timeout`, `body_timeout` | 5 s | an incomplete request occupies one of few buffers |
    ///
    /// It is a constant, for a `static`: `static CONFIG: ServerConfig = ServerConfig::chip();`
    pub const fn chip() -> Self {
        let mut chip = Self::DEFAULT;
        chip.access.hosts = HostPolicy::LocalNetwork;
        chip.max_body = 1_024;
        chip.idle_timeout = Duration::from_secs(5);
        chip.head_timeout = Duration::from_secs(5);
        chip.body_timeout = Duration::from_secs(5);
        chip
    }
}

impl Default for ServerConfig<'_> {
    fn default() -> Self {
        Self::DEFAULT
    }
}
