//! Invalid channel names: one response for all requests.

use core::net::IpAddr;
use std::format;

use crate::hub::{
    ChannelName, HubBackend, MAX_CHANNEL_NAME, NamePolicy, NewEvent, OpenError, PublishError, PublishOutcome,
};
use crate::hub_http::HubHandler;
use crate::io::Pipe;
use crate::log::GapPolicy;
use crate::server::{ServerConfig, serve};
use crate::testing::{Simulation, TestHub, hub, leak};

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

/// A hub with the names of a host.
struct LongNames(TestHub);

impl HubBackend for LongNames {
    type Reader<'a> = <TestHub as HubBackend>::Reader<'a>;
    type NameBuffer = [u8; MAX_CHANNEL_NAME];

    fn name_policy(&self) -> NamePolicy {
        NamePolicy::EXTENDED
    }

    fn name_buffer(&self) -> Self::NameBuffer {
        [0; MAX_CHANNEL_NAME]
    }

    fn open(
        &self,
        channel: ChannelName<'_>,
        following: bool,
        peer: Option<IpAddr>,
    ) -> Result<Self::Reader<'_>, OpenError> {
        self.0.open(channel, following, peer)
    }

    fn publish(
        &self,
        channel: ChannelName<'_>,
        event: &NewEvent<'_>,
        peer: Option<IpAddr>,
    ) -> Result<PublishOutcome, PublishError> {
        HubBackend::publish(&self.0, channel, event, peer)
    }

    fn gap_policy(&self, channel: ChannelName<'_>) -> GapPolicy {
        self.0.gap_policy(channel)
    }
}

/// The name is in memory that is used otherwise once the channel is open.
#[test]
fn a_long_channel_name_takes_no_memory_of_a_connection() {
    let sim = Simulation::new();
    let (mut device, _browser) = leak(Pipe::<512>::new()).ends();
    let (short, long) = (hub(4, 512), LongNames(hub(4, 512)));
    let config = ServerConfig::default();
    let shorts = size_of_val(&serve(&mut device, &sim.runtime, &config, &HubHandler::new(&short)));
    let longs = size_of_val(&serve(&mut device, &sim.runtime, &config, &HubHandler::new(&long)));
    assert!(longs <= shorts, "{longs} and {shorts} bytes");
}
