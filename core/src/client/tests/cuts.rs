//! The network fails at every place of an answer: nothing is lost that the log holds, and nothing comes twice.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::net::{Fault, Net, seconds, subscribe};
use super::subscription::{WAYS, only, publish};
use crate::client::{ClientConfig, Position, SubscriptionOptions, Transport};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::log::{Encoding, EventType};
use crate::testing::{Simulation, TestHub, hub, leak};

/// Bytes that the first connection carries when nothing fails, and what is heard then.
fn whole(options: SubscriptionOptions<'static>) -> (usize, Vec<String>) {
    let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
    let net = Net::of_hub(sim, hub);
    let heard = run(sim, net, hub, options, false);
    (net.carried.get(), heard)
}

/// Events before, while and after the connection is there.
fn run(
    sim: &'static Simulation,
    net: &'static Net,
    hub: &TestHub,
    options: SubscriptionOptions<'static>,
    dropping: bool,
) -> Vec<String> {
    publish(hub, "before");
    publish(hub, "\u{e9}\"\n");
    let heard = subscribe(net, options, ClientConfig::default(), dropping);
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
    // A connection that is silent is found out at the latest by its heartbeat.
    sim.pass(seconds(100));
    heard.events()
}

const ALL: [&str; 7] = ["1=before", "2=\u{e9}\"\n", "3=live 0", "4=live 1", "5=live 2", "6b=0x00ff", "7=last"];

fn cut_everywhere(way: Transport, fault: fn(usize) -> Fault, dropping: bool) {
    let options = SubscriptionOptions { start: Position::Oldest, ..only(way) };
    let (length, heard) = whole(options);
    assert_eq!(heard, ALL, "{}", way.as_str());
    for at in 0..=length {
        let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
        let net = Net::of_hub(sim, hub);
        net.set_faults(move |number| if number == 0 { fault(at) } else { Fault::None });
        assert_eq!(run(sim, net, hub, options, dropping), ALL, "{} cut at {at} of {length}", way.as_str());
    }
}

#[test]
fn a_reset_at_any_byte_loses_and_repeats_nothing() {
    for way in WAYS {
        cut_everywhere(way, Fault::Reset, false);
    }
}

#[test]
fn an_end_at_any_byte_loses_and_repeats_nothing() {
    for way in WAYS {
        cut_everywhere(way, Fault::End, false);
    }
}

#[test]
fn silence_after_any_byte_loses_and_repeats_nothing() {
    for way in WAYS {
        cut_everywhere(way, Fault::Silent, false);
    }
}

#[test]
fn a_reset_at_any_byte_with_futures_dropped_at_every_poll_loses_and_repeats_nothing() {
    for way in WAYS {
        cut_everywhere(way, Fault::Reset, true);
    }
}

#[test]
fn a_first_connection_cut_anywhere_keeps_its_start_after_the_newest() {
    for way in WAYS {
        // What the first connection carries beside the events differs little from one that starts at the oldest.
        for at in (0..700).step_by(5) {
            let (sim, hub) = (Simulation::new(), leak(hub(16, 2048)));
            let net = Net::of_hub(sim, hub);
            net.set_faults(move |number| if number == 0 { Fault::Reset(at) } else { Fault::None });
            publish(hub, "old");
            let heard = subscribe(net, only(way), ClientConfig::default(), false);
            sim.run();
            let known = !heard.all().iter().any(|it| it.starts_with("lost"));
            publish(hub, "new");
            sim.pass(seconds(100));
            publish(hub, "last");
            sim.pass(seconds(10));
            // Before it could know where the newest is, "after the newest" is after the one that is there when it can.
            let expected: &[&str] = if known { &["2=new", "3=last"] } else { &["3=last"] };
            let heard = heard.events();
            assert!(heard == expected || heard == ["2=new", "3=last"], "{} cut at {at}: {heard:?}", way.as_str());
        }
    }
}

#[test]
fn the_network_may_fail_again_and_again() {
    for way in WAYS {
        for at in [180, 250, 320, 400] {
            let (sim, hub) = (Simulation::new(), leak(hub(64, 8192)));
            let net = Net::of_hub(sim, hub);
            // Each connection carries a little: an answer's head and some bytes more.
            net.set_faults(move |number| match number % 4 {
                3 => Fault::Refused,
                1 => Fault::End(at + number),
                _ => Fault::Reset(at + number),
            });
            let options = SubscriptionOptions { start: Position::Oldest, ..only(way) };
            let heard = subscribe(net, options, ClientConfig::default(), false);
            for number in 0..20 {
                publish(hub, &format!("{number}"));
                sim.pass(seconds(7));
            }
            net.set_faults(|_| Fault::None);
            sim.pass(seconds(200));
            let expected: Vec<_> = (0..20).map(|number| format!("{}={number}", number + 1)).collect();
            assert_eq!(heard.events(), expected, "{} {at}: {:?}", way.as_str(), heard.all());
        }
    }
}
