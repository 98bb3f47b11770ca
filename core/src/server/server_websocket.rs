//! A WebSocket that a handler drives.

use core::future::Future;
use core::task::{Context, Poll};

use super::http_connection::HttpConnection;
use super::response::Responded;
use super::runtime::Runtime;
use crate::connection::Disconnect;
use crate::io::{BufferFn, Interest, TryIo, WakeCondition};
use crate::time::Instant;
use crate::websocket::{ConnectionIo, Timeouts, WebSocket};
use crate::ws::connection::Unmasked;

/// Options of a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct AcceptOptions<'a> {
    /// Supported subprotocols, the preferred one first. The first that the client offers is chosen.
    pub protocols: &'a [&'a str],
    /// The largest message, in bytes; a larger one closes with 1009. Default: no bound, for handlers that read chunks.
    pub max_message: u64,
}

impl Default for AcceptOptions<'_> {
    fn default() -> Self {
        Self { protocols: &[], max_message: u64::MAX }
    }
}

/// The [`WebSocket`] of a handler. [`WebSocket::close`] returns its [`Responded`].
pub type ServerWebSocket<'x, 'l, R> = WebSocket<'x, &'x mut HttpConnection<'l, R>, Unmasked>;

impl<R: Runtime> ConnectionIo for &mut HttpConnection<'_, R> {
    type Socket = R::Socket;
    type Clock = R::Clock;
    type Finished = Responded;

    fn socket(&self) -> &R::Socket {
        HttpConnection::socket(self)
    }

    fn clock(&self) -> &R::Clock {
        self.runtime.clock()
    }

    fn timeouts(&self) -> Timeouts {
        let config = self.config;
        Timeouts {
            write: config.write_timeout,
            close: config.close_timeout,
            keep_alive: config.keep_alive,
            message: config.receive_timeout(),
        }
    }

    fn is_shutting_down(&self) -> bool {
        self.runtime.is_shutting_down()
    }

    fn finished(&self) -> Responded {
        Responded::CLOSE
    }

    fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        HttpConnection::try_read(self, f)
    }

    fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        HttpConnection::try_write(self, f)
    }

    fn wait<C: WakeCondition + ?Sized>(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_shutdown: bool,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        async move {
            let runtime = self.runtime;
            let mut either = |cx: &mut Context<'_>| {
                if until_shutdown && runtime.is_shutting_down() { Poll::Ready(()) } else { condition.poll(cx) }
            };
            HttpConnection::wait(self, want, deadline, &mut either).await
        }
    }

    fn admits_control_frame(&mut self) -> bool {
        let most = self.config.max_control_frames;
        self.admits(most)
    }

    fn charge(&mut self, bytes: usize) {
        HttpConnection::charge(self, bytes);
    }

    fn yield_if_spent(&mut self) -> impl Future<Output = ()> {
        HttpConnection::yield_if_spent(self)
    }
}
