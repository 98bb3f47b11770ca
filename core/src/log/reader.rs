//! How a reader looks at a log that others write to.

use super::{GapPolicy, Meta, Placed, Position};

/// A log that can be read from.
///
/// The one primitive is a bounded copy: a reader that encodes does it from its own copy, so that a log behind a critical
/// section is held for a copy and never while encoding.
pub trait Source {
    /// The epoch of the log.
    fn epoch(&self) -> u32;

    /// The sequence number of the newest event; that of the place before the first one where there is none yet.
    fn newest(&self) -> u64;

    /// Where a reader that wants `position` starts, and what it has missed by then.
    fn place(&self, position: Position, policy: GapPolicy) -> Placed;

    /// Looks at the event that follows sequence number `after`.
    ///
    /// Of its bytes (the type, and right behind it the data) those from `offset` on are copied to `into`, as many as
    /// are there and fit.
    fn look(&self, after: u64, offset: usize, into: &mut [u8]) -> Look;
}

/// What [`Source::look`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The event that was asked for.
    Event(Seen),
    /// No event follows yet.
    Nothing,
    /// The event has been overwritten: [`Source::place`] says how many are missing.
    Overwritten,
}

/// An event, and how many of its bytes were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub meta: Meta,
    /// How many bytes were copied.
    pub copied: usize,
}

impl<S: Source + ?Sized> Source for &S {
    fn epoch(&self) -> u32 {
        (**self).epoch()
    }

    fn newest(&self) -> u64 {
        (**self).newest()
    }

    fn place(&self, position: Position, policy: GapPolicy) -> Placed {
        (**self).place(position, policy)
    }

    fn look(&self, after: u64, offset: usize, into: &mut [u8]) -> Look {
        (**self).look(after, offset, into)
    }
}
