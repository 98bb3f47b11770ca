//! One hub on several threads.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use goldcrest_core::format::PollLimits;
use goldcrest_core::hub::{
    ChannelName, ChannelNameError, ChannelReader, HubBackend, IDEMPOTENCY_KEYS, NamePolicy, NewEvent, OpenError,
    PublishError,
};
use goldcrest_core::log::{Cursor, Encoding, EventId, EventType, GapPolicy, LogReader, Position, ReadEvent};

use super::event::ChannelId;
use super::master::Master;
use super::{ChannelLimits, Hub, Inbox, LocalHub, LocalReader};
use crate::memory::Memory;
use crate::reactor::{BufferLimits, Reactor};

fn hub(limits: ChannelLimits) -> Hub {
    Hub::new(limits).unwrap()
}

/// The hub on a thread without a reactor: the test drains the inbox.
fn on_thread(hub: &Hub) -> LocalHub {
    let (_, notifier) = Reactor::new(BufferLimits::default()).unwrap();
    LocalHub::new(
        hub.clone(),
        Arc::new(Inbox::new(notifier, hub.limits().bytes)),
        PollLimits::default(),
        Default::default(),
    )
}

/// The hub on a thread, and its inbox.
fn with_inbox(hub: &Hub) -> (LocalHub, Arc<Inbox>) {
    let (_, notifier) = Reactor::new(BufferLimits::default()).unwrap();
    let inbox = Arc::new(Inbox::new(notifier, hub.limits().bytes));
    (LocalHub::new(hub.clone(), Arc::clone(&inbox), PollLimits::default(), Default::default()), inbox)
}

fn open(hub: &LocalHub, channel: &str, following: bool) -> LocalReader {
    hub.open(ChannelName::new(channel).unwrap(), following, None).unwrap()
}

fn publish(hub: &Hub, text: &str) -> Result<String, PublishError> {
    hub.publish("a", EventType::MESSAGE, text).map(|id| id.to_string())
}

/// The events after `after`, with their ids.
fn read(reader: &LocalReader, mut after: u64) -> Vec<(String, String)> {
    let mut events = Vec::new();
    let mut buffer = [0; 256];
    while reader.newest() > after {
        let ReadEvent::Event(event) = reader.read_at(after, 0, &mut buffer) else { panic!("overwritten") };
        let data = &buffer[event.meta.type_len..event.copied];
        after = event.meta.seq;
        let id = EventId { epoch: reader.epoch(), seq: after };
        events.push((id.to_string(), String::from_utf8_lossy(data).into_owned()));
    }
    events
}

