//! A clock and its alarms.

use core::task::{Context, Poll};

use crate::time::Instant;

/// A monotonic clock.
pub trait Clock {
    /// An alarm of this clock.
    type Timer: Timer;

    /// The moment that it is.
    fn now(&self) -> Instant;

    /// A new alarm; a connection has one.
    fn timer(&self) -> Self::Timer;
}

/// An alarm that is re-armed by asking it, so that no future holds it.
pub trait Timer {
    /// Ready once `deadline` has come; else the task is woken then, or earlier. [`Instant::MAX`] never comes.
    ///
    /// A deadline may differ from call to call: only the latest counts.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}
