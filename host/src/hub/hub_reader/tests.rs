//! Readers on threads and executors that the hub does not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use goldcrest_core::hub::{ChannelName, ChannelReader, HubBackend, NewEvent, OpenError};
use goldcrest_core::log::{Encoding, EventId, EventType, Gap, GapPolicy, LogReader, Position};

use super::{HubReader, ReaderItem};
use crate::{ChannelLimits, Hub};

fn hub(events: usize) -> Hub {
    Hub::new(ChannelLimits { events, ..ChannelLimits::default() }).unwrap()
}

fn event(text: &str) -> NewEvent<'_> {
    NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: text.as_bytes(), idempotency_key: None }
}

fn publish(hub: &Hub, text: &str) {
    publish_for_id(hub, text);
}

fn publish_for_id(hub: &Hub, text: &str) -> EventId {
    hub.publish("a", EventType::MESSAGE, text).unwrap()
}

/// The items that are there now: `7=text` for an event, `-3` for a gap of three events.
fn items(reader: &mut HubReader) -> Vec<String> {
    std::iter::from_fn(|| reader.try_next()).map(show).collect()
}

fn show(item: ReaderItem) -> String {
    match item {
        ReaderItem::Event(event) => format!("{}={}", event.id.seq, event.text().unwrap_or("binary")),
        ReaderItem::Gap(Gap { missed }) => missed.map_or("-?".into(), |missed| format!("-{missed}")),
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn waker() -> (Arc<Wakes>, Waker) {
    let wakes = Arc::<Wakes>::default();
    (Arc::clone(&wakes), wakes.into())
}

#[test]
fn a_reader_may_be_sent_to_another_thread() {
    fn is_send<T: Send + Sync + 'static>() {}
    is_send::<HubReader>();
}

#[test]
fn readers_on_several_threads_get_all_events_in_one_order() {
    const EACH: usize = 500;
    let hub = hub(2 * EACH);
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let mut reader = hub.reader("a").unwrap();
            thread::spawn(move || {
                smol::block_on(async {
                    let mut seen = Vec::new();
                    while seen.len() < 2 * EACH {
                        seen.push(show(reader.next().await.unwrap()));
                    }
                    seen
                })
            })
        })
        .collect();
    thread::scope(|scope| {
        for number in 0..2 {
            let hub = &hub;
            scope.spawn(move || (0..EACH).for_each(|count| publish(hub, &format!("{number} {count}"))));
        }
    });
    let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    assert_eq!(seen[0].len(), 2 * EACH);
    assert!(seen.iter().all(|events| *events == seen[0]));
}

#[test]
fn an_event_has_its_id_type_and_data() {
    let hub = hub(16);
    let mut reader = hub.reader("a").unwrap();
    let id = hub.publish("a", EventType::new("order").unwrap(), "2 teas").unwrap();
    let binary = NewEvent { data: &[0xff, 0], encoding: Encoding::Binary, ..event("") };
    hub.publish_event(ChannelName::new("a").unwrap(), &binary, None).unwrap();
    let Some(ReaderItem::Event(event)) = reader.try_next() else { panic!("an event was published") };
    assert_eq!(
        (event.id, event.event_type(), event.text(), event.data()),
        (id, "order", Some("2 teas"), &b"2 teas"[..])
    );
    let Some(ReaderItem::Event(event)) = reader.try_next() else { panic!("a second event was published") };
    assert_eq!((event.event_type(), event.text(), event.data()), ("message", None, &[0xff, 0][..]));
    assert_eq!(reader.try_next(), None);
}

#[test]
fn a_reader_starts_after_the_newest_event() {
    let hub = hub(16);
    publish(&hub, "before");
    let reader = hub.reader("a").unwrap();
    publish(&hub, "after");
    // Neither choice moves the start.
    let mut reader = reader.gap_policy(GapPolicy::Latest);
    assert_eq!(items(&mut reader), ["2=after"]);
    let mut reader = hub.reader("a").unwrap().start(Position::Newest);
    publish(&hub, "later");
    reader = reader.gap_policy(GapPolicy::Replay);
    assert_eq!(items(&mut reader), ["3=later"]);
}

