//! A client's connection: wait, then act.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};

use super::{Config, Connect, Runtime};
use crate::edge::{Clock, Interest, Lent, Socket, Timer};
use crate::session::{Ended, Link, Timeouts};
use crate::time::Instant;
use crate::ws::connection::PingPayload;

/// A connection that a client opened, with its alarm.
pub struct ClientLink<'e, R: Runtime + 'e> {
    socket: <R::Connect as Connect>::Socket<'e>,
    pub(super) runtime: &'e R,
    pub(super) config: &'e Config<'e>,
    timer: <R::Clock as Clock>::Timer,
    /// Bytes moved in this turn.
    spent: usize,
}

impl<'e, R: Runtime> ClientLink<'e, R> {
    pub(super) fn new(socket: <R::Connect as Connect>::Socket<'e>, runtime: &'e R, config: &'e Config<'e>) -> Self {
        Self { socket, runtime, config, timer: runtime.clock().timer(), spent: 0 }
    }
}

impl<'e, R: Runtime> Link for ClientLink<'e, R> {
    type Socket = <R::Connect as Connect>::Socket<'e>;
    type Clock = R::Clock;
    type Finished = ();

    fn socket(&self) -> &Self::Socket {
        &self.socket
    }

    fn clock(&self) -> &R::Clock {
        self.runtime.clock()
    }

    fn timeouts(&self) -> Timeouts {
        let config = self.config;
        Timeouts { write: config.write_timeout, close: config.close_timeout, heartbeat: config.heartbeat }
    }

    fn is_draining(&self) -> bool {
        false
    }

    fn finished(&self) {}

    fn ponged(&self, payload: PingPayload) {
        self.runtime.ponged(payload);
    }

    fn try_read(&mut self, f: &mut dyn FnMut(&mut [u8]) -> usize) -> Result<Lent<()>, Ended> {
        let Self { socket, spent, .. } = self;
        let lent = socket.try_read_with(|bytes| {
            let consumed = f(bytes);
            *spent = spent.saturating_add(consumed);
            (consumed, ())
        });
        lent.map_err(|_| Ended::Broken)
    }

    fn try_write(&mut self, f: &mut dyn FnMut(&mut [u8]) -> usize) -> Result<Lent<()>, Ended> {
        let Self { socket, spent, .. } = self;
        let lent = socket.try_write_with(|room| {
            let written = f(room);
            *spent = spent.saturating_add(written);
            (written, ())
        });
        match lent {
            Ok(Lent::Eof) | Err(_) => Err(Ended::Broken),
            Ok(lent) => Ok(lent),
        }
    }

    fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        _until_draining: bool,
        also: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> impl Future<Output = Result<(), Ended>> {
        async move {
            // A wait that is over at once gives nobody else a turn.
            self.breathe().await;
            let Self { socket, timer, spent, .. } = self;
            let mut ready = pin!(socket.wait(want));
            poll_fn(|cx| {
                if also(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                if let Poll::Ready(ready) = ready.as_mut().poll(cx) {
                    return Poll::Ready(ready.map_err(|_| Ended::Broken));
                }
                let poll = timer.poll_until(cx, deadline).map(Ok);
                if poll.is_pending() {
                    *spent = 0;
                }
                poll
            })
            .await
        }
    }

    async fn breathe(&mut self) {
        if self.spent < self.config.turn {
            return;
        }
        self.spent = 0;
        let mut yielded = false;
        poll_fn(|cx| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
