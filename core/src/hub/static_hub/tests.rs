use super::*;
use crate::log::{AppendError, EventLog};
use crate::testing::WakeCount;
use core::task::Waker;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use std::cell::Cell;
use std::rc::Rc;
use std::string::ToString;
use std::sync::Arc;
use std::task::Wake;
use std::thread_local;
use std::vec;
use std::vec::Vec;

type Small = StaticHub<NoopRawMutex, Vec<u8>, 2, 3, 2>;

fn hub() -> Small {
    let log = || EventLog::new(vec![0; 256], 4, 0xabc).unwrap();
    StaticHub::new(0xabc, [Channel::with_log("a", log()), Channel::with_log("b", log())])
}

fn name(name: &str) -> ChannelName<'_> {
    ChannelName::new(name).unwrap()
}

fn publish(hub: &Small, channel: &str, key: Option<&[u8]>) -> Result<PublishOutcome, PublishError> {
    let publication =
        NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"x", idempotency_key: key };
    HubBackend::publish(hub, name(channel), &publication, None)
}

#[test]
fn a_follower_is_woken_once_and_by_its_channel_only() {
    let hub = hub();
    let (counter, waker) = WakeCount::new();
    let cx = &mut Context::from_waker(&waker);
    let mut reader = hub.open(name("a"), true, None).unwrap();
    assert!(reader.poll_new_event(cx, 0).is_pending());
    publish(&hub, "b", None).unwrap();
    assert_eq!(counter.count(), 0);
    publish(&hub, "a", None).unwrap();
    publish(&hub, "a", None).unwrap();
    assert_eq!(counter.count(), 1, "once until it waits again");
    assert!(reader.poll_new_event(cx, 0).is_ready() && reader.poll_new_event(cx, 1).is_ready());
    assert!(reader.poll_new_event(cx, 2).is_pending());
    publish(&hub, "a", None).unwrap();
    assert_eq!(counter.count(), 2);
}

#[test]
fn a_reader_that_does_not_follow_takes_no_slot_and_is_not_woken() {
    let hub = hub();
    let (counter, waker) = WakeCount::new();
    let mut readers: Vec<_> = (0..10).map(|_| hub.open(name("a"), false, None).unwrap()).collect();
    assert!(readers[0].poll_new_event(&mut Context::from_waker(&waker), 0).is_pending());
    assert_eq!(publish(&hub, "a", None).unwrap().followers, 0);
    assert_eq!(counter.count(), 0);
    assert_eq!(readers[0].newest(), 1);
}

#[test]
fn follower_slots_are_counted_and_limited() {
    let hub = hub();
    let one = hub.open(name("a"), true, None).unwrap();
    let two = hub.open(name("b"), true, None).unwrap();
    let three = hub.open(name("a"), true, None).unwrap();
    assert_eq!(hub.open(name("a"), true, None).unwrap_err(), OpenError::TooManyFollowers);
    assert_eq!(hub.open(name("c"), false, None).unwrap_err(), OpenError::NoSuchChannel);
    assert_eq!(publish(&hub, "a", None).unwrap().followers, 2);
    drop(one);
    assert_eq!(publish(&hub, "a", None).unwrap().followers, 1);
    assert_eq!(publish(&hub, "b", None).unwrap().followers, 1);
    let four = hub.open(name("b"), true, None).unwrap();
    assert_eq!(publish(&hub, "b", None).unwrap().followers, 2);
    drop((two, three, four));
    assert_eq!(publish(&hub, "a", None).unwrap().followers + publish(&hub, "b", None).unwrap().followers, 0);
}

#[test]
fn a_known_key_stores_nothing_and_wakes_no_follower() {
    let hub = hub();
    let (counter, waker) = WakeCount::new();
    let first = publish(&hub, "a", Some(b"k")).unwrap();
    let mut reader = hub.open(name("a"), true, None).unwrap();
    assert!(reader.poll_new_event(&mut Context::from_waker(&waker), 1).is_pending());
    let again = publish(&hub, "a", Some(b"k")).unwrap();
    assert_eq!((again.id, again.duplicate, again.followers), (first.id, true, 1));
    assert_eq!((counter.count(), reader.newest()), (0, 1));
    assert!(!publish(&hub, "b", Some(b"k")).unwrap().duplicate, "each channel has keys of its own");
    let other =
        NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"y", idempotency_key: Some(b"k") };
    assert_eq!(HubBackend::publish(&hub, name("a"), &other, None).unwrap_err(), PublishError::KeyReused);
    assert_eq!(reader.newest(), 1);
    // Two keys are remembered.
    publish(&hub, "a", Some(b"l")).unwrap();
    publish(&hub, "a", Some(b"m")).unwrap();
    assert!(!publish(&hub, "a", Some(b"k")).unwrap().duplicate);
}

#[test]
fn an_event_that_is_not_stored_is_an_error() {
    let hub = hub();
    assert_eq!(publish(&hub, "c", None).unwrap_err(), PublishError::NoSuchChannel);
    let invalid = crate::hub::ChannelNameError(NamePolicy::SHORT);
    assert_eq!(hub.publish("no/name", EventType::MESSAGE, b"x").unwrap_err(), PublishError::InvalidName(invalid));
    let too_large = hub.publish("a", EventType::MESSAGE, &[b'x'; 256]).unwrap_err();
    assert_eq!(too_large, PublishError::Append(crate::log::AppendError::TooLarge));
    let not_text = hub.publish("a", EventType::MESSAGE, &[0xff]).unwrap_err();
    assert_eq!(not_text, PublishError::Append(crate::log::AppendError::NotUtf8));
    assert_eq!(hub.open(name("a"), false, None).unwrap().newest(), 0);
}

