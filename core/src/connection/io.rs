//! What a WebSocket stands on.

use core::future::Future;
use core::time::Duration;

use super::{Ended, ReceiveTimeout};
use crate::io::{Borrower, Clock, Interest, Lent, Reason, Socket};
use crate::time::Instant;
use crate::ws::connection::PingPayload;
use crate::ws::keep_alive::Heartbeat;

/// A connection beneath a WebSocket: its socket, its clock and its alarm, a turn's budget.
///
/// A server's lies within what serves the connection, a client's owns its socket.
pub trait Link {
    /// The socket.
    type Socket: Socket;
    /// The clock.
    type Clock: Clock;
    /// What who ends a WebSocket in order is given for it.
    type Finished;

    /// The socket.
    fn socket(&self) -> &Self::Socket;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// The deadlines.
    fn timeouts(&self) -> Timeouts;

    /// Whether the WebSocket is to be closed because the server is shutting down (1012). Its task is woken when that begins.
    fn is_draining(&self) -> bool;

    /// Says that the WebSocket has ended in order.
    fn finished(&self) -> Self::Finished;

    /// Lends received bytes to `f`, once, and counts what it says that it consumed.
    ///
    /// # Errors
    /// [`Ended::Broken`]
    fn try_read(&mut self, f: &mut dyn Borrower) -> Result<Lent<()>, Ended>;

    /// Lends room to `f`, once, and counts what it says that it wrote. The peer's end is an error.
    ///
    /// # Errors
    /// [`Ended::Broken`]
    fn try_write(&mut self, f: &mut dyn Borrower) -> Result<Lent<()>, Ended>;

    /// Waits until a wanted direction can be attempted, `deadline` has come or `also` is ready; with `until_draining` also
    /// until [`Link::is_draining`]. May return early.
    ///
    /// # Errors
    /// [`Ended::Broken`]
    fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_draining: bool,
        also: &mut dyn Reason,
    ) -> impl Future<Output = Result<(), Ended>>;

    /// A pong came, in answer to a ping of this side or unasked.
    fn ponged(&self, payload: PingPayload) {
        let _ = payload;
    }

    /// A ping or a pong came: whether that is not one too many. Default: there is no bound.
    fn admits_control_frame(&mut self) -> bool {
        true
    }

    /// Counts work that took longer than its bytes, as so many more of them.
    fn charge(&mut self, bytes: usize);

    /// Lets the other connections have their turn once this one has had its share.
    fn breathe(&mut self) -> impl Future<Output = ()>;

    /// The moment that it is.
    fn now(&self) -> Instant {
        self.clock().now()
    }
}

/// How long a WebSocket waits for its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Without the peer taking any output; the connection then breaks.
    pub write: Duration,
    /// From our Close to the peer's.
    pub close: Duration,
    /// Pings and pongs.
    pub heartbeat: Heartbeat,
    /// A message that comes in pieces, or a control frame: waiting for it in all; the connection then breaks.
    pub message: ReceiveTimeout,
}
