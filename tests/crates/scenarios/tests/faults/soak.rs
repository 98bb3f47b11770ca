//! Readers of all five transports that come and go while others publish, for a while: the server's memory and descriptors do
//! not grow.

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::process::{descriptors, resident};
use goldcrest_tests::{FaultProxy, Faults, Item, List, Need, Reader, Server, Start, Transport, patience};

use crate::seq;

pub(crate) fn scenarios(list: &mut List) {
    list.add("soak::memory_and_descriptors_do_not_grow", &[Need::OwnServer], soak);
}

/// How long: seconds in `GOLDCREST_SOAK`.
fn time() -> Duration {
    Duration::from_secs(env::var("GOLDCREST_SOAK").map_or(60, |seconds| seconds.parse().expect("seconds")))
}

/// Channels that go on all the time, beside those that are made and forgotten.
const CHANNELS: usize = 4;
/// KiB by which memory may grow: an allocator's reserve varies.
const SLACK: u64 = 2 * 1024;

fn soak() {
    let server = &Server::start(&["--reap-after", "3", "--history-bytes", "65536", "--history-events", "256"]);
    let faults = Faults { piece: 1..=2000, delay: 0..=1, cut: 500..=200_000, reset: None };
    let proxy = FaultProxy::start(server.address(), faults, 1);
    let broken = &server.seen_at(proxy.address(), None);
    let (over, published, read, gaps) =
        (&AtomicBool::new(false), &AtomicU64::new(0), &AtomicU64::new(0), &AtomicU64::new(0));
    let _ = server.channel_named("soak-0").publish("begin");
    let alone = descriptors(server.process());
    let mut samples = Vec::new();
    thread::scope(|scope| {
        for publisher in 0..2 {
            scope.spawn(move || publish(server, publisher, over, published));
        }
        for number in 0..10 {
            // Half of them come by way of connections that break.
            let server = if number < 5 { server } else { broken };
            scope.spawn(move || churn(server, Transport::ALL[number % 5], number as u64, over, read, gaps));
        }
        let end = Instant::now() + time();
        while Instant::now() < end {
            thread::sleep(Duration::from_millis(200));
            samples.push(resident(server.process()));
        }
        over.store(true, Ordering::Release);
    });
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let quarter = samples.len() / 4;
    let highest = |samples: &[u64]| samples.iter().copied().max().unwrap_or_default();
    let (early, late) = (highest(&samples[quarter..2 * quarter]), highest(&samples[3 * quarter..]));
    eprintln!(
        "{:?}: {} events published, {} read, {} gaps, {} connections cut; {early} KiB in the second quarter, {late} KiB in the last",
        time(),
        of(published),
        of(read),
        of(gaps),
        proxy.cuts(),
    );
    assert!(of(published) > 100 && of(read) > 500, "hardly anything happened");
    assert!(late <= early + SLACK, "memory grows: {samples:?}");
    drop(proxy);
    let due = Instant::now() + patience();
    while descriptors(server.process()) > alone + 2 {
        assert!(Instant::now() < due, "{} descriptors are left of {alone}", descriptors(server.process()));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Publishes to all channels in turn, and now and then to one that is never used again.
fn publish(server: &Server, publisher: usize, over: &AtomicBool, published: &AtomicU64) {
    let channels: Vec<_> = (0..CHANNELS).map(|number| server.channel_named(&format!("soak-{number}"))).collect();
    let mut number = 0;
    while !over.load(Ordering::Acquire) {
        let text = "x".repeat(number * 37 % 3000);
        channels[number % CHANNELS].publish(&text);
        if number % 16 == 0 {
            server.channel_named(&format!("passing-{publisher}-{number}")).publish(&text);
        }
        published.fetch_add(1, Ordering::Relaxed);
        number += 1;
        thread::sleep(Duration::from_millis(3));
    }
}

/// Reads for a while, leaves in one way or another, and comes back: by its cursor, or for new events.
fn churn(server: &Server, transport: Transport, seed: u64, over: &AtomicBool, read: &AtomicU64, gaps: &AtomicU64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let channels: Vec<_> = (0..CHANNELS).map(|number| server.channel_named(&format!("soak-{number}"))).collect();
    let mut cursors = vec!["newest".to_owned(); CHANNELS];
    while !over.load(Ordering::Acquire) {
        let number = random.usize(..CHANNELS);
        let cursor = &mut cursors[number];
        if random.u32(..4) == 0 {
            *cursor = "newest".to_owned();
        }
        let Ok(mut reader) = Reader::try_open(&channels[number], transport, Start::after(cursor)) else { continue };
        for _ in 0..random.u32(1..200) {
            match reader.try_item() {
                Ok(Item::Event(event)) => {
                    if cursor != "newest" {
                        assert_eq!(seq(&event.id), seq(cursor) + 1, "{transport:?}: passed over, or twice");
                    }
                    *cursor = event.id;
                    read.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Item::Gap(gap)) => {
                    let (epoch, before) = cursor.split_once('-').expect("a gap is behind a cursor");
                    let missed = gap.missed.expect("a gap in one epoch has a number");
                    *cursor = format!("{epoch}-{}", before.parse::<u64>().unwrap() + missed);
                    gaps.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => break,
            }
            if over.load(Ordering::Acquire) {
                return;
            }
        }
    }
}
