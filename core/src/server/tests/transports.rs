//! Each way to answer, once, over rings of 512 bytes.

use super::client::{Content, Lines, ReaderItem, Sse, Ws, get, polled};
use super::handlers::{TestHandlers, streamed};
use crate::hub_http::HubHandler;
use crate::log::EventType;
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, hub, leak};
use crate::ws::close::CloseCode;
use crate::ws::connection::MessageKind;
use std::string::ToString;

pub(super) fn event(seq: u64, data: &str) -> ReaderItem {
    ReaderItem::Event { id: std::format!("00000abc-{seq}"), event_type: "message".to_string(), data: data.to_string() }
}

#[test]
fn a_poll_lists_kept_events_then_answers_304() {
    let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
    let mut client = sim.connect(config, leak(HubHandler::new(hub)));
    for data in ["one", "two"] {
        hub.publish("a", EventType::MESSAGE, data.as_bytes()).unwrap();
    }
    let answer = client.get("/events/a", "");
    assert_eq!(answer.status, 200);
    assert_eq!(polled(&answer.json()), (std::vec![event(1, "one"), event(2, "two")], "00000abc-2".to_string()));
    assert_eq!(answer.field("etag"), Some("\"00000abc-2\""));
    let answer = client.get("/events/a", "If-None-Match: \"00000abc-2\"\r\n");
    assert_eq!((answer.status, answer.body.len()), (304, 0));
    let answer = client.get("/events/a?after=00000abc-1", "");
    assert_eq!(polled(&answer.json()).0, [event(2, "two")]);
    assert_eq!(client.ended(), None);
    client.leave();
    assert_eq!(client.ended(), Some(Disconnect::Closed));
}

#[test]
fn a_long_poll_waits_for_the_next_event() {
    let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
    let mut client = sim.connect(config, leak(HubHandler::new(hub)));
    client.send(get("/events/a", "Prefer: wait=10\r\n").as_bytes());
    assert_eq!(client.answer(), None);
    let mut publisher = sim.connect(config, leak(HubHandler::new(hub)));
    let stored = publisher.post("/events/a", "Content-Type: text/plain\r\n", "new");
    assert_eq!(
        (stored.status, stored.text()),
        (201, "{\"id\":\"00000abc-1\",\"subscribers\":1,\"encoding\":\"text\"}\n")
    );
    let answer = client.answer().unwrap();
    assert_eq!(answer.field("preference-applied"), Some("wait=10"));
    assert_eq!(polled(&answer.json()).0, [event(1, "new")]);
    let stored = publisher.post("/events/a", "Content-Type: text/plain\r\n", "again");
    assert_eq!(stored.status, 202, "no follower is left");
}

#[test]
fn ndjson_and_sse_deliver_new_events() {
    let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
    let handler = leak(HubHandler::new(hub));
    let mut stream = sim.connect(config, handler);
    let mut sse = sim.connect(config, handler);
    stream.send(get("/events/a", "Accept: application/x-ndjson\r\n").as_bytes());
    sse.send(get("/events/a", "Accept: text/event-stream\r\n").as_bytes());
    hub.publish("a", EventType::MESSAGE, b"one").unwrap();
    stream.read();
    sse.read();
    let head = stream.head().unwrap();
    assert_eq!((head.status, head.field("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(Lines::default().read(&Content::of(&head).decode(&mut stream.came)), [event(1, "one")]);
    let head = sse.head().unwrap();
    assert_eq!((head.status, head.field("content-type")), (200, Some("text/event-stream;charset=UTF-8")));
    let mut reader = Sse::default();
    assert_eq!(reader.read(&Content::of(&head).decode(&mut sse.came)), [event(1, "one")]);
    assert_eq!((reader.last_event_id().as_str(), reader.retry()), ("00000abc-1", Some(3000)));
    stream.leave();
    sse.leave();
    assert_eq!((stream.ended(), sse.ended()), (Some(Disconnect::Closed), Some(Disconnect::Closed)));
}

#[test]
fn a_websocket_receives_and_publishes() {
    let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
    let mut client = sim.connect(config, leak(HubHandler::new(hub)));
    let mut ws = Ws::open(&mut client, "/events/a", "", &["goldcrest.v1"]);
    assert_eq!(ws.protocol.as_deref(), Some("goldcrest.v1"));
    let message = ws.message(MessageKind::Text, br#"{"data":"hello","ref":7}"#);
    client.send(&message);
    client.read();
    let seen = ws.read(&mut client.came, false);
    assert!(seen.contains(&event(1, "hello")), "{seen:?}");
    assert!(
        seen.iter().any(|told| matches!(told, ReaderItem::Reply(reply) if reply.text("id") == "00000abc-1")),
        "{seen:?}"
    );
    let close = ws.close(CloseCode::NORMAL);
    client.send(&close);
    client.read();
    assert_eq!(ws.read(&mut client.came, false), [ReaderItem::Close(Some(1000), "".to_string())]);
    assert!(client.eof);
    client.leave();
    assert_eq!(client.ended(), Some(Disconnect::Closed));
}

#[test]
fn each_kind_of_handler_answers_on_one_connection() {
    let (sim, config) = (Simulation::new(), leak(ServerConfig::default()));
    let mut client = sim.connect(config, &TestHandlers);
    assert_eq!(client.get("/hello", "").text(), "hello\n");
    assert_eq!(client.post("/back", "", "there").text(), "there");
    assert_eq!(client.get("/nowhere", "").status, 404);
    assert_eq!(client.get("/stream", "").body, streamed());
    let answer = client.get("/sse", "");
    assert_eq!(Sse::default().read(&answer.body).len(), 20);
    let mut ws = Ws::open(&mut client, "/echo", "", &["x", "chat"]);
    assert_eq!(ws.protocol.as_deref(), Some("chat"));
    for length in [0, 1, 125, 126, 400, 508, 509, 600, 2000] {
        let payload = std::vec![b'x'; length];
        let message = ws.message(MessageKind::Text, &payload);
        client.send(&message);
        client.read();
        let Some(ReaderItem::Plain(data)) = ws.read(&mut client.came, true).pop() else { panic!("of {length} bytes") };
        assert_eq!(data.len(), length);
    }
    let close = ws.close(CloseCode::GOING_AWAY);
    client.send(&close);
    client.read();
    assert_eq!(ws.read(&mut client.came, true), [ReaderItem::Close(Some(1001), "".to_string())]);
    client.leave();
    assert_eq!(client.ended(), Some(Disconnect::Closed));
}
