//! Rings of every size give the same bytes, in both directions; and so do bytes that come one by one.

use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::client::{Client, Content, ReaderItem, Sse, Ws, get, post};
use super::handlers::{LINES, TestHandlers, streamed};
use super::resume::{Reading, WAYS};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::hub_http::HubHandler;
use crate::log::{Encoding, EventType};
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{RINGS, Simulation, TestHub, hub, leak};
use crate::ws::close::CloseCode;
use crate::ws::connection::MessageKind;

/// Events of every kind: long, empty, of several lines, binary.
fn publish_all_kinds(hub: &TestHub) {
    let long = "läng ".repeat(70);
    for (name, encoding, data) in [
        ("", Encoding::Text, "plain".as_bytes()),
        ("reading", Encoding::Text, b"one\ntwo \"quoted\"\n\nfour"),
        ("", Encoding::Text, b""),
        ("", Encoding::Text, long.as_bytes()),
        ("blob", Encoding::Binary, &[0, 1, 0xff, b'\n', 0x80]),
        ("", Encoding::Text, b"last"),
    ] {
        let event_type = EventType::new(name).unwrap();
        let publication = NewEvent { event_type, encoding, data, idempotency_key: None };
        HubBackend::publish(hub, ChannelName::new("a").unwrap(), &publication, None).unwrap();
    }
}

#[test]
fn every_transport_delivers_the_same_over_every_ring_size() {
    for way in WAYS {
        let mut expected = None;
        for ring in RINGS.iter().rev() {
            let (sim, hub) = (Simulation::new(), leak(hub(16, 4096)));
            publish_all_kinds(hub);
            let mut reading = Reading::open_over(ring(), sim, hub, way, "?after=oldest", "");
            let told = reading.told();
            assert_eq!(told.len(), 6, "{way:?}");
            let expected = expected.get_or_insert_with(|| told.clone());
            assert_eq!(told, *expected, "{way:?} over {} bytes", reading.client.capacity());
            reading.client.leave();
            assert_eq!(sim.running(), 0);
        }
    }
}

fn own(ring: usize) -> (&'static Simulation, Client) {
    let sim = Simulation::new();
    (sim, sim.connect_over(RINGS[ring](), leak(ServerConfig::default()), &TestHandlers))
}

#[test]
fn requests_and_responses_cross_every_ring_size() {
    for ring in 0..RINGS.len() {
        let (sim, mut client) = own(ring);
        assert_eq!(client.get("/hello", "").text(), "hello\n");
        let body = "x".repeat(150);
        assert_eq!(client.post("/back", "", &body).text(), body);
        assert_eq!(client.post("/unread", "", &body).text(), "hello\n");
        let chunked = "POST /dropping/back HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5;name=\"value\"\r\nhello\r\n1\r\n \r\n5\r\nthere\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(client.ask(chunked).text(), "hello there");
        assert_eq!(client.get("/stream", "").body, streamed());
        let answer = client.get("/sse", "");
        let events = Sse::default().read(&answer.body);
        let event = ReaderItem::Event {
            id: "".to_string(),
            event_type: "message".to_string(),
            data: core::str::from_utf8(LINES).unwrap().to_string(),
        };
        assert_eq!(events, vec![event; 20]);
        client.leave();
        assert_eq!((client.ended(), sim.running()), (Some(Disconnect::Closed), 0));
    }
}

/// Sends messages to an echo, each in one frame or cut into fragments with a ping between, and reads them back.
fn echo(client: &mut Client, ws: &mut Ws) {
    for length in [0, 1, 2, 60, 125, 126, 130, 700] {
        let payload: Vec<u8> = (0..length).map(|at| b'a' + (at % 23) as u8).collect();
        let mut wire = ws.message(MessageKind::Binary, &payload);
        wire.extend(fragments(&payload));
        client.send(&wire);
        client.read();
        let told: Vec<ReaderItem> = ws.read(&mut client.came, true);
        let message = ReaderItem::Binary(payload);
        assert_eq!(told, [message.clone(), message], "{length} bytes over {}: {:?}", client.capacity(), client.ended());
    }
}

/// The message in three fragments, masked by a key of zeros, with a ping between each two.
fn fragments(payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let third = payload.len() / 3;
    let (one, rest) = payload.split_at(third);
    let (two, three) = rest.split_at(third);
    for (first_byte, part) in [(0x02, one), (0x00, two), (0x80, three)] {
        wire.push(first_byte);
        match part.len() {
            short @ 0..=125 => wire.push(0x80 | short as u8),
            long => {
                wire.push(0x80 | 126);
                wire.extend((long as u16).to_be_bytes());
            }
        }
        wire.extend([0; 4]);
        wire.extend(part);
        wire.extend([0x89, 0x83, 0, 0, 0, 0, b'h', b'e', b'y']);
    }
    wire
}

#[test]
fn websocket_messages_cross_every_ring_size_with_dropped_futures() {
    for path in ["/echo", "/dropping/echo", "/ready/echo", "/parts"] {
        for ring in 0..RINGS.len() {
            let (_, mut client) = own(ring);
            let capacity = client.capacity();
            let mut ws = Ws::open(&mut client, path, "", &[]);
            // A message longer than the ring may not be dropped midway.
            if path != "/dropping/echo" || capacity > 710 {
                echo(&mut client, &mut ws);
            } else {
                for length in [0, 1, 2, 60, 120] {
                    if length + 2 > capacity {
                        break;
                    }
                    let payload = vec![b'x'; length];
                    for _ in 0..3 {
                        let wire = ws.message(MessageKind::Binary, &payload);
                        client.send(&wire);
                        client.read();
                        assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Binary(payload.clone())]);
                    }
                }
            }
            let close = ws.close(CloseCode::NORMAL);
            client.send(&close);
            client.read();
            assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Close(Some(1000), "".to_string())], "{path}");
            client.leave();
            assert_eq!(client.ended(), Some(Disconnect::Closed));
        }
    }
}

/// A client that takes and sends a byte at a time, and lets the server work after each.
#[test]
fn a_client_that_sends_single_bytes_gets_the_same_responses() {
    for ring in [0, 1, 6, 15, 16, 17, 30, 63, 75] {
        let (sim, mut client) = own(ring);
        for byte in post("/back", "", "hello").bytes().chain(get("/stream", "").bytes()) {
            while client.put(&[byte]) == 0 {
                sim.run();
                client.take(1);
            }
            sim.run();
        }
        loop {
            sim.run();
            if client.take(1) == 0 {
                break;
            }
        }
        assert_eq!(client.answer().unwrap().text(), "hello");
        assert_eq!(client.answer().unwrap().body, streamed());
    }
}

#[test]
fn a_client_that_reads_single_bytes_gets_every_event() {
    for ring in [0, 1, 6, 15, 16, 17, 30, 63] {
        let (sim, hub) = (Simulation::new(), leak(hub(16, 4096)));
        publish_all_kinds(hub);
        let mut client = sim.connect_over(RINGS[ring](), leak(ServerConfig::default()), leak(HubHandler::new(hub)));
        client.send(get("/events/a?after=oldest", "Accept: text/event-stream\r\n").as_bytes());
        let mut came = Vec::new();
        loop {
            sim.run();
            if client.take(1) == 0 {
                break;
            }
        }
        let head = client.head().unwrap();
        came.append(&mut client.came);
        assert_eq!(Sse::default().read(&Content::of(&head).decode(&mut came)).len(), 6, "{head:?}");
    }
}
