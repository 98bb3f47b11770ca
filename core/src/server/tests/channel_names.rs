//! Invalid channel names: one response for all requests.

use crate::hub::NamePolicy;
use crate::hub_http::HubHandler;
use crate::server::ServerConfig;
use crate::testing::{Simulation, hub, leak};
use std::format;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn an_invalid_channel_name_is_400_with_the_rules() {
    let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
    let mut client = sim.connect(config, leak(HubHandler::new(hub)));
    let rules = format!("{}\n", NamePolicy::SHORT.text());
    let (long, longest) = ("x".repeat(300), "x".repeat(65));
    for name in ["", "a/b", "a%2Fb", "a/", "/a", "%", "%2e", "..%2F", "a+b", "%C3%A4", "%FF", "%00", &long, &longest] {
        let target = format!("/events/{name}");
        for fields in ["", "Accept: text/event-stream\r\n", "Prefer: wait=1\r\n", UPGRADE] {
            let answer = client.get(&target, fields);
            assert_eq!((answer.status, answer.text()), (400, &*rules), "{target} {fields}");
        }
        let answer = client.post(&target, "", "x");
        assert_eq!((answer.status, answer.text()), (400, &*rules), "POST {target}");
    }
    client.send(b"HEAD /events/a%2Fb HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.answer_to(true).unwrap().status, 400);
}

#[test]
fn a_valid_name_without_a_channel_is_404() {
    let (sim, config, hub) = (Simulation::new(), leak(ServerConfig::default()), leak(hub(8, 512)));
    let mut client = sim.connect(config, leak(HubHandler::new(hub)));
    for target in ["/events/none", "/events/...", "/events", "/event/a"] {
        assert_eq!(client.get(target, "").status, 404, "{target}");
    }
    assert_eq!(client.get("/events/%61", "").status, 200, "%61 is a");
}
