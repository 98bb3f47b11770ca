//! A subscription against a hub of ours.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::net::{Heard, Net, memory, say, seconds, subscribe};
use crate::client::{ClientConfig, Position, SubscriptionOptions, Transport};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::log::{Encoding, EventType};
use crate::testing::{Simulation, TestHub, hub, leak};

pub(super) const WAYS: [Transport; 5] =
    [Transport::WebSocket, Transport::Sse, Transport::Stream, Transport::LongPoll, Transport::Poll];

/// Only this way.
pub(super) fn only(way: Transport) -> SubscriptionOptions<'static> {
    SubscriptionOptions { transports: leak([way]), ..SubscriptionOptions::default() }
}

pub(super) fn publish(hub: &TestHub, data: &str) {
    hub.publish("a", EventType::MESSAGE, data.as_bytes()).unwrap();
}

#[test]
fn each_transport_brings_types_bytes_and_text_as_they_were() {
    for way in WAYS {
        let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
        let heard = subscribe(Net::of_hub(sim, hub), only(way), ClientConfig::default(), false);
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
        let open = format!("open {}", way.as_str());
        let expected = [
            &open[..],
            "1=plain",
            "2r\u{e9}ading=two\nlines \"\\ \u{1f600}",
            "3=0x00ff0a0d",
            "4picture=0x",
            "5=",
            "6gap-like={}",
        ];
        assert_eq!(heard.take(), expected, "{}", way.as_str());
        assert_eq!(heard.take(), Vec::<String>::new());
    }
}

/// Longer than any cursor of a server of ours.
const TOO_LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

#[test]
fn it_starts_where_it_is_told_to() {
    for way in WAYS {
        for (start, expected) in [
            (Position::Oldest, &["1=a", "2=b", "3=c"][..]),
            (Position::Newest, &["3=c"]),
            (Position::After("00000abc-1"), &["2=b", "3=c"]),
            (Position::After("00000abd-1"), &["1=a", "2=b", "3=c"]),
            (Position::After("no id"), &["1=a", "2=b", "3=c"]),
            (Position::After(TOO_LONG), &["1=a", "2=b", "3=c"]),
            // As a cursor that was kept before it was known.
            (Position::After(""), &["3=c"]),
        ] {
            let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
            publish(hub, "a");
            publish(hub, "b");
            let heard = subscribe(
                Net::of_hub(sim, hub),
                SubscriptionOptions { start, ..only(way) },
                ClientConfig::default(),
                false,
            );
            sim.run();
            publish(hub, "c");
            sim.pass(seconds(12));
            assert_eq!(heard.events(), expected, "{} {start:?}", way.as_str());
            let gap = matches!(start, Position::After("00000abd-1" | "no id" | TOO_LONG));
            assert_eq!(heard.all().iter().any(|it| it == "gap None"), gap, "{} {:?}", way.as_str(), heard.all());
        }
    }
}

#[test]
fn what_was_overwritten_is_told_with_its_number_and_reading_goes_on() {
    for way in WAYS {
        let (sim, hub) = (Simulation::new(), leak(hub(2, 512)));
        for data in ["a", "b", "c", "d", "e"] {
            publish(hub, data);
        }
        let options = SubscriptionOptions { start: Position::After("00000abc-1"), ..only(way) };
        let heard = subscribe(Net::of_hub(sim, hub), options, ClientConfig::default(), false);
        sim.run();
        publish(hub, "f");
        sim.pass(seconds(12));
        let expected = [&format!("open {}", way.as_str())[..], "gap Some(2)", "4=d", "5=e", "6=f"];
        assert_eq!(heard.all(), expected);
    }
}

#[test]
fn a_poll_is_quiet_between_its_polls_and_asks_on_while_there_is_more() {
    let (sim, hub) = (Simulation::new(), leak(hub(128, 8192)));
    let net = Net::of_hub(sim, hub);
    let options = SubscriptionOptions { start: Position::Oldest, ..only(Transport::Poll) };
    for number in 0..120 {
        publish(hub, &format!("{number}"));
    }
    let heard = subscribe(net, options, ClientConfig::default(), false);
    sim.run();
    assert_eq!(heard.events().len(), 120, "two answers, at once");
    assert_eq!(net.connections.get(), 1, "over one connection");
    publish(hub, "late");
    sim.pass(seconds(4));
    assert_eq!(heard.events().len(), 120);
    sim.pass(seconds(1));
    assert_eq!(heard.events().len(), 121);
}

#[test]
fn an_event_past_the_memory_is_the_end_and_said_so() {
    for way in WAYS {
        let (sim, hub) = (Simulation::new(), leak(hub(4, 4096)));
        publish(hub, &"x".repeat(600));
        let options = SubscriptionOptions { start: Position::Oldest, ..only(way) };
        let heard = subscribe(Net::of_hub(sim, hub), options, ClientConfig::default(), false);
        sim.pass(seconds(12));
        let last = heard.all().pop().unwrap();
        let expected = if way == Transport::Sse { "over: EventStream(DataTooLong)" } else { "over: TooLarge" };
        assert_eq!(last, expected, "{}", way.as_str());
    }
}

#[test]
fn closed_is_closed() {
    let (sim, hub) = (Simulation::new(), leak(hub(4, 512)));
    let (net, heard) = (Net::of_hub(sim, hub), Heard::default());
    let told = heard.clone();
    sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let url = "ws://localhost/events/a";
        let mut subscription =
            crate::client::Subscription::new(net, config, url, SubscriptionOptions::default(), memory(512));
        told.push(say(subscription.next().await.unwrap()));
        assert_eq!(subscription.transport(), Some(Transport::WebSocket));
        assert_eq!(subscription.cursor(), "00000abc-0");
        subscription.abort();
        told.push(format!("{:?}", subscription.next().await.map(say)));
        crate::server::Disconnect::Closed
    });
    sim.run();
    assert_eq!(heard.all(), ["open websocket", "Err(Closed)"]);
    assert_eq!(sim.running(), 0, "the server has seen the end");
}
