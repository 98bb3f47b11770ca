//! What a WebSocket stands on.

use core::future::Future;
use core::time::Duration;

use super::{Disconnect, ReceiveTimeout};
use crate::io::{BufferFn, Clock, Interest, Socket, TryIo, WakeCondition};
use crate::time::Instant;
use crate::ws::connection::PingPayload;
use crate::ws::keep_alive::KeepAliveConfig;

/// A connection beneath a WebSocket: its socket, its clock and its alarm, a turn's budget.
///
/// A server's lies within what serves the connection, a client's owns its socket.
pub trait ConnectionIo {
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
    fn is_shutting_down(&self) -> bool;

    /// Says that the WebSocket has ended in order.
    fn finished(&self) -> Self::Finished;

    /// Lends received bytes to `f`, once, and counts what it says that it consumed.
    ///
    /// # Errors
    /// [`Disconnect::Broken`]
    fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect>;

    /// Lends room to `f`, once, and counts what it says that it wrote. The peer's end is an error.
    ///
    /// # Errors
    /// [`Disconnect::Broken`]
    fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect>;

    /// Waits until a wanted direction can be attempted, `deadline` has come or `also` is ready; with `until_draining` also
    /// until [`ConnectionIo::is_shutting_down`]. May return early.
    ///
    /// # Errors
    /// [`Disconnect::Broken`]
    fn wait(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_draining: bool,
        also: &mut dyn WakeCondition,
    ) -> impl Future<Output = Result<(), Disconnect>>;

    /// A pong came, in answer to a ping of this side or unasked.
    fn pong_received(&self, payload: PingPayload) {
        let _ = payload;
    }

    /// A ping or a pong came: whether that is not one too many. Default: there is no bound.
    fn admits_control_frame(&mut self) -> bool {
        true
    }

    /// Counts work that took longer than its bytes, as so many more of them.
    fn charge(&mut self, bytes: usize);

    /// Lets the other connections have their turn once this one has had its share.
    fn yield_if_spent(&mut self) -> impl Future<Output = ()>;

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
    pub keep_alive: KeepAliveConfig,
    /// A message that comes in pieces, or a control frame: waiting for it in all; the connection then breaks.
    pub message: ReceiveTimeout,
}
