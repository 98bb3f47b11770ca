//! The connection of a WebSocket.

use core::future::Future;
use core::time::Duration;

use super::{Disconnect, ReceiveTimeout};
use crate::io::{BufferFn, Clock, Interest, Socket, TryIo, WakeCondition};
use crate::time::Instant;
use crate::ws::connection::PingPayload;
use crate::ws::keep_alive::KeepAliveConfig;

/// The connection of a WebSocket: a socket, a clock with a timer, and the budget of a turn.
///
/// On a server the HTTP connection has them and the WebSocket borrows it. A client's connection owns its socket.
pub trait ConnectionIo {
    /// The socket.
    type Socket: Socket;
    /// The clock.
    type Clock: Clock;
    /// The result of a WebSocket that was closed in order.
    type Finished;

    /// The socket.
    fn socket(&self) -> &Self::Socket;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// The deadlines.
    fn timeouts(&self) -> Timeouts;

    /// Whether the server shuts down and the WebSocket closes with 1012. The task is woken when that begins.
    fn is_shutting_down(&self) -> bool;

    /// The result of a WebSocket that was closed in order.
    fn finished(&self) -> Self::Finished;

    /// Calls `f` once with received bytes, and counts the bytes that it consumes.
    ///
    /// # Errors
    /// [`Disconnect::Broken`]
    fn try_read(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect>;

    /// Calls `f` once with free space, and counts the bytes that it writes. The peer's end is an error.
    ///
    /// # Errors
    /// [`Disconnect::Broken`]
    fn try_write(&mut self, f: &mut dyn BufferFn) -> Result<TryIo<()>, Disconnect>;

    /// Waits until an attempt in a wanted direction may succeed, until `deadline` or until `condition` is ready. With
    /// `until_shutdown` also until [`ConnectionIo::is_shutting_down`]. May return early.
    ///
    /// # Errors
    /// [`Disconnect::Broken`]
    fn wait<C: WakeCondition + ?Sized>(
        &mut self,
        want: Interest,
        deadline: Instant,
        until_shutdown: bool,
        condition: &mut C,
    ) -> impl Future<Output = Result<(), Disconnect>>;

    /// Called for each received pong, solicited or not (RFC 6455 §5.5.3).
    fn pong_received(&self, payload: PingPayload) {
        let _ = payload;
    }

    /// Counts a received ping or pong; `false` where it exceeds the bound. Default: there is no bound.
    fn admits_control_frame(&mut self) -> bool {
        true
    }

    /// Counts work that took as long as moving `bytes`.
    fn charge(&mut self, bytes: usize);

    /// Yields to the executor's other tasks once the budget is spent.
    fn yield_if_spent(&mut self) -> impl Future<Output = ()>;

    /// The current time.
    fn now(&self) -> Instant {
        self.clock().now()
    }
}

/// The deadlines of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From a blocked write to the next progress; the connection then breaks.
    pub write: Duration,
    /// From the sent Close to the peer's Close.
    pub close: Duration,
    /// Interval and deadline of pings.
    pub keep_alive: KeepAliveConfig,
    /// A fragmented message or a control frame, from its first byte to its last; the connection then breaks.
    pub message: ReceiveTimeout,
}
