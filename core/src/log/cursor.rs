//! Where a reader starts, and what happens where events are missing.

use super::EventId;

/// Where a reader wants to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Before the oldest event that is kept.
    Oldest,
    /// After the newest event.
    Newest,
    /// After the event of this id.
    After(EventId),
    /// After an event that cannot be named: a cursor was given and could not be read. Never an error (an `EventSource`
    /// would stop for good), always a gap.
    Unknown,
}

/// What a reader gets once events are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GapPolicy {
    /// It goes on from the oldest event that is kept.
    #[default]
    Replay,
    /// It skips to the newest event, which is delivered.
    Latest,
    /// A live reader that falls behind is told and disconnected. A resume goes on as with [`GapPolicy::Replay`].
    Disconnect,
}

/// Events that a reader will not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many there were; unknown where the cursor is of another epoch, of the future or unreadable.
    pub missed: Option<u64>,
}

/// A reader's place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// It reads on after this sequence number.
    pub after: u64,
    /// What it missed on the way there.
    pub gap: Option<Gap>,
}
