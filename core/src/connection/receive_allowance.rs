//! Deadline for a body or message that arrives in parts.

use core::time::Duration;

use crate::time::Instant;

/// The time that a peer has to send a whole body or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveTimeout {
    /// The wait in all, beside the time that `rate` adds. [`Duration::MAX`]: no deadline.
    pub time: Duration,
    /// Bytes that add a second, up to `time` in reserve. 0: any byte restores all of it.
    pub rate: u32,
}

/// The time that a peer has left: [`ReceiveTimeout::time`], and the time that each byte adds.
///
/// Only waiting uses it up, and it never exceeds its initial value. So *n* bytes are waited for `time` and `n / rate` seconds at
/// most, however slowly they arrive.
#[derive(Debug)]
pub(crate) struct ReceiveAllowance {
    /// Used milliseconds.
    used: u32,
    /// The begin of the current wait.
    since: Option<Instant>,
}

impl ReceiveAllowance {
    pub(crate) const WHOLE: Self = Self { used: 0, since: None };

    /// The time at which it is used up. A wait begins now, unless one has begun.
    #[cfg_attr(small_code, inline(never))]
    pub(crate) fn deadline(&mut self, now: Instant, timeout: ReceiveTimeout) -> Instant {
        let since = *self.since.get_or_insert(now);
        let due = (since + timeout.time).as_millis().saturating_sub(self.used.into());
        Instant::from_millis(due).max(since)
    }

    /// Ends the wait: `bytes` were received.
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

    /// The milliseconds until the deadline of a peer that sends `bytes` each `pause`; `None` where all of `whole` arrive.
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
    fn slow_bytes_extend_the_deadline_by_their_rate() {
        assert_eq!(lasts(1, 1_000, 64 * 1024), Some(20_000 + 20 * 2));
        assert_eq!(lasts(1, 19_999, 64 * 1024), Some(20_002));
        assert_eq!(lasts(100, 1_000, 64 * 1024), Some(20_000 + 24 * 200));
        assert_eq!(lasts(1, 20_000, 2), Some(20_000));
    }

    #[test]
    fn a_peer_at_the_rate_is_never_timed_out() {
        assert_eq!(lasts(500, 1_000, 64 * 1024), None);
        assert_eq!(lasts(10_000, 19_000, 1 << 30), None);
    }

    #[test]
    fn fast_bytes_do_not_extend_the_initial_time() {
        let (mut allowance, now) = (ReceiveAllowance::WHOLE, Instant::from_millis(0));
        allowance.received(1 << 20, now, TIMEOUT);
        assert_eq!(allowance.deadline(now, TIMEOUT), now + TIMEOUT.time);
    }

    #[test]
    fn time_without_a_wait_is_not_counted() {
        let mut allowance = ReceiveAllowance::WHOLE;
        allowance.received(0, Instant::from_millis(90_000), TIMEOUT);
        let later = Instant::from_millis(180_000);
        assert_eq!(allowance.deadline(later, TIMEOUT), later + TIMEOUT.time);
        // A second call continues the same wait.
        assert_eq!(allowance.deadline(later + Duration::from_secs(3), TIMEOUT), later + TIMEOUT.time);
    }

    #[test]
    fn without_a_rate_any_byte_restores_all_time() {
        let (timeout, mut allowance) = (ReceiveTimeout { rate: 0, ..TIMEOUT }, ReceiveAllowance::WHOLE);
        let mut now = Instant::from_millis(0);
        for _ in 0..100 {
            assert!(allowance.deadline(now, timeout) > now + Duration::from_secs(19));
            now = now + Duration::from_secs(19);
            allowance.received(1, now, timeout);
        }
    }
}
