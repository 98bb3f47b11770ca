//! An event on its way from a master to its mirrors.

use std::time::Instant;

use goldcrest_core::hub::{NewEvent, OpenError};
use goldcrest_core::log::{AppendError, Encoding, EventLog, EventType, RECORD_OVERHEAD, SLOT_SIZE};

/// A log that owns its memory.
pub(super) type HostLog = EventLog<Box<[u8]>>;

/// The smallest log, without events: the one of a channel that does not exist.
pub(super) fn empty_log(epoch: u32) -> Result<HostLog, OpenError> {
    let storage = vec![0; RECORD_OVERHEAD + 1 + SLOT_SIZE].into();
    EventLog::new(storage, 1, epoch).map_err(|_| OpenError::TooManyChannels)
}

/// The number of a channel, which no other channel of its hub has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChannelId(pub(super) u64);

/// An event that several threads append.
pub(super) struct Event {
    event_type: Box<str>,
    encoding: Encoding,
    data: Box<[u8]>,
    /// The time of the publication.
    pub(super) published: Instant,
}

impl Event {
    pub(super) fn new(event: &NewEvent<'_>, published: Instant) -> Self {
        let NewEvent { event_type, encoding, data, .. } = *event;
        Self { event_type: event_type.as_str().into(), encoding, data: data.into(), published }
    }

    /// Bytes that it takes in an inbox.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.event_type.len() + self.data.len()
    }

    /// Appends it to a mirror, where it has the same id as in the master.
    pub(super) fn append_to(&self, log: &mut HostLog) -> Result<(), AppendError> {
        let event_type = EventType::new(&self.event_type).unwrap_or_default();
        log.append(event_type, self.encoding, &self.data).map(drop)
    }
}
