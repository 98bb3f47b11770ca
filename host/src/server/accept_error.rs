//! Logs failures of accept(2) at a bounded rate.

use std::io;
use std::time::Duration;

use goldcrest_core::time::Instant;

/// Interval between log lines of a continuing failure.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// A failure of accept(2), from its first occurrence until a connection is accepted.
#[derive(Debug, Default)]
pub(super) struct AcceptErrorLog {
    times: u64,
    /// The failure is logged, its end is not.
    logged: bool,
    /// Time of the next log line.
    due: Option<Instant>,
}

impl AcceptErrorLog {
    /// A failure: logged at once, then twice a minute.
    pub(super) fn record(&mut self, error: &io::Error, now: Instant) {
        if self.is_due(now) {
            tracing::warn!(%error, times = self.times, "cannot accept; trying again");
        }
    }

    /// A connection was accepted.
    pub(super) fn accepted(&mut self) {
        if std::mem::take(&mut self.logged) {
            tracing::info!("accepting again");
        }
        // `due` stays: free descriptors may come and go one by one, and each change must not add a line.
        self.times = 0;
    }

    fn is_due(&mut self, now: Instant) -> bool {
        self.times += 1;
        let due = self.due.is_none_or(|due| now >= due);
        if due {
            self.due = Some(now + LOG_INTERVAL);
            self.logged = true;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_logged_at_once_then_twice_a_minute() {
        let mut accept_errors = AcceptErrorLog::default();
        let logged = |accept_errors: &mut AcceptErrorLog, from: u64, to: u64| {
            (from..to).step_by(100).filter(|millis| accept_errors.is_due(Instant::from_millis(*millis))).count()
        };
        assert_eq!(logged(&mut accept_errors, 5_000, 5_100), 1);
        assert_eq!(logged(&mut accept_errors, 5_100, 35_000), 0);
        accept_errors.accepted();
        assert_eq!(logged(&mut accept_errors, 35_000, 65_000), 1);
        for second in 65..125 {
            accept_errors.accepted();
            assert_eq!(logged(&mut accept_errors, second * 1000, second * 1000 + 1000), usize::from(second % 30 == 5));
        }
    }
}
