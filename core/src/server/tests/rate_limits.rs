//! More requests or control frames in a second than a connection may have.

use core::time::Duration;

use super::client::{Client, ReaderItem, Ws, get};
use super::handlers::TestHandlers;
use crate::hub_http::HubHandler;
use crate::server::{Disconnect, ServerConfig};
use crate::testing::{Simulation, hub, leak};
use crate::ws::ProtocolError;

const SECOND: Duration = Duration::from_secs(1);

fn config() -> &'static ServerConfig<'static> {
    leak(ServerConfig { max_requests: 3, max_control_frames: 5, ..ServerConfig::default() })
}

fn answers(client: &mut Client) -> usize {
    core::iter::from_fn(|| client.answer()).count()
}

#[test]
fn requests_above_the_rate_limit_wait_for_the_next_second() {
    let sim = Simulation::new();
    let mut client = sim.connect(config(), &TestHandlers);
    client.send(get("/nothing", "").repeat(8).as_bytes());
    assert_eq!(answers(&mut client), 3);
    sim.pass(SECOND / 2);
    assert_eq!(answers(&mut client), 0);
    sim.pass(SECOND);
    assert_eq!(answers(&mut client), 3);
    sim.pass(SECOND * 2);
    assert_eq!(answers(&mut client), 2);
    assert_eq!(client.ended(), None);
}

#[test]
fn a_rate_limit_of_0_is_no_limit() {
    let sim = Simulation::new();
    let config = leak(ServerConfig { max_requests: 0, ..ServerConfig::default() });
    let mut client = sim.connect(config, &TestHandlers);
    for _ in 0..20 {
        assert_eq!(client.get("/nothing", "").status, 404);
    }
}

#[test]
fn control_frames_above_the_rate_limit_close_with_1008() {
    for path in ["/events/a", "/echo"] {
        let sim = Simulation::new();
        let mut client = match path {
            "/echo" => sim.connect(config(), &TestHandlers),
            _ => sim.connect(config(), leak(HubHandler::new(leak(hub(8, 512))))),
        };
        let mut ws = Ws::open(&mut client, path, "", &[]);
        let ping = [0x89, 0x80, 0, 0, 0, 0];
        // As many as a second has, then again in the next one, the handshake's request counted.
        client.send(&ping.repeat(4));
        sim.pass(SECOND * 2);
        client.send(&ping.repeat(5));
        assert_eq!(client.ended(), None);
        client.send(&ping);
        let told = ws.read(&mut client.came, true);
        assert!(matches!(told.last(), Some(ReaderItem::Close(Some(1008), _))), "{path}: {told:?}");
        sim.pass(SECOND * 3);
        assert_eq!(client.ended(), Some(Disconnect::Protocol(ProtocolError::TooManyControlFrames)), "{path}");
    }
}
