//! A client's connection: wait, then act.

use core::future::Future;
use core::time::Duration;

use super::{ClientConfig, ClientRuntime, Connect};
use crate::connection::{ConnectionIo, ConnectionSocket, Disconnect, ReceiveTimeout, Timeouts};
use crate::io::{BufferFn, Clock, Interest, TryIo, WakeCondition};
use crate::time::Instant;
use crate::ws::connection::PingPayload;

/// A connection that a client opened, with its alarm.
pub struct ClientConnection<'e, R: ClientRuntime + 'e> {
    io: ConnectionSocket<<R::Connector as Connect>::Socket<'e>, <R::Clock as Clock>::Timer>,
    pub(super) runtime: &'e R,
    pub(super) config: &'e ClientConfig<'e>,
}

impl<'e, R: ClientRuntime> ClientConnection<'e, R> {
    pub(super) fn new(
        socket: <R::Connector as Connect>::Socket<'e>,
        runtime: &'e R,
        config: &'e ClientConfig<'e>,
    ) -> Self {
        let io = ConnectionSocket::new(socket, runtime.clock().timer(), config.io_budget);
        Self { io, runtime, config }
    }
}

impl<'e, R: ClientRuntime> ConnectionIo for ClientConnection<'e, R> {
    type Socket = <R::Connector as Connect>::Socket<'e>;
    type Clock = R::Clock;
    type Finished = ();

    fn socket(&self) -> &Self::Socket {
        self.io.socket()
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
            message: ReceiveTimeout { time: Duration::MAX, rate: 0 },
        }
    }

    fn is_shutting_down(&self) -> bool {
        false
    }

    fn finished(&self) {}

    fn pong_received(&self, payload: PingPayload) {
        self.runtime.pong_received(payload);
    }

    fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        self.io.try_read(f)
    }

    fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect> {
        self.io.try_write(f)
    }

    fn wait<C: WakeCondition + ?Sized>(
        &mut self,
        want: Interest,
        deadline: Instant,
        _until_shutdown: bool,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>> {
        self.io.wait(want, deadline, condition)
    }

    fn charge(&mut self, bytes: usize) {
        self.io.charge(bytes);
    }

    fn yield_if_spent(&mut self) -> impl Future<Output = ()> {
        self.io.yield_if_spent()
    }
}
