//! How a reader looks at a log that others write to.

use super::{Cursor, EventMeta, GapPolicy, Position};

/// A log that can be read from.
///
/// The one primitive is a bounded copy: a reader that encodes does it from its own copy, so that a log behind a critical
/// section is held for a copy and never while encoding.
pub trait LogReader {
    /// The epoch of the log.
    fn epoch(&self) -> u32;

    /// The sequence number of the newest event; that of the place before the first one where there is none yet.
    fn newest(&self) -> u64;

    /// Where a reader that wants `position` starts, and what it has missed by then.
    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor;

    /// Looks at the event that follows sequence number `after`.
    ///
    /// Of its bytes (the type, and right behind it the data) those from `offset` on are copied to `into`, as many as
    /// are there and fit.
    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent;
}

/// What [`LogReader::read_at`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEvent {
    /// The event that was asked for.
    Event(EventChunk),
    /// No event follows yet.
    Nothing,
    /// The event has been overwritten: [`LogReader::seek`] says how many are missing.
    Overwritten,
}

/// An event, and how many of its bytes were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventChunk {
    /// What it is.
    pub meta: EventMeta,
    /// How many bytes were copied.
    pub copied: usize,
}

impl<S: LogReader + ?Sized> LogReader for &S {
    fn epoch(&self) -> u32 {
        (**self).epoch()
    }

    fn newest(&self) -> u64 {
        (**self).newest()
    }

    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor {
        (**self).seek(position, policy)
    }

    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent {
        (**self).read_at(after, offset, into)
    }
}
