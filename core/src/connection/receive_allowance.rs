//! How long what comes in pieces may be waited for.

use core::time::Duration;

use crate::time::Instant;

/// How long a peer may take to send something whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveTimeout {
    /// How long it is waited for in all, beside what `rate` adds. [`Duration::MAX`]: without end.
    pub time: Duration,
    /// Bytes that add a second, up to `time` in hand. 0: any byte restores all of it.
    pub rate: u32,
}

/// The time that a peer has left to send something whole: [`ReceiveTimeout::time`], and what it earns by each byte.
///
/// Only waiting uses it up. It is never more than at the beginning, so something of *n* bytes is waited for
/// `time` and `n / rate` seconds at most, however it drips.
#[derive(Debug)]
pub(crate) struct ReceiveAllowance {
    /// Milliseconds of it that are used up.
    used: u32,
    /// Since when it is waited.
    since: Option<Instant>,
}

impl ReceiveAllowance {
    pub(crate) const WHOLE: Self = Self { used: 0, since: None };

    /// When it is used up. The wait begins now, unless it has begun.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn deadline(&mut self, now: Instant, timeout: ReceiveTimeout) -> Instant {
        let since = *self.since.get_or_insert(now);
        let due = (since + timeout.time).as_millis().saturating_sub(self.used.into());
        Instant::from_millis(due).max(since)
    }

    /// The wait is over, since so many bytes came.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn received(&mut self, bytes: usize, now: Instant, timeout: ReceiveTimeout) {
        if let Some(since) = self.since.take() {
            let waited = now.as_millis().saturating_sub(since.as_millis());
            self.used = self.used.saturating_add(u32::try_from(waited).unwrap_or(u32::MAX));
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = bytes.saturating_mul(1_000).checked_div(timeout.rate).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(earned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: ReceiveTimeout = ReceiveTimeout { time: Duration::from_secs(20), rate: 500 };

    /// How many milliseconds somebody is waited for who sends `bytes` each `pause`, until they are `whole`.
    fn lasts(bytes: usize, pause: u64, whole: usize) -> Option<u64> {
        let (mut allowance, mut now) = (ReceiveAllowance::WHOLE, Instant::from_millis(7));
        for _ in 0..whole.div_ceil(bytes) {
            let due = allowance.deadline(now, TIMEOUT);
            if now + Duration::from_millis(pause) >= due {
                return Some(due.as_millis() - 7);
            }
            now = now + Duration::from_millis(pause);
            allowance.received(bytes, now, TIMEOUT);
        }
        None
    }

    #[test]
    fn who_drips_is_waited_for_as_long_as_the_bytes_were_worth() {
        assert_eq!(lasts(1, 1_000, 64 * 1024), Some(20_000 + 20 * 2));
        assert_eq!(lasts(1, 19_999, 64 * 1024), Some(20_002));
        assert_eq!(lasts(100, 1_000, 64 * 1024), Some(20_000 + 24 * 200));
        assert_eq!(lasts(1, 20_000, 2), Some(20_000));
    }

    #[test]
    fn who_is_as_fast_as_asked_is_waited_for_to_the_end() {
        assert_eq!(lasts(500, 1_000, 64 * 1024), None);
        assert_eq!(lasts(10_000, 19_000, 1 << 30), None);
    }

    #[test]
    fn a_fast_beginning_buys_no_longer_pause() {
        let (mut allowance, now) = (ReceiveAllowance::WHOLE, Instant::from_millis(0));
        allowance.received(1 << 20, now, TIMEOUT);
        assert_eq!(allowance.deadline(now, TIMEOUT), now + TIMEOUT.time);
    }

    #[test]
    fn what_is_not_waited_uses_nothing_up() {
        let mut allowance = ReceiveAllowance::WHOLE;
        allowance.received(0, Instant::from_millis(90_000), TIMEOUT);
        let later = Instant::from_millis(180_000);
        assert_eq!(allowance.deadline(later, TIMEOUT), later + TIMEOUT.time);
        // Asked again, the same wait goes on.
        assert_eq!(allowance.deadline(later + Duration::from_secs(3), TIMEOUT), later + TIMEOUT.time);
    }

    #[test]
    fn without_a_rate_any_byte_is_enough() {
        let (timeout, mut allowance) = (ReceiveTimeout { rate: 0, ..TIMEOUT }, ReceiveAllowance::WHOLE);
        let mut now = Instant::from_millis(0);
        for _ in 0..100 {
            assert!(allowance.deadline(now, timeout) > now + Duration::from_secs(19));
            now = now + Duration::from_secs(19);
            allowance.received(1, now, timeout);
        }
    }
}
