//! Master, inbox and mirror under thousands of thread schedules for each property. The schedules are the same in each run.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use goldcrest_core::hub::{ChannelName, ChannelReader, HubBackend, NewEvent, PublishError};
use goldcrest_core::hub_http::{Grant, Rights};
use goldcrest_core::log::{Cursor, Encoding, EventId, EventType, GapPolicy, LogReader, Position, ReadEvent};
use goldcrest_model::{ChannelLimits, Hub, HubReader, LocalReader, ReaderItem, Thread, reap, shut_down};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Mutex;
use shuttle::thread;

/// Runs `test` under random schedules, and under PCT schedules, which have few but adversarial switches of thread.
fn check(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let config = || {
        let mut config = shuttle::Config::default();
        config.stack_size = 0x40000;
        config
    };
    let by_chance = Arc::clone(&test);
    shuttle::Runner::new(RandomScheduler::new_from_seed(1, ORDERS), config()).run(move || by_chance());
    shuttle::Runner::new(PctScheduler::new_from_seed(2, 4, ORDERS), config()).run(move || test());
}

/// Schedules of each kind for each test.
const ORDERS: usize = 10_000;

fn name() -> ChannelName<'static> {
    ChannelName::new("a").unwrap()
}

fn hub(events: usize) -> Hub {
    let limits = ChannelLimits { events, bytes: 4096, reap_after: Duration::ZERO, ..ChannelLimits::default() };
    Hub::new(limits).unwrap()
}

fn publish(hub: &Hub, data: &str) -> Result<EventId, PublishError> {
    hub.publish("a", EventType::MESSAGE, data)
}

fn publish_numbers(hub: &Hub, count: usize) {
    for number in 0..count {
        publish(hub, &number.to_string()).unwrap();
    }
}

/// The next `count` events after `after`, without a gap.
async fn follow(reader: &mut LocalReader, mut after: u64, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    while events.len() < count {
        poll_fn(|cx| reader.poll_new_event(cx, after)).await;
        let data = next(reader, after);
        after += 1;
        events.push(data.expect("nothing was overwritten"));
    }
    events
}

fn next(reader: &LocalReader, after: u64) -> Option<String> {
    let mut buffer = [0; 64];
    let ReadEvent::Event(seen) = reader.read_at(after, 0, &mut buffer) else { return None };
    assert_eq!(seen.meta.seq, after + 1);
    Some(String::from_utf8(buffer[seen.meta.type_len..seen.copied].to_vec()).unwrap())
}

/// Publishes as a connection does: once the channel is ready.
async fn publish_when_ready(hub: &Thread, reader: &mut LocalReader, data: &str) {
    poll_fn(|cx| reader.poll_publish_ready(cx)).await;
    let publication = NewEvent {
        event_type: EventType::MESSAGE,
        encoding: Encoding::Text,
        data: data.as_bytes(),
        idempotency_key: None,
    };
    hub.hub().publish(name(), &publication, None).unwrap();
}

#[test]
fn an_id_seen_on_one_thread_is_known_on_all() {
    check(|| {
        let hub = hub(64);
        // The newest id that a reader has got, on any thread.
        let shown = Arc::new(Mutex::new(None));
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || publish_numbers(&hub, 3))
        };
        let watcher = {
            let (hub, shown) = (hub.clone(), Arc::clone(&shown));
            thread::spawn(move || {
                let thread = Thread::new(&hub);
                let mut reader = thread.hub().open(name(), true, None).unwrap();
                let cursor = reader.seek(Position::Oldest, GapPolicy::Replay);
                for after in 0..3 {
                    assert_eq!(cursor.after, 0);
                    thread.run(poll_fn(|cx| reader.poll_new_event(cx, after)));
                    *shown.lock().unwrap() = Some(EventId { epoch: reader.epoch(), seq: after + 1 });
                }
            })
        };
        let comers: Vec<_> = [true, false]
            .map(|following| {
                let (hub, shown) = (hub.clone(), Arc::clone(&shown));
                thread::spawn(move || {
                    let thread = Thread::new(&hub);
                    // It has a copy of the log from the start, which may be behind by any number of events.
                    let _stays = thread.hub().open(name(), true, None).unwrap();
                    for _ in 0..3 {
                        let Some(id) = *shown.lock().unwrap() else {
                            thread::yield_now();
                            continue;
                        };
                        let reader = thread.hub().open(name(), following, None).unwrap();
                        let cursor = reader.seek(Position::After(id), GapPolicy::Replay);
                        assert_eq!(cursor, Cursor { after: id.seq, gap: None }, "the id is of the future");
                        let before = EventId { seq: id.seq - 1, ..id };
                        let cursor = reader.seek(Position::After(before), GapPolicy::Replay);
                        assert_eq!(
                            next(&reader, cursor.after),
                            Some((id.seq - 1).to_string()),
                            "the event that was seen is read"
                        );
                    }
                })
            })
            .into();
        publisher.join().unwrap();
        watcher.join().unwrap();
        comers.into_iter().for_each(|comer| comer.join().unwrap());
    });
}

