//! A log and the idempotency keys of its events.

use super::{NewEvent, PublishError, PublishOutcome};
use crate::log::{EventId, EventLog, IdempotencyKeys, KeyDigest, Lookup, RECORD_OVERHEAD};

/// How many idempotency keys a channel remembers, unless its type says otherwise. Each takes 24 bytes.
pub const IDEMPOTENCY_KEYS: usize = 64;

/// The log of a channel, in which an event with an idempotency key is stored once.
///
/// `S` is the log's storage, `KEYS` how many idempotency keys are remembered.
#[derive(Debug)]
pub struct ChannelLog<S, const KEYS: usize = IDEMPOTENCY_KEYS> {
    log: EventLog<S>,
    keys: IdempotencyKeys<KEYS>,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const KEYS: usize> ChannelLog<S, KEYS> {
    /// `log` without idempotency keys.
    pub fn new(log: EventLog<S>) -> Self {
        Self { log, keys: IdempotencyKeys::default() }
    }

    /// Sets the epoch of a log that has none.
    pub(super) fn begin_epoch(&mut self, epoch: u32) {
        self.log.begin_epoch(epoch);
    }

    /// The log.
    pub fn log(&self) -> &EventLog<S> {
        &self.log
    }

    /// Appends `event`, unless its key has been used before. The outcome counts no followers.
    ///
    /// `key` is its [`NewEvent::key_digest`]: a caller with a lock computes it before it takes the lock. `client` is as in
    /// [`IdempotencyKeys::remember`]. `reserve` is called before the append with the bytes of the record, and returns whether there
    /// is memory for them.
    ///
    /// # Errors
    /// [`PublishError::KeyReused`]: the key names an event of other content. [`PublishError::OutOfMemory`]: `reserve` returned
    /// `false`. [`PublishError::Append`]: the log does not take the event.
    pub fn publish(
        &mut self,
        event: &NewEvent<'_>,
        key: Option<KeyDigest>,
        client: u16,
        reserve: impl FnOnce(&EventLog<S>, usize) -> bool,
    ) -> Result<PublishOutcome, PublishError> {
        let NewEvent { event_type, encoding, data, .. } = *event;
        match key.map(|key| self.keys.lookup(key)) {
            Some(Lookup::Known(seq)) => {
                let id = EventId { seq, ..self.log.newest_id() };
                return Ok(PublishOutcome { id, followers: 0, duplicate: true });
            }
            Some(Lookup::Conflict) => return Err(PublishError::KeyReused),
            Some(Lookup::New) | None => {}
        }
        let size = RECORD_OVERHEAD.saturating_add(event_type.as_str().len()).saturating_add(data.len());
        if !reserve(&self.log, size) {
            return Err(PublishError::OutOfMemory);
        }
        let id = self.log.append(event_type, encoding, data)?;
        if let Some(key) = key {
            self.keys.remember(key, client, id.seq);
        }
        Ok(PublishOutcome { id, followers: 0, duplicate: false })
    }
}
