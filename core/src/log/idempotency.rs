//! Idempotency keys: a publisher that retries stores its event once.

use super::{Encoding, EventType};
use crate::sha1::chained;

/// The longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY: usize = 128;

/// Up to `N` idempotency keys of a channel, each with the sequence number of its event and a fingerprint of its content.
///
/// When all entries are in use, a new key replaces the oldest key of the client with the most keys: no client can evict the keys of
/// a client with fewer. A key takes 24 bytes, with 64 bits of a digest of the key and 48 bits of a digest of the content. Neither
/// chance nor a publisher that chooses both makes one event pass for another.
///
/// ```
/// use goldcrest_core::log::{Encoding, EventType, IdempotencyKeys, KeyDigest, Lookup};
///
/// let digest = |data| KeyDigest::new(b"order-7", EventType::MESSAGE, Encoding::Text, data);
/// let mut keys = IdempotencyKeys::<16>::default();
/// assert_eq!(keys.lookup(digest(b"paid")), Lookup::New);
/// keys.remember(digest(b"paid"), 0, 1);
/// assert_eq!(keys.lookup(digest(b"paid")), Lookup::Known(1));
/// assert_eq!(keys.lookup(digest(b"refunded")), Lookup::Conflict);
/// ```
#[derive(Clone, Debug)]
pub struct IdempotencyKeys<const N: usize> {
    entries: [Entry; N],
}

/// The digests of an idempotency key and of the content of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDigest {
    key: u64,
    /// The lowest 16 bits are 0.
    content: u64,
}

/// The result of looking up an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It is new, or it was evicted.
    New,
    /// It was used with the same content, for the event of this sequence number.
    Known(u64),
    /// It was used with other content: another type, encoding or data.
    Conflict,
}

/// An entry; free while `seq` is 0.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    /// The digest of the content in the upper 48 bits, the client in the lower 16.
    content_and_client: u64,
    seq: u64,
}

/// The bits of [`Entry::content_and_client`] that hold the client.
const CLIENT: u64 = 0xffff;

impl KeyDigest {
    /// The digest of `key` and of an event's content.
    pub fn new(key: &[u8], event_type: EventType<'_>, encoding: Encoding, data: &[u8]) -> Self {
        let event_type = event_type.as_str().as_bytes();
        let form = [(encoding == Encoding::Binary) as u8, event_type.len() as u8];
        Self { key: digest(&[key]), content: digest(&[&form, event_type, data]) & !CLIENT }
    }
}

impl<const N: usize> Default for IdempotencyKeys<N> {
    fn default() -> Self {
        Self { entries: [Entry { key: 0, content_and_client: 0, seq: 0 }; N] }
    }
}

impl<const N: usize> IdempotencyKeys<N> {
    /// Looks up a key and the content that it is used with.
    pub fn lookup(&self, digest: KeyDigest) -> Lookup {
        match self.entries.iter().find(|entry| entry.key == digest.key && entry.seq != 0) {
            None => Lookup::New,
            Some(entry) if entry.content_and_client & !CLIENT == digest.content => Lookup::Known(entry.seq),
            Some(_) => Lookup::Conflict,
        }
    }

    /// Stores the key with the sequence number of its event, which is not 0. `client` is a number for the client: 0 where clients are
    /// not distinguished.
    pub fn remember(&mut self, digest: KeyDigest, client: u16, seq: u64) {
        let client = u64::from(client);
        let keys_of = |other: u64| {
            let is_of = |entry: &&Entry| entry.content_and_client & CLIENT == other;
            self.entries.iter().filter(is_of).fold(usize::from(other == client), |sum, _| sum.wrapping_add(1))
        };
        // A free entry, else the oldest of the client that would have the most.
        let (mut replaced, mut most, mut oldest) = (0, 0, u64::MAX);
        for (at, entry) in self.entries.iter().enumerate() {
            let keys = if entry.seq == 0 { usize::MAX } else { keys_of(entry.content_and_client & CLIENT) };
            if keys > most || (keys == most && entry.seq < oldest) {
                (replaced, most, oldest) = (at, keys, entry.seq);
            }
        }
        if let Some(entry) = self.entries.get_mut(replaced) {
            *entry = Entry { key: digest.key, content_and_client: digest.content | client, seq };
        }
    }
}

fn digest(parts: &[&[u8]]) -> u64 {
    chained(parts).first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &[u8], data: &[u8]) -> KeyDigest {
        KeyDigest::new(key, EventType::MESSAGE, Encoding::Text, data)
    }

    #[test]
    fn the_newest_keys_are_known_and_evicted_ones_are_new() {
        let mut keys = IdempotencyKeys::<3>::default();
        for (seq, key) in [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")] {
            assert_eq!(keys.lookup(of(key, b"x")), Lookup::New);
            keys.remember(of(key, b"x"), 0, seq);
        }
        assert_eq!(keys.lookup(of(b"a", b"x")), Lookup::New);
        for (seq, key) in [(2, b"b"), (3, b"c"), (4, b"d")] {
            assert_eq!(keys.lookup(of(key, b"x")), Lookup::Known(seq));
        }
        assert_eq!(IdempotencyKeys::<0>::default().lookup(of(b"", b"")), Lookup::New);
        IdempotencyKeys::<0>::default().remember(of(b"", b""), 0, 1);
    }

    #[test]
    fn a_known_key_with_other_content_is_a_conflict() {
        let typed = |name, encoding, data| KeyDigest::new(b"key", EventType::new(name).unwrap(), encoding, data);
        let mut keys = IdempotencyKeys::<3>::default();
        keys.remember(typed("ab", Encoding::Text, b"c"), 7, 5);
        assert_eq!(keys.lookup(typed("ab", Encoding::Text, b"c")), Lookup::Known(5));
        for other in [
            typed("ab", Encoding::Text, b"d"),
            typed("ab", Encoding::Text, b""),
            typed("ab", Encoding::Binary, b"c"),
            typed("a", Encoding::Text, b"bc"),
            typed("abc", Encoding::Text, b""),
            typed("", Encoding::Text, b"abc"),
        ] {
            assert_eq!(keys.lookup(other), Lookup::Conflict);
        }
    }

    #[test]
    fn a_client_with_many_keys_evicts_its_own_keys() {
        let mut keys = IdempotencyKeys::<8>::default();
        keys.remember(of(b"one", b""), 1, 1);
        keys.remember(of(b"two", b""), 2, 2);
        for seq in 3..1000u64 {
            keys.remember(of(&seq.to_le_bytes(), b""), 3, seq);
        }
        assert_eq!(keys.lookup(of(b"one", b"")), Lookup::Known(1));
        assert_eq!(keys.lookup(of(b"two", b"")), Lookup::Known(2));
        assert_eq!(keys.lookup(of(&994u64.to_le_bytes(), b"")), Lookup::Known(994), "the newest six of client 3");
        assert_eq!(keys.lookup(of(&993u64.to_le_bytes(), b"")), Lookup::New);
        // Where all clients have as many keys, a client evicts its own oldest key.
        let mut keys = IdempotencyKeys::<4>::default();
        for (client, seq) in [(1, 1), (2, 2), (1, 3), (2, 4), (2, 5)] {
            keys.remember(of(&[seq as u8], b""), client, seq);
        }
        assert_eq!(keys.lookup(of(&[2], b"")), Lookup::New);
        for seq in [1, 3, 4, 5] {
            assert_eq!(keys.lookup(of(&[seq as u8], b"")), Lookup::Known(seq));
        }
    }
}
