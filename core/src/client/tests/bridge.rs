//! A bridge: no event is lost that the local log holds, none is stored twice.

use std::cell::RefCell;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

use super::network::{Fault, Log, Network, buffers, poll_once, seconds, serve_hub};
use super::publish::stored;
use super::subscription::publish;
use crate::client::{Bridge, BridgeEvent, BridgeOptions, ClientConfig};
use crate::hub::{ChannelName, HubBackend, NewEvent};
use crate::io::{Pipe, PipeEnd};
use crate::log::{Encoding, EventType};
use crate::server::Disconnect;
use crate::sse::reconnect::ReconnectPolicy;
use crate::testing::{Simulation, TestHub, hub, hub_of, leak};

fn carry(net: &'static Network, home: &'static TestHub, options: BridgeOptions, dropping: bool) -> Log {
    let log = Log::default();
    let told = log.clone();
    net.sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let reader = home.open(ChannelName::new("a").unwrap(), true, None).unwrap();
        let mut bridge = Bridge::new(net, config, "ws://localhost/events/a", reader, options, buffers(400));
        loop {
            let said = if dropping {
                let Some(said) = poll_once(bridge.next()).await else { continue };
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
    log
}

fn steady() -> BridgeOptions {
    BridgeOptions {
        reconnect: ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT },
        ..BridgeOptions::default()
    }
}

#[test]
fn local_events_are_published_unchanged() {
    let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 2048, 7)), leak(hub(16, 2048)));
    publish(home, "before\n\"\u{e9}");
    let log = carry(Network::of_hub(sim, there), home, steady(), false);
    sim.run();
    let channel = ChannelName::new("a").unwrap();
    let event_type = EventType::new("p\"ic").unwrap();
    let binary = NewEvent { event_type, encoding: Encoding::Binary, data: b"\n\x01", idempotency_key: None };
    HubBackend::publish(home, channel, &binary, None).unwrap();
    publish(home, "");
    sim.run();
    assert_eq!(log.all(), ["open", "stored 1", "stored 2", "stored 3"]);
    assert_eq!(stored(there), ["|before\n\"\u{e9}", "p\"ic|\n\x01", "|"]);
}

#[test]
fn failures_at_any_byte_lose_and_repeat_no_event() {
    let pipes: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 3] =
        [|| leak(Pipe::<512>::new()).ends(), || leak(Pipe::<9>::new()).ends(), || leak(Pipe::<90>::new()).ends()];
    let faults: [fn(usize) -> Fault; 3] = [Fault::Reset, Fault::End, Fault::Silent];
    for at in 0..600 {
        let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 2048, 7)), leak(hub(32, 2048)));
        let net = Network::over(sim, pipes[at % 3], serve_hub(sim, there));
        net.set_faults(move |number| if number == 0 { faults[at / 3 % 3](at) } else { Fault::None });
        let log = carry(net, home, BridgeOptions { window: 1 + (at % 5) as u8, ..steady() }, at % 2 == 0);
        for number in 0..3 {
            publish(home, &format!("{number}"));
        }
        sim.pass(seconds(5));
        for number in 3..6 {
            publish(home, &format!("{number}"));
            sim.run();
        }
        sim.pass(seconds(120));
        assert_eq!(stored(there), ["|0", "|1", "|2", "|3", "|4", "|5"], "{at}: {:?}", log.all());
        let stored: Vec<_> = log.all().into_iter().filter(|it| it.starts_with("stored")).collect();
        assert_eq!(stored, (1..7).map(|seq| format!("stored {seq}")).collect::<Vec<_>>(), "{at}");
    }
}

#[test]
fn a_restarted_hub_gets_the_unacknowledged_events() {
    let (sim, home) = (Simulation::new(), leak(hub_of(16, 2048, 7)));
    let hubs: [&'static TestHub; 2] = [leak(hub_of(16, 2048, 1)), leak(hub_of(16, 2048, 2))];
    let net = Network::of_hub(sim, hubs[0]);
    // The first hub's last replies are lost.
    net.set_faults(|number| if number == 0 { Fault::Reset(330) } else { Fault::None });
    let log = carry(net, home, steady(), false);
    for number in 0..5 {
        publish(home, &format!("{number}"));
        sim.run();
    }
    net.set_server(serve_hub(sim, hubs[1]));
    sim.pass(seconds(10));
    let acknowledged =
        log.all().iter().take_while(|it| !it.starts_with("lost")).filter(|it| it.contains("stored")).count();
    assert!(acknowledged > 0 && acknowledged < 5, "{:?}", log.all());
    let rest: Vec<String> = (acknowledged..5).map(|number| format!("|{number}")).collect();
    assert_eq!(stored(hubs[1]), rest);
}

#[test]
fn overwritten_local_events_are_reported_as_a_gap() {
    let (sim, home, there) = (Simulation::new(), leak(hub_of(3, 512, 7)), leak(hub(16, 2048)));
    let net = Network::of_hub(sim, there);
    net.set_faults(|number| if number == 0 { Fault::Refused } else { Fault::None });
    let log = carry(net, home, steady(), false);
    sim.run();
    for number in 0..8 {
        publish(home, &format!("{number}"));
    }
    sim.pass(seconds(5));
    assert_eq!(log.all()[1..], ["open", "missed Some(5)", "stored 6", "stored 7", "stored 8"]);
    assert_eq!(stored(there), ["|5", "|6", "|7"]);
}

#[test]
fn permanently_rejected_events_are_skipped() {
    // The first exceeds the hub's log, the third the bridge's buffer.
    let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 4096, 7)), leak(hub(4, 64)));
    publish(home, &"x".repeat(100));
    publish(home, "fits");
    publish(home, &"y".repeat(500));
    publish(home, "too");
    let log = carry(Network::of_hub(sim, there), home, steady(), false);
    sim.run();
    assert_eq!(log.all(), ["open", "refused 1", "stored 2", "refused 3", "stored 4"]);
    assert_eq!(stored(there), ["|fits", "|too"]);
}

#[test]
fn events_of_other_publishers_are_skipped() {
    let (sim, home, there) = (Simulation::new(), leak(hub_of(16, 2048, 7)), leak(hub(16, 8192)));
    let log = carry(Network::of_hub(sim, there), home, steady(), false);
    sim.run();
    for number in 0..3 {
        publish(there, &"other ".repeat(200));
        publish(home, &format!("{number}"));
        sim.run();
    }
    assert_eq!(log.all(), ["open", "stored 1", "stored 2", "stored 3"]);
}

#[test]
fn a_missing_subprotocol_closes_the_bridge() {
    let sim = Simulation::new();
    let answer = |_, _: &str| (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec(), super::network::Then::Hold);
    let net = Network::new(sim, super::network::script(sim, answer));
    let log = carry(net, leak(hub(4, 512)), steady(), false);
    sim.run();
    assert_eq!(log.all(), ["over: UpgradeFailed(Status(404))"]);
    // A transient status is retried.
    let seen = Rc::new(RefCell::new(0));
    let count = Rc::clone(&seen);
    let busy = move |_, _: &str| {
        *count.borrow_mut() += 1;
        (b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n".to_vec(), super::network::Then::Hold)
    };
    let log = carry(Network::new(sim, super::network::script(sim, busy)), leak(hub(4, 512)), steady(), false);
    sim.pass(seconds(10));
    assert_eq!((log.all().len(), *seen.borrow()), (3, 3));
}
