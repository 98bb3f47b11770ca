//! A client leaves one transport and resumes on any other: no event is lost or repeated, and gaps are reported.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use core::time::Duration;

use super::client::{Answer, Client, Content, Lines, ReaderItem, Sse, Ws, get, polled};
use crate::hub_http::HubHandler;
use crate::io::{Pipe, PipeEnd};
use crate::log::{EventType, GapPolicy};
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, TestHub, hub, hub_of, leak};

const POLL: Way = Way::Poll;
pub(super) const WAYS: [Way; 5] = [POLL, Way::LongPoll, Way::Stream, Way::Sse, Way::WebSocket];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Poll,
    LongPoll,
    Stream,
    Sse,
    WebSocket,
}

/// A subscription on any transport, over rings of 512 bytes.
pub(super) struct Reading {
    pub(super) client: Client,
    how: How,
}

enum How {
    /// The answer, once it came.
    Poll(Option<Answer>),
    Stream(Content, Lines),
    Sse(Content, Sse),
    WebSocket(Ws),
}

impl Reading {
    /// Subscribes to `target` by `way`, with more field lines.
    pub(super) fn open(sim: &'static Simulation, hub: &'static TestHub, way: Way, query: &str, fields: &str) -> Self {
        Self::open_over(leak(Pipe::<512>::new()).ends(), sim, hub, way, query, fields)
    }

    pub(super) fn open_over(
        ends: (PipeEnd<'static>, PipeEnd<'static>),
        sim: &'static Simulation,
        hub: &'static TestHub,
        way: Way,
        query: &str,
        fields: &str,
    ) -> Self {
        let mut client =
            sim.connect_over(ends, leak(ServerConfig::default()), leak(HubHandler::new(hub).metrics(&sim.metrics)));
        let target = format!("/events/a{query}");
        let follow = |client: &mut Client, accept: &str| {
            client.send(get(&target, &format!("Accept: {accept}\r\n{fields}")).as_bytes());
            client.read();
            let head = client.head().unwrap();
            assert_eq!(head.status, 200);
            Content::of(&head)
        };
        let how = match way {
            Way::Poll => {
                client.send(get(&target, fields).as_bytes());
                How::Poll(None)
            }
            Way::LongPoll => {
                client.send(get(&target, &format!("Prefer: wait=20\r\n{fields}")).as_bytes());
                How::Poll(None)
            }
            Way::Stream => How::Stream(follow(&mut client, "application/x-ndjson"), Lines::default()),
            Way::Sse => How::Sse(follow(&mut client, "text/event-stream"), Sse::default()),
            Way::WebSocket => How::WebSocket(Ws::open(&mut client, &target, fields, &["goldcrest.v1"])),
        };
        Self { client, how }
    }

    /// The items received since the last call.
    pub(super) fn told(&mut self) -> Vec<ReaderItem> {
        self.client.read();
        match &mut self.how {
            How::Poll(answer) => {
                if answer.is_some() {
                    return Vec::new();
                }
                *answer = self.client.answer();
                answer.as_ref().map_or(Vec::new(), |answer| match answer.status {
                    304 => Vec::new(),
                    _ => polled(&answer.json()).0,
                })
            }
            How::Stream(content, lines) => lines.read(&content.decode(&mut self.client.came)),
            How::Sse(content, sse) => sse.read(&content.decode(&mut self.client.came)),
            How::WebSocket(ws) => ws.read(&mut self.client.came, false),
        }
    }

    /// Whether the stream that came ended in order, as far as its transport can say that.
    pub(super) fn ended_in_order(&self) -> bool {
        match &self.how {
            How::Poll(answer) => answer.is_some(),
            How::Stream(content, lines) => content.done && lines.is_between(),
            How::Sse(content, _) => content.done,
            How::WebSocket(ws) => ws.connection.peer_close().is_some(),
        }
    }

    pub(super) fn sse(&self) -> &Sse {
        match &self.how {
            How::Sse(_, sse) => sse,
            _ => panic!("not SSE"),
        }
    }

    pub(super) fn ws(&mut self) -> &mut Ws {
        match &mut self.how {
            How::WebSocket(ws) => ws,
            _ => panic!("not a WebSocket"),
        }
    }

    fn status(&self) -> Option<u16> {
        match &self.how {
            How::Poll(answer) => answer.as_ref().map(|answer| answer.status),
            _ => None,
        }
    }

    fn leave(mut self) {
        self.client.leave();
        assert!(self.client.ended().is_some(), "a client that is gone is noticed");
    }
}