#[test]
fn a_reader_resumes_by_id() {
    let hub = hub(16);
    let ids: Vec<_> = ["one", "two", "three"].map(|text| publish_for_id(&hub, text)).into();
    let start = |position| items(&mut hub.reader("a").unwrap().start(position));
    assert_eq!(start(Position::After(ids[0])), ["2=two", "3=three"]);
    assert_eq!(start(Position::Oldest), ["1=one", "2=two", "3=three"]);
    assert_eq!(start(Position::Newest), [""; 0]);
    // An id of another epoch, and an unreadable one: the number of missed events is unknown.
    let foreign = EventId { epoch: ids[0].epoch.wrapping_add(1), seq: 1 };
    assert_eq!(start(Position::After(foreign)), ["-?", "1=one", "2=two", "3=three"]);
    assert_eq!(start(Position::Unknown), ["-?", "1=one", "2=two", "3=three"]);
    let mut first = hub.reader("a").unwrap().start(Position::Oldest);
    first.try_next();
    assert_eq!(first.position(), ids[0]);
    assert_eq!(start(Position::After(first.position())), ["2=two", "3=three"]);
}

#[test]
fn overwritten_events_are_a_gap() {
    for (policy, expected, ends) in [
        (GapPolicy::Replay, &["1=0", "-6", "8=7", "9=8", "10=9", "11=10"][..], false),
        (GapPolicy::Latest, &["1=0", "-9", "11=10"][..], false),
        (GapPolicy::Disconnect, &["1=0", "-6"][..], true),
    ] {
        let hub = hub(4);
        let mut reader = hub.reader("a").unwrap().gap_policy(policy);
        publish(&hub, "0");
        let mut seen: Vec<_> = reader.try_next().map(show).into_iter().collect();
        (1..11).for_each(|number| publish(&hub, &number.to_string()));
        seen.extend(items(&mut reader));
        assert_eq!(seen, expected, "{policy:?}");
        publish(&hub, "next");
        assert_eq!(items(&mut reader).is_empty(), ends, "{policy:?}");
        if ends {
            assert_eq!(smol::block_on(reader.next()), None);
        }
    }
}

#[test]
fn a_waiting_reader_is_woken_once_per_wait() {
    let hub = hub(16);
    let mut reader = hub.reader("a").unwrap();
    let (wakes, waker) = waker();
    let cx = &mut Context::from_waker(&waker);
    assert_eq!(reader.poll_next_item(cx), Poll::Pending);
    publish(&hub, "one");
    publish(&hub, "two");
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(items(&mut reader), ["1=one", "2=two"]);
    // The waker of the last poll counts.
    assert_eq!(reader.poll_next_item(cx), Poll::Pending);
    let (other, waker) = self::waker();
    assert_eq!(reader.poll_next_item(&mut Context::from_waker(&waker)), Poll::Pending);
    publish(&hub, "three");
    assert_eq!((wakes.0.load(Ordering::SeqCst), other.0.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn a_dropped_future_loses_no_event() {
    let hub = hub(16);
    let mut reader = hub.reader("a").unwrap();
    for number in 1..4 {
        assert_eq!(smol::block_on(smol::future::poll_once(reader.next())), None);
        publish(&hub, &number.to_string());
        // The future was polled to its end or not at all.
        drop(reader.next());
        assert_eq!(items(&mut reader), [format!("{number}={number}")]);
    }
}

#[test]
fn a_reader_counts_as_a_follower_until_its_drop() {
    let limits = ChannelLimits { reap_after: Duration::ZERO, ..ChannelLimits::default() };
    let hub = Hub::new(limits).unwrap();
    let reader = hub.reader("a").unwrap();
    let other = hub.reader("a").unwrap();
    assert_eq!(hub.publish_event(ChannelName::new("a").unwrap(), &event("x"), None).unwrap().followers, 2);
    hub.reap_at(u64::MAX);
    assert_eq!(hub.channels(), 1);
    drop(other);
    assert_eq!(hub.publish_event(ChannelName::new("a").unwrap(), &event("y"), None).unwrap().followers, 1);
    let epoch = reader.epoch();
    drop(reader);
    hub.reap_at(u64::MAX);
    assert_eq!(hub.channels(), 0);
    // A channel of the same name is another one.
    assert_ne!(hub.reader("a").unwrap().epoch(), epoch);
}

#[test]
fn a_channel_that_was_only_followed_ends_with_its_last_reader() {
    let hub = hub(16);
    let reader = hub.reader("a").unwrap();
    let epoch = reader.epoch();
    assert_eq!(hub.channels(), 1);
    drop(reader);
    assert_eq!(hub.channels(), 0);
    assert_eq!(hub.reader("a").unwrap().epoch(), epoch);
}

#[test]
fn invalid_names_and_too_many_channels_are_errors() {
    let hub = Hub::new(ChannelLimits { channels: 1, ..ChannelLimits::default() }).unwrap();
    assert!(matches!(hub.reader("no name").err(), Some(OpenError::InvalidName(_))));
    let _first = hub.reader("a").unwrap();
    assert_eq!(hub.reader("b").err(), Some(OpenError::TooManyChannels));
}

#[test]
fn a_publisher_waits_for_a_reader_that_has_caught_up() {
    let hub = hub(4);
    let mut reader = hub.reader("a").unwrap();
    assert_eq!(reader.try_next(), None);
    (0..3).for_each(|number| publish(&hub, &number.to_string()));
    let mut publisher = hub.open(ChannelName::new("a").unwrap(), false, None).unwrap();
    let (wakes, waker) = waker();
    let cx = &mut Context::from_waker(&waker);
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Pending, "the next event may overwrite an unread one");
    reader.try_next();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0, "half of the log is awaited");
    assert_eq!(items(&mut reader), ["2=1", "3=2"]);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Ready(()));
}

