//! Every bound and timeout of a client in one table.

use core::time::Duration;

use crate::http::MAX_FIELDS;
use crate::ws::keep_alive::KeepAliveConfig;

/// The bounds and habits of clients.
#[derive(Clone, Debug)]
pub struct ClientConfig<'a> {
    /// Fields to send with every request, such as `Authorization`. Names that the client writes itself are refused:
    /// `Host`, `Connection`, `Upgrade`, `Content-Length`, `Transfer-Encoding`, `Accept`, `Last-Event-ID`,
    /// `Idempotency-Key` and `Sec-WebSocket-*`; a `Content-Type` or a `Cache-Control` stands in place of the client's.
    /// `Authorization` and `Cookie` do not follow a redirect to another origin.
    /// Default: none.
    pub headers: &'a [(&'a str, &'a str)],
    /// Until the connection is open, TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// From there to the end of the answer's head. Default: 20 s; a long poll has its wait beside that.
    pub response_timeout: Duration,
    /// Without the server taking any output; the connection then breaks. Default: 30 s.
    pub write_timeout: Duration,
    /// From our Close to the server's, on a WebSocket. Default: 5 s.
    pub close_timeout: Duration,
    /// Without anything from the server on an answer that goes on, heartbeats included; it is lost then. A server of
    /// ours says something every 15 s. Default: 45 s. [`Duration::MAX`] waits for ever, as a browser does.
    pub idle_timeout: Duration,
    /// Pings and pongs of a WebSocket. Default: 25 s and 20 s.
    pub keep_alive: KeepAliveConfig,
    /// Redirects that are followed one after the other. Default: 5.
    pub max_redirects: u8,
    /// Field lines in an answer's head. Default: [`MAX_FIELDS`].
    pub max_fields: usize,
    /// Bytes that a connection may move before the other tasks of its executor have their turn. Default: 16 KiB.
    pub io_budget: usize,
}

impl Default for ClientConfig<'_> {
    fn default() -> Self {
        Self {
            headers: &[],
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(45),
            keep_alive: KeepAliveConfig::default(),
            max_redirects: 5,
            max_fields: MAX_FIELDS,
            io_budget: 16 * 1024,
        }
    }
}

/// The memory of a client, which bounds what it takes.
#[derive(Debug)]
pub struct Buffers<'m> {
    /// Holds the head of an answer, and after that the event that is being received: 512 bytes and up.
    pub buffer: &'m mut [u8],
    /// Holds the URL of a redirect; none are followed where it is empty.
    pub location: &'m mut [u8],
}