/// The sequence numbers of the events; anything else panics.
pub(super) fn ids(told: &[ReaderItem]) -> Vec<u64> {
    told.iter()
        .map(|told| match told {
            ReaderItem::Event { id, data, .. } => {
                let seq = id.split_once('-').unwrap().1.parse().unwrap();
                assert_eq!(*data, format!("event {seq}"));
                seq
            }
            other => panic!("{other:?} is no event"),
        })
        .collect()
}

fn publish(hub: &TestHub, seqs: core::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let id = hub.publish("a", EventType::MESSAGE, format!("event {seq}").as_bytes()).unwrap();
        assert_eq!(id.seq, seq);
    }
}

/// A subscriber by `way` has seen events 1 to 3 and leaves; its cursor.
fn leave_after_three(sim: &'static Simulation, hub: &'static TestHub, way: Way) -> String {
    publish(hub, 1..=1);
    let mut reading = Reading::open(sim, hub, way, "?after=oldest", "");
    let mut told = reading.told();
    if matches!(way, Way::Poll | Way::LongPoll) {
        // Its next request is the next answer.
        assert_eq!(ids(&told), [1]);
        reading.leave();
        publish(hub, 2..=3);
        reading = Reading::open(sim, hub, way, "?after=00000abc-1", "");
    } else {
        publish(hub, 2..=3);
    }
    told.extend(reading.told());
    assert_eq!(ids(&told), [1, 2, 3], "{way:?}");
    reading.leave();
    match told.pop() {
        Some(ReaderItem::Event { id, .. }) => id,
        _ => unreachable!(),
    }
}

/// For each pair of transports: passes the second to `resume`, after the first was left at event 3.
fn each_pair(events: usize, resume: impl Fn(&'static Simulation, &'static TestHub, Way, &str)) {
    for first in WAYS {
        for second in WAYS {
            let (sim, hub) = (Simulation::new(), leak(hub(events, 2048)));
            let cursor = leave_after_three(sim, hub, first);
            assert_eq!(cursor, "00000abc-3");
            resume(sim, hub, second, &cursor);
            assert_eq!(sim.running(), 0, "{first:?} to {second:?} leaves nothing behind");
            assert_eq!(followers(hub), 0, "{first:?} to {second:?} frees its place");
        }
    }
}

/// The hub's number of readers, by the response to a publish.
pub(super) fn followers(hub: &TestHub) -> usize {
    use crate::hub::{ChannelName, HubBackend, NewEvent};
    use crate::log::Encoding;
    let publication = NewEvent {
        event_type: EventType::MESSAGE,
        encoding: Encoding::Text,
        data: b"is there an event?",
        idempotency_key: None,
    };
    HubBackend::publish(hub, ChannelName::new("a").unwrap(), &publication, None).unwrap().followers
}

#[test]
fn a_known_cursor_resumes_after_it() {
    each_pair(16, |sim, hub, way, cursor| {
        publish(hub, 4..=6);
        let mut reading = Reading::open(sim, hub, way, &format!("?after={cursor}"), "");
        assert_eq!(ids(&reading.told()), [4, 5, 6], "{way:?}");
        publish(hub, 7..=7);
        let later = ids(&reading.told());
        assert_eq!(later, if matches!(way, Way::Poll | Way::LongPoll) { vec![] } else { vec![7] }, "{way:?}");
        reading.leave();
    });
}

#[test]
fn a_cursor_at_the_newest_event_waits_or_is_304() {
    each_pair(16, |sim, hub, way, cursor| {
        let tag = format!("If-None-Match: \"{cursor}\"\r\n");
        let mut reading = Reading::open(sim, hub, way, "", &tag);
        assert_eq!(reading.told(), [], "{way:?}");
        if way == POLL {
            assert_eq!(reading.status(), Some(304));
        } else {
            publish(hub, 4..=4);
            assert_eq!(ids(&reading.told()), [4], "{way:?}");
        }
        reading.leave();
    });
}

#[test]
fn without_a_cursor_polling_starts_at_the_oldest_and_others_after_the_newest() {
    each_pair(16, |sim, hub, way, _| {
        let mut reading = Reading::open(sim, hub, way, "", "");
        let at_once = ids(&reading.told());
        assert_eq!(at_once, if way == POLL { vec![1, 2, 3] } else { vec![] }, "{way:?}");
        publish(hub, 4..=4);
        assert_eq!(ids(&reading.told()), if way == POLL { vec![] } else { vec![4] }, "{way:?}");
        reading.leave();
    });
}

