//! A log, its followers and its idempotency keys.

use super::{Publication, PublishError, Published};
use crate::log::{EventLog, IdempotencyKeys};

/// How many idempotency keys a channel remembers, unless it says otherwise. Each costs 16 bytes.
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

    /// Appends an event, unless its key says that this has been done.
    ///
    /// # Errors
    /// [`PublishError::Append`]: the log cannot take it.
    pub fn publish(&mut self, publication: &Publication<'_>) -> Result<Published, PublishError> {
        let Publication { event_type, encoding, data, idempotency_key } = *publication;
        let epoch = self.log.newest_id().epoch;
        let followers = self.followers;
        let key = match idempotency_key.map(|key| self.keys.find(epoch, key)) {
            Some(Ok(id)) => return Ok(Published { id, followers, repeated: true }),
            Some(Err(key)) => Some(key),
            None => None,
        };
        let id = self.log.append(event_type, encoding, data)?;
        if let Some(key) = key {
            self.keys.remember(key, id);
        }
        Ok(Published { id, followers, repeated: false })
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
