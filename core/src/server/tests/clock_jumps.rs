//! Clocks that jump, and the end of time.

use core::time::Duration;
use std::vec::Vec;

use super::client::{Client, get};
use super::resume::followers;
use crate::hub_http::HubHandler;
use crate::log::EventType;
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, TestHub, hub, leak};
use crate::time::Instant;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const FOLLOWING: [&str; 4] =
    ["Accept: application/x-ndjson\r\n", "Accept: text/event-stream\r\n", UPGRADE, "Prefer: wait=20\r\n"];

fn open(at: u64, config: ServerConfig<'static>, fields: &str) -> (&'static Simulation, &'static TestHub, Client) {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 1024)));
    sim.jump(Instant::from_millis(at));
    let mut client = sim.connect(leak(config), leak(HubHandler::new(hub)));
    client.send(get("/events/a", fields).as_bytes());
    client.read();
    (sim, hub, client)
}

/// Whether an event arrives that is published now.
fn hears(hub: &TestHub, client: &mut Client) -> bool {
    client.came.clear();
    hub.publish("a", EventType::MESSAGE, b"heard").unwrap();
    client.read();
    client.came.windows(5).any(|bytes| bytes == b"heard")
}

#[test]
fn a_backward_clock_jump_disconnects_no_reader() {
    for fields in FOLLOWING {
        for back in [0, 1, 999_999] {
            let (sim, hub, mut client) = open(1_000_000, ServerConfig::default(), fields);
            sim.jump(Instant::from_millis(back));
            assert_eq!(client.ended(), None, "{fields}");
            assert!(hears(hub, &mut client), "{fields}");
            client.leave();
            sim.run();
            assert_eq!(followers(hub), 0);
        }
    }
}

#[test]
fn after_a_backward_jump_the_next_event_restores_keep_alive() {
    for (fields, pause) in [(FOLLOWING[0], 15), (FOLLOWING[1], 15), (FOLLOWING[2], 25)] {
        let (sim, hub, mut client) = open(1_000_000_000, ServerConfig::default(), fields);
        sim.jump(Instant::from_millis(3));
        assert!(hears(hub, &mut client));
        client.came.clear();
        sim.pass(Duration::from_secs(pause));
        client.read();
        assert!(!client.came.is_empty(), "{fields}: neither keep-alive nor ping");
        assert_eq!(client.ended(), None);
    }
}

#[test]
fn a_forward_clock_jump_expires_only_due_deadlines() {
    for fields in FOLLOWING {
        let (sim, hub, mut client) = open(0, ServerConfig::default(), fields);
        client.came.clear();
        sim.jump(Instant::from_millis(1 << 50));
        client.read();
        // A keep-alive, a ping, or the answer to a long poll whose wait is over.
        assert!(!client.came.is_empty(), "{fields}");
        assert_eq!(client.ended(), None, "{fields}");
        if fields != FOLLOWING[3] {
            assert!(hears(hub, &mut client), "{fields}");
        }
    }
}

#[test]
fn requests_are_served_when_the_clock_reaches_its_maximum() {
    // Its very end never comes: it is when that is which never is.
    for before_end in [1, 1_000, 20_000] {
        for fields in FOLLOWING {
            let (sim, hub, mut client) = open(u64::MAX - before_end, ServerConfig::default(), fields);
            assert!(hears(hub, &mut client), "{fields} {before_end} ms before the end");
            sim.jump(Instant::from_millis(u64::MAX - 1));
            client.read();
            client.leave();
            sim.run();
            assert_eq!((client.ended().is_some(), followers(hub)), (true, 0), "{fields}");
        }
    }
}

#[test]
fn infinite_timeouts_never_expire_and_do_not_overflow() {
    let forever = |mut config: ServerConfig<'static>| {
        for time in [
            &mut config.head_timeout,
            &mut config.idle_timeout,
            &mut config.body_timeout,
            &mut config.write_timeout,
            &mut config.linger_timeout,
            &mut config.close_timeout,
            &mut config.stream_timers.keep_alive,
            &mut config.stream_timers.reconnection_time,
            &mut config.keep_alive.ping_interval,
            &mut config.keep_alive.pong_deadline,
            &mut config.default_wait,
            &mut config.max_wait,
            &mut config.retry_after,
        ] {
            *time = Duration::MAX;
        }
        config
    };
    for fields in &FOLLOWING[..3] {
        let (sim, hub, mut client) = open(1, forever(ServerConfig::default()), fields);
        sim.jump(Instant::from_millis(1 << 62));
        assert_eq!(client.ended(), None, "{fields}");
        assert!(hears(hub, &mut client), "{fields}");
        // A farewell of such a reconnection time; a full house says when to come back.
        let others: Vec<_> = (0..8)
            .map(|_| {
                let mut client = sim.connect(leak(forever(ServerConfig::default())), leak(HubHandler::new(hub)));
                client.send(get("/events/a", FOLLOWING[1]).as_bytes());
                client.read();
                client
            })
            .collect();
        sim.shut_down();
        client.read();
        assert!(others.iter().all(|client| client.ended() != Some(Disconnect::Broken)));
    }
}
