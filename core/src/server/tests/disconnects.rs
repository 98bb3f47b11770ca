//! Clients that leave while they wait, with bytes unread behind their request.

use core::time::Duration;

use super::client::{Client, get};
use super::world::{World, hub, keep};
use crate::hub_http::HubHandler;
use crate::server::ServerConfig;

const SECOND: Duration = Duration::from_secs(1);

/// A long poll, with the next request behind it.
fn long_poll() -> (&'static World, Client) {
    let (world, hub) = (World::new(), keep(hub(8, 512)));
    let mut client = world.connect(keep(ServerConfig::default()), keep(HubHandler::new(hub)));
    client.send(get("/events/a", "Prefer: wait=50\r\n").as_bytes());
    client.send(get("/events/a", "").as_bytes());
    world.pass(SECOND);
    assert_eq!((client.came.len(), world.alive()), (0, 1));
    (world, client)
}

#[test]
fn a_long_poll_with_unread_bytes_ends_when_its_client_half_closes() {
    let (world, mut client) = long_poll();
    client.fin();
    world.pass(SECOND);
    for events in 0..2 {
        let answer = client.answer().unwrap_or_else(|| panic!("answer {events}"));
        assert_eq!((answer.status, answer.text().starts_with("{\"events\":[]")), (200, true), "{}", answer.text());
    }
    world.pass(SECOND);
    assert!(client.eof && world.alive() == 0);
}

#[test]
fn a_long_poll_with_unread_bytes_ends_when_its_client_has_left() {
    let (world, mut client) = long_poll();
    client.leave();
    world.pass(SECOND);
    assert_eq!(world.alive(), 0);
}

#[test]
fn a_long_poll_with_unread_bytes_waits_while_its_client_is_there() {
    let (world, mut client) = long_poll();
    world.pass(SECOND * 48);
    client.read();
    assert_eq!((client.came.len(), world.alive()), (0, 1));
    world.pass(SECOND);
    assert_eq!(client.answer().unwrap().field("preference-applied"), Some("wait=50"));
}
