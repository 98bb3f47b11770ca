//! A new event, and the outcome of publishing it.

use core::fmt;

use super::ChannelNameError;
use crate::log::{AppendError, Encoding, EventId, EventType, KeyDigest};

/// An event on its way to a channel.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// The type; [`EventType::MESSAGE`] for `message`.
    pub event_type: EventType<'a>,
    /// Whether the data is text.
    pub encoding: Encoding,
    /// The data: UTF-8 for [`Encoding::Text`], any bytes for [`Encoding::Binary`].
    pub data: &'a [u8],
    /// The same content with the same key is stored once, and the id of the first event is returned. Other content with the key
    /// is refused ([`PublishError::KeyReused`]). At most [`MAX_IDEMPOTENCY_KEY`](crate::log::MAX_IDEMPOTENCY_KEY) bytes.
    pub idempotency_key: Option<&'a [u8]>,
}

impl NewEvent<'_> {
    /// The digest of its idempotency key and content, if it has a key. It reads all of the data.
    pub fn key_digest(&self) -> Option<KeyDigest> {
        self.idempotency_key.map(|key| KeyDigest::new(key, self.event_type, self.encoding, self.data))
    }
}

/// The outcome of publishing: an event that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishOutcome {
    /// The id of the stored event.
    pub id: EventId,
    /// The number of followers when it was published.
    pub followers: usize,
    /// The idempotency key was known: the event had been stored before.
    pub duplicate: bool,
}

/// Why an event was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The hub permits no such name.
    InvalidName(ChannelNameError),
    /// The publisher has not the right to publish to this channel.
    Forbidden,
    /// No channel has that name, and none may be created.
    NoSuchChannel,
    /// There is no room for another channel now.
    TooManyChannels,
    /// The log does not take it.
    Append(AppendError),
    /// The memory limit is reached.
    OutOfMemory,
    /// Its idempotency key was used with other content.
    KeyReused,
    /// The hub is shutting down: an event that it accepted now might be lost.
    ShuttingDown,
}

impl PublishError {
    /// The reason as a text for a response.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InvalidName(ChannelNameError(policy)) => policy.text(),
            Self::Forbidden => "publishing to this channel is not permitted",
            Self::NoSuchChannel => "there is no such channel",
            Self::TooManyChannels => "too many channels, try again later",
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

impl From<ChannelNameError> for PublishError {
    fn from(error: ChannelNameError) -> Self {
        Self::InvalidName(error)
    }
}

impl From<AppendError> for PublishError {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}
