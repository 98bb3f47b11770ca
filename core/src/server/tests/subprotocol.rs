//! The hub's WebSocket: `goldcrest.v1` and plain, publishing and reading.

use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::client::{Client, ReaderItem, Ws};
use super::json::Json;
use super::resume::followers;
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::hub_http::HubHandler;
use crate::log::{Encoding, EventType};
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, TestHub, hub, leak};
use crate::ws::ProtocolError;
use crate::ws::close::CloseCode;
use crate::ws::connection::MessageKind;

struct Test {
    sim: &'static Simulation,
    hub: &'static TestHub,
    client: Client,
    ws: Ws,
    plain: bool,
}

impl Test {
    fn new(protocols: &[&str]) -> Self {
        let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
        let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub)));
        let ws = Ws::open(&mut client, "/events/a", "", protocols);
        Self { sim, hub, client, ws, plain: protocols.is_empty() }
    }

    fn say(&mut self, kind: MessageKind, message: &[u8]) {
        let message = self.ws.message(kind, message);
        self.client.send(&message);
    }

    fn told(&mut self) -> Vec<ReaderItem> {
        self.client.read();
        let told = self.ws.read(&mut self.client.came, self.plain);
        let output = self.ws.output();
        if !self.client.eof {
            self.client.try_send(&output);
        }
        told
    }
}

fn reply(text: &str) -> ReaderItem {
    ReaderItem::Reply(Json::parse(text))
}

fn event(seq: u64, event_type: &str, data: &str) -> ReaderItem {
    ReaderItem::Event { id: format!("00000abc-{seq}"), event_type: event_type.to_string(), data: data.to_string() }
}

