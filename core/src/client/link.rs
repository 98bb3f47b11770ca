//! A client's connection: wait, then act.

use core::future::Future;
use core::time::Duration;

use super::{Config, Connect, Runtime};
use crate::connection::{Ended, Link, ReceiveTimeout, Timeouts, Turn};
use crate::io::{Borrower, Clock, Interest, Lent, Reason};
use crate::time::Instant;
use crate::ws::connection::PingPayload;

/// A connection that a client opened, with its alarm.
pub struct ClientLink<'e, R: Runtime + 'e> {
    socket: <R::Connect as Connect>::Socket<'e>,
    pub(super) runtime: &'e R,
    pub(super) config: &'e Config<'e>,
    turn: Turn<<R::Clock as Clock>::Timer>,
}

impl<'e, R: Runtime> ClientLink<'e, R> {
    pub(super) fn new(socket: <R::Connect as Connect>::Socket<'e>, runtime: &'e R, config: &'e Config<'e>) -> Self {
        let turn = Turn::new(runtime.clock().timer(), config.turn);
        Self { socket, runtime, config, turn }
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
        Timeouts {
            write: config.write_timeout,
            close: config.close_timeout,
            heartbeat: config.heartbeat,
            message: ReceiveTimeout { time: Duration::MAX, rate: 0 },
        }
    }

    fn is_draining(&self) -> bool {
        false
    }

    fn finished(&self) {}

    fn ponged(&self, payload: PingPayload) {
        self.runtime.ponged(payload);
    }

    fn try_read(&mut self, f: &mut dyn Borrower) -> Result<Lent<()>, Ended> {
        self.turn.try_read(&mut self.socket, &mut 0, f)
    }

    fn try_write(&mut self, f: &mut dyn Borrower) -> Result<Lent<()>, Ended> {
        self.turn.try_write(&mut self.socket, &mut 0, f)
    }

    fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        _until_draining: bool,
        also: &mut dyn Reason,
    ) -> impl Future<Output = Result<(), Ended>> {
        self.turn.wait(&mut self.socket, want, deadline, also)
    }

    fn charge(&mut self, bytes: usize) {
        self.turn.charge(bytes);
    }

    fn breathe(&mut self) -> impl Future<Output = ()> {
        self.turn.breathe()
    }
}
