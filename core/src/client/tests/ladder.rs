//! From one transport to the next, and back.

use std::cell::Cell;
use std::format;
use std::string::ToString;

use core::time::Duration;

use super::net::{Fault, Net, Then, script, seconds, serve_hub, subscribe};
use super::subscription::{WAYS, publish};
use crate::client::{ClientConfig, Position, SubscriptionOptions, Transport};
use crate::io::PipeEnd;
use crate::sse::reconnect::ReconnectPolicy;
use crate::testing::{Simulation, TestHub, hub, leak};

/// A proxy that answers some requests itself and passes the others on: it is told what a request says.
///
/// It cannot look into a connection before it gives it to someone, so it keeps to the order of connections.
fn behind(
    sim: &'static Simulation,
    hub: &'static TestHub,
    eats: impl Fn(usize) -> Option<&'static [u8]> + 'static,
) -> &'static Net {
    let (pass, eats) = (serve_hub(sim, hub), leak(eats));
    let eat = script(sim, move |number, _| (eats(number).unwrap_or_default().to_vec(), Then::Hold));
    Net::new(sim, move |end: PipeEnd<'static>, number| match eats(number) {
        Some(_) => eat(end, number),
        None => pass(end, number),
    })
}

fn start() -> SubscriptionOptions<'static> {
    SubscriptionOptions { start: Position::Oldest, ..SubscriptionOptions::default() }
}

#[test]
fn a_proxy_that_eats_the_upgrade_leads_to_the_next_transport_at_once() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"[..],
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
        publish(hub, "a");
        let net = behind(sim, hub, move |number| (number == 0).then_some(answer));
        let heard = subscribe(net, start(), ClientConfig::default(), false);
        sim.run();
        let told = heard.all();
        assert!(told[0].starts_with("lost websocket UpgradeFailed(Status(") && told[0].ends_with(" 0"), "{told:?}");
        assert_eq!(told[1..], ["open sse", "1=a"]);
    }
}

#[test]
fn a_proxy_that_collects_is_found_out_by_its_silence() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    publish(hub, "a");
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let nothing = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    let net = behind(sim, hub, move |number| match number {
        0 => Some(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"),
        1 => Some(head),
        2 => Some(nothing),
        3 => None,
        _ => Some(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    });
    let heard = subscribe(net, start(), ClientConfig::default(), false);
    sim.run();
    assert_eq!(heard.take()[1..], ["open sse"]);
    sim.pass(seconds(9));
    assert_eq!(heard.take(), [""; 0]);
    sim.pass(seconds(1));
    assert_eq!(heard.take(), ["lost sse ProxyBuffering 0", "open stream"]);
    sim.pass(seconds(10));
    assert_eq!(heard.take(), ["lost stream ProxyBuffering 0", "open longpoll", "1=a"]);
}

#[test]
fn it_climbs_back_after_a_while_and_nothing_is_lost_on_the_way() {
    let (sim, hub) = (Simulation::new(), leak(hub(16, 1024)));
    let eaten = leak(Cell::new(true));
    let pass = serve_hub(sim, hub);
    let eat = script(sim, |_, _| (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Hold));
    // Every other connection is the WebSocket's while that is eaten.
    let net = Net::new(
        sim,
        move |end, number| {
            if eaten.get() && number % 2 == 0 { eat(end, number) } else { pass(end, number) }
        },
    );
    let options = SubscriptionOptions { retry_better_after: Duration::from_secs(60), ..start() };
    let heard = subscribe(net, options, ClientConfig::default(), false);
    publish(hub, "a");
    sim.pass(seconds(30));
    assert_eq!(heard.take()[1..], ["open sse", "1=a"]);
    publish(hub, "b");
    sim.pass(seconds(31));
    // Tried again, and eaten again.
    let told = heard.take();
    assert_eq!((&told[0][..], told.len()), ("2=b", 3), "{told:?}");
    assert_eq!(told[2], "open sse");
    publish(hub, "c");
    sim.pass(seconds(10));
    assert_eq!(heard.take(), ["3=c"]);
    eaten.set(false);
    publish(hub, "d");
    sim.pass(seconds(120));
    publish(hub, "e");
    sim.run();
    assert_eq!(heard.take(), ["4=d", "open websocket", "5=e"]);
}

#[test]
fn vain_climbs_are_rarer_each_time_and_never_cease() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let pass = serve_hub(sim, hub);
    let eat = script(sim, |_, _| (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Hold));
    let net = Net::new(sim, move |end, number| if number % 2 == 0 { eat(end, number) } else { pass(end, number) });
    let heard =
        subscribe(net, SubscriptionOptions { transports: &WAYS[..2], ..start() }, ClientConfig::default(), false);
    sim.run();
    // Five minutes, and then twice as long each time, up to sixteen times as long.
    for minutes in [5, 10, 20, 40, 80, 80, 80] {
        heard.take();
        sim.pass(seconds(minutes * 60 - 5));
        assert_eq!(heard.take(), [""; 0], "{minutes} min are not over");
        sim.pass(seconds(5));
        let told = heard.take();
        assert!(told.len() == 2 && told[0].starts_with("lost websocket ") && told[1] == "open sse", "{told:?}");
    }
}

