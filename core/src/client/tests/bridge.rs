//! A channel of a hub at home, published on another: nothing lost that the log holds, nothing twice.

use std::cell::RefCell;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

use super::net::{Fault, Heard, Net, memory, once, seconds, serve_hub};
use super::publish::held;
use super::subscription::publish;
use crate::client::{Bridge, BridgeEvent, BridgeOptions, ClientConfig};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::io::{Pipe, PipeEnd};
use crate::log::{Encoding, EventType};
use crate::server::Disconnect;
use crate::sse::reconnect::ReconnectPolicy;
use crate::testing::{Simulation, TestHub, hub, hub_of, leak};

fn carry(net: &'static Net, home: &'static TestHub, options: BridgeOptions, dropping: bool) -> Heard {
    let heard = Heard::default();
    let told = heard.clone();
    net.sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let reader = home.open(ChannelName::new("a").unwrap(), true, None).unwrap();
        let mut bridge = Bridge::new(net, config, "ws://localhost/events/a", reader, options, memory(400));
        loop {
            let said = if dropping {
                let Some(said) = once(bridge.next()).await else { continue };
                said
            } else {
                bridge.next().await
            };
            match said {
                Ok(BridgeEvent::Opened) => told.push("open"),
                Ok(BridgeEvent::Stored { id }) => {
                    assert_eq!(bridge.acknowledged(), id);
                    told.push(format!("stored {}", id.seq));
                }
                Ok(BridgeEvent::Rejected { id }) => told.push(format!("refused {}", id.seq)),
                Ok(BridgeEvent::Gap(gap)) => told.push(format!("missed {:?}", gap.missed)),
                Ok(BridgeEvent::Disconnected { error, .. }) => told.push(format!("lost {error:?}")),
                Err(error) => {
                    told.push(format!("over: {error:?}"));
                    return Disconnect::Closed;
                }
            }
        }
    });
    heard
}

fn steady() -> BridgeOptions {
    BridgeOptions {
        reconnect: ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT },
        ..BridgeOptions::default()
    }
}

#[test]
fn what_is_published_at_home_is_published_there_as_it_is() {
    let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 2048, 7)), leak(hub(16, 2048)));
    publish(home, "before\n\"\u{e9}");
    let heard = carry(Net::of_hub(sim, there), home, steady(), false);
    sim.run();
    let channel = ChannelName::new("a").unwrap();
    let event_type = EventType::new("p\"ic").unwrap();
    let binary = NewEvent { event_type, encoding: Encoding::Binary, data: b"\n\x01", idempotency_key: None };
    HubBackend::publish(home, channel, &binary, None).unwrap();
    publish(home, "");
    sim.run();
    assert_eq!(heard.all(), ["open", "stored 1", "stored 2", "stored 3"]);
    assert_eq!(held(there), ["|before\n\"\u{e9}", "p\"ic|\n\x01", "|"]);
}

#[test]
fn a_network_that_fails_at_any_byte_loses_and_repeats_nothing() {
    let rings: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 3] =
        [|| leak(Pipe::<512>::new()).ends(), || leak(Pipe::<9>::new()).ends(), || leak(Pipe::<90>::new()).ends()];
    let faults: [fn(usize) -> Fault; 3] = [Fault::Reset, Fault::End, Fault::Silent];
    for at in 0..600 {
        let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 2048, 7)), leak(hub(32, 2048)));
        let net = Net::over(sim, rings[at % 3], serve_hub(sim, there));
        net.set_faults(move |number| if number == 0 { faults[at / 3 % 3](at) } else { Fault::None });
        let heard = carry(net, home, BridgeOptions { window: 1 + (at % 5) as u8, ..steady() }, at % 2 == 0);
        for number in 0..3 {
            publish(home, &format!("{number}"));
        }
        sim.pass(seconds(5));
        for number in 3..6 {
            publish(home, &format!("{number}"));
            sim.run();
        }
        sim.pass(seconds(120));
        assert_eq!(held(there), ["|0", "|1", "|2", "|3", "|4", "|5"], "{at}: {:?}", heard.all());
        let stored: Vec<_> = heard.all().into_iter().filter(|it| it.starts_with("stored")).collect();
        assert_eq!(stored, (1..7).map(|seq| format!("stored {seq}")).collect::<Vec<_>>(), "{at}");
    }
}

