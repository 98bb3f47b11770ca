//! A WebSocket's machine with its deadlines.

use crate::connection::{Allowance, Ended, Link, ReceiveTimeout};
use crate::time::Instant;
use crate::ws::Role;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Config, Connection};
use crate::ws::keep_alive::{HeartbeatAction, Pulse};

/// The machine of an open connection, its heartbeat, and when its end is due.
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    pub(crate) pulse: Pulse,
    /// When the closing handshake is to be over, once it has begun.
    close_due: Option<Instant>,
    /// How long the rest of a message, or of a control frame, may still be waited for.
    allowance: Allowance,
}

impl Wire {
    pub(crate) fn new(link: &impl Link, role: Role, max_message: u64) -> Self {
        let pulse = Pulse::new(link.timeouts().heartbeat, link.now());
        Self {
            connection: Connection::new(role, Config { max_message }),
            pulse,
            close_due: None,
            allowance: Allowance::WHOLE,
        }
    }

    /// Asks for a Close because the server is shutting down.
    pub(crate) fn restart(&mut self) {
        // The first Close that was asked for stands.
        let _ = self.connection.close(CloseCode::SERVICE_RESTART, CloseReason::NONE);
    }

    /// What the clock demands: a ping, or the end. Every turn begins with it.
    pub(crate) fn beat(&mut self, link: &impl Link) -> Result<(), Ended> {
        let now = link.now();
        if self.connection.is_closing() {
            self.close_due.get_or_insert(now + link.timeouts().close);
        }
        match self.pulse.tick(now) {
            HeartbeatAction::Wait => {}
            // Behind a Close no ping follows; its deadline is its own.
            HeartbeatAction::Ping(payload) => drop(self.connection.ping(payload)),
            HeartbeatAction::GiveUp => return Err(Ended::TimedOut),
        }
        if self.close_due.is_some_and(|due| now >= due) { Err(Ended::TimedOut) } else { Ok(()) }
    }

    /// Counts what came, `payload` bytes of it of a message. Only those earn time: a message that is kept open by empty fragments
    /// and control frames, and a frame that comes byte by byte, last no longer than one that nothing follows.
    ///
    /// # Errors
    /// [`Ended::TimedOut`]: the rest has taken too long.
    // On a chip code is scarcer than time: there it is called.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) fn came(&mut self, payload: usize, now: Instant, timeout: ReceiveTimeout) -> Result<(), Ended> {
        if !self.connection.is_receiving() {
            self.allowance = Allowance::WHOLE;
        } else if payload > 0 {
            self.allowance.came(payload, now, timeout);
        } else {
            self.rest_due(now, timeout)?;
        }
        Ok(())
    }

    /// When the rest of a message, or of a frame, is no longer waited for. The wait begins now, unless it has begun.
    ///
    /// # Errors
    /// [`Ended::TimedOut`]: that moment has come.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) fn rest_due(&mut self, now: Instant, timeout: ReceiveTimeout) -> Result<Instant, Ended> {
        if !self.connection.is_receiving() {
            return Ok(Instant::MAX);
        }
        let due = self.allowance.due(now, timeout);
        if now >= due { Err(Ended::TimedOut) } else { Ok(due) }
    }

    /// When [`Wire::beat`] is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.close_due.map_or(self.pulse.deadline(), |due| due.min(self.pulse.deadline()))
    }
}
