//! An end or a reset in every state: no panic, no hang, and everything is given back.

use core::time::Duration;
use std::format;
use std::vec::Vec;

use super::client::{Client, Keys, Ws, get, post};
use super::handlers::TestHandlers;
use super::resume::followers;
use crate::hub_http::HubHandler;
use crate::log::EventType;
use crate::server::{Disconnect, Exchange, Handler, HandlerResult, Runtime, ServerConfig};
use crate::testing::{Simulation, TestHub, hub, leak};
use crate::ws::connection::{Connection, ConnectionConfig as WsConfig, MessageKind};

/// Events, and handlers of a user's own.
struct Both(HubHandler<'static, TestHub>);

impl Handler for Both {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if HubHandler::<TestHub>::is_channel(exchange.request().path()) {
            self.0.handle(exchange).await
        } else {
            TestHandlers.handle(exchange).await
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fin,
    Rst,
    Leave,
    /// Neither reads nor writes any more.
    Silence,
}

const FAULTS: [Fault; 4] = [Fault::Fin, Fault::Rst, Fault::Leave, Fault::Silence];

/// Longer than every timeout together.
const LONG: Duration = Duration::from_secs(400);

fn open() -> (&'static Simulation, &'static TestHub, Client) {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 1024)));
    hub.publish("a", EventType::MESSAGE, "x".repeat(300).as_bytes()).unwrap();
    let client = sim.connect(leak(ServerConfig::default()), leak(Both(HubHandler::new(hub))));
    (sim, hub, client)
}

fn upgrade(target: &str) -> Vec<u8> {
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: goldcrest.v1\r\n";
    get(target, fields).into_bytes()
}

/// Everything that a client may say, from its first byte to its last.
fn stories() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut room = [0; 512];
    let mut keys = Keys(3);
    let mut client = Connection::client(WsConfig::default());
    for payload in [&br#"{"data":"from a client","ref":1}"#[..], br#"{"ref":2}"#] {
        let length = client.frame(&mut room, MessageKind::Text, payload, &mut keys).unwrap();
        frames.extend_from_slice(&room[..length]);
    }
    frames.extend([0x89, 0x84, 1, 2, 3, 4, 5, 6, 7, 8]);
    frames.extend([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    let chunked = "POST /back HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    [
        format!("{}{}", get("/hello", ""), post("/back", "", "content")).into_bytes(),
        chunked.as_bytes().to_vec(),
        post("/back", "Expect: 100-continue\r\n", "content").into_bytes(),
        post("/events/a", "Content-Type: text/plain\r\n", "an event").into_bytes(),
        get("/events/a", "").into_bytes(),
        get("/events/a", "Prefer: wait=30\r\n").into_bytes(),
        get("/events/a?after=oldest", "Accept: text/event-stream\r\n").into_bytes(),
        get("/events/a?after=oldest", "Accept: application/x-ndjson\r\n").into_bytes(),
        get("/stream", "").into_bytes(),
        [upgrade("/events/a?after=oldest"), frames.clone()].concat(),
        [upgrade("/echo"), frames.clone()].concat(),
        [upgrade("/ready/echo"), frames.clone()].concat(),
        [upgrade("/parts"), frames].concat(),
        upgrade("/endless"),
    ]
    .into()
}

#[test]
fn a_disconnect_at_any_byte_releases_buffers_and_readers() {
    for story in stories() {
        for fault in FAULTS {
            for cut in 0..=story.len() {
                let (sim, hub, mut client) = open();
                client.try_send(&story[..cut]);
                match fault {
                    Fault::Fin => client.fin(),
                    Fault::Rst => client.rst(),
                    Fault::Leave => client.leave(),
                    Fault::Silence => {}
                }
                sim.pass(LONG);
                let follows = fault == Fault::Silence && client.ended().is_none();
                if follows {
                    // A reader without pings may be silent; a client that is pinged may not.
                    let text = std::string::String::from_utf8_lossy(&story);
                    let listens = text.contains("event-stream") || text.contains("x-ndjson");
                    assert!(listens && cut == story.len(), "{fault:?} after {cut} of {text:?}");
                    client.leave();
                    sim.pass(LONG);
                }
                let ended = client.ended().unwrap_or_else(|| panic!("{fault:?} after {cut} of {story:?}"));
                if fault == Fault::Rst && cut < 40 {
                    assert_eq!(ended, Disconnect::Broken);
                }
                assert_eq!(
                    (sim.runtime.head_buffers.free(), sim.runtime.event_buffers.free()),
                    (100, 100),
                    "{fault:?} after {cut}"
                );
                assert_eq!(followers(hub), 0, "{fault:?} after {cut}");
            }
        }
    }
}

#[test]
fn a_client_that_reads_nothing_times_out() {
    for target in ["/events/a", "/stream", "/endless"] {
        for fields in ["Accept: text/event-stream\r\n", "Accept: application/x-ndjson\r\n", "websocket"] {
            let (sim, hub, mut client) = open();
            if fields == "websocket" {
                client.put(&upgrade(target));
            } else {
                client.put(get(target, fields).as_bytes());
            }
            sim.run();
            // More than the rings hold; the log keeps it all.
            for _ in 0..3 {
                hub.publish("a", EventType::MESSAGE, "y".repeat(250).as_bytes()).unwrap();
            }
            sim.pass(Duration::from_secs(120));
            assert!(
                matches!(client.ended(), Some(Disconnect::TimedOut | Disconnect::Rejected(_) | Disconnect::Closed)),
                "{target} {fields}: {:?}",
                client.ended()
            );
            assert_eq!(followers(hub), 0);
        }
    }
}

#[test]
fn a_websocket_reader_that_makes_progress_does_not_time_out() {
    let (sim, _, mut client) = open();
    let _ws = Ws::open(&mut client, "/endless", "", &[]);
    for _ in 0..40 {
        client.take(25);
        sim.pass(Duration::from_secs(10));
        assert_eq!(client.ended(), None);
    }
    sim.pass(Duration::from_secs(60));
    assert_eq!(client.ended(), Some(Disconnect::TimedOut));
}

#[test]
fn a_peer_that_never_closes_times_out() {
    // After an answer that ends the connection.
    let (sim, _, mut client) = open();
    client.send(b"nonsense\r\n\r\n");
    client.read();
    assert!(client.eof);
    sim.pass(Duration::from_millis(1999));
    assert_eq!(client.ended(), None);
    sim.pass(Duration::from_millis(1));
    assert!(matches!(client.ended(), Some(Disconnect::Rejected(_))));
    // After a Close of ours.
    let (sim, _, mut client) = open();
    let _ws = Ws::open(&mut client, "/events/a", "", &["goldcrest.v1"]);
    sim.shut_down();
    client.read();
    sim.pass(Duration::from_millis(4999));
    assert_eq!(client.ended(), None);
    sim.pass(Duration::from_millis(1));
    assert_eq!(client.ended(), Some(Disconnect::TimedOut));
}

#[test]
fn a_dropped_connection_future_releases_its_resources() {
    for story in stories() {
        let (sim, hub, mut client) = open();
        client.try_send(&story);
        sim.cancel(client.task());
        assert_eq!((sim.runtime.head_buffers.free(), sim.runtime.event_buffers.free(), followers(hub)), (100, 100, 0));
    }
}
