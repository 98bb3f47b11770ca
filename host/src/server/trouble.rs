//! Says that accepting fails, without filling the log.

use std::io;
use std::time::Duration;

use goldcrest_core::time::Instant;

/// How often a failure that goes on is told again.
const AGAIN: Duration = Duration::from_secs(30);

/// A failure to accept, from its first time until somebody is accepted.
#[derive(Debug, Default)]
pub(super) struct AcceptErrorLog {
    times: u64,
    /// It was told, and its end was not.
    told: bool,
    /// When it is told again.
    due: Option<Instant>,
}

impl AcceptErrorLog {
    /// It failed: told at once when that begins, and then twice a minute.
    pub(super) fn record(&mut self, error: &io::Error, now: Instant) {
        if self.is_due(now) {
            tracing::warn!(%error, times = self.times, "cannot accept; trying again");
        }
    }

    /// Somebody was accepted.
    pub(super) fn over(&mut self) {
        if std::mem::take(&mut self.told) {
            tracing::info!("accepting again");
        }
        // When it is told again is not forgotten: descriptors may come and go one by one.
        self.times = 0;
    }

    fn is_due(&mut self, now: Instant) -> bool {
        self.times += 1;
        let due = self.due.is_none_or(|due| now >= due);
        if due {
            self.due = Some(now + AGAIN);
            self.told = true;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_at_once_and_then_twice_a_minute_however_often_it_comes_and_goes() {
        let mut trouble = AcceptErrorLog::default();
        let told = |trouble: &mut AcceptErrorLog, from: u64, to: u64| {
            (from..to).step_by(100).filter(|millis| trouble.is_due(Instant::from_millis(*millis))).count()
        };
        assert_eq!(told(&mut trouble, 5_000, 5_100), 1);
        assert_eq!(told(&mut trouble, 5_100, 35_000), 0);
        trouble.over();
        assert_eq!(told(&mut trouble, 35_000, 65_000), 1);
        for second in 65..125 {
            trouble.over();
            assert_eq!(told(&mut trouble, second * 1000, second * 1000 + 1000), usize::from(second % 30 == 5));
        }
    }
}