/// The cursor and the events of a poll from `position` on.
fn poll(hub: &LocalHub, position: Position) -> (Cursor, Vec<(String, String)>) {
    let reader = open(hub, "a", false);
    let cursor = reader.seek(position, GapPolicy::Replay);
    (cursor, read(&reader, cursor.after))
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn all_threads_see_the_same_events_in_the_same_order() {
    const EACH: usize = 200;
    let hub = hub(ChannelLimits::default());
    let start = Barrier::new(4);
    let seen: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (hub, start) = (&hub, &start);
                scope.spawn(move || {
                    let thread_hub = on_thread(hub);
                    start.wait();
                    // Two of them mirror from the start, two from the midst of it.
                    let mut reader = (number % 2 == 0).then(|| open(&thread_hub, "a", true));
                    for count in 0..EACH {
                        publish(hub, &format!("{number} {count}")).unwrap();
                        if count == EACH / 2 {
                            reader.get_or_insert_with(|| open(&thread_hub, "a", true));
                        }
                        thread_hub.drain_inbox();
                    }
                    let reader = reader.unwrap();
                    while reader.newest() < 4 * EACH as u64 {
                        thread_hub.drain_inbox();
                        thread::yield_now();
                    }
                    read(&reader, 0)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(seen[0].len(), 4 * EACH);
    for other in &seen[1..] {
        assert_eq!(*other, seen[0]);
    }
    for number in 0..4 {
        let own: Vec<_> = seen[0].iter().filter_map(|(_, data)| data.strip_prefix(&format!("{number} "))).collect();
        assert!(own.iter().enumerate().all(|(count, data)| *data == count.to_string()), "{number} out of its order");
    }
}

#[test]
fn reaping_loses_no_acknowledged_event_of_a_follower() {
    // A channel is reaped as soon as it has no follower.
    let hub = hub(ChannelLimits { reap_after: Duration::ZERO, ..ChannelLimits::default() });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                hub.reap_at(u64::MAX);
            }
        });
        let thread_hub = on_thread(&hub);
        for round in 0..300 {
            let reader = open(&thread_hub, "a", true);
            let after = reader.newest();
            let publisher = scope.spawn(|| (0..5).map(|count| publish(&hub, &count.to_string()).unwrap()).collect());
            let acknowledged: Vec<String> = publisher.join().unwrap();
            thread_hub.drain_inbox();
            let seen: Vec<String> = read(&reader, after).into_iter().map(|(id, _)| id).collect();
            assert_eq!(seen, acknowledged, "round {round}");
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn an_idle_channel_is_reaped_and_its_next_epoch_differs() {
    let hub = hub(ChannelLimits { reap_after: Duration::from_secs(10), ..ChannelLimits::default() });
    let thread_hub = on_thread(&hub);
    let first = publish(&hub, "one").unwrap();
    drop(open(&thread_hub, "a", true));
    hub.reap_at(hub.seconds() + 9);
    assert_eq!(hub.channels(), 1);
    hub.reap_at(hub.seconds() + 11);
    assert_eq!(hub.channels(), 0);
    let again = publish(&hub, "one").unwrap();
    assert_ne!(first, again, "another epoch");
    assert_eq!(poll(&thread_hub, Position::Oldest).1, [(again, "one".to_owned())]);
}

#[test]
fn a_mirror_ends_with_the_last_follower_of_its_thread() {
    let hub = hub(ChannelLimits::default());
    let thread_hub = on_thread(&hub);
    let (first, second) = (open(&thread_hub, "a", true), open(&thread_hub, "a", true));
    let mirror = std::rc::Rc::downgrade(first.mirror().unwrap());
    publish(&hub, "one").unwrap();
    drop(first);
    thread_hub.drain_inbox();
    assert_eq!(read(&second, 0).len(), 1);
    publish(&hub, "two").unwrap();
    drop(second);
    assert!(mirror.upgrade().is_none());
    // The items that are still in the inbox are for a mirror that has gone, or for its successor, which has their events already.
    let third = open(&thread_hub, "a", true);
    thread_hub.drain_inbox();
    assert_eq!(read(&third, 0).len(), 2);
    assert!(open(&thread_hub, "a", false).mirror().is_none());
}

#[test]
fn a_channel_is_idle_from_when_its_last_follower_left() {
    let master =
        Arc::new(Master::new(ChannelId(0), "a".into(), 1024, 8, 1, 0, Memory::default().reserve(0).unwrap()).unwrap());
    let (_, inbox) = with_inbox(&hub(ChannelLimits::default()));
    assert!(master.mirror(&inbox, 1024, 8).is_some());
    master.follow();
    assert!(!master.reap(3600), "it has followers, though no event is published");
    master.unfollow(3600);
    assert!(!master.reap(3601), "one of two followers has left");
    master.remove_mirror(&inbox, 3600);
    assert!(!master.reap(3600), "it has not been idle for long enough");
    assert!(master.reap(3601));
    assert!(master.mirror(&inbox, 1024, 8).is_none());
}

#[test]
fn draining_the_inbox_wakes_followers() {
    let hub = hub(ChannelLimits::default());
    let thread_hub = on_thread(&hub);
    let (mut a, mut b) = (open(&thread_hub, "a", true), open(&thread_hub, "b", true));
    let flags = [(); 2].map(|()| Arc::new(Flag(AtomicBool::new(false))));
    let wakers = flags.each_ref().map(|flag| Waker::from(Arc::clone(flag)));
    assert!(a.poll_new_event(&mut Context::from_waker(&wakers[0]), 0).is_pending());
    assert!(b.poll_new_event(&mut Context::from_waker(&wakers[1]), 0).is_pending());
    publish(&hub, "one").unwrap();
    thread_hub.drain_inbox();
    assert_eq!(flags.each_ref().map(|flag| flag.0.load(Ordering::SeqCst)), [true, false]);
    assert!(a.poll_new_event(&mut Context::from_waker(&wakers[0]), 0).is_ready());
}

#[test]
fn events_accepted_before_a_shutdown_are_in_the_inbox() {
    let hub = hub(ChannelLimits::default());
    let thread_hub = on_thread(&hub);
    let reader = open(&thread_hub, "a", true);
    thread::scope(|scope| {
        let publishers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut accepted = 0;
                    while publish(&hub, "one").is_ok() {
                        accepted += 1;
                        thread::yield_now();
                    }
                    assert_eq!(publish(&hub, "one"), Err(PublishError::ShuttingDown));
                    assert!(hub.publish("new", EventType::MESSAGE, "one").is_err());
                    accepted
                })
            })
            .collect();
        while reader.newest() < 100 {
            thread_hub.drain_inbox();
            thread::yield_now();
        }
        hub.shut_down();
        thread_hub.drain_inbox();
        let seen = reader.newest();
        let accepted: u64 = publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum();
        assert_eq!(seen, accepted);
    });
}