#[test]
fn a_hub_that_is_killed_and_born_again_gets_what_was_not_acknowledged() {
    let (sim, home) = (Simulation::new(), leak(hub_of(16, 2048, 7)));
    let hubs: [&'static TestHub; 2] = [leak(hub_of(16, 2048, 1)), leak(hub_of(16, 2048, 2))];
    let net = Net::of_hub(sim, hubs[0]);
    // The first hub's last words are lost with it.
    net.set_faults(|number| if number == 0 { Fault::Reset(330) } else { Fault::None });
    let heard = carry(net, home, steady(), false);
    for number in 0..5 {
        publish(home, &format!("{number}"));
        sim.run();
    }
    net.set_server(serve_hub(sim, hubs[1]));
    sim.pass(seconds(10));
    let acknowledged =
        heard.all().iter().take_while(|it| !it.starts_with("lost")).filter(|it| it.contains("stored")).count();
    assert!(acknowledged > 0 && acknowledged < 5, "{:?}", heard.all());
    let rest: Vec<String> = (acknowledged..5).map(|number| format!("|{number}")).collect();
    assert_eq!(held(hubs[1]), rest);
}

#[test]
fn what_was_overwritten_at_home_is_told() {
    let (sim, home, there) = (Simulation::new(), leak(hub_of(3, 512, 7)), leak(hub(16, 2048)));
    let net = Net::of_hub(sim, there);
    net.set_faults(|number| if number == 0 { Fault::Refused } else { Fault::None });
    let heard = carry(net, home, steady(), false);
    sim.run();
    for number in 0..8 {
        publish(home, &format!("{number}"));
    }
    sim.pass(seconds(5));
    assert_eq!(heard.all()[1..], ["open", "missed Some(5)", "stored 6", "stored 7", "stored 8"]);
    assert_eq!(held(there), ["|5", "|6", "|7"]);
}

#[test]
fn what_the_hub_will_never_take_is_passed_over() {
    // Longer than the hub's log, then longer than the bridge's memory.
    let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 4096, 7)), leak(hub(4, 64)));
    publish(home, &"x".repeat(100));
    publish(home, "fits");
    publish(home, &"y".repeat(500));
    publish(home, "too");
    let heard = carry(Net::of_hub(sim, there), home, steady(), false);
    sim.run();
    assert_eq!(heard.all(), ["open", "refused 1", "stored 2", "refused 3", "stored 4"]);
    assert_eq!(held(there), ["|fits", "|too"]);
}

#[test]
fn events_of_others_on_the_channel_are_passed_over_however_long() {
    let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 2048, 7)), leak(hub(16, 8192)));
    let heard = carry(Net::of_hub(sim, there), home, steady(), false);
    sim.run();
    for number in 0..3 {
        publish(there, &"other ".repeat(200));
        publish(home, &format!("{number}"));
        sim.run();
    }
    assert_eq!(heard.all(), ["open", "stored 1", "stored 2", "stored 3"]);
}

#[test]
fn where_nobody_speaks_the_subprotocol_it_is_over() {
    let sim = Simulation::new();
    let answer = |_, _: &str| (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec(), super::net::Then::Hold);
    let net = Net::new(sim, super::net::script(sim, answer));
    let heard = carry(net, leak(hub(4, 512)), steady(), false);
    sim.run();
    assert_eq!(heard.all(), ["over: UpgradeFailed(Status(404))"]);
    // Unless the server is only away.
    let seen = Rc::new(RefCell::new(0));
    let count = Rc::clone(&seen);
    let busy = move |_, _: &str| {
        *count.borrow_mut() += 1;
        (b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n".to_vec(), super::net::Then::Hold)
    };
    let heard = carry(Net::new(sim, super::net::script(sim, busy)), leak(hub(4, 512)), steady(), false);
    sim.pass(seconds(10));
    assert_eq!((heard.all().len(), *seen.borrow()), (3, 3));
}