#[test]
fn all_threads_have_one_order_and_read_their_own_writes() {
    check(|| {
        let hub = hub(64);
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let hub = hub.clone();
                thread::spawn(move || {
                    let thread = Thread::new(&hub);
                    let mut reader = thread.hub().open(name(), true, None).unwrap();
                    let cursor = reader.seek(Position::Oldest, GapPolicy::Replay);
                    for count in 0..2 {
                        let own = publish(&hub, &format!("{number} {count}")).unwrap();
                        let poll = thread.hub().open(name(), false, None).unwrap();
                        let cursor = poll.seek(Position::Newest, GapPolicy::Replay);
                        assert!(cursor.after >= own.seq, "a poll sees the published event");
                        let late = thread.hub().open(name(), true, None).unwrap();
                        assert!(late.seek(Position::Newest, GapPolicy::Replay).after >= own.seq);
                    }
                    thread.run(follow(&mut reader, cursor.after, 6))
                })
            })
            .collect();
        let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(seen.iter().all(|events| *events == seen[0]), "{seen:?}");
    });
}

#[test]
fn followers_that_come_and_go_miss_no_event() {
    check(|| {
        let hub = hub(64);
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || publish_numbers(&hub, 6))
        };
        // The first and the last follower of a thread make a mirror and drop it, while events are on their way to it.
        let reader = thread::spawn(move || {
            let thread = Thread::new(&hub);
            let mut position = Position::Oldest;
            let mut events = Vec::new();
            while events.len() < 6 {
                let mut reader = thread.hub().open(name(), true, None).unwrap();
                let cursor = reader.seek(position, GapPolicy::Replay);
                assert_eq!(cursor.gap, None);
                events.extend(thread.run(follow(&mut reader, cursor.after, 1)));
                position = Position::After(EventId { epoch: reader.epoch(), seq: cursor.after + 1 });
            }
            let expected: Vec<_> = (0..6).map(|number| number.to_string()).collect();
            assert_eq!(events, expected);
        });
        publisher.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_waiting_publisher_overwrites_no_unread_event() {
    check(|| {
        const EVENTS: usize = 24;
        let hub = hub(4);
        let ready = Arc::new(Mutex::new(0));
        let followers: Vec<_> = (0..2)
            .map(|_| {
                let (hub, ready) = (hub.clone(), Arc::clone(&ready));
                thread::spawn(move || {
                    let thread = Thread::new(&hub);
                    let mut reader = thread.hub().open(name(), true, None).unwrap();
                    let after = reader.seek(Position::Newest, GapPolicy::Replay).after;
                    // From its first wait on it is waited for.
                    let waits = reader.poll_new_event(&mut Context::from_waker(Waker::noop()), after).is_pending();
                    assert!(waits);
                    *ready.lock().unwrap() += 1;
                    thread.run(follow(&mut reader, after, EVENTS))
                })
            })
            .collect();
        while *ready.lock().unwrap() < 2 {
            thread::yield_now();
        }
        let publishers: Vec<_> = (0..2)
            .map(|number| {
                let hub = hub.clone();
                thread::spawn(move || {
                    let thread = Thread::new(&hub);
                    // One of them has a follower on its own thread, which takes nothing and is not waited for.
                    let _stalled = (number == 0).then(|| thread.hub().open(name(), true, None).unwrap());
                    let mut reader = thread.hub().open(name(), false, None).unwrap();
                    thread.run(async {
                        for count in 0..EVENTS / 2 {
                            publish_when_ready(&thread, &mut reader, &format!("{number} {count}")).await;
                        }
                    });
                })
            })
            .collect();
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        let seen: Vec<_> = followers.into_iter().map(|follower| follower.join().unwrap()).collect();
        assert_eq!(seen[0], seen[1]);
    });
}

#[test]
fn publishers_wait_once_for_a_stalled_follower() {
    check(|| {
        const EVENTS: usize = 24;
        let hub = hub(4);
        let follower = Thread::new(&hub);
        let mut stalled = follower.hub().open(name(), true, None).unwrap();
        let after = stalled.seek(Position::Newest, GapPolicy::Replay).after;
        assert!(stalled.poll_new_event(&mut Context::from_waker(Waker::noop()), after).is_pending());
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || {
                let thread = Thread::new(&hub);
                let mut reader = thread.hub().open(name(), false, None).unwrap();
                let mut waits = 0;
                for number in 0..EVENTS {
                    let room = thread.run(poll_fn(|cx| Poll::Ready(reader.poll_publish_ready(cx))));
                    if room.is_pending() {
                        // The time is over.
                        waits += 1;
                        reader.ignore_slow_followers();
                    }
                    publish(&hub, &number.to_string()).unwrap();
                }
                waits
            })
        };
        // Its thread looks at its inbox all the while.
        for _ in 0..3 {
            follower.drain_inbox();
            thread::yield_now();
        }
        let waits = publisher.join().unwrap();
        // A second one may follow before its thread has reported that it is behind, and a third where that was reporting meanwhile.
        assert!((1..=3).contains(&waits), "{waits} waits");
        follower.drain_inbox();
        assert_eq!(stalled.newest(), EVENTS as u64);
        assert_eq!(next(&stalled, after), None, "the events that it has lost");
        assert_eq!(stalled.seek(Position::Oldest, GapPolicy::Replay).after, EVENTS as u64 - 4);
    });
}

