//! A channel of a hub whose channels are fixed.

use super::{ChannelLog, IDEMPOTENCY_KEYS};
use crate::log::EventLog;

/// A channel: its name, its log and the number of its followers.
///
/// `S` is the log's storage, `KEYS` how many idempotency keys are remembered.
#[derive(Debug)]
pub struct Channel<S, const KEYS: usize = IDEMPOTENCY_KEYS> {
    pub(super) name: &'static str,
    pub(super) log: ChannelLog<S, KEYS>,
    pub(super) followers: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const KEYS: usize> Channel<S, KEYS> {
    /// The channel `name` over `log`.
    pub fn new(name: &'static str, log: EventLog<S>) -> Self {
        Self { name, log: ChannelLog::new(log), followers: 0 }
    }

    pub(super) fn log(&self) -> &EventLog<S> {
        self.log.log()
    }
}
