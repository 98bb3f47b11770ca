//! A WebSocket's machine with its deadlines.

use super::{Ended, Link};
use crate::time::Instant;
use crate::ws::Role;
use crate::ws::close::{CloseCode, CloseReason};
use crate::ws::connection::{Config, Connection};
use crate::ws::heartbeat::{HeartbeatAction, Pulse};

/// The machine of an open connection, its heartbeat, and when its end is due.
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    pub(crate) pulse: Pulse,
    /// When the closing handshake is to be over, once it has begun.
    close_due: Option<Instant>,
}

impl Wire {
    pub(crate) fn new(link: &impl Link, role: Role, max_message: u64) -> Self {
        let pulse = Pulse::new(link.timeouts().heartbeat, link.now());
        Self { connection: Connection::new(role, Config { max_message }), pulse, close_due: None }
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

    /// When [`Wire::beat`] is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.close_due.map_or(self.pulse.deadline(), |due| due.min(self.pulse.deadline()))
    }
}
