//! A WebSocket's machine with its deadlines.

use crate::connection::{ConnectionIo, Disconnect, ReceiveAllowance, ReceiveTimeout};
use crate::time::Instant;
use crate::ws::Role;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Connection, ConnectionConfig};
use crate::ws::keep_alive::{KeepAlive, KeepAliveAction};

/// The machine of an open connection, its heartbeat, and when its end is due.
pub(crate) struct WebSocketState {
    pub(crate) connection: Connection,
    pub(crate) pulse: KeepAlive,
    /// When the closing handshake is to be over, once it has begun.
    close_due: Option<Instant>,
    /// How long the rest of a message, or of a control frame, may still be waited for.
    allowance: ReceiveAllowance,
}

impl WebSocketState {
    pub(crate) fn new(link: &impl ConnectionIo, role: Role, max_message: u64) -> Self {
        let pulse = KeepAlive::new(link.timeouts().keep_alive, link.now());
        Self {
            connection: Connection::new(role, ConnectionConfig { max_message }),
            pulse,
            close_due: None,
            allowance: ReceiveAllowance::WHOLE,
        }
    }

    /// Asks for a Close because the server is shutting down.
    pub(super) fn restart(&mut self) {
        // The first Close that was asked for stands.
        let _ = self.connection.close(CloseCode::SERVICE_RESTART, CloseReason::NONE);
    }

    /// Applies the keep-alive rules at the current time: a ping, or the time-out. Every turn begins with it.
    pub(crate) fn send_keep_alive(&mut self, link: &impl ConnectionIo) -> Result<(), Disconnect> {
        let now = link.now();
        if self.connection.is_closing() {
            self.close_due.get_or_insert(now + link.timeouts().close);
        }
        match self.pulse.tick(now) {
            KeepAliveAction::Wait => {}
            // Behind a Close no ping follows; its deadline is its own.
            KeepAliveAction::Ping(payload) => drop(self.connection.ping(payload)),
            KeepAliveAction::TimedOut => return Err(Disconnect::TimedOut),
        }
        if self.close_due.is_some_and(|due| now >= due) { Err(Disconnect::TimedOut) } else { Ok(()) }
    }

    /// Counts received bytes, `payload` of them message payload. Only payload extends the deadline: empty fragments, control
    /// frames and the bytes of a header do not keep a message open.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`]: the rest has taken too long.
    // On a chip code is scarcer than time: there it is called.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn received(&mut self, payload: usize, now: Instant, timeout: ReceiveTimeout) -> Result<(), Disconnect> {
        if !self.connection.is_receiving() {
            self.allowance = ReceiveAllowance::WHOLE;
        } else if payload > 0 {
            self.allowance.received(payload, now, timeout);
        } else {
            self.wait_deadline(now, timeout)?;
        }
        Ok(())
    }

    /// When the rest of a message, or of a frame, is no longer waited for. The wait begins now, unless it has begun.
    ///
    /// # Errors
    /// [`Disconnect::TimedOut`]: that moment has come.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn wait_deadline(&mut self, now: Instant, timeout: ReceiveTimeout) -> Result<Instant, Disconnect> {
        if !self.connection.is_receiving() {
            return Ok(Instant::MAX);
        }
        let due = self.allowance.deadline(now, timeout);
        if now >= due { Err(Disconnect::TimedOut) } else { Ok(due) }
    }

    /// When [`WebSocketState::send_keep_alive`] is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.close_due.map_or(self.pulse.deadline(), |due| due.min(self.pulse.deadline()))
    }
}