#[test]
fn the_inbox_of_a_blocked_thread_is_bounded_and_loses_no_event() {
    let hub = hub(ChannelLimits { events: 8, ..ChannelLimits::default() });
    let (thread_hub, inbox) = with_inbox(&hub);
    let names = ["busy", "quiet", "reaped"];
    let [busy, quiet, reaped] = names.map(|name| open(&thread_hub, name, true));
    hub.publish("quiet", EventType::MESSAGE, "one").unwrap();
    drop(reaped);
    let mut heaviest = 0;
    for number in 0..1000 {
        hub.publish("busy", EventType::MESSAGE, &format!("{number:10000}")).unwrap();
        heaviest = heaviest.max(inbox.size());
    }
    assert!((500_000..2_000_000).contains(&heaviest), "{heaviest} bytes waited");
    thread_hub.drain_inbox();
    assert_eq!(inbox.size(), 0);
    assert_eq!((busy.newest(), quiet.newest()), (1000, 1));
    let mut buffer = [0; 16];
    assert!(matches!(busy.read_at(991, 0, &mut buffer), ReadEvent::Overwritten), "its reader gets a gap");
    assert!(matches!(busy.read_at(992, 0, &mut buffer), ReadEvent::Event(_)), "the last 8 are in the log");
    // No wake is lost, and later events are appended as before.
    hub.publish("busy", EventType::MESSAGE, "last").unwrap();
    thread_hub.drain_inbox();
    assert_eq!(read(&busy, 1000)[0].1, "last");
}

