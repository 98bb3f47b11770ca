//! A reader that comes back until it has an account of every event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use goldcrest_tests::{Channel, Item, Reader, Start, Transport, patience};

use crate::seq;

/// The items that a reader received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Events that came, each once and in order.
    pub(crate) events: u64,
    /// Events that gaps reported as missing.
    pub(crate) missed: u64,
    /// How often it had to come back.
    pub(crate) breaks: u64,
}

/// Stops the readers when a scenario ends, after a failure too, and waits for them.
pub(crate) struct Home<'l>(pub(crate) &'l AtomicU64);

impl Drop for Home<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(0, Ordering::Release);
        }
    }
}

/// Reads `channel` after the cursor `begin` to the event numbered `last`, and comes back wherever that breaks. `last` may be
/// lowered to its final value at any time; `seen` gets the position.
///
/// # Panics
/// Where an event is passed over in silence, comes twice, or nothing comes for five times the suite's patience.
pub(crate) fn read_to(
    channel: &Channel<'_>,
    transport: Transport,
    begin: &str,
    last: &AtomicU64,
    seen: &AtomicU64,
    start: impl Fn(&str) -> Start,
) -> Account {
    let (mut account, mut cursor) = (Account::default(), begin.to_owned());
    let mut due = Instant::now() + 5 * patience();
    while seq(&cursor) < last.load(Ordering::Acquire) {
        let mut reader = match Reader::try_open(channel, transport, start(&cursor)) {
            Ok(reader) => reader,
            Err(end) => {
                assert!(Instant::now() < due, "{transport:?} after {cursor}: cannot come back: {end}");
                account.breaks += 1;
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
        };
        while seq(&cursor) < last.load(Ordering::Acquire) {
            let before = seq(&cursor);
            match reader.try_item() {
                Ok(Item::Event(event)) => {
                    assert_eq!(seq(&event.id), before + 1, "{transport:?}: passed over, or twice");
                    account.events += 1;
                    cursor = event.id;
                }
                Ok(Item::Gap(gap)) => {
                    let missed = gap.missed.expect("a gap in one epoch has a number");
                    account.missed += missed;
                    cursor = format!("{}-{}", cursor.split_once('-').unwrap().0, before + missed);
                    if let Some(after) = gap.after {
                        assert_eq!(after, cursor, "{transport:?}: a gap names its last event");
                    }
                }
                Err(end) => {
                    // A reader of a quiet channel may get nothing for a while.
                    assert!(Instant::now() < due, "{transport:?} after {cursor}: nothing comes any more: {end}");
                    account.breaks += u64::from(end != "nothing");
                    break;
                }
            }
            due = Instant::now() + 5 * patience();
            seen.store(seq(&cursor), Ordering::Release);
        }
    }
    account
}
