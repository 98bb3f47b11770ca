//! Limits and timeouts of a client.

use core::time::Duration;

use crate::http::MAX_FIELDS;
use crate::ws::keep_alive::KeepAliveConfig;

/// The limits and timeouts of clients.
#[derive(Clone, Debug)]
pub struct ClientConfig<'a> {
    /// Header fields to send with every request, such as `Authorization`. Default: none.
    ///
    /// The client writes these itself and rejects them here: `Host`, `Connection`, `Upgrade`, `Content-Length`,
    /// `Transfer-Encoding`, `Accept`, `Last-Event-ID`, `Idempotency-Key` and `Sec-WebSocket-*`. A `Content-Type` or a
    /// `Cache-Control` replaces the client's own. A redirect to another origin drops `Authorization` and `Cookie`
    /// (RFC 9110 §15.4).
    pub headers: &'a [(&'a str, &'a str)],
    /// From the attempt to the open connection, TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// From the end of the request to the end of the response's head, plus the wait of a long poll. Default: 20 s.
    pub response_timeout: Duration,
    /// Without progress of the output; the connection is then closed. Default: 30 s.
    pub write_timeout: Duration,
    /// From this side's Close to the server's, on a WebSocket. Default: 5 s.
    pub close_timeout: Duration,
    /// Without input on a stream; the connection is then lost. Keep-alive comments count as input: goldcrest sends
    /// one every 15 s. Default: 45 s. [`Duration::MAX`] waits forever, as a browser does.
    pub idle_timeout: Duration,
    /// Pings and pongs of a WebSocket. Default: 25 s and 20 s.
    pub keep_alive: KeepAliveConfig,
    /// Redirects in a row. Default: 5.
    pub max_redirects: u8,
    /// Field lines of a response's head. Default: [`MAX_FIELDS`].
    pub max_fields: usize,
    /// Bytes that a connection moves before it yields to the other tasks of its executor. Default: 16 KiB.
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

/// The memory of a client.
#[derive(Debug)]
pub struct Buffers<'m> {
    /// For the head of a response, and then for the event being received: at least 512 bytes.
    pub buffer: &'m mut [u8],
    /// For the URL of a redirect. Empty: no redirect is followed.
    pub location: &'m mut [u8],
}
