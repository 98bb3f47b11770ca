//! Reading a log while it is written.

use super::{Cursor, EventMeta, GapPolicy, Position};

/// A log that can be read from.
///
/// The one primitive is a bounded copy. A reader encodes from its own copy, so that a critical section around the log is held for a
/// copy and never while encoding.
pub trait LogReader {
    /// The epoch of the log.
    fn epoch(&self) -> u32;

    /// The sequence number of the newest event; the one before the first event where there is none yet.
    fn newest(&self) -> u64;

    /// The cursor of a reader that starts at `position`, with the gap before it.
    fn seek(&self, position: Position, policy: GapPolicy) -> Cursor;

    /// Reads the event that follows sequence number `after`.
    ///
    /// Its bytes are the type and the data. Those from `offset` on are copied to `into`, as many as fit.
    fn read_at(&self, after: u64, offset: usize, into: &mut [u8]) -> ReadEvent;
}

/// The result of [`LogReader::read_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEvent {
    /// The event after the sequence number.
    Event(EventChunk),
    /// No event follows yet.
    Nothing,
    /// The event has been overwritten: [`LogReader::seek`] counts the missing events.
    Overwritten,
}

/// The metadata of an event, and how many of its bytes were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventChunk {
    /// The metadata of the whole event.
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
