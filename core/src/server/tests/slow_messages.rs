//! Messages and frames that are never whole: each is given up when its allowance is used up.

use core::time::Duration;
use std::vec::Vec;

use super::client::{Client, Ws};
use super::handlers::TestHandlers;
use crate::hub_http::HubHandler;
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, hub, leak};

const SECOND: Duration = Duration::from_secs(1);

/// A frame with an all-zero masking key.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// Open WebSockets: of the hub, with and without a subprotocol, and of a handler.
fn sockets() -> Vec<(&'static Simulation, Client)> {
    let open = |path: &str, protocols: &[&str]| {
        let (sim, config) = (Simulation::new(), leak(ServerConfig::default()));
        let mut client = if path == "/echo" {
            sim.connect(config, &TestHandlers)
        } else {
            sim.connect(config, leak(HubHandler::new(leak(hub(8, 4096)))))
        };
        Ws::open(&mut client, path, "", protocols);
        (sim, client)
    };
    [open("/events/a", &[]), open("/events/a", &["goldcrest.v1"]), open("/echo", &[])].into()
}

/// Sends one of `pieces` after the other, each `pause`: after how many seconds the connection ended, 100 at most.
fn lasts(sim: &Simulation, client: &mut Client, pause: Duration, pieces: impl Iterator<Item = Vec<u8>>) -> u64 {
    let start = sim.clock().time();
    for piece in pieces {
        client.try_send(&piece);
        sim.pass(pause);
        if client.ended().is_some() || sim.clock().time().since(start) >= SECOND * 100 {
            break;
        }
    }
    sim.clock().time().since(start).as_secs()
}

#[test]
fn empty_fragments_do_not_keep_a_message_open() {
    for (sim, mut client) in sockets() {
        let pieces = [frame(0x01, b"begins")].into_iter().chain(std::iter::repeat(frame(0x00, b"")));
        let seconds = lasts(sim, &mut client, SECOND, pieces);
        assert_eq!(client.ended(), Some(Disconnect::TimedOut));
        assert!((20..=22).contains(&seconds), "{seconds} s");
    }
}

#[test]
fn a_message_of_empty_fragments_times_out() {
    for (sim, mut client) in sockets() {
        let pieces = [frame(0x01, b"")].into_iter().chain(std::iter::repeat(frame(0x00, b"")));
        let seconds = lasts(sim, &mut client, SECOND, pieces);
        assert_eq!(client.ended(), Some(Disconnect::TimedOut));
        assert!((20..=22).contains(&seconds), "{seconds} s");
    }
}

#[test]
fn pings_between_fragments_do_not_keep_a_message_open() {
    for (sim, mut client) in sockets() {
        let pieces = [frame(0x01, b"begins")].into_iter().chain(std::iter::repeat(frame(0x89, b"ping")));
        let seconds = lasts(sim, &mut client, SECOND, pieces);
        assert_eq!(client.ended(), Some(Disconnect::TimedOut));
        assert!((20..=22).contains(&seconds), "{seconds} s");
    }
}

#[test]
fn a_ping_received_byte_by_byte_times_out() {
    for (sim, mut client) in sockets() {
        let ping = frame(0x89, &[b'x'; 125]);
        let seconds = lasts(sim, &mut client, SECOND, ping.into_iter().map(|byte| [byte].into()));
        assert_eq!(client.ended(), Some(Disconnect::TimedOut));
        assert!((20..=22).contains(&seconds), "{seconds} s");
    }
}

#[test]
fn an_incomplete_frame_header_times_out() {
    for (sim, mut client) in sockets() {
        let head = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        let seconds = lasts(sim, &mut client, SECOND * 2, head.into_iter().map(|byte| [byte].into()));
        assert_eq!(client.ended(), Some(Disconnect::TimedOut));
        assert!((20..=22).contains(&seconds), "{seconds} s");
    }
}

#[test]
fn slow_but_complete_frames_never_time_out() {
    for (sim, mut client) in sockets() {
        let ping = frame(0x89, b"ping");
        let pieces = (0..200).map(|at| ping.chunks(5).nth(at % 2).unwrap().to_vec());
        let seconds = lasts(sim, &mut client, SECOND * 9, pieces);
        assert_eq!((client.ended(), seconds >= 100), (None, true), "{seconds} s");
    }
}

#[test]
fn a_message_at_the_minimum_rate_is_received_to_its_end() {
    let config = leak(ServerConfig { body_timeout: SECOND * 5, min_body_rate: 48, ..ServerConfig::default() });
    let sim = Simulation::new();
    let mut client = sim.connect(config, leak(HubHandler::new(leak(hub(8, 4096)))));
    Ws::open(&mut client, "/events/a", "", &[]);
    // 12 bytes each quarter of a second are 48 a second; 60 of them take three times as long as may be waited for one.
    let pieces = (0..60).map(|at| frame(if at == 0 { 0x01 } else { 0x00 }, &[b'x'; 12]));
    let seconds = lasts(sim, &mut client, SECOND / 4, pieces.chain([frame(0x80, b"")]));
    assert_eq!((client.ended(), seconds), (None, 15));
}