#[test]
fn a_publisher_waits_for_a_reader_of_a_channel_that_was_created_after_its_request() {
    let hub = hub(4);
    let mut publisher = hub.open(ChannelName::new("a").unwrap(), false, None).unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Ready(()), "there is no such channel");
    let mut reader = hub.reader("a").unwrap();
    assert_eq!(reader.try_next(), None);
    (0..3).for_each(|number| publish(&hub, &number.to_string()));
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Pending);
    publisher.ignore_slow_followers();
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Ready(()));
}

#[test]
fn publishers_do_not_wait_for_a_reader_that_has_not_caught_up_or_is_ignored() {
    let hub = hub(4);
    let _never_read = hub.reader("a").unwrap().start(Position::Oldest);
    let mut reader = hub.reader("a").unwrap();
    assert_eq!(reader.try_next(), None);
    (0..3).for_each(|number| publish(&hub, &number.to_string()));
    let mut publisher = hub.open(ChannelName::new("a").unwrap(), false, None).unwrap();
    let (wakes, waker) = waker();
    let cx = &mut Context::from_waker(&waker);
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Pending);
    publisher.ignore_slow_followers();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    (3..20).for_each(|number| publish(&hub, &number.to_string()));
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Ready(()));
    assert_eq!(items(&mut reader)[0], "-16");
    // It has caught up, so publishers wait for it again.
    (0..3).for_each(|number| publish(&hub, &number.to_string()));
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Pending);
    drop(reader);
    assert_eq!(publisher.poll_publish_ready(cx), Poll::Ready(()));
}

#[test]
fn a_shutdown_ends_the_reader_after_the_last_event() {
    let hub = hub(16);
    let mut reader = hub.reader("a").unwrap();
    let (wakes, waker) = waker();
    assert_eq!(reader.poll_next_item(&mut Context::from_waker(&waker)), Poll::Pending);
    hub.shut_down();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(smol::block_on(reader.next()), None);

    let hub = self::hub(16);
    let mut reader = hub.reader("a").unwrap();
    publish(&hub, "last");
    hub.shut_down();
    assert_eq!(smol::block_on(reader.next()).map(show), Some("1=last".into()));
    assert_eq!(smol::block_on(reader.next()), None);
}

#[test]
fn a_reader_of_a_poll_sees_a_snapshot() {
    let hub = hub(16);
    publish(&hub, "one");
    let reader = hub.open(ChannelName::new("a").unwrap(), false, None).unwrap();
    let cursor = reader.seek(Position::Oldest, GapPolicy::Replay);
    publish(&hub, "two");
    assert_eq!((cursor.after, reader.newest()), (0, 1));
    let absent = hub.open(ChannelName::new("b").unwrap(), false, None).unwrap();
    assert_eq!((absent.newest(), hub.channels()), (0, 1), "a poll creates no channel");
}
