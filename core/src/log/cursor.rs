//! Where a reader starts, and how it continues where events are missing.

use super::EventId;

/// Where a reader starts: by an id of this log or, for a client, the text of an id of any server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position<Id = EventId> {
    /// Before the oldest event in the log.
    Oldest,
    /// After the newest event.
    Newest,
    /// After the event of this id.
    After(Id),
    /// After an event of unknown id: the cursor of the client could not be parsed. It causes a gap and never an error response, after
    /// which an `EventSource` would not reconnect (WHATWG HTML §9.2.3).
    Unknown,
}

/// How a reader continues where events are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GapPolicy {
    /// From the oldest event in the log.
    #[default]
    Replay,
    /// From the newest event, which it gets.
    Latest,
    /// A live reader that falls behind gets the gap and is disconnected. One that resumes continues as with [`GapPolicy::Replay`].
    Disconnect,
}

/// Events that a reader does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Their number; `None` where the cursor is of another epoch, above the newest event, or unknown.
    pub missed: Option<u64>,
}

/// The position of a reader in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The next event is the one after this sequence number.
    pub after: u64,
    /// The gap before it.
    pub gap: Option<Gap>,
}
