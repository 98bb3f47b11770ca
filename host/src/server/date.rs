//! The `Date` of answers.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use goldcrest_core::server::DateField;
use httpdate::HttpDate;

/// An HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy)]
pub(super) struct Date([u8; 29]);

impl DateField for Date {
    fn text(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// The date of a thread's answers, formatted once a second.
pub(super) struct DateClock(Cell<(u64, Date)>);

impl DateClock {
    pub(super) fn new() -> Self {
        Self(Cell::new((0, formatted(0))))
    }

    pub(super) fn now(&self) -> Date {
        self.at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    fn at(&self, second: u64) -> Date {
        let (known, date) = self.0.get();
        if known == second {
            return date;
        }
        let date = formatted(second);
        self.0.set((second, date));
        date
    }
}

fn formatted(second: u64) -> Date {
    // Past the year 9999 there is no HTTP date.
    let second = second.min(253_402_300_799);
    let text = HttpDate::from(UNIX_EPOCH + Duration::from_secs(second)).to_string();
    Date(text.as_bytes().try_into().unwrap_or([b' '; 29]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_current_second() {
        let clock = DateClock::new();
        for (second, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_776, "Sun, 06 Nov 1994 08:49:36 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(clock.at(second).text(), Some(text.as_bytes()));
        }
    }
}