#[test]
fn last_event_id_precedes_the_query() {
    each_pair(16, |sim, hub, way, cursor| {
        publish(hub, 4..=5);
        let fields = format!("Last-Event-ID: {cursor}\r\nIf-None-Match: \"00000abc-1\"\r\n");
        let mut reading = Reading::open(sim, hub, way, "?last_event_id=00000abc-2&after=oldest", &fields);
        assert_eq!(ids(&reading.told()), [4, 5], "{way:?}");
        reading.leave();
    });
}

#[test]
fn a_cursor_of_another_epoch_is_a_gap_of_unknown_size() {
    each_pair(16, |sim, hub, way, _| {
        let mut reading = Reading::open(sim, hub, way, "?after=0badcafe-2", "");
        let told = reading.told();
        let Some((ReaderItem::Gap { missed: None, after }, rest)) = told.split_first() else {
            panic!("{way:?}: {told:?}")
        };
        assert!(after == "00000abc-0" || matches!(way, Way::Poll | Way::LongPoll), "{way:?}: {after}");
        assert_eq!(ids(rest), [1, 2, 3], "{way:?}");
        reading.leave();
    });
}

#[test]
fn an_overwritten_cursor_is_a_gap_with_a_count() {
    each_pair(4, |sim, hub, way, cursor| {
        publish(hub, 4..=9);
        let mut reading = Reading::open(sim, hub, way, &format!("?after={cursor}"), "");
        let told = reading.told();
        let Some((ReaderItem::Gap { missed: Some(2), after }, rest)) = told.split_first() else {
            panic!("{way:?}: {told:?}")
        };
        assert!(after == "00000abc-5" || matches!(way, Way::Poll | Way::LongPoll), "{way:?}: {after}");
        assert_eq!(ids(rest), [6, 7, 8, 9], "{way:?}");
        reading.leave();
    });
}

#[test]
fn a_recreated_channel_is_a_gap_of_unknown_size() {
    each_pair(16, |sim, old, way, cursor| {
        let reborn = leak(hub_of(16, 2048, 0xdef));
        let _ = old;
        publish(reborn, 1..=4);
        let mut reading = Reading::open(sim, reborn, way, "", &format!("Last-Event-ID: {cursor}\r\n"));
        let told = reading.told();
        let Some((ReaderItem::Gap { missed: None, .. }, rest)) = told.split_first() else {
            panic!("{way:?}: {told:?}")
        };
        assert_eq!(ids(rest), [1, 2, 3, 4], "{way:?}");
        assert!(rest.iter().all(|told| matches!(told, ReaderItem::Event { id, .. } if id.starts_with("00000def-"))));
        reading.leave();
        assert_eq!(followers(reborn), 0);
    });
}

#[test]
fn a_malformed_cursor_is_a_gap() {
    each_pair(16, |sim, hub, way, _| {
        for cursor in ["garbage", "00000abc-4", "00000abc-99999999999999999999"] {
            let mut reading = Reading::open(sim, hub, way, &format!("?after={cursor}"), "");
            let told = reading.told();
            let Some((ReaderItem::Gap { missed: None, .. }, rest)) = told.split_first() else {
                panic!("{way:?}: {told:?}")
            };
            assert_eq!(ids(rest), [1, 2, 3], "{way:?}");
            reading.leave();
        }
    });
}

#[test]
fn a_gap_policy_selects_the_resume_position() {
    for way in WAYS {
        for (policy, missed, rest) in [
            (GapPolicy::Replay, 2, vec![6, 7, 8, 9]),
            (GapPolicy::Latest, 5, vec![9]),
            (GapPolicy::Disconnect, 2, vec![6, 7, 8, 9]),
        ] {
            let (sim, hub) = (Simulation::new(), leak(hub(4, 2048).with_gap_policy(policy)));
            publish(hub, 1..=9);
            let mut reading = Reading::open(sim, hub, way, "?after=00000abc-3", "");
            let told = reading.told();
            let Some((ReaderItem::Gap { missed: Some(told_missed), .. }, events)) = told.split_first() else {
                panic!("{way:?} {policy:?}: {told:?}")
            };
            assert_eq!((*told_missed, ids(events)), (missed, rest), "{way:?} {policy:?}");
            assert_eq!(reading.client.ended(), None, "a resume gets the gap and goes on");
            reading.leave();
        }
    }
}

