//! Eight readers at once, one of them slow: no reader loses an event that the log still held.

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{Channel, Item, List, Need, Reader, Server, Start, Transport, patience, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(list, "concurrent_readers", &[Need::Direct], server, [eight_readers_with_a_slow_one_lose_no_kept_event]);
}

/// The fast readers. Event streams, WebSockets and a stream stay connected, the poller asks again and again.
const BRISK: [Transport; 7] = [
    Transport::Sse,
    Transport::Sse,
    Transport::Sse,
    Transport::WebSocket,
    Transport::WebSocket,
    Transport::Stream,
    Transport::Poll,
];
const SLOW: Transport = Transport::Sse;

/// Between two events. The slow reader takes one of them in this many.
const PACE: Duration = Duration::from_millis(25);
const SLOWNESS: u32 = 8;

/// How long they stay: seconds in `GOLDCREST_LIVE`.
fn stay() -> Duration {
    Duration::from_secs(env::var("GOLDCREST_LIVE").map_or(5, |seconds| seconds.parse().expect("seconds")))
}

/// The state that all readers share.
struct Run {
    /// The number of the newest event whose publication has begun.
    published: AtomicU64,
    /// The number of the last event there will be, once that is known.
    last: AtomicU64,
    over: AtomicBool,
    /// How many events of this length the log keeps.
    kept: u64,
}

impl Run {
    fn is_through(&self, seen: u64) -> bool {
        self.over.load(Ordering::Acquire) && seen >= self.last.load(Ordering::Acquire)
    }
}

/// Ends the run, after a failure too: the readers are waited for.
struct Over<'r>(&'r Run);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.last.store(0, Ordering::Release);
        self.0.over.store(true, Ordering::Release);
    }
}

/// The number of an event.
fn seq(id: &str) -> u64 {
    id.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or_else(|| panic!("{id:?} is no id"))
}

/// All events have one length, so that the number of kept events is known.
fn text(number: u64) -> String {
    format!("{number:064}")
}

/// Reads to the end of the run; every event comes in turn, or is reported as missed, and then was overwritten. `seen` gets
/// the position.
fn read(channel: &Channel<'_>, transport: Transport, begin: &str, run: &Run, seen: &AtomicU64, slow: bool) -> u64 {
    let start = |cursor: &str| {
        let start = Start::after(cursor);
        if slow { start.narrow() } else { start }
    };
    let mut cursor = begin.to_owned();
    let mut reader = Reader::open(channel, transport, start(&cursor));
    let mut missed = 0;
    while !run.is_through(seq(&cursor)) {
        match reader.try_item() {
            Ok(Item::Event(event)) => {
                assert_eq!(seq(&event.id), seq(&cursor) + 1, "{transport:?}: passed over, or twice");
                cursor = event.id;
            }
            Ok(Item::Gap(gap)) => {
                assert!(slow, "{transport:?} keeps up and gets a gap");
                let count = gap.missed.expect("a gap in one epoch has a number");
                let (epoch, before) = (cursor.split_once('-').unwrap().0, seq(&cursor));
                let published = run.published.load(Ordering::Acquire);
                assert!(before + count + run.kept <= published, "{transport:?}: missed an event that was still kept");
                cursor = format!("{epoch}-{}", before + count);
                missed += count;
            }
            // An event was overwritten while half of it was on the wire.
            Err(_) if slow => reader = Reader::open(channel, transport, start(&cursor)),
            Err(end) => panic!("{transport:?}: {end}"),
        }
        seen.store(seq(&cursor), Ordering::Release);
        if slow && !run.over.load(Ordering::Acquire) {
            thread::sleep(PACE * SLOWNESS);
        }
    }
    missed
}

fn eight_readers_with_a_slow_one_lose_no_kept_event(server: &Server) {
    let channel = server.channel();
    // A log of few events is full of those of one length by now, and never keeps fewer of them.
    let mut newest = 0;
    for number in 0..100 {
        newest = seq(&channel.publish(&text(number)).id);
    }
    let begin = channel.newest();
    let (first, kept) = (newest, channel.kept().len() as u64 - 1);
    let run = Run { published: newest.into(), last: u64::MAX.into(), over: false.into(), kept };
    let seen = BRISK.map(|_| AtomicU64::new(newest));
    let ignored = AtomicU64::new(0);
    thread::scope(|scope| {
        let over = Over(&run);
        let (run, begin) = (&run, &begin);
        for (transport, seen) in BRISK.into_iter().zip(&seen) {
            let channel = server.channel_named(channel.name());
            scope.spawn(move || read(&channel, transport, begin, run, seen, false));
        }
        let (slow_one, ignored) = (server.channel_named(channel.name()), &ignored);
        let slow_one = scope.spawn(move || read(&slow_one, SLOW, begin, run, ignored, true));
        let mut publish = || {
            // A fast reader is never so far behind that the log has lost the event.
            let due = Instant::now() + patience();
            while seen.iter().any(|seen| seen.load(Ordering::Acquire) + kept / 2 < newest) {
                assert!(Instant::now() < due, "a reader that keeps up stands still: {seen:?}, newest {newest}");
                thread::sleep(Duration::from_millis(1));
            }
            run.published.store(newest + 1, Ordering::Release);
            newest = seq(&channel.publish(&text(newest)).id);
        };
        let end = Instant::now() + stay();
        while Instant::now() < end && !slow_one.is_finished() {
            publish();
            thread::sleep(PACE);
        }
        // Announced before it is published: a reader that has received it waits for nothing more.
        run.last.store(run.published.load(Ordering::Acquire) + 1, Ordering::Release);
        run.over.store(true, Ordering::Release);
        publish();
        let missed = slow_one.join().expect("the slow reader");
        drop(over);
        eprintln!("{} events, of which the slow reader missed {missed}", newest - first);
    });
}
