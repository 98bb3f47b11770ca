//! Instants. The state machines get the time as an argument and read no clock.
//!
//! ```
//! use core::time::Duration;
//! use goldcrest_core::time::Instant;
//!
//! let start = Instant::from_millis(1_000);
//! let deadline = start + Duration::from_secs(15);
//! assert!(deadline > start);
//! assert_eq!(deadline.since(start), Duration::from_secs(15));
//! // Sums saturate.
//! assert_eq!(Instant::MAX + Duration::from_secs(1), Instant::MAX);
//! ```

use core::ops::Add;
use core::time::Duration;

/// An instant of the caller's monotonic clock, in milliseconds since any start.
///
/// Sums saturate at [`Instant::MAX`], which no clock reaches: a deadline there never expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The instant that no clock reaches.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `millis` milliseconds after the start of the clock.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of the clock.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The instant `millis` milliseconds after this one.
    pub(crate) const fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The duration since `earlier`; zero where that is later, after a clock that jumped back.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    // One copy of it in flash.
    #[cfg_attr(small_code, inline(never))]
    fn add(self, duration: Duration) -> Self {
        self.after(millis(duration))
    }
}

/// Whole milliseconds, without the 128 bits of `Duration::as_millis`.
#[cfg_attr(small_code, inline(never))]
pub(crate) const fn millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000).saturating_add(duration.subsec_millis() as u64)
}
