//! Clients that leave while they wait, with bytes unread behind their request.

use core::time::Duration;

use super::client::{Client, get};
use crate::hub_http::HubHandler;
use crate::server::ServerConfig;
use crate::testing::{Simulation, hub, leak};

const SECOND: Duration = Duration::from_secs(1);

/// A long poll, with the next request behind it.
fn long_poll() -> (&'static Simulation, Client) {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let mut client = sim.connect(leak(ServerConfig::default()), leak(HubHandler::new(hub)));
    client.send(get("/events/a", "Prefer: wait=50\r\n").as_bytes());
    client.send(get("/events/a", "").as_bytes());
    sim.pass(SECOND);
    assert_eq!((client.came.len(), sim.running()), (0, 1));
    (sim, client)
}

#[test]
fn a_long_poll_with_unread_bytes_ends_when_its_client_half_closes() {
    let (sim, mut client) = long_poll();
    client.fin();
    sim.pass(SECOND);
    for events in 0..2 {
        let answer = client.answer().unwrap_or_else(|| panic!("answer {events}"));
        assert_eq!((answer.status, answer.text().starts_with("{\"events\":[]")), (200, true), "{}", answer.text());
    }
    sim.pass(SECOND);
    assert!(client.eof && sim.running() == 0);
}

#[test]
fn a_long_poll_with_unread_bytes_ends_when_its_client_has_left() {
    let (sim, mut client) = long_poll();
    client.leave();
    sim.pass(SECOND);
    assert_eq!(sim.running(), 0);
}

#[test]
fn a_long_poll_with_unread_bytes_waits_while_its_client_is_there() {
    let (sim, mut client) = long_poll();
    sim.pass(SECOND * 48);
    client.read();
    assert_eq!((client.came.len(), sim.running()), (0, 1));
    sim.pass(SECOND);
    assert_eq!(client.answer().unwrap().field("preference-applied"), Some("wait=50"));
}