#[test]
fn a_publisher_is_woken_when_an_awaited_follower_leaves() {
    check(|| {
        let hub = hub(4);
        let (thread, other) = (Thread::new(&hub), hub.clone());
        let mut leaving = thread.hub().open(name(), true, None).unwrap();
        let after = leaving.seek(Position::Newest, GapPolicy::Replay).after;
        assert!(leaving.poll_new_event(&mut Context::from_waker(Waker::noop()), after).is_pending());
        let publisher = thread::spawn(move || {
            let thread = Thread::new(&other);
            let mut reader = thread.hub().open(name(), false, None).unwrap();
            thread.run(async {
                for number in 0..8 {
                    publish_when_ready(&thread, &mut reader, &number.to_string()).await;
                }
            });
        });
        thread::yield_now();
        drop(leaving);
        publisher.join().unwrap();
    });
}

#[test]
fn a_followed_channel_is_never_reaped_and_loses_no_event() {
    check(|| {
        let hub = hub(64);
        let reaper = {
            let hub = hub.clone();
            thread::spawn(move || (0..4).for_each(|_| reap(&hub)))
        };
        let reader = thread::spawn(move || {
            let thread = Thread::new(&hub);
            for _ in 0..2 {
                let mut reader = thread.hub().open(name(), true, None).unwrap();
                let after = reader.seek(Position::Newest, GapPolicy::Replay).after;
                let publisher = {
                    let hub = hub.clone();
                    thread::spawn(move || publish(&hub, "x").unwrap())
                };
                let id = publisher.join().unwrap();
                thread.run(follow(&mut reader, after, 1));
                assert_eq!(id, EventId { epoch: reader.epoch(), seq: after + 1 });
            }
        });
        reaper.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn events_accepted_before_a_shutdown_are_in_the_inbox() {
    check(|| {
        let hub = hub(64);
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let hub = hub.clone();
                thread::spawn(move || (0..3).take_while(|_| publish(&hub, "x").is_ok()).count() as u64)
            })
            .collect();
        let thread = Thread::new(&hub);
        let reader = thread.hub().open(name(), true, None).unwrap();
        let before = reader.newest();
        shut_down(&hub);
        thread.drain_inbox();
        let seen = reader.newest();
        let accepted: u64 = publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum();
        assert_eq!(seen, accepted, "{before} were there");
        thread.drain_inbox();
        assert_eq!(reader.newest(), seen);
    });
}

/// A withdrawal beside a connection that checks its grant and then waits: the connection sees it, or is woken.
#[test]
fn a_withdrawn_grant_wakes_its_waiting_response() {
    check(|| {
        let hub = hub(4);
        let withdraws = hub.clone();
        let mut grant = hub.grant("ada", Rights::READ);
        let other = hub.grant("bob", Rights::READ);
        let withdrawn = thread::spawn(move || withdraws.withdraw("ada"));
        shuttle::future::block_on(poll_fn(|cx| {
            grant.register_waker(cx.waker());
            if grant.is_withdrawn() { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(withdrawn.join().unwrap(), 1);
        assert!(!other.is_withdrawn());
        drop(grant);
        assert_eq!((hub.withdraw("ada"), hub.withdraw("bob")), (0, 1));
    });
}

/// The next `count` events of a reader that belongs to no thread of the server, without a gap.
async fn read(reader: &mut HubReader, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    while events.len() < count {
        match reader.next().await {
            Some(ReaderItem::Event(event)) => events.push(event.text().unwrap().to_owned()),
            item => panic!("an event is next, not {item:?}"),
        }
    }
    events
}

#[test]
fn readers_of_any_thread_miss_no_wake_and_no_event() {
    check(|| {
        let hub = hub(64);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let mut reader = hub.reader("a").unwrap();
                thread::spawn(move || Thread::block_on(read(&mut reader, 4)))
            })
            .collect();
        let publishers: Vec<_> = (0..2)
            .map(|number| {
                let hub = hub.clone();
                thread::spawn(move || {
                    for count in 0..2 {
                        publish(&hub, &format!("{number} {count}")).unwrap();
                    }
                })
            })
            .collect();
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(seen[0], seen[1]);
    });
}

#[test]
fn a_waiting_publisher_overwrites_no_unread_event_of_a_reader_of_any_thread() {
    check(|| {
        const EVENTS: usize = 12;
        let hub = hub(4);
        // One follower of each kind.
        let mut shared = hub.reader("a").unwrap();
        assert_eq!(shared.try_next(), None);
        let ready = Arc::new(Mutex::new(false));
        let local = {
            let (hub, ready) = (hub.clone(), Arc::clone(&ready));
            thread::spawn(move || {
                let thread = Thread::new(&hub);
                let mut reader = thread.hub().open(name(), true, None).unwrap();
                let after = reader.seek(Position::Newest, GapPolicy::Replay).after;
                assert!(reader.poll_new_event(&mut Context::from_waker(Waker::noop()), after).is_pending());
                *ready.lock().unwrap() = true;
                thread.run(follow(&mut reader, after, EVENTS))
            })
        };
        while !*ready.lock().unwrap() {
            thread::yield_now();
        }
        let shared = thread::spawn(move || Thread::block_on(read(&mut shared, EVENTS)));
        let publishers: Vec<_> = (0..2)
            .map(|number| {
                let hub = hub.clone();
                thread::spawn(move || {
                    let mut reader = hub.open(name(), false, None).unwrap();
                    Thread::block_on(async {
                        for count in 0..EVENTS / 2 {
                            poll_fn(|cx| reader.poll_publish_ready(cx)).await;
                            publish(&hub, &format!("{number} {count}")).unwrap();
                        }
                    });
                })
            })
            .collect();
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        assert_eq!(shared.join().unwrap(), local.join().unwrap());
    });
}

#[test]
fn a_publisher_is_woken_when_an_awaited_reader_of_any_thread_leaves() {
    check(|| {
        let hub = hub(4);
        let mut leaving = hub.reader("a").unwrap();
        assert_eq!(leaving.try_next(), None);
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || {
                let mut reader = hub.open(name(), false, None).unwrap();
                Thread::block_on(async {
                    for number in 0..8 {
                        poll_fn(|cx| reader.poll_publish_ready(cx)).await;
                        publish(&hub, &number.to_string()).unwrap();
                    }
                });
            })
        };
        thread::yield_now();
        drop(leaving);
        publisher.join().unwrap();
    });
}

#[test]
fn a_reader_of_any_thread_keeps_its_channel_from_being_reaped() {
    check(|| {
        let hub = hub(64);
        let reaper = {
            let hub = hub.clone();
            thread::spawn(move || (0..4).for_each(|_| reap(&hub)))
        };
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                let mut reader = hub.reader("a").unwrap();
                let publisher = {
                    let hub = hub.clone();
                    thread::spawn(move || publish(&hub, "x").unwrap())
                };
                assert_eq!(Thread::block_on(read(&mut reader, 1)), ["x"]);
                assert_eq!(publisher.join().unwrap(), reader.position());
            }
        });
        reaper.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_shutdown_ends_a_reader_of_any_thread_after_the_accepted_events() {
    check(|| {
        let hub = hub(64);
        let mut reader = hub.reader("a").unwrap();
        let reader = thread::spawn(move || {
            Thread::block_on(async {
                let mut count = 0;
                while reader.next().await.is_some() {
                    count += 1;
                }
                count
            })
        });
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || (0..3).take_while(|_| publish(&hub, "x").is_ok()).count())
        };
        shut_down(&hub);
        assert_eq!(reader.join().unwrap(), publisher.join().unwrap());
    });
}