#[test]
fn all_channels_have_the_gap_policy_of_the_hub() {
    assert_eq!(hub().gap_policy(name("a")), GapPolicy::Replay);
    assert_eq!(hub().with_gap_policy(GapPolicy::Latest).gap_policy(name("b")), GapPolicy::Latest);
}

/// A waker that publishes from `wake`, which no executor does. The hub must not panic.
#[test]
fn a_waker_that_publishes_is_refused() {
    struct Rude(Rc<Small>, Cell<Option<PublishError>>);
    thread_local!(static RUDE: Cell<Option<&'static Rude>> = const { Cell::new(None) });
    struct Publishes;
    impl Wake for Publishes {
        fn wake(self: Arc<Self>) {
            let rude = RUDE.get().unwrap();
            rude.1.set(publish(&rude.0, "a", None).err());
        }
    }
    let rude: &'static Rude = std::boxed::Box::leak(std::boxed::Box::new(Rude(Rc::new(hub()), Cell::new(None))));
    RUDE.set(Some(rude));
    let waker = Waker::from(Arc::new(Publishes));
    let mut reader = rude.0.open(name("a"), true, None).unwrap();
    assert!(reader.poll_new_event(&mut Context::from_waker(&waker), 0).is_pending());
    assert!(publish(&rude.0, "a", None).is_ok());
    assert_eq!(rude.1.get(), Some(PublishError::NoSuchChannel));
}

#[test]
fn a_follower_takes_at_most_four_words() {
    let costs = size_of::<StaticHub<NoopRawMutex, Vec<u8>, 2, 13, 2>>()
        - size_of::<StaticHub<NoopRawMutex, Vec<u8>, 2, 3, 2>>();
    assert_eq!(costs / 10, 8 + 2 * size_of::<usize>());
}

fn publish_some(hub: &Small, count: usize) {
    for _ in 0..count {
        publish(hub, "a", None).unwrap();
    }
}

#[test]
fn publishers_wait_for_followers_that_have_caught_up() {
    let hub = hub();
    let (counter, waker) = WakeCount::new();
    let cx = &mut Context::from_waker(&waker);
    let noop = &mut Context::from_waker(Waker::noop());
    let (mut follower, mut other) =
        (hub.open(name("a"), true, None).unwrap(), hub.open(name("b"), true, None).unwrap());
    let mut publisher = hub.open(name("a"), false, None).unwrap();
    // The log has four slots. A follower that has not caught up is not awaited.
    publish_some(&hub, 6);
    assert!(publisher.poll_publish_ready(cx).is_ready());
    assert!(follower.poll_new_event(noop, 6).is_pending() && other.poll_new_event(noop, 0).is_pending());
    publish_some(&hub, 3);
    assert!(publisher.poll_publish_ready(cx).is_ready());
    publish(&hub, "a", None).unwrap();
    assert!(publisher.poll_publish_ready(noop).is_pending() && publisher.poll_publish_ready(cx).is_pending());
    assert_eq!(counter.count(), 0);
    // Reading the second event reports that the first has been read.
    let mut buffer = [0; 16];
    assert!(
        matches!(follower.read_at(6, 0, &mut buffer), ReadEvent::Event(_))
            && publisher.poll_publish_ready(cx).is_pending()
    );
    assert!(matches!(follower.read_at(7, 0, &mut buffer), ReadEvent::Event(_)));
    assert_eq!(counter.count(), 1, "woken by progress");
    assert!(publisher.poll_publish_ready(cx).is_ready());
    publish(&hub, "a", None).unwrap();
    assert!(publisher.poll_publish_ready(cx).is_pending());
    publisher.ignore_slow_followers();
    assert!(publisher.poll_publish_ready(cx).is_ready());
    publish_some(&hub, 6);
    assert!(
        publisher.poll_publish_ready(cx).is_ready()
            && matches!(follower.read_at(7, 0, &mut buffer), ReadEvent::Overwritten)
    );
    // It is awaited again once it has caught up.
    assert!(follower.poll_new_event(noop, 17).is_pending());
    publish_some(&hub, 4);
    assert!(publisher.poll_publish_ready(cx).is_pending());
    let before = counter.count();
    drop(follower);
    assert_eq!(counter.count(), before + 1, "woken when it leaves");
    assert!(publisher.poll_publish_ready(cx).is_ready());
}

#[test]
fn a_hub_gives_its_epoch_to_logs_without_one() {
    let own = EventLog::new(vec![0; 256], 4, 0xdef).unwrap();
    let hub = Small::new(0xabc, [Channel::new("a", vec![0; 256]), Channel::with_log("b", own)]);
    let id = |channel| hub.publish(channel, EventType::MESSAGE, b"x").unwrap().to_string();
    assert_eq!([id("a"), id("b"), id("a")], ["00000abc-1", "00000def-1", "00000abc-2"]);
}

#[test]
fn a_channel_uses_all_of_its_storage() {
    let hub = |size| StaticHub::<NoopRawMutex, Vec<u8>, 1, 1>::new(0xabc, [Channel::new("a", vec![0; size])]);
    // Eight slots of 4 bytes, and six bytes beside each event.
    let full = hub(256);
    let publish = |size| full.publish("a", EventType::MESSAGE, &vec![b'x'; size]);
    assert!(publish(256 - 32 - 6).is_ok());
    assert_eq!(publish(256 - 32 - 5), Err(PublishError::Append(AppendError::TooLarge)));
    // The least storage for an event of one byte, and less.
    assert!(hub(11).publish("a", EventType::MESSAGE, b"x").is_ok());
    for size in 0..11 {
        let published = hub(size).publish("a", EventType::MESSAGE, b"");
        assert_eq!(published, Err(PublishError::Append(AppendError::TooLarge)), "{size}");
    }
}
