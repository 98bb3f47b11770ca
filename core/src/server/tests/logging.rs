//! Lines in a log: with the feature `log` alone.

use std::string::{String, ToString};
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use std::vec::Vec;

use super::client::{Ws, get};
use crate::hub_http::HubHandler;
use crate::log::EventType;
use crate::server::{Access, ServerConfig};
use crate::testing::{Simulation, hub, leak};

/// Beside this test others of the same process speak: each thread's lines apart.
struct Lines(Mutex<Vec<(ThreadId, String)>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl ::log::Log for Lines {
    fn enabled(&self, _: &::log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &::log::Record<'_>) {
        let line = std::format!("{} {}", record.level(), record.args());
        self.0.lock().unwrap().push((thread::current().id(), line));
    }

    fn flush(&self) {}
}

/// The lines that the core logs during `of`.
fn said(of: impl FnOnce()) -> Vec<String> {
    let _ = ::log::set_logger(&LINES); // or it is set already
    ::log::set_max_level(::log::LevelFilter::Debug);
    of();
    let mut lines = LINES.0.lock().unwrap();
    let this = thread::current().id();
    let own = lines.iter().filter(|(thread, _)| *thread == this).map(|(_, line)| line.to_string()).collect();
    lines.retain(|(thread, _)| *thread != this);
    own
}

#[test]
fn a_rejection_and_a_disconnect_are_logged_with_the_reason() {
    let lines = said(|| {
        let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
        let mut client = sim.connect(config, leak(HubHandler::new(hub)));
        assert_eq!(client.ask("GET / HTTP/1.1\r\n\r\n").status, 400);
        client.leave();
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("INFO refused with 400: "), "{lines:?}");
    assert_eq!(lines[1], "DEBUG connection ended: refused with 400");
}

#[test]
fn an_upgrade_is_logged_with_its_subprotocol() {
    let lines = said(|| {
        let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
        let mut client = sim.connect(config, leak(HubHandler::new(hub)));
        Ws::open(&mut client, "/events/a", "", &["goldcrest.v1"]);
    });
    assert_eq!(lines, ["DEBUG upgraded to WebSocket, subprotocol: goldcrest.v1"]);
}

#[test]
fn a_gap_is_logged_once_for_each_reader() {
    let lines = said(|| {
        let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(2, 512)));
        for _ in 0..5 {
            hub.publish("a", EventType::MESSAGE, b"x").unwrap();
        }
        for accept in ["application/json", "text/event-stream"] {
            let mut client = sim.connect(config, leak(HubHandler::new(hub)));
            client.send(get("/events/a?after=00000abc-1", &std::format!("Accept: {accept}\r\n")).as_bytes());
        }
        let mut client = sim.connect(config, leak(HubHandler::new(hub)));
        Ws::open(&mut client, "/events/a?after=elsewhere-1", "", &["goldcrest.v1"]);
    });
    let gaps: Vec<_> = lines.iter().filter(|line| line.starts_with("INFO")).collect();
    let missed = "INFO a reader missed 2 events";
    assert_eq!(gaps, [missed, missed, "INFO a reader's cursor could not be placed"]);
}

#[test]
fn a_503_for_a_full_server_is_logged() {
    let lines = said(|| {
        let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
        sim.runtime.head_buffers.set_free(0);
        let mut client = sim.connect(config, leak(HubHandler::new(hub)));
        client.try_send(get("/events/a", "").as_bytes());
        sim.pass(config.buffer_timeout);
        assert_eq!(client.answer().unwrap().status, 503);
        client.leave();
    });
    assert_eq!(lines, ["WARN full: all head buffers in use", "DEBUG connection ended: refused with 503"]);
}

#[test]
fn a_rejected_origin_is_logged() {
    let lines = said(|| {
        let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
        let config = leak(ServerConfig { access: Access::default(), ..ServerConfig::default() });
        let mut client = sim.connect(config, leak(HubHandler::new(hub)));
        assert_eq!(client.get("/events/a", "Origin: http://elsewhere.example\r\n").status, 403);
    });
    assert_eq!(lines, ["INFO refused with 403: this origin or host is not allowed"]);
}
