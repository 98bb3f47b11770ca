//! What is published, and what came of it.

use core::fmt;

use crate::log::{AppendError, Encoding, EventId, EventType, KeyDigest};

/// An event on its way to a channel.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// Its type.
    pub event_type: EventType<'a>,
    /// What its data is; text is judged to be UTF-8.
    pub encoding: Encoding,
    /// Its data.
    pub data: &'a [u8],
    /// Publishing the same content again with the same key stores nothing and returns the first event's id; other content is
    /// refused ([`PublishError::KeyReused`]). At most [`MAX_IDEMPOTENCY_KEY`](crate::log::MAX_IDEMPOTENCY_KEY) bytes.
    pub idempotency_key: Option<&'a [u8]>,
}

impl NewEvent<'_> {
    /// The digest of its idempotency key and content, if it has a key. It reads all of the data.
    pub fn key_digest(&self) -> Option<KeyDigest> {
        self.idempotency_key.map(|key| KeyDigest::new(key, self.event_type, self.encoding, self.data))
    }
}

/// An event that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishOutcome {
    /// Its id.
    pub id: EventId,
    /// How many readers were following when it was appended.
    pub followers: usize,
    /// The key was known: the event was stored before, and is not stored twice.
    pub duplicate: bool,
}

/// Why an event was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// No channel has that name, and none may be made.
    NoSuchChannel,
    /// There is no room for another channel now.
    TooManyChannels,
    /// The log cannot take it.
    Append(AppendError),
    /// The hub has no memory for it now.
    OutOfMemory,
    /// Its idempotency key was used with other content.
    KeyReused,
    /// The hub is shutting down: what it would accept now it might lose.
    ShuttingDown,
}

impl PublishError {
    /// The reason in a few words, for an answer.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoSuchChannel => "there is no such channel",
            Self::TooManyChannels => "there are as many channels as may be",
            Self::Append(error) => error.reason(),
            Self::OutOfMemory => "out of memory, try again later",
            Self::KeyReused => "this idempotency key was used with other content; use a new key",
            Self::ShuttingDown => "the server is shutting down",
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl core::error::Error for PublishError {}

impl From<AppendError> for PublishError {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}
