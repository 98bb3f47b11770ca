//! A subscription of a hub of this crate.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::network::{Log, Network, buffers, seconds, subscribe, text_of};
use crate::client::{ClientConfig, Position, SubscriptionOptions, Transport};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::log::{Encoding, EventType};
use crate::testing::{Simulation, TestHub, hub, leak};

pub(super) const TRANSPORTS: [Transport; 5] =
    [Transport::WebSocket, Transport::Sse, Transport::Stream, Transport::LongPoll, Transport::Poll];

/// Options with one transport.
pub(super) fn only(transport: Transport) -> SubscriptionOptions<'static> {
    SubscriptionOptions { transports: leak([transport]), ..SubscriptionOptions::default() }
}

pub(super) fn publish(hub: &TestHub, data: &str) {
    hub.publish("a", EventType::MESSAGE, data.as_bytes()).unwrap();
}

#[test]
fn each_transport_preserves_types_text_and_bytes() {
    for transport in TRANSPORTS {
        let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
        let log = subscribe(Network::of_hub(sim, hub), only(transport), ClientConfig::default(), false);
        sim.run();
        let channel = ChannelName::new("a").unwrap();
        for (name, encoding, data) in [
            ("", Encoding::Text, &b"plain"[..]),
            ("r\u{e9}ading", Encoding::Text, "two\nlines \"\\ \u{1f600}".as_bytes()),
            ("", Encoding::Binary, b"\x00\xff\n\r"),
            ("picture", Encoding::Binary, b""),
            ("", Encoding::Text, b""),
            ("gap-like", Encoding::Text, b"{}"),
        ] {
            let event_type = EventType::new(name).unwrap();
            let publication = NewEvent { event_type, encoding, data, idempotency_key: None };
            HubBackend::publish(hub, channel, &publication, None).unwrap();
        }
        sim.pass(seconds(6));
        let open = format!("open {}", transport.as_str());
        let expected = [
            &open[..],
            "1=plain",
            "2r\u{e9}ading=two\nlines \"\\ \u{1f600}",
            "3=0x00ff0a0d",
            "4picture=0x",
            "5=",
            "6gap-like={}",
        ];
        assert_eq!(log.take(), expected, "{}", transport.as_str());
        assert_eq!(log.take(), Vec::<String>::new());
    }
}

/// Longer than [`MAX_CURSOR`](crate::client::MAX_CURSOR).
const TOO_LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

#[test]
fn the_start_position_is_respected() {
    for transport in TRANSPORTS {
        for (start, expected) in [
            (Position::Oldest, &["1=a", "2=b", "3=c"][..]),
            (Position::Newest, &["3=c"]),
            (Position::After("00000abc-1"), &["2=b", "3=c"]),
            (Position::After("00000abd-1"), &["1=a", "2=b", "3=c"]),
            (Position::After("no id"), &["1=a", "2=b", "3=c"]),
            (Position::After(TOO_LONG), &["1=a", "2=b", "3=c"]),
            // A cursor that was saved before it was known.
            (Position::After(""), &["3=c"]),
        ] {
            let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
            publish(hub, "a");
            publish(hub, "b");
            let log = subscribe(
                Network::of_hub(sim, hub),
                SubscriptionOptions { start, ..only(transport) },
                ClientConfig::default(),
                false,
            );
            sim.run();
            publish(hub, "c");
            sim.pass(seconds(12));
            assert_eq!(log.events(), expected, "{} {start:?}", transport.as_str());
            let gap = matches!(start, Position::After("00000abd-1" | "no id" | TOO_LONG));
            assert_eq!(log.all().iter().any(|it| it == "gap None"), gap, "{} {:?}", transport.as_str(), log.all());
        }
    }
}

#[test]
fn overwritten_events_are_reported_as_a_gap() {
    for transport in TRANSPORTS {
        let (sim, hub) = (Simulation::new(), leak(hub(2, 512)));
        for data in ["a", "b", "c", "d", "e"] {
            publish(hub, data);
        }
        let options = SubscriptionOptions { start: Position::After("00000abc-1"), ..only(transport) };
        let log = subscribe(Network::of_hub(sim, hub), options, ClientConfig::default(), false);
        sim.run();
        publish(hub, "f");
        sim.pass(seconds(12));
        let expected = [&format!("open {}", transport.as_str())[..], "gap Some(2)", "4=d", "5=e", "6=f"];
        assert_eq!(log.all(), expected);
    }
}

#[test]
fn polling_waits_its_interval_unless_the_response_is_full() {
    let (sim, hub) = (Simulation::new(), leak(hub(128, 8192)));
    let net = Network::of_hub(sim, hub);
    let options = SubscriptionOptions { start: Position::Oldest, ..only(Transport::Poll) };
    for number in 0..120 {
        publish(hub, &format!("{number}"));
    }
    let log = subscribe(net, options, ClientConfig::default(), false);
    sim.run();
    assert_eq!(log.events().len(), 120, "two answers, at once");
    assert_eq!(net.connections.get(), 1, "over one connection");
    publish(hub, "late");
    sim.pass(seconds(4));
    assert_eq!(log.events().len(), 120);
    sim.pass(seconds(1));
    assert_eq!(log.events().len(), 121);
}

#[test]
fn an_event_beyond_the_buffer_closes_the_subscription() {
    for transport in TRANSPORTS {
        let (sim, hub) = (Simulation::new(), leak(hub(4, 4096)));
        publish(hub, &"x".repeat(600));
        let options = SubscriptionOptions { start: Position::Oldest, ..only(transport) };
        let log = subscribe(Network::of_hub(sim, hub), options, ClientConfig::default(), false);
        sim.pass(seconds(12));
        let last = log.all().pop().unwrap();
        let expected = if transport == Transport::Sse { "over: EventStream(DataTooLong)" } else { "over: TooLarge" };
        assert_eq!(last, expected, "{}", transport.as_str());
    }
}

#[test]
fn an_aborted_subscription_stays_closed() {
    let (sim, hub) = (Simulation::new(), leak(hub(4, 512)));
    let (net, log) = (Network::of_hub(sim, hub), Log::default());
    let told = log.clone();
    sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let url = "ws://localhost/events/a";
        let mut subscription =
            crate::client::Subscription::new(net, config, url, SubscriptionOptions::default(), buffers(512));
        told.push(text_of(subscription.next().await.unwrap()));
        assert_eq!(subscription.transport(), Some(Transport::WebSocket));
        assert_eq!(subscription.cursor(), "00000abc-0");
        subscription.abort();
        told.push(format!("{:?}", subscription.next().await.map(text_of)));
        crate::server::Disconnect::Closed
    });
    sim.run();
    assert_eq!(log.all(), ["open websocket", "Err(Closed)"]);
    assert_eq!(sim.running(), 0, "the server has received the end");
}
