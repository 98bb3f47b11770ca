//! A clock and its timers.

use core::task::{Context, Poll};

use crate::time::Instant;

/// A monotonic clock.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Clock` of goldcrest-core",
    label = "expected a `Clock`",
    note = "`embassy::EmbassyClock` is the clock of embassy-time, with the feature `embassy-net` of goldcrest-core"
)]
pub trait Clock {
    /// A timer of this clock.
    type Timer: Timer;

    /// The current time.
    fn now(&self) -> Instant;

    /// A new timer; a connection has one.
    fn timer(&self) -> Self::Timer;
}

/// A timer that is polled with its deadline, so that no future owns it.
pub trait Timer {
    /// Ready once `deadline` has passed; else the task is woken then, or earlier. [`Instant::MAX`] never passes.
    ///
    /// Each call replaces the deadline of the previous one.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}
