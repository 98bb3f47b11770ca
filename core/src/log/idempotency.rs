//! Publishing is at least once; a key makes it once.

use super::EventId;
use crate::sha1::sha1;

/// The longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY: usize = 128;

/// The last `N` idempotency keys that a channel was given, each with the event that it named.
///
/// Costs 16 bytes a key: what is kept is 8 bytes of a digest over epoch and key, so that neither chance nor a
/// publisher that picks its keys makes one event pass for another.
#[derive(Clone, Debug)]
pub struct IdempotencyKeys<const N: usize> {
    digests: [u64; N],
    seqs: [u64; N],
    next: usize,
}

/// A key on its way to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered(u64);

impl<const N: usize> Default for IdempotencyKeys<N> {
    fn default() -> Self {
        Self { digests: [0; N], seqs: [0; N], next: 0 }
    }
}

impl<const N: usize> IdempotencyKeys<N> {
    /// The event that `key` named before, or the digest to [`remember`](Self::remember) once it names one.
    ///
    /// # Errors
    /// The digest is the error: the key is new.
    pub fn find(&self, epoch: u32, key: &[u8]) -> Result<EventId, Remembered> {
        let digest = digest(epoch, key);
        let mut known = self.digests.iter().zip(&self.seqs);
        match known.find(|(known, seq)| **known == digest && **seq != 0) {
            Some((_, seq)) => Ok(EventId { epoch, seq: *seq }),
            None => Err(Remembered(digest)),
        }
    }

    /// Keeps the key with the event that it names; the oldest key is forgotten.
    pub fn remember(&mut self, key: Remembered, id: EventId) {
        if let (Some(digest), Some(seq)) = (self.digests.get_mut(self.next), self.seqs.get_mut(self.next)) {
            *digest = key.0;
            *seq = id.seq;
        }
        let next = self.next.saturating_add(1);
        self.next = if next < N { next } else { 0 };
    }
}

fn digest(epoch: u32, key: &[u8]) -> u64 {
    sha1(&[&epoch.to_le_bytes(), key]).first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_keys_name_their_events_and_older_ones_are_new() {
        let mut keys = IdempotencyKeys::<3>::default();
        let epoch = 7;
        for (seq, key) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            let new = keys.find(epoch, key.as_bytes()).unwrap_err();
            keys.remember(new, EventId { epoch, seq });
        }
        assert!(keys.find(epoch, b"a").is_err());
        for (seq, key) in [(2, "b"), (3, "c"), (4, "d")] {
            assert_eq!(keys.find(epoch, key.as_bytes()), Ok(EventId { epoch, seq }));
        }
        assert!(keys.find(8, b"d").is_err(), "a key of another epoch is another key");
        assert!(IdempotencyKeys::<0>::default().find(1, b"").is_err());
    }
}
