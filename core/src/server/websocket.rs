//! A WebSocket of a handler's own.

use core::future::Future;
use core::task::{Context, Poll};

use super::exchange::Served;
use super::line::Line;
use super::{Ended, Runtime};
use crate::io::{Borrower, Interest, Lent, Reason};
use crate::time::Instant;
use crate::websocket::{Link, Session, Timeouts};
use crate::ws::connection::Unmasked;

/// How a request becomes a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketOptions<'a> {
    /// Subprotocols that the handler speaks, the preferred one first. The client's offer decides whether one is chosen.
    pub protocols: &'a [&'a str],
    /// Bytes of a message; a larger one closes with 1009. Default: no bound, for who reads parts.
    pub max_message: u64,
}

impl Default for WebSocketOptions<'_> {
    fn default() -> Self {
        Self { protocols: &[], max_message: u64::MAX }
    }
}

/// An open WebSocket of a handler's: [`Session`] says what it can do, and ends by the [`Served`] of
/// [`Session::finish`].
pub type WebSocket<'x, 'l, R> = Session<&'x mut Line<'l, R>, Unmasked>;

impl<R: Runtime> Link for &mut Line<'_, R> {
    type Socket = R::Socket;
    type Clock = R::Clock;
    type Finished = Served;

    fn socket(&self) -> &R::Socket {
        self.socket
    }

    fn clock(&self) -> &R::Clock {
        self.runtime.clock()
    }

    fn timeouts(&self) -> Timeouts {
        let config = self.config;
        Timeouts {
            write: config.write_timeout,
            close: config.close_timeout,
            heartbeat: config.heartbeat,
            message: config.receive_timeout(),
        }
    }

    fn is_draining(&self) -> bool {
        self.runtime.is_draining()
    }

    fn finished(&self) -> Served {
        Served::CLOSE
    }

    fn try_read(&mut self, f: &mut dyn Borrower) -> Result<Lent<()>, Ended> {
        Line::try_read(self, f)
    }

    fn try_write(&mut self, f: &mut dyn Borrower) -> Result<Lent<()>, Ended> {
        Line::try_write(self, f)
    }

    fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_draining: bool,
        also: &mut dyn Reason,
    ) -> impl Future<Output = Result<(), Ended>> {
        async move {
            let runtime = self.runtime;
            let mut either = |cx: &mut Context<'_>| {
                if until_draining && runtime.is_draining() { Poll::Ready(()) } else { also.poll(cx) }
            };
            Line::wait(self, want, deadline, &mut either).await
        }
    }

    fn admits_control_frame(&mut self) -> bool {
        let most = self.config.max_control_frames;
        self.admits(most)
    }

    fn charge(&mut self, bytes: usize) {
        Line::charge(self, bytes);
    }

    fn breathe(&mut self) -> impl Future<Output = ()> {
        Line::breathe(self)
    }
}
