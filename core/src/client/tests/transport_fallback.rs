//! Falling back to the next transport, and retrying better ones.

use std::cell::Cell;
use std::format;
use std::string::ToString;

use core::time::Duration;

use super::network::{Fault, Log, Network, Then, buffers, script, seconds, serve_hub, subscribe};
use super::subscription::{TRANSPORTS, publish};
use crate::client::{ClientConfig, Position, Subscription, SubscriptionOptions, Transport};
use crate::io::PipeEnd;
use crate::server::Disconnect;
use crate::sse::reconnect::ReconnectPolicy;
use crate::testing::{Simulation, TestHub, hub, leak};

/// A proxy that responds to some connections itself, chosen by their number, and passes the others on.
fn behind(
    sim: &'static Simulation,
    hub: &'static TestHub,
    eats: impl Fn(usize) -> Option<&'static [u8]> + 'static,
) -> &'static Network {
    let (pass, eats) = (serve_hub(sim, hub), leak(eats));
    let eat = script(sim, move |number, _| (eats(number).unwrap_or_default().to_vec(), Then::Hold));
    Network::new(sim, move |end: PipeEnd<'static>, number| match eats(number) {
        Some(_) => eat(end, number),
        None => pass(end, number),
    })
}

fn start() -> SubscriptionOptions<'static> {
    SubscriptionOptions { start: Position::Oldest, ..SubscriptionOptions::default() }
}

#[test]
fn a_rejected_upgrade_falls_back_to_the_next_transport() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"[..],
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
        publish(hub, "a");
        let net = behind(sim, hub, move |number| (number == 0).then_some(answer));
        let log = subscribe(net, start(), ClientConfig::default(), false);
        sim.run();
        let told = log.all();
        assert!(told[0].starts_with("lost websocket UpgradeFailed(Status(") && told[0].ends_with(" 0"), "{told:?}");
        assert_eq!(told[1..], ["open sse", "1=a"]);
    }
}

#[test]
fn a_buffering_proxy_is_detected_by_the_first_byte_timeout() {
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
    let log = subscribe(net, start(), ClientConfig::default(), false);
    sim.run();
    assert_eq!(log.take()[1..], ["open sse"]);
    sim.pass(seconds(9));
    assert_eq!(log.take(), [""; 0]);
    sim.pass(seconds(1));
    assert_eq!(log.take(), ["lost sse ProxyBuffering 0", "open stream"]);
    sim.pass(seconds(10));
    assert_eq!(log.take(), ["lost stream ProxyBuffering 0", "open longpoll", "1=a"]);
}

#[test]
fn better_transports_are_retried_without_losing_events() {
    let (sim, hub) = (Simulation::new(), leak(hub(16, 1024)));
    let eaten = leak(Cell::new(true));
    let pass = serve_hub(sim, hub);
    let eat = script(sim, |_, _| (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Hold));
    // Every other connection is the WebSocket's while its upgrade is rejected.
    let net = Network::new(
        sim,
        move |end, number| {
            if eaten.get() && number % 2 == 0 { eat(end, number) } else { pass(end, number) }
        },
    );
    let options = SubscriptionOptions { retry_better_after: Duration::from_secs(60), ..start() };
    let log = subscribe(net, options, ClientConfig::default(), false);
    publish(hub, "a");
    sim.pass(seconds(30));
    assert_eq!(log.take()[1..], ["open sse", "1=a"]);
    publish(hub, "b");
    sim.pass(seconds(31));
    // Tried again, and rejected again.
    let told = log.take();
    assert_eq!((&told[0][..], told.len()), ("2=b", 3), "{told:?}");
    assert_eq!(told[2], "open sse");
    publish(hub, "c");
    sim.pass(seconds(10));
    assert_eq!(log.take(), ["3=c"]);
    eaten.set(false);
    publish(hub, "d");
    sim.pass(seconds(120));
    publish(hub, "e");
    sim.run();
    assert_eq!(log.take(), ["4=d", "open websocket", "5=e"]);
}

#[test]
fn the_retry_interval_doubles_up_to_sixteenfold() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let pass = serve_hub(sim, hub);
    let eat = script(sim, |_, _| (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Hold));
    let net = Network::new(sim, move |end, number| if number % 2 == 0 { eat(end, number) } else { pass(end, number) });
    let log =
        subscribe(net, SubscriptionOptions { transports: &TRANSPORTS[..2], ..start() }, ClientConfig::default(), false);
    sim.run();
    // Five minutes, doubled after each retry, up to sixteen times as long.
    for minutes in [5, 10, 20, 40, 80, 80, 80] {
        log.take();
        sim.pass(seconds(minutes * 60 - 5));
        assert_eq!(log.take(), [""; 0], "{minutes} min are not over");
        sim.pass(seconds(5));
        let told = log.take();
        assert!(told.len() == 2 && told[0].starts_with("lost websocket ") && told[1] == "open sse", "{told:?}");
    }
}

