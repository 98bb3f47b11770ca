//! Failures of the network at each byte of a response: no event is lost or repeated.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::network::{Fault, Network, seconds, subscribe};
use super::subscription::{TRANSPORTS, only, publish};
use crate::client::{ClientConfig, Position, SubscriptionOptions, Transport};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::log::{Encoding, EventType};
use crate::testing::{Simulation, TestHub, hub, leak};

/// The bytes of the first connection without a failure, and the events.
fn whole(options: SubscriptionOptions<'static>) -> (usize, Vec<String>) {
    let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
    let net = Network::of_hub(sim, hub);
    let log = run(sim, net, hub, options, false);
    (net.bytes_to_client.get(), log)
}

/// The events of a subscription, published before, during and after its first connection.
fn run(
    sim: &'static Simulation,
    net: &'static Network,
    hub: &TestHub,
    options: SubscriptionOptions<'static>,
    dropping: bool,
) -> Vec<String> {
    publish(hub, "before");
    publish(hub, "\u{e9}\"\n");
    let log = subscribe(net, options, ClientConfig::default(), dropping);
    sim.run();
    for number in 0..3 {
        publish(hub, &format!("live {number}"));
        sim.run();
    }
    let channel = ChannelName::new("a").unwrap();
    let event_type = EventType::new("b").unwrap();
    let binary = NewEvent { event_type, encoding: Encoding::Binary, data: b"\0\xff", idempotency_key: None };
    HubBackend::publish(hub, channel, &binary, None).unwrap();
    sim.pass(seconds(8));
    publish(hub, "last");
    // A silent connection is detected by the keep-alive.
    sim.pass(seconds(100));
    log.events()
}

const ALL: [&str; 7] = ["1=before", "2=\u{e9}\"\n", "3=live 0", "4=live 1", "5=live 2", "6b=0x00ff", "7=last"];

fn cut_everywhere(transport: Transport, fault: fn(usize) -> Fault, dropping: bool) {
    let options = SubscriptionOptions { start: Position::Oldest, ..only(transport) };
    let (length, log) = whole(options);
    assert_eq!(log, ALL, "{}", transport.as_str());
    for at in 0..=length {
        let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
        let net = Network::of_hub(sim, hub);
        net.set_faults(move |number| if number == 0 { fault(at) } else { Fault::None });
        assert_eq!(run(sim, net, hub, options, dropping), ALL, "{} cut at {at} of {length}", transport.as_str());
    }
}

#[test]
fn a_reset_at_any_byte_loses_and_repeats_no_event() {
    for transport in TRANSPORTS {
        cut_everywhere(transport, Fault::Reset, false);
    }
}

#[test]
fn an_end_at_any_byte_loses_and_repeats_no_event() {
    for transport in TRANSPORTS {
        cut_everywhere(transport, Fault::End, false);
    }
}

#[test]
fn silence_after_any_byte_loses_and_repeats_no_event() {
    for transport in TRANSPORTS {
        cut_everywhere(transport, Fault::Silent, false);
    }
}

#[test]
fn resets_with_dropped_futures_lose_and_repeat_no_event() {
    for transport in TRANSPORTS {
        cut_everywhere(transport, Fault::Reset, true);
    }
}

#[test]
fn a_reset_first_connection_keeps_the_start_at_newest() {
    for transport in TRANSPORTS {
        // The bytes beside the events are about those of a start at the oldest event.
        for at in (0..700).step_by(5) {
            let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
            let net = Network::of_hub(sim, hub);
            net.set_faults(move |number| if number == 0 { Fault::Reset(at) } else { Fault::None });
            publish(hub, "old");
            let log = subscribe(net, only(transport), ClientConfig::default(), false);
            sim.run();
            let known = !log.all().iter().any(|it| it.starts_with("lost"));
            publish(hub, "new");
            sim.pass(seconds(100));
            publish(hub, "last");
            sim.pass(seconds(10));
            // The start is after the event that is the newest when the server first responds.
            let expected: &[&str] = if known { &["2=new", "3=last"] } else { &["3=last"] };
            let log = log.events();
            assert!(log == expected || log == ["2=new", "3=last"], "{} cut at {at}: {log:?}", transport.as_str());
        }
    }
}

#[test]
fn repeated_failures_lose_and_repeat_no_event() {
    for transport in TRANSPORTS {
        for at in [180, 250, 320, 400] {
            let (sim, hub) = (Simulation::new(), leak(hub(64, 8192)));
            let net = Network::of_hub(sim, hub);
            // Each connection transfers a response's head and a few more bytes.
            net.set_faults(move |number| match number % 4 {
                3 => Fault::Refused,
                1 => Fault::End(at + number),
                _ => Fault::Reset(at + number),
            });
            let options = SubscriptionOptions { start: Position::Oldest, ..only(transport) };
            let log = subscribe(net, options, ClientConfig::default(), false);
            for number in 0..20 {
                publish(hub, &format!("{number}"));
                sim.pass(seconds(7));
            }
            net.set_faults(|_| Fault::None);
            sim.pass(seconds(200));
            let expected: Vec<_> = (0..20).map(|number| format!("{}={number}", number + 1)).collect();
            assert_eq!(log.events(), expected, "{} {at}: {:?}", transport.as_str(), log.all());
        }
    }
}