#[test]
fn a_mirror_catches_up_after_its_inbox_dropped_events() {
    let hub = hub(ChannelLimits { events: 16, ..ChannelLimits::default() });
    let published = AtomicU64::new(0);
    thread::scope(|scope| {
        let publishers: Vec<_> = (0..3)
            .map(|_| {
                let (hub, published) = (&hub, &published);
                scope.spawn(move || {
                    for number in 0..400 {
                        publish(hub, &format!("{number:10000}")).unwrap();
                        published.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let threads: Vec<_> = (0..2)
            .map(|number| {
                let (hub, published) = (&hub, &published);
                scope.spawn(move || {
                    let thread_hub = on_thread(hub);
                    let reader = open(&thread_hub, "a", true);
                    let mut before = 0;
                    while reader.newest() < 1200 {
                        // The second looks only once far more has been published than its inbox holds.
                        let due = (before + 300).min(1200);
                        while number == 1 && published.load(Ordering::SeqCst) < due {
                            thread::yield_now();
                        }
                        thread_hub.drain_inbox();
                        assert!(reader.newest() >= before, "a mirror never goes back");
                        before = reader.newest();
                    }
                    let mut buffer = [0; 16];
                    (1184..1200).all(|after| matches!(reader.read_at(after, 0, &mut buffer), ReadEvent::Event(_)))
                })
            })
            .collect();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}

/// The id that `publish` returned.
fn id(text: &str) -> EventId {
    EventId::parse(text.as_bytes()).unwrap()
}

#[test]
fn an_acknowledged_id_is_known_to_a_thread_that_lags() {
    let hub = hub(ChannelLimits::default());
    let thread_hub = on_thread(&hub);
    let first = open(&thread_hub, "a", true);
    // The inbox is never drained, as of a thread to which the publisher has not posted yet.
    for number in 1..=20 {
        let newest = id(&publish(&hub, &number.to_string()).unwrap());
        for following in [true, false] {
            let reader = open(&thread_hub, "a", following);
            let cursor = reader.seek(Position::After(newest), GapPolicy::Replay);
            assert_eq!(cursor, Cursor { after: number, gap: None });
            let earlier = Position::After(EventId { seq: number - 1, ..newest });
            let cursor = reader.seek(earlier, GapPolicy::Replay);
            assert_eq!(cursor, Cursor { after: number - 1, gap: None });
            assert_eq!(read(&reader, cursor.after).len(), 1, "the published event is seen");
            let later = Position::After(EventId { seq: number + 1, ..newest });
            assert_eq!(reader.seek(later, GapPolicy::Replay).gap.unwrap().missed, None);
        }
    }
    assert_eq!(first.newest(), 20);
    thread_hub.drain_inbox();
    assert_eq!(read(&first, 0).len(), 20, "nothing twice");
}

#[test]
fn a_follower_reads_events_older_than_its_mirror() {
    let hub = hub(ChannelLimits { events: 8, ..ChannelLimits::default() });
    for number in 1..=20 {
        publish(&hub, &number.to_string()).unwrap();
    }
    let thread_hub = on_thread(&hub);
    let live = open(&thread_hub, "a", true);
    assert_eq!(live.seek(Position::Newest, GapPolicy::Replay), Cursor { after: 20, gap: None });
    let old = open(&thread_hub, "a", true);
    assert_eq!(old.seek(Position::Oldest, GapPolicy::Replay), Cursor { after: 12, gap: None });
    assert_eq!(read(&old, 12).len(), 8);
    let latest = open(&thread_hub, "a", true);
    let overwritten = Position::After(EventId { epoch: latest.epoch(), seq: 3 });
    let cursor = latest.seek(overwritten, GapPolicy::Latest);
    assert_eq!((cursor.after, cursor.gap.unwrap().missed), (19, Some(16)));
}

#[test]
fn a_poll_has_a_copy_of_the_events_of_its_response() {
    let hub = hub(ChannelLimits { events: 8, ..ChannelLimits::default() });
    let thread_hub = on_thread(&hub);
    for number in 1..=8 {
        publish(&hub, &number.to_string()).unwrap();
    }
    let reader = open(&thread_hub, "a", false);
    let cursor = reader.seek(Position::Oldest, GapPolicy::Replay);
    for number in 9..=20 {
        publish(&hub, &number.to_string()).unwrap();
    }
    let events: Vec<_> = read(&reader, cursor.after).into_iter().map(|(_, data)| data).collect();
    assert_eq!(events, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    // No more than the bounds of a response, and at least one event.
    for (size, count) in [(1000, 8), (10_000, 6), (100_000, 1)] {
        for _ in 0..8 {
            publish(&hub, &"x".repeat(size)).unwrap();
        }
        let reader = open(&thread_hub, "a", false);
        let cursor = reader.seek(Position::Oldest, GapPolicy::Replay);
        assert_eq!(reader.newest() - cursor.after, count, "{size}");
    }
}

#[test]
fn a_mirror_that_lacks_old_events_copies_them_from_its_master() {
    // A mirror that started later wraps at another event, and has overwritten events that the master still has.
    let limits = ChannelLimits { events: 100, bytes: 1000 + 400, ..ChannelLimits::default() };
    for before in 0..20 {
        let hub = hub(limits);
        for _ in 0..before {
            publish(&hub, &"x".repeat(90)).unwrap();
        }
        let thread_hub = on_thread(&hub);
        let reader = open(&thread_hub, "a", true);
        let start = reader.seek(Position::Newest, GapPolicy::Replay).after;
        for number in 0..30usize {
            publish(&hub, &"y".repeat(number * 37 % 200)).unwrap();
        }
        thread_hub.drain_inbox();
        let kept = poll(&thread_hub, Position::Oldest).0.after;
        assert!(kept > start);
        assert_eq!(read(&reader, kept).len() as u64, reader.newest() - kept, "{before} before");
    }
}

#[test]
fn idempotency_keys_of_one_client_do_not_evict_those_of_another() {
    let hub = hub(ChannelLimits::default());
    let thread = on_thread(&hub);
    let publish = |client: u8, key: &str| {
        let publication = NewEvent {
            event_type: EventType::MESSAGE,
            encoding: Encoding::Text,
            data: b"x",
            idempotency_key: Some(key.as_bytes()),
        };
        let peer = Some([192, 0, 2, client].into());
        thread.publish(ChannelName::new("a").unwrap(), &publication, peer).unwrap().duplicate
    };
    assert!(!publish(1, "mine"));
    for number in 0..10 * IDEMPOTENCY_KEYS {
        assert!(!publish(2, &number.to_string()));
    }
    assert!(publish(1, "mine"), "the other client's keys evicted it");
    assert!(publish(1, "639") && !publish(2, "0"), "the newest keys of the other client are known, for any client");
}

fn newest_cursor(hub: &LocalHub, channel: &str) -> (u32, Cursor) {
    let reader = open(hub, channel, false);
    (reader.epoch(), reader.seek(Position::Oldest, GapPolicy::Replay))
}

#[test]
fn polling_creates_no_channel_and_its_cursor_stays_valid() {
    let hub = hub(ChannelLimits { channels: 2, ..ChannelLimits::default() });
    let thread = on_thread(&hub);
    let (epoch, cursor) = newest_cursor(&thread, "a");
    assert_eq!((cursor, hub.channels()), (Cursor { after: 0, gap: None }, 0));
    for number in 0..100 {
        newest_cursor(&thread, &number.to_string());
    }
    drop(open(&thread, "followed", true));
    assert_eq!(hub.channels(), 0, "the last follower of an empty channel takes it along");
    let first = publish(&hub, "one").unwrap();
    assert_eq!(first, EventId { epoch, seq: 1 }.to_string());
    let (cursor, events) = poll(&thread, Position::After(EventId { epoch, seq: 0 }));
    assert_eq!((cursor.gap, &*events), (None, &[(first, "one".to_owned())][..]));
    // After a channel with events has been reaped its name has another epoch, before and after it is created again.
    hub.reap_at(hub.seconds() + 601);
    assert_eq!(hub.channels(), 0);
    assert_ne!(newest_cursor(&thread, "a").0, epoch);
    let after = open(&thread, "a", false).seek(Position::After(EventId { epoch, seq: 1 }), GapPolicy::Replay);
    assert!(after.gap.is_some());
    let (next, _) = newest_cursor(&thread, "a");
    assert_eq!(publish(&hub, "two").unwrap(), EventId { epoch: next, seq: 1 }.to_string());
}

#[test]
fn a_refused_event_creates_no_channel() {
    let hub = hub(ChannelLimits { channels: 2, ..ChannelLimits::default() });
    let thread = on_thread(&hub);
    let (epoch, _) = newest_cursor(&thread, "a");
    publish(&hub, &"x".repeat(300_000)).unwrap_err();
    assert_eq!((hub.channels(), newest_cursor(&thread, "a").0), (0, epoch));
    let follower = open(&thread, "a", true);
    publish(&hub, &"x".repeat(300_000)).unwrap_err();
    assert_eq!((hub.channels(), follower.epoch()), (1, epoch), "it is followed");
}

#[test]
fn one_address_cannot_create_all_channels() {
    let limits = ChannelLimits {
        channels: 8,
        channels_per_address: Some(4),
        empty_channels_per_address: Some(2),
        ..ChannelLimits::default()
    };
    let hub = hub(limits);
    let thread = on_thread(&hub);
    let [one, other] = [1, 2].map(|last| Some([192, 0, 2, last].into()));
    let name = |name: &'static str| ChannelName::new(name).unwrap();
    let follow = |channel, peer| thread.open(name(channel), true, peer);
    let publish = |channel, peer| {
        let publication =
            NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"x", idempotency_key: None };
        thread.publish(name(channel), &publication, peer).map(drop)
    };
    let _a = follow("a", one).unwrap();
    let b = follow("b", one).unwrap();
    assert_eq!(follow("c", one).map(drop), Err(OpenError::TooManyChannels));
    drop(b);
    let _c = follow("c", one).unwrap();
    let _again = follow("a", one).unwrap();
    // The first publisher counts as the creator.
    publish("a", other).unwrap();
    let _d = follow("d", one).unwrap();
    for channel in ["e", "f", "c"] {
        publish(channel, other).unwrap();
    }
    assert_eq!(publish("g", other), Err(PublishError::TooManyChannels), "four were published in");
    assert_eq!(publish("d", other), Err(PublishError::TooManyChannels), "it would be the fifth");
    publish("e", other).unwrap();
    publish("g", one).unwrap();
    publish("d", one).unwrap();
    let _h = follow("h", one).unwrap();
    let _i = follow("i", one).unwrap();
    assert_eq!(hub.channels(), 8);
    assert_eq!(publish("j", None), Err(PublishError::TooManyChannels), "eight in all");
    drop(_h);
    publish("j", None).unwrap();
}

#[test]
fn channels_stay_below_the_memory_limit_and_idle_ones_are_reaped() {
    let hub = hub(ChannelLimits::default());
    let thread = on_thread(&hub);
    let memory = hub.memory().clone();
    // Channels may use five eighths of it.
    memory.set_limit(1 << 20);
    let text = "x".repeat(8000);
    let publish = |channel: &str| hub.publish(channel, EventType::MESSAGE, &text).map(drop);
    let fill = |channel: &str| (0..64).try_for_each(|_| publish(channel));
    fill("a").unwrap();
    assert!((256 << 10..300 << 10).contains(&memory.reserved()), "{}", memory.reserved());
    fill("a").unwrap();
    let reader = open(&thread, "a", true);
    assert!((512 << 10..600 << 10).contains(&memory.reserved()), "a mirror takes as much: {}", memory.reserved());
    assert_eq!(fill("b"), Err(PublishError::OutOfMemory));
    assert!(memory.reserved() <= 640 << 10);
    fill("a").unwrap();
    drop(reader);
    fill("b").unwrap();
    assert_eq!(fill("c"), Err(PublishError::OutOfMemory));
    assert!(thread.open(ChannelName::new("b").unwrap(), true, None).is_err(), "there is no memory for a mirror");
    assert_eq!(hub.epoch("b").is_some(), hub.epoch("a").is_some(), "both exist");
    // Channels that were idle for a tenth of the time are reaped, until memory is no longer scarce.
    assert!(!hub.reap_for_memory_in_seconds(59));
    assert!(hub.reap_for_memory_in_seconds(62));
    assert!(hub.channels() > 0 && !memory.is_scarce());
    hub.reap_at(hub.seconds() + 601);
    assert_eq!((hub.channels(), memory.reserved()), (0, 0));
}

#[test]
fn unread_poll_responses_stay_below_the_memory_limit() {
    let hub = hub(ChannelLimits::default());
    let thread = on_thread(&hub);
    let memory = hub.memory().clone();
    for _ in 0..8 {
        hub.publish("a", EventType::MESSAGE, &"x".repeat(8000)).unwrap();
    }
    let before = memory.reserved();
    memory.set_limit(1 << 20);
    // Each has a cursor and a copy of the events of its response.
    let mut readers = Vec::new();
    let counts: Vec<_> = (0..200)
        .map(|_| {
            let reader = open(&thread, "a", false);
            let cursor = reader.seek(Position::Oldest, GapPolicy::Replay);
            assert_eq!(cursor, Cursor { after: 0, gap: None });
            let newest = reader.newest();
            readers.push(reader);
            newest
        })
        .collect();
    assert!(memory.reserved() <= (1 << 20) - (1 << 17), "{}", memory.reserved());
    // A full response, then one event, then none: the next poll asks for the rest.
    assert_eq!((counts[0], counts[199]), (8, 0));
    assert!(counts.is_sorted_by(|one, next| one >= next) && counts.contains(&1), "{counts:?}");
    drop(readers);
    assert_eq!(memory.reserved(), before);
    assert_eq!(poll(&thread, Position::Oldest).1.len(), 8);
}

#[test]
fn a_publisher_waits_for_followers_until_a_timeout() {
    let hub = hub(ChannelLimits { events: 4, ..ChannelLimits::default() });
    let thread_hub = on_thread(&hub);
    let mut follower = open(&thread_hub, "a", true);
    assert!(follower.poll_new_event(&mut Context::from_waker(Waker::noop()), 0).is_pending());
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    let cx = &mut Context::from_waker(&waker);
    for number in 0..3 {
        assert!(pin!(hub.wait_for_followers("a", pending())).poll(cx).is_ready());
        publish(&hub, &number.to_string()).unwrap();
    }
    let mut waiting = pin!(hub.wait_for_followers("a", pending()));
    assert!(waiting.as_mut().poll(cx).is_pending());
    thread_hub.drain_inbox();
    assert!(waiting.as_mut().poll(cx).is_pending() && !flag.0.load(Ordering::SeqCst));
    assert!(follower.poll_new_event(&mut Context::from_waker(Waker::noop()), 3).is_pending(), "it has taken all");
    assert!(flag.0.load(Ordering::SeqCst) && waiting.as_mut().poll(cx).is_ready());
    let publishes = |most: usize, cx: &mut Context<'_>| {
        let mut published = 0;
        while published < most && pin!(hub.wait_for_followers("a", pending())).poll(cx).is_ready() {
            publish(&hub, "x").unwrap();
            published += 1;
        }
        published
    };
    assert_eq!(publishes(8, cx), 3);
    assert!(pin!(hub.wait_for_followers("a", ready(()))).poll(cx).is_ready(), "after the timeout");
    // The thread has not reported which of its followers are behind: it has the time of a whole log to do so.
    assert_eq!(publishes(8, cx), 3);
    assert!(pin!(hub.wait_for_followers("a", ready(()))).poll(cx).is_ready(), "after another timeout");
    assert_eq!(publishes(8, cx), 8);
    // Once the follower has caught up publishers wait for it again. After another timeout they ignore it until it catches up again.
    thread_hub.drain_inbox();
    assert!(follower.poll_new_event(&mut Context::from_waker(Waker::noop()), follower.newest()).is_pending());
    assert_eq!(publishes(8, cx), 3);
    assert!(pin!(hub.wait_for_followers("a", ready(()))).poll(cx).is_ready(), "after the timeout");
    thread_hub.drain_inbox();
    assert_eq!(publishes(8, cx), 8);
    assert!(pin!(hub.wait_for_followers("missing", pending())).poll(cx).is_ready());
}

const TEXT: NewEvent<'_> =
    NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"x", idempotency_key: None };

#[test]
fn a_name_that_the_policy_does_not_permit_is_invalid_everywhere() {
    for (policy, invalid) in [(NamePolicy::UNRESERVED, "orders/42"), (NamePolicy::EXTENDED, "a\u{202e}")] {
        let hub = hub(ChannelLimits { names: policy, ..ChannelLimits::default() });
        let error = ChannelNameError(policy);
        assert_eq!(hub.publish(invalid, EventType::MESSAGE, "x"), Err(PublishError::InvalidName(error)));
        assert_eq!(hub.channel_name(invalid), Err(error));
    }
    // A name that another policy permits.
    let (hub, name) = (hub(ChannelLimits::default()), ChannelName::with_policy("a:b", NamePolicy::EXTENDED).unwrap());
    let error = ChannelNameError(NamePolicy::UNRESERVED);
    assert_eq!(hub.publish_event(name, &TEXT, None), Err(PublishError::InvalidName(error)));
    for following in [false, true] {
        assert_eq!(on_thread(&hub).open(name, following, None).err(), Some(OpenError::InvalidName(error)));
    }
    assert_eq!(hub.channels(), 0);
}

#[test]
fn a_reader_publishes_to_its_channel() {
    let hub = hub(ChannelLimits { names: NamePolicy::EXTENDED, ..ChannelLimits::default() });
    let thread = on_thread(&hub);
    for name in ["orders/42", &"aä".repeat(85)] {
        let name = hub.channel_name(name).unwrap();
        for (seq, following) in [false, true, false].into_iter().enumerate() {
            let reader = thread.open(name, following, None).unwrap();
            let published = reader.publish(&TEXT, None).unwrap();
            assert_eq!((published.id.seq, published.followers), (seq as u64 + 1, usize::from(following)));
        }
    }
    assert_eq!(hub.channels(), 2);
}

#[test]
fn a_publisher_waits_for_followers_of_a_channel_that_was_created_after_its_request() {
    let hub = hub(ChannelLimits { events: 4, ..ChannelLimits::default() });
    let thread = on_thread(&hub);
    let cx = &mut Context::from_waker(Waker::noop());
    let mut publisher = open(&thread, "a", false);
    assert!(publisher.poll_publish_ready(cx).is_ready(), "there is no such channel");
    let mut follower = open(&thread, "a", true);
    assert!(follower.poll_new_event(cx, 0).is_pending());
    for number in 0..3 {
        assert!(publisher.poll_publish_ready(cx).is_ready());
        publish(&hub, &number.to_string()).unwrap();
    }
    assert!(publisher.poll_publish_ready(cx).is_pending());
    publisher.ignore_slow_followers();
    assert!(publisher.poll_publish_ready(cx).is_ready());
}
