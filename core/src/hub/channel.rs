//! A log, its followers and its idempotency keys.

use super::{NewEvent, PublishError, PublishOutcome};
use crate::log::{EventId, EventLog, IdempotencyKeys, KeyDigest, Lookup};

/// How many idempotency keys a channel remembers, unless it says otherwise. Each costs 24 bytes.
pub const IDEMPOTENCY_KEYS: usize = 64;

/// A channel: its name, its log, who follows it and which keys it was given last.
///
/// `S` is the log's storage, `KEYS` how many idempotency keys are remembered.
#[derive(Debug)]
pub struct Channel<S, const KEYS: usize = IDEMPOTENCY_KEYS> {
    name: &'static str,
    log: EventLog<S>,
    keys: IdempotencyKeys<KEYS>,
    followers: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const KEYS: usize> Channel<S, KEYS> {
    /// The channel `name` over `log`.
    pub fn new(name: &'static str, log: EventLog<S>) -> Self {
        Self { name, log, keys: IdempotencyKeys::default(), followers: 0 }
    }

    /// Appends an event, unless its key says that this has been done. `key` is its [`NewEvent::key_digest`]: a caller with a lock
    /// computes that before it takes the lock.
    ///
    /// # Errors
    /// [`PublishError::Append`]: the log cannot take it. [`PublishError::KeyReused`]: its key names an event of other content.
    pub fn publish(
        &mut self,
        publication: &NewEvent<'_>,
        key: Option<KeyDigest>,
    ) -> Result<PublishOutcome, PublishError> {
        let NewEvent { event_type, encoding, data, .. } = *publication;
        let followers = self.followers;
        match key.map(|key| self.keys.lookup(key)) {
            Some(Lookup::Known(seq)) => {
                let id = EventId { seq, ..self.log.newest_id() };
                return Ok(PublishOutcome { id, followers, duplicate: true });
            }
            Some(Lookup::Conflict) => return Err(PublishError::KeyReused),
            Some(Lookup::New) | None => {}
        }
        let id = self.log.append(event_type, encoding, data)?;
        if let Some(key) = key {
            self.keys.remember(key, 0, id.seq);
        }
        Ok(PublishOutcome { id, followers, duplicate: false })
    }

    /// Counts one more follower.
    pub fn follow(&mut self) {
        self.followers = self.followers.saturating_add(1);
    }

    /// Counts one follower less.
    pub fn unfollow(&mut self) {
        self.followers = self.followers.saturating_sub(1);
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its log.
    pub fn log(&self) -> &EventLog<S> {
        &self.log
    }
}
