//! The statistics of a channel.

use std::time::Duration;

use goldcrest_core::log::EventId;

/// The statistics of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStats {
    /// Its name.
    pub name: String,
    /// The id of its newest event; the sequence number 0 where nothing was published in its first epoch.
    pub newest: EventId,
    /// Events that its log keeps.
    pub events: usize,
    /// Bytes of these events in the log.
    pub bytes: usize,
    /// Its followers, which include readers of the program.
    pub followers: usize,
    /// Followers by transport: `poll`, `longpoll`, `stream`, `sse`, `websocket`, `publish`. A poll does not follow, so its number is 0.
    pub readers: Vec<(&'static str, usize)>,
    /// The time since its last use; `None` while it has a follower.
    pub idle: Option<Duration>,
}
