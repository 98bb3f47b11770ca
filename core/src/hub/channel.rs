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
    /// The channel `name`, whose log uses all of `storage`: an array or a slice. The hub gives it the epoch.
    ///
    /// The log has at most one event for each [`BYTES_PER_SLOT`](crate::log::BYTES_PER_SLOT) bytes of `storage`, and each event takes
    /// [`RECORD_OVERHEAD`](crate::log::RECORD_OVERHEAD) bytes beside its type and data. [`Channel::with_log`] sets another number.
    pub fn new(name: &'static str, storage: S) -> Self {
        Self::with_log(name, EventLog::filling(storage))
    }

    /// The channel `name` over `log`: for another number of events, or for a log that continues ([`EventLog::after`]).
    pub fn with_log(name: &'static str, log: EventLog<S>) -> Self {
        Self { name, log: ChannelLog::new(log), followers: 0 }
    }

    pub(super) fn log(&self) -> &EventLog<S> {
        self.log.log()
    }
}
