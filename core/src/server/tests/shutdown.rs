//! Shutting down, being full, and saying now and then that one is there.

use core::time::Duration;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::client::{Client, ReaderItem, get, post};
use super::resume::{Reading, Way, followers};
use crate::hub_http::{HubHandler, Overloaded};
use crate::log::EventType;
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, TestHub, hub, leak};

fn open() -> (&'static Simulation, &'static TestHub) {
    (Simulation::new(), leak(hub(8, 1024)))
}

fn connect(sim: &'static Simulation, hub: &'static TestHub) -> Client {
    sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub).metrics(&sim.metrics)))
}

#[test]
fn an_idle_stream_sends_a_keep_alive_every_15_seconds() {
    for way in [Way::Sse, Way::Stream] {
        let (sim, hub) = open();
        let mut reading = Reading::open(sim, hub, way, "", "");
        let kept = |reading: &mut Reading, alive: &mut usize| {
            let told = reading.told();
            *alive += told.iter().filter(|told| **told == ReaderItem::KeepAlive).count();
            if way == Way::Sse { reading.sse().comments() } else { *alive }
        };
        let mut alive = 0;
        sim.pass(Duration::from_millis(14_999));
        assert_eq!(kept(&mut reading, &mut alive), 0, "{way:?}");
        sim.pass(Duration::from_millis(1));
        assert_eq!(kept(&mut reading, &mut alive), 1, "{way:?}");
        sim.pass(Duration::from_secs(14));
        hub.publish("a", EventType::MESSAGE, b"event 1").unwrap();
        sim.pass(Duration::from_secs(14));
        assert_eq!(kept(&mut reading, &mut alive), 1, "{way:?}: an event is a sign too");
        sim.pass(Duration::from_secs(1));
        assert_eq!(kept(&mut reading, &mut alive), 2, "{way:?}");
        sim.pass(Duration::from_secs(150));
        assert_eq!(kept(&mut reading, &mut alive), 12, "{way:?}");
    }
}

#[test]
fn a_shutdown_ends_every_transport_in_order() {
    let mut retries = Vec::new();
    for random in [0, 1, 4_000_000_000] {
        let (sim, hub) = open();
        sim.runtime.random.set(random);
        hub.publish("a", EventType::MESSAGE, b"event 1").unwrap();
        let mut sse = Reading::open(sim, hub, Way::Sse, "?after=oldest", "");
        let mut stream = Reading::open(sim, hub, Way::Stream, "?after=oldest", "");
        let mut ws = Reading::open(sim, hub, Way::WebSocket, "?after=oldest", "");
        let mut long_poll = Reading::open(sim, hub, Way::LongPoll, "", "");
        sim.shut_down();
        assert!(matches!(&sse.told()[..], [ReaderItem::Event { .. }]));
        retries.push(sse.sse().retry().unwrap());
        assert!(sse.ended_in_order() && sse.client.eof);
        assert_eq!(stream.told().len(), 1);
        assert!(stream.ended_in_order() && stream.client.eof);
        assert!(matches!(&ws.told()[..], [ReaderItem::Event { .. }, ReaderItem::Close(Some(1012), _)]));
        assert_eq!(long_poll.told(), []);
        assert!(long_poll.ended_in_order() && long_poll.client.eof, "at once, and the connection ends");
        let close = ws.ws().output();
        ws.client.send(&close);
        for reading in [&mut sse, &mut stream, &mut ws, &mut long_poll] {
            reading.client.leave();
            assert_eq!(reading.client.ended(), Some(Disconnect::Closed));
        }
        assert_eq!((followers(hub), sim.running()), (0, 0));
    }
    assert!(retries.iter().all(|retry| (1500..7500).contains(retry)), "{retries:?}");
    assert!(retries[0] != retries[2], "they do not all come back at once");
}

#[test]
fn a_shutdown_completes_requests_and_rejects_publishes() {
    let (sim, hub) = open();
    let mut idle = connect(sim, hub);
    idle.get("/events/a", "");
    let mut half = connect(sim, hub);
    half.send(b"GET /events/a HTTP/1.1\r\nHost: local");
    let mut publisher = connect(sim, hub);
    let request = post("/events/a", "", "lost");
    let (start, end) = request.split_at(request.len() - 2);
    publisher.send(start.as_bytes());
    let mut late = connect(sim, hub);
    sim.shut_down();
    idle.read();
    assert!(idle.eof, "nothing was asked");
    half.send(b"host\r\n\r\n");
    let answer = half.answer().unwrap();
    assert_eq!((answer.status, answer.keeps(), half.eof), (200, false, true));
    publisher.send(end.as_bytes());
    let answer = publisher.answer().unwrap();
    assert_eq!((answer.status, answer.keeps()), (503, false));
    assert!(answer.field("retry-after").is_some());
    assert!(late.eof || late.try_send(post("/events/a", "", "late").as_bytes()) == 0 || late.answer().is_none());
    assert_eq!(hub.publish("a", EventType::MESSAGE, b"x").unwrap().seq, 1, "nothing was accepted and lost");
}

#[test]
fn without_a_free_reader_sse_gets_retry_and_others_503() {
    let (sim, hub) = open();
    let readings: Vec<Reading> = (0..4).map(|_| Reading::open(sim, hub, Way::Stream, "", "")).collect();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for fields in ["Accept: application/x-ndjson\r\n", "Prefer: wait=3\r\n", upgrade] {
        let answer = connect(sim, hub).get("/events/a", fields);
        assert_eq!((answer.status, answer.keeps()), (503, false), "{fields}");
        let seconds: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((5..=8).contains(&seconds), "{seconds}");
    }
    full_sse(&mut connect(sim, hub));
    assert_eq!(connect(sim, hub).get("/events/a", "").status, 200, "polling takes no place");
    assert_eq!(connect(sim, hub).post("/events/a", "", "x").status, 201);
    let head = "HEAD /events/a HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    assert_eq!(connect(sim, hub).ask(head).status, 200, "nor does HEAD");
    drop(readings);
    sim.run();
    assert_eq!(followers(hub), 0);
    let mut reading = Reading::open(sim, hub, Way::Sse, "", "");
    assert_eq!(reading.told(), []);
}