#[test]
fn a_publish_reply_has_the_reference_and_the_id() {
    let mut test = Test::new(&["goldcrest.v1"]);
    test.say(MessageKind::Text, br#"{"type":"note","data":"caf\u00e9 \"\n","ref":"a\"b"}"#);
    let told = test.told();
    assert_eq!(told, [reply(r#"{"ref":"a\"b","id":"00000abc-1"}"#), event(1, "note", "caf\u{e9} \"\n")]);
    test.say(MessageKind::Text, br#" { "ref" : -15 , "data" : "x" , "unknown" : [ { } , "]" ] } "#);
    let told = test.told();
    assert!(matches!(&told[1], ReaderItem::Event { data, .. } if data == "x"));
    // Without a reference the answer has none.
    test.say(MessageKind::Text, br#"{"data":""}"#);
    assert_eq!(test.told(), [reply(r#"{"id":"00000abc-3"}"#), event(3, "message", "")]);
}

#[test]
fn an_idempotency_key_stores_one_event() {
    let mut test = Test::new(&["goldcrest.v1"]);
    for number in 0..3 {
        test.say(MessageKind::Text, format!(r#"{{"data":"once","key":"k","ref":{number}}}"#).as_bytes());
        let told = test.told();
        let ReaderItem::Reply(answer) = &told[0] else { panic!("{told:?}") };
        assert_eq!(answer.text("id"), "00000abc-1");
        assert_eq!(told.len(), if number == 0 { 2 } else { 1 });
    }
}

#[test]
fn binary_messages_have_a_json_line_before_the_payload() {
    let mut test = Test::new(&["goldcrest.v1"]);
    test.say(MessageKind::Binary, b"{\"type\":\"blob\",\"ref\":1}\n\x00\xff\n\x80");
    let told = test.told();
    assert_eq!(told[0], reply(r#"{"ref":1,"id":"00000abc-1"}"#));
    assert_eq!(told[1], ReaderItem::Binary(b"{\"id\":\"00000abc-1\",\"type\":\"blob\"}\n\x00\xff\n\x80".to_vec()));
}

#[test]
fn an_invalid_publish_is_answered_with_an_error() {
    let mut test = Test::new(&["goldcrest.v1"]);
    let long = format!(r#"{{"data":"x","type":"{}","ref":1}}"#, "t".repeat(65));
    for (kind, message, error) in [
        (MessageKind::Text, "hello", "not a JSON object"),
        (MessageKind::Text, "", "not a JSON object"),
        (MessageKind::Text, "{\"data\":\"x\"} y", "not a JSON object"),
        (MessageKind::Text, "{\"ref\":1}", "data is missing"),
        (MessageKind::Text, "{\"ref\":1,\"data\":7}", "type, data and key are JSON strings"),
        (
            MessageKind::Text,
            "{\"ref\":1,\"data\":\"x\",\"type\":\"gap\"}",
            "the event types gap, grant-end, open and error are reserved",
        ),
        (MessageKind::Text, &long, "an event type has at most 64 bytes"),
        (MessageKind::Text, "{\"data\":\"x\",\"ref\":{\"a\":1}}", "ref is a string or a number of at most 40 bytes"),
        (MessageKind::Text, "{\"data\":\"x\",\"key\":\"\",\"ref\":1}", "an idempotency key has 1 to 128 bytes"),
        (MessageKind::Binary, "{\"ref\":1}", "a binary message is a JSON object, a line feed and the bytes"),
        (MessageKind::Binary, "{\"data\":\"x\"}\nbytes", "the data of a binary message stands behind the line feed"),
    ] {
        test.say(kind, message.as_bytes());
        let told = test.told();
        let [ReaderItem::Reply(answer)] = &told[..] else { panic!("{message}: {told:?}") };
        assert_eq!(answer.text("error"), error, "{message}");
    }
    // The connection goes on, and nothing was stored.
    test.say(MessageKind::Text, br#"{"data":"good"}"#);
    assert_eq!(test.told()[1], event(1, "message", "good"));
}

#[test]
fn pipelined_publishes_are_answered_in_order() {
    let mut test = Test::new(&["goldcrest.v1"]);
    let mut wire = Vec::new();
    for number in 0..16 {
        let message = format!(r#"{{"data":"number {number}","ref":{number}}}"#);
        wire.extend(test.ws.message(MessageKind::Text, message.as_bytes()));
    }
    test.client.send(&wire);
    let told = test.told();
    let refs: Vec<i64> = told
        .iter()
        .filter_map(|told| match told {
            ReaderItem::Reply(reply) => match reply.member("ref") {
                Some(Json::Number(number)) => Some(*number),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(refs, (0..16).collect::<Vec<i64>>());
    assert_eq!(told.iter().filter(|told| matches!(told, ReaderItem::Event { .. })).count(), 16);
}

#[test]
fn messages_without_a_subprotocol_are_published_verbatim() {
    let mut test = Test::new(&[]);
    test.say(MessageKind::Text, "{\"data\": \"as it is\"}".as_bytes());
    test.say(MessageKind::Binary, &[0, 0xff, 7]);
    // In fragments, with a ping between.
    test.client.send(&[0x01, 0x83, 0, 0, 0, 0, b'o', b'n', b'e', 0x89, 0x80, 0, 0, 0, 0]);
    test.client.send(&[0x80, 0x83, 0, 0, 0, 0, b't', b'w', b'o']);
    let told = test.told();
    assert_eq!(
        told,
        [
            ReaderItem::Plain("{\"data\": \"as it is\"}".to_string()),
            ReaderItem::Binary(vec![0, 0xff, 7]),
            ReaderItem::Plain("onetwo".to_string())
        ]
    );
    // A message of data alone has no place for an event's type.
    test.hub.publish("a", EventType::new("reading").unwrap(), b"21.5").unwrap();
    assert_eq!(test.told(), [ReaderItem::Plain("21.5".to_string())]);
    test.hub.publish("a", EventType::MESSAGE, b"").unwrap();
    assert_eq!(test.told(), [ReaderItem::Plain(String::new())]);
}

#[test]
fn a_publish_larger_than_the_buffer_or_log_closes_with_1009() {
    for (protocols, size) in [(&["goldcrest.v1"][..], 1100), (&[], 70_000)] {
        let mut test = Test::new(protocols);
        let message = test.ws.message(MessageKind::Binary, &vec![b'x'; size]);
        test.client.try_send(&message);
        let told = test.told();
        assert_eq!(told, [ReaderItem::Close(Some(1009), String::new())], "{size}");
        test.client.leave();
        assert!(matches!(
            test.client.ended(),
            Some(Disconnect::Protocol(ProtocolError::MessageTooBig) | Disconnect::Broken)
        ));
        assert_eq!((test.sim.runtime.event_buffers.free(), followers(test.hub)), (100, 0));
    }
    // As large as the log at the most, in one piece on a ring that holds it.
    let (sim, hub) = (Simulation::new(), leak(hub(4, 200)));
    let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub)));
    let mut ws = Ws::open(&mut client, "/events/a", "", &[]);
    let message = ws.message(MessageKind::Binary, &[b'x'; 300]);
    client.send(&message);
    client.read();
    assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Close(Some(1009), String::new())]);
}

#[test]
fn a_fragmented_message_without_a_free_buffer_closes_with_1013() {
    let mut test = Test::new(&["goldcrest.v1"]);
    test.sim.runtime.event_buffers.set_free(0);
    test.client.send(&[0x01, 0x83, 0, 0, 0, 0, b'o', b'n', b'e']);
    test.sim.runtime.event_buffers.set_free(1);
    test.client.send(&[0x80, 0x83, 0, 0, 0, 0, b't', b'w', b'o']);
    assert_eq!(test.told(), [ReaderItem::Close(Some(1013), String::new())]);
    assert_eq!(test.sim.runtime.event_buffers.free(), 1);
    test.client.leave();
    let who = EventType::MESSAGE;
    assert_eq!(test.hub.publish("a", who, b"x").unwrap().seq, 1, "nothing was stored");
}

#[test]
fn a_silent_reader_is_pinged_every_25_seconds() {
    let mut test = Test::new(&["goldcrest.v1"]);
    test.sim.pass(Duration::from_millis(24_999));
    assert_eq!(test.told(), []);
    test.sim.pass(Duration::from_millis(1));
    assert_eq!(test.told(), [ReaderItem::Ping]);
    // Its pong came; events published meanwhile are no sign that the peer is alive.
    for _ in 0..4 {
        test.sim.pass(Duration::from_secs(5));
        test.hub.publish("a", EventType::MESSAGE, b"x").unwrap();
        assert!(!test.told().contains(&ReaderItem::Ping));
    }
    test.sim.pass(Duration::from_secs(5));
    test.client.read();
    assert_eq!(test.ws.read(&mut test.client.came, false), [ReaderItem::Ping]);
    test.sim.pass(Duration::from_secs(20));
    assert_eq!(test.client.ended(), Some(Disconnect::TimedOut));
    assert_eq!(followers(test.hub), 0);
}

#[test]
fn a_protocol_error_closes_with_its_code() {
    for (bytes, code, error) in [
        (&[0x81, 0x01, b'x'][..], 1002, ProtocolError::Unmasked),
        (&[0xc1, 0x81, 0, 0, 0, 0, b'x'], 1002, ProtocolError::ReservedBits),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007, ProtocolError::NotUtf8),
    ] {
        for protocols in [&["goldcrest.v1"][..], &[]] {
            let mut test = Test::new(protocols);
            test.client.send(bytes);
            assert_eq!(test.told(), [ReaderItem::Close(Some(code), String::new())]);
            test.client.leave();
            assert_eq!(test.client.ended(), Some(Disconnect::Protocol(error)));
        }
    }
}

#[test]
fn a_close_is_answered_while_events_are_queued() {
    let mut test = Test::new(&["goldcrest.v1"]);
    for _ in 0..10 {
        test.hub.publish("a", EventType::MESSAGE, &[b'x'; 100]).unwrap();
    }
    let close = test.ws.close(CloseCode::NORMAL);
    test.client.put(&close);
    let told = test.told();
    assert_eq!(told.last(), Some(&ReaderItem::Close(Some(1000), String::new())));
    assert!(test.client.eof);
}

#[test]
fn a_publish_during_shutdown_is_not_stored() {
    let mut test = Test::new(&["goldcrest.v1"]);
    let publication =
        NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data: b"x", idempotency_key: None };
    let name = ChannelName::new("a").unwrap();
    // Draining: our Close is on its way when the client publishes.
    test.sim.runtime.is_shutting_down.set(true);
    test.sim.wake_all();
    test.say(MessageKind::Text, br#"{"data":"late","ref":1}"#);
    let told = test.told();
    assert_eq!(told.last(), Some(&ReaderItem::Close(Some(1012), String::new())), "{told:?}");
    test.client.read();
    assert!(test.client.eof, "the peer's Close was read");
    assert_eq!(
        HubBackend::publish(test.hub, name, &publication, None).unwrap().id.seq,
        1,
        "nothing was accepted and lost"
    );
}

#[test]
fn a_message_below_the_minimum_rate_releases_its_buffer() {
    for protocols in [&["goldcrest.v1"][..], &[]] {
        let mut test = Test::new(protocols);
        let free = test.sim.runtime.event_buffers.free();
        let message = test.ws.message(MessageKind::Text, &[b'x'; 1000]);
        let (start, rest) = message.split_at(message.len() - 999);
        test.client.send(start);
        assert_eq!(test.sim.runtime.event_buffers.free(), free - 1);
        for byte in &rest[..20] {
            test.client.send(&[*byte]);
            assert_eq!(test.client.ended(), None);
            test.sim.pass(Duration::from_secs(1));
        }
        test.sim.pass(Duration::from_millis(50));
        assert_eq!(test.client.ended(), Some(Disconnect::TimedOut), "{protocols:?}");
        assert_eq!(test.sim.runtime.event_buffers.free(), free);
    }
}
