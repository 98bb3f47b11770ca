//! A bound on requests or control frames in a second.

use crate::time::Instant;

/// Counts the requests or control frames of the current second.
#[derive(Default)]
pub(super) struct RateLimit {
    /// The second (of 1,024 ms, so that a shift finds it) in which `count` were admitted.
    second: u32,
    count: u32,
}

impl RateLimit {
    /// Counts one more; `false` where more than `most` came in this second. 0: there is no bound.
    #[cfg_attr(small_code, inline(never))]
    pub(super) fn admits(&mut self, most: u32, now: Instant) -> bool {
        let second = (now.as_millis() >> 10) as u32;
        if self.second != second {
            (self.second, self.count) = (second, 0);
        }
        let admits = self.count < most || most == 0;
        self.count = self.count.saturating_add(1).min(most);
        admits
    }
}