#[test]
fn where_nothing_is_served_it_says_so_and_ends() {
    for (status, expected) in [
        (404, "over: Status { status: 404, retry_after: None }"),
        (401, "over: Status { status: 401, retry_after: None }"),
    ] {
        let sim = Simulation::new();
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        let net = Net::new(sim, script(sim, move |_, _| (answer.clone().into_bytes(), Then::Hold)));
        let heard = subscribe(net, start(), ClientConfig::default(), false);
        sim.run();
        assert_eq!(heard.all().last().unwrap(), expected);
        assert_eq!(heard.all().len(), 5, "each transport once: {:?}", heard.all());
    }
}

#[test]
fn a_server_that_is_busy_or_gone_is_waited_for() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    publish(hub, "a");
    let busy = &b"HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"[..];
    let net = behind(sim, hub, move |number| (number == 1).then_some(busy));
    net.set_faults(|number| if number == 0 { Fault::Refused } else { Fault::None });
    let transports = &[Transport::Sse, Transport::Poll];
    let reconnect = ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT };
    let options = SubscriptionOptions { transports, reconnect, ..start() };
    let heard = subscribe(net, options, ClientConfig::default(), false);
    sim.run();
    let told = heard.take();
    assert!(told.len() == 1 && told[0].starts_with("lost sse Connect(PipeError) "), "{told:?}");
    sim.pass(seconds(5));
    let told = heard.take();
    assert_eq!(told, ["lost sse Status { status: 503, retry_after: Some(30) } 30000".to_string()]);
    sim.pass(seconds(24));
    assert_eq!(heard.take(), [""; 0], "the server's word is kept");
    sim.pass(seconds(8));
    assert_eq!(heard.take(), ["open sse", "1=a"]);
}

#[test]
fn a_server_that_is_busy_for_a_century_is_asked_again_as_the_policy_says() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    publish(hub, "a");
    let busy = &b"HTTP/1.1 503 Busy\r\nRetry-After: 4294967295\r\nContent-Length: 0\r\n\r\n"[..];
    let net = behind(sim, hub, move |number| (number == 0).then_some(busy));
    let options = SubscriptionOptions { transports: &[Transport::Poll], ..start() };
    let heard = subscribe(net, options, ClientConfig::default(), false);
    sim.pass(seconds(91));
    assert_eq!(heard.events(), ["1=a"], "{:?}", heard.all());
}

#[test]
fn a_204_is_the_end() {
    let sim = Simulation::new();
    let net = Net::new(sim, script(sim, |_, _| (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Hold)));
    let options = SubscriptionOptions { transports: &[Transport::Sse, Transport::Poll], ..start() };
    let heard = subscribe(net, options, ClientConfig::default(), false);
    sim.run();
    assert_eq!(heard.all(), ["over: Status { status: 204, retry_after: None }"]);
}