/// An `EventSource` never comes back after a 503: it gets its time and the end.
fn full_sse(client: &mut Client) {
    let answer = client.get("/events/a", "Accept: text/event-stream\r\n");
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("text/event-stream;charset=UTF-8")));
    let retry: u64 = answer.text().trim().strip_prefix("retry: ").unwrap().parse().unwrap();
    assert!((5000..7500).contains(&retry), "{retry}");
    assert!(client.eof);
    client.leave();
    assert!(matches!(client.ended(), Some(Disconnect::Rejected(status)) if status.code() == 503));
}

#[test]
fn a_reserved_socket_answers_503_when_the_server_is_full() {
    let sim = Simulation::new();
    let connect = || sim.connect(leak(ServerConfig::default()), &Overloaded);
    full_sse(&mut connect());
    for request in [get("/anything", ""), post("/events/a", "", "x"), get("/events/a?transport=fax", "")] {
        let answer = connect().ask(&request);
        assert_eq!((answer.status, answer.keeps()), (503, false));
    }
    let head = connect().ask("HEAD /events/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, head.body.len()), (503, 0));
}

#[test]
fn a_publish_response_reports_followers_or_the_error() {
    let (sim, hub) = open();
    let mut client = connect(sim, hub);
    let text = "Content-Type: text/plain\r\n";
    for (target, fields, body, status) in [
        ("/events/a", text, "one", 202),
        ("/events/a?type=note", text, "", 202),
        ("/events/a", "", "\u{fffd}", 202),
        ("/events/a?type=gap", text, "x", 400),
        ("/events/a?type=a;b", text, "x", 400),
        ("/events/a?type=a%0Ab", text, "x", 400),
        ("/events/a", "Idempotency-Key:\r\n", "x", 400),
        ("/events/none", text, "x", 404),
        ("/events/b%20", text, "x", 400),
    ] {
        let answer = client.post(target, fields, body);
        assert_eq!((answer.status, answer.keeps()), (status, true), "{target} {fields} {}", answer.text());
    }
    let mut bad =
        String::from("POST /events/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n").into_bytes();
    bad.extend(b"Content-Length: 1\r\n\r\n\xff");
    client.send(&bad);
    assert_eq!(client.answer().unwrap().status, 400, "text is UTF-8");
    let _reading = Reading::open(sim, hub, Way::Sse, "", "");
    let key = format!("{text}Idempotency-Key: k\r\n");
    let first = client.post("/events/a", &key, "once");
    assert_eq!(
        (first.status, first.text()),
        (201, "{\"id\":\"00000abc-4\",\"subscribers\":1,\"encoding\":\"text\"}\n")
    );
    let again = client.post("/events/a", &key, "once");
    assert_eq!(again.text(), "{\"id\":\"00000abc-4\",\"subscribers\":1,\"encoding\":\"text\",\"repeated\":true}\n");
    let binary = key.replace("text/plain", "image/png");
    for (target, fields, body) in
        [("/events/a", &key, "twice"), ("/events/a?type=t", &key, "once"), ("/events/a", &binary, "once")]
    {
        let other = client.post(target, fields, body);
        let reason = "this idempotency key was used with other content; use a new key\n";
        assert_eq!((other.status, other.text(), other.keeps()), (422, reason, true), "{target}");
    }
    let answer = client.post("/events/a", text, &"x".repeat(1100));
    assert_eq!((answer.status, answer.keeps()), (413, false));
    // All buffers for events are in use.
    sim.runtime.event_buffers.set_free(0);
    let answer = connect(sim, hub).post("/events/a", text, "x");
    assert_eq!((answer.status, answer.field("retry-after").is_some()), (503, true));
    let answer = connect(sim, hub).ask("DELETE /events/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD, POST, OPTIONS")));
    assert_eq!(connect(sim, hub).get("/events/a?transport=fax", "").status, 400);
}

#[test]
fn metrics_count_every_byte_of_a_request() {
    for way in [Way::Poll, Way::LongPoll, Way::Stream, Way::Sse, Way::WebSocket] {
        let (sim, hub) = open();
        hub.publish("a", EventType::MESSAGE, b"event 1").unwrap();
        let mut reading = Reading::open(sim, hub, way, "?after=oldest", "");
        assert_eq!(reading.told().len(), 1);
        if way == Way::WebSocket {
            let message = reading.ws().message(crate::ws::connection::MessageKind::Text, b"{}");
            reading.client.send(&message);
            reading.told();
        }
        reading.client.leave();
        sim.run();
        let totals = sim.metrics.totals();
        assert_eq!(totals.requests, 1, "{way:?}");
        assert_eq!((totals.received, totals.sent), reading.client.moved(), "{way:?}");
        assert!(totals.payload >= 7 && totals.payload < totals.sent, "{way:?}: {totals:?}");
    }
    let (sim, hub) = open();
    let mut client = connect(sim, hub);
    client.post("/events/a", "", "a body");
    let totals = sim.metrics.totals();
    assert_eq!((totals.received, totals.sent, totals.payload), (client.moved().0, client.moved().1, 6));
}