#[test]
fn permanent_errors_of_all_transports_close_the_subscription() {
    for (status, expected) in [
        (404, "over: Status { status: 404, retry_after: None }"),
        (401, "over: Status { status: 401, retry_after: None }"),
    ] {
        let sim = Simulation::new();
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        let net = Network::new(sim, script(sim, move |_, _| (answer.clone().into_bytes(), Then::Hold)));
        let log = subscribe(net, start(), ClientConfig::default(), false);
        sim.run();
        assert_eq!(log.all().last().unwrap(), expected);
        assert_eq!(log.all().len(), 5, "each transport once: {:?}", log.all());
    }
}

#[test]
fn a_rejection_reports_its_text() {
    let long = "x".repeat(1000);
    for (media_type, text, expected) in [
        ("text/plain;charset=UTF-8", "no such name\n", "no such name"),
        ("application/problem+json", "{}", "{}"),
        ("text/html", "<p>no", ""),
        ("text/plain", &long, &long[..256]),
    ] {
        let sim = Simulation::new();
        let head = format!("HTTP/1.1 400 x\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n", text.len());
        let (answer, log) = (format!("{head}{text}"), Log::default());
        let net = Network::new(sim, script(sim, move |_, _| (answer.as_bytes().to_vec(), Then::Hold)));
        let rejected = log.clone();
        sim.spawn(async move {
            let options = SubscriptionOptions { transports: &[Transport::Sse, Transport::Poll], ..start() };
            let config = leak(ClientConfig::default());
            let mut subscription = Subscription::new(net, config, "http://localhost/events/a", options, buffers(256));
            for _ in 0..2 {
                let _ = subscription.next().await.map(|_| ());
                rejected.push(subscription.rejection_text());
            }
            Disconnect::Closed
        });
        sim.run();
        assert_eq!(log.all(), [expected; 2], "{media_type}");
    }
}

#[test]
fn a_busy_or_unreachable_server_is_retried_after_its_delay() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    publish(hub, "a");
    let busy = &b"HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"[..];
    let net = behind(sim, hub, move |number| (number == 1).then_some(busy));
    net.set_faults(|number| if number == 0 { Fault::Refused } else { Fault::None });
    let transports = &[Transport::Sse, Transport::Poll];
    let reconnect = ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT };
    let options = SubscriptionOptions { transports, reconnect, ..start() };
    let log = subscribe(net, options, ClientConfig::default(), false);
    sim.run();
    let told = log.take();
    assert!(told.len() == 1 && told[0].starts_with("lost sse Connect(PipeError) "), "{told:?}");
    sim.pass(seconds(5));
    let told = log.take();
    assert_eq!(told, ["lost sse Status { status: 503, retry_after: Some(30) } 30000".to_string()]);
    sim.pass(seconds(24));
    assert_eq!(log.take(), [""; 0], "Retry-After is respected");
    sim.pass(seconds(8));
    assert_eq!(log.take(), ["open sse", "1=a"]);
}

#[test]
fn retry_after_is_limited_by_the_policy() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    publish(hub, "a");
    let busy = &b"HTTP/1.1 503 Busy\r\nRetry-After: 4294967295\r\nContent-Length: 0\r\n\r\n"[..];
    let net = behind(sim, hub, move |number| (number == 0).then_some(busy));
    let options = SubscriptionOptions { transports: &[Transport::Poll], ..start() };
    let log = subscribe(net, options, ClientConfig::default(), false);
    sim.pass(seconds(91));
    assert_eq!(log.events(), ["1=a"], "{:?}", log.all());
}

#[test]
fn status_204_closes_the_subscription() {
    let sim = Simulation::new();
    let net = Network::new(sim, script(sim, |_, _| (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Hold)));
    let options = SubscriptionOptions { transports: &[Transport::Sse, Transport::Poll], ..start() };
    let log = subscribe(net, options, ClientConfig::default(), false);
    sim.run();
    assert_eq!(log.all(), ["over: Status { status: 204, retry_after: None }"]);
}