/// A live reader that does not read while more is published than the log keeps.
fn fall_behind(way: Way, policy: GapPolicy) -> (Reading, &'static TestHub) {
    let (sim, hub) = (Simulation::new(), leak(hub(4, 2048).with_gap_policy(policy)));
    let reading = Reading::open(sim, hub, way, "", "");
    // Published at once: the reader's task has no turn between them.
    publish(hub, 1..=9);
    (reading, hub)
}

#[test]
fn a_live_reader_that_falls_behind_follows_the_gap_policy() {
    for way in [Way::LongPoll, Way::Stream, Way::Sse, Way::WebSocket] {
        for (policy, missed, rest, stays) in [
            (GapPolicy::Replay, 5, vec![6, 7, 8, 9], true),
            (GapPolicy::Latest, 8, vec![9], true),
            (GapPolicy::Disconnect, 5, vec![], way == Way::LongPoll),
        ] {
            let (mut reading, hub) = fall_behind(way, policy);
            let mut told = reading.told();
            let gap = told.remove(0);
            assert!(
                matches!(gap, ReaderItem::Gap { missed: Some(count), .. } if count == missed),
                "{way:?} {policy:?}: {gap:?}"
            );
            if stays {
                let rest = if policy == GapPolicy::Disconnect { vec![6, 7, 8, 9] } else { rest };
                assert_eq!(ids(&told), rest, "{way:?} {policy:?}");
                assert_eq!(reading.client.ended(), None);
            } else {
                match way {
                    Way::WebSocket => {
                        assert_eq!(told, [ReaderItem::Close(Some(4001), "gap".to_string())]);
                        let close = reading.ws().output();
                        reading.client.send(&close);
                    }
                    _ => assert_eq!(told, []),
                }
                assert!(reading.ended_in_order() && reading.client.eof, "{way:?}");
            }
            reading.leave();
            assert_eq!(followers(hub), 0);
        }
    }
}

#[test]
fn a_gap_closes_a_plain_websocket_with_4001() {
    for (cursor, live) in
        [("?after=0badcafe-2", false), ("?after=garbage", false), ("?after=00000abc-1", false), ("", true)]
    {
        let (sim, hub) = (Simulation::new(), leak(hub(4, 2048)));
        if !live {
            publish(hub, 1..=9);
        }
        let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub)));
        let mut ws = Ws::open(&mut client, &format!("/events/a{cursor}"), "", &[]);
        assert_eq!(ws.protocol, None);
        if live {
            publish(hub, 1..=9);
        }
        client.read();
        assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Close(Some(4001), "gap".to_string())], "{cursor}");
        let close = ws.output();
        client.send(&close);
        client.leave();
        assert_eq!(client.ended(), Some(Disconnect::Closed));
    }
}

#[test]
fn the_second_poll_resumes_where_the_first_ended() {
    let (sim, hub) = (Simulation::new(), leak(hub(200, 8192)));
    let config =
        leak(ServerConfig { poll: crate::format::PollLimits { events: 3, bytes: 400 }, ..ServerConfig::default() });
    let mut client = sim.connect(config, leak(HubHandler::new(hub)));
    publish(hub, 1..=10);
    let (mut seen, mut after) = (Vec::new(), "oldest".to_string());
    for _ in 0..5 {
        let answer = client.get(&format!("/events/a?after={after}"), "");
        let (told, next) = polled(&answer.json());
        assert!(told.len() <= 3);
        seen.extend(ids(&told));
        after = next;
    }
    assert_eq!(seen, (1..=10).collect::<Vec<u64>>());
    // No new event, and no condition that permits a 304: an empty list.
    let answer = client.get(&format!("/events/a?after={after}"), "");
    assert_eq!((answer.status, answer.text()), (200, "{\"events\":[],\"after\":\"00000abc-10\"}"));
}

#[test]
fn a_long_poll_is_answered_when_its_wait_expires() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub)));
    for (fields, seconds, status) in
        [("Prefer: wait=7\r\n", 7, 200), ("Prefer: wait=9999\r\nIf-None-Match: \"00000abc-0\"\r\n", 60, 304)]
    {
        client.send(get("/events/a", fields).as_bytes());
        sim.pass(Duration::from_millis(seconds * 1000 - 1));
        assert_eq!(client.answer(), None);
        sim.pass(Duration::from_millis(1));
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("preference-applied"), Some(format!("wait={seconds}").as_str()));
        assert_eq!(answer.field("etag"), Some("\"00000abc-0\""));
    }
}
