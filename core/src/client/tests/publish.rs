//! Publishing by POST.

use std::format;
use std::string::{String, ToString};
use std::vec;

use super::network::{Fault, Log, Network, Then, buffers, name, poll_once, script, seconds};
use crate::client::{ClientConfig, Publisher};
use crate::hub::NewEvent;
use crate::io::{Interest, Socket, TryIo};
use crate::log::{Encoding, EventType, GapPolicy, LogReader, Position, ReadEvent};
use crate::server::Disconnect;
use crate::testing::{Simulation, TestHub, hub, leak};

fn text(data: &'static [u8], key: Option<&'static [u8]>) -> NewEvent<'static> {
    NewEvent { event_type: EventType::MESSAGE, encoding: Encoding::Text, data, idempotency_key: key }
}

/// Publishes these in turn and logs each result.
fn publish(net: &'static Network, publications: &'static [NewEvent<'static>]) -> Log {
    let log = Log::default();
    let told = log.clone();
    net.sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let mut publisher = Publisher::new(net, config, "http://localhost/events/a", buffers(256));
        for publication in publications {
            let said = publisher.publish(publication).await;
            told.push(said.map_or_else(
                |error| format!("{} {}", name(&error), error.is_transient()),
                |receipt| format!("{} {:?} {}", receipt.id, receipt.followers, receipt.duplicate),
            ));
        }
        Disconnect::Closed
    });
    net.sim.pass(seconds(60));
    log
}

/// The events of a channel, as `type|data`.
pub(super) fn stored(hub: &TestHub) -> vec::Vec<String> {
    use crate::hub::{ChannelName, HubBackend};
    let reader = hub.open(ChannelName::new("a").unwrap(), false, None).unwrap();
    let mut after = reader.seek(Position::Oldest, GapPolicy::Replay).after;
    let mut all = vec::Vec::new();
    let mut bytes = [0; 512];
    while let ReadEvent::Event(seen) = reader.read_at(after, 0, &mut bytes) {
        let (event_type, data) = bytes[..seen.copied].split_at(seen.meta.type_len);
        all.push(format!("{}|{}", String::from_utf8_lossy(event_type), String::from_utf8_lossy(data)));
        after += 1;
    }
    all
}

#[test]
fn events_keep_type_and_encoding_over_one_connection() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 1024)));
    let net = Network::of_hub(sim, hub);
    let log = publish(
        net,
        leak([
            text(b"one", None),
            NewEvent { event_type: EventType::new("r\u{e9} &?").unwrap(), ..text(b"two\n", Some(b"key")) },
            NewEvent { encoding: Encoding::Binary, ..text(b"\xff", None) },
            text(b"", None),
        ]),
    );
    let ids = ["00000abc-1", "00000abc-2", "00000abc-3", "00000abc-4"];
    assert_eq!(log.all(), ids.map(|id| format!("{id} Some(0) false")));
    assert_eq!(stored(hub), ["|one", "r\u{e9} &?|two\n", "|\u{fffd}", "|"]);
    assert_eq!(net.connections.get(), 1);
}

#[test]
fn an_idempotency_key_stores_an_event_once() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let log = publish(Network::of_hub(sim, hub), leak([text(b"x", Some(b"k")), text(b"x", Some(b"k"))]));
    assert_eq!(log.all(), ["00000abc-1 Some(0) false", "00000abc-1 Some(0) true"]);
    assert_eq!(stored(hub).len(), 1);
}

#[test]
fn a_reset_at_any_byte_stores_a_repeated_event_once() {
    for at in 0..260 {
        let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
        let net = Network::of_hub(sim, hub);
        net.set_faults(move |number| if number == 0 { Fault::Reset(at) } else { Fault::None });
        let log = publish(net, leak([text(b"x", Some(b"k")); 3]));
        assert_eq!(stored(hub), ["|x"], "cut at {at}: {:?}", log.all());
        let last = log.all().pop().unwrap();
        assert!(last.starts_with("00000abc-1 Some(0) "), "cut at {at}: {:?}", log.all());
    }
}

#[test]
fn a_status_of_success_prevents_a_second_attempt() {
    let created = "HTTP/1.1 201 Created\r\n";
    let endless = format!("{created}Transfer-Encoding: chunked\r\n\r\n{}", "400\r\n".to_string() + &"x".repeat(0x400));
    for (rest, then) in [
        // Larger than the buffer, slow, truncated, malformed chunks, an endless head, a malformed one.
        (endless, Then::Hold),
        (format!("{created}Content-Length: 100\r\n\r\n{{\"id\":"), Then::Hold),
        (format!("{created}Content-Length: 100\r\n\r\n{{\"id\":"), Then::Close),
        (format!("{created}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Then::Hold),
        (format!("{created}Server: "), Then::Hold),
        (format!("{created}X: {}", "x".repeat(1000)), Then::Hold),
        (format!("{created}no field\r\n\r\n"), Then::Hold),
    ] {
        for key in [None, Some(&b"k"[..])] {
            let sim = Simulation::new();
            let answer = rest.as_bytes().to_vec();
            let net = Network::new(sim, script(sim, move |_, _| (answer.clone(), then)));
            let log = publish(net, leak([text(b"x", key)]));
            assert_eq!(log.all(), ["PublishResponseLost false"], "{rest:?} {then:?}");
            assert_eq!(net.connections.get(), 1, "{rest:?} {then:?}");
        }
    }
}

#[test]
fn an_incomplete_status_line_is_a_transient_error() {
    for rest in ["HTTP/1.1 20", "HTTP/1.1 503 ", ""] {
        let sim = Simulation::new();
        let net = Network::new(sim, script(sim, move |_, _| (rest.as_bytes().to_vec(), Then::Hold)));
        // The response before it has no effect.
        let log = publish(net, leak([text(b"x", None), text(b"y", None)]));
        assert_eq!(log.all(), ["Disconnected(TimedOut) true"; 2], "{rest:?}");
    }
}

#[test]
fn a_connection_closed_by_the_server_is_replaced() {
    let sim = Simulation::new();
    let answer = |_, _: &str| (b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Close);
    let net = Network::new(sim, script(sim, answer));
    let log = publish(net, leak([text(b"x", None), text(b"y", None)]));
    assert_eq!(log.all(), [" None false", " None false"]);
    assert_eq!(net.connections.get(), 2);
}

#[test]
fn a_close_during_the_request_repeats_only_events_with_a_key() {
    for (key, expected) in [(Some(&b"k"[..]), " None false"), (None, "Disconnected(Broken) true")] {
        let sim = Simulation::new();
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        let net = Network::new(sim, script(sim, move |_, _| (answer.to_vec(), Then::Hold)));
        // The connection ends during the request.
        net.set_faults(move |number| if number == 0 { Fault::Late(answer.len()) } else { Fault::None });
        let log = publish(net, leak([text(b"x", None), text(b"y", key)]));
        assert_eq!(log.all(), [" None false".to_string(), expected.to_string()]);
        assert_eq!(net.connections.get(), if key.is_some() { 2 } else { 1 });
    }
}

#[test]
fn configured_headers_replace_the_clients_own() {
    for (headers, expected) in [
        (&[][..], "text/plain;charset=UTF-8"),
        (&[("content-type", "application/json"), ("Cache-Control", "max-age=0")], "application/json"),
    ] {
        let sim = Simulation::new();
        let (asked, told) = (Log::default(), Log::default());
        let (ask, tell) = (asked.clone(), told.clone());
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        let net = Network::new(
            sim,
            script(sim, move |_, request| {
                ask.push(request);
                (answer.to_vec(), Then::Close)
            }),
        );
        sim.spawn(async move {
            let config = leak(ClientConfig { headers, ..ClientConfig::default() });
            let mut publisher = Publisher::new(net, config, "http://localhost/events/a", buffers(256));
            tell.push(publisher.publish(&text(b"x", None)).await.is_ok());
            Disconnect::Closed
        });
        sim.pass(seconds(60));
        assert_eq!(told.all(), ["true"]);
        let request = asked.all().remove(0).to_ascii_lowercase();
        let types: vec::Vec<_> = request.lines().filter_map(|line| line.strip_prefix("content-type: ")).collect();
        assert_eq!(types, [expected.to_ascii_lowercase()], "{request}");
        assert!(request.matches("cache-control").count() <= 1, "{request}");
    }
}

#[test]
fn a_rejection_reports_its_status() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 64)));
    let log = publish(Network::of_hub(sim, hub), leak([text(&[b'x'; 100], None), text(b"fits", None)]));
    assert_eq!(log.all(), ["Status { status: 413, retry_after: None } false", "00000abc-1 Some(0) false"]);
}

#[test]
fn a_rejection_reports_its_text_up_to_the_buffer() {
    let long = "x".repeat(1000);
    for (media_type, said, expected) in [
        ("text/plain;charset=UTF-8", "it is too long\n", "it is too long"),
        ("text/plain", "cut \u{e9}", "cut \u{e9}"),
        ("text/html", "<p>no", ""),
        ("text/plain", &long, &long[..256]),
    ] {
        let sim = Simulation::new();
        let head = format!("HTTP/1.1 403 x\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n", said.len());
        let (answer, told) = (format!("{head}{said}"), Log::default());
        let net = Network::new(sim, script(sim, move |_, _| (answer.as_bytes().to_vec(), Then::Hold)));
        let tell = told.clone();
        sim.spawn(async move {
            let config = leak(ClientConfig::default());
            let mut publisher = Publisher::new(net, config, "http://localhost/events/a", buffers(256));
            assert!(publisher.publish(&text(b"x", None)).await.is_err());
            tell.push(publisher.rejection_text());
            Disconnect::Closed
        });
        sim.pass(seconds(60));
        assert_eq!(told.all(), [expected], "{media_type}");
    }
}

#[test]
fn a_rejection_during_the_request_is_read() {
    let answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for then in [Then::Close, Then::Hold] {
        let sim = Simulation::new();
        let net = Network::new(sim, move |mut end, _| {
            sim.spawn(async move {
                // Reads a part of the request, rejects it, and reads no more.
                while let Ok(TryIo::WouldBlock) = end.try_read_with(|bytes| (bytes.len(), ())) {
                    end.wait(Interest::READ).await.unwrap();
                }
                assert!(matches!(
                    end.try_write_with(|room| {
                        room[..answer.len()].copy_from_slice(answer);
                        (answer.len(), ())
                    }),
                    Ok(TryIo::Done(()))
                ));
                if then == Then::Close {
                    end.close();
                }
                core::future::pending::<Disconnect>().await
            });
        });
        let log = publish(net, leak([text(&[b'x'; 5_000], None)]));
        assert_eq!(log.all(), ["Status { status: 413, retry_after: None } false"], "{then:?}");
    }
}

#[test]
fn unsolicited_bytes_are_not_read_as_a_response() {
    let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    for stray in [&b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"[..], answer, b"x"] {
        let sim = Simulation::new();
        let net = Network::new(sim, script(sim, move |_, _| ([&answer[..], stray].concat(), Then::Hold)));
        let log = publish(net, leak([text(b"x", None), text(b"y", None)]));
        assert_eq!(log.all(), [" None false", " None false"]);
        assert_eq!(net.connections.get(), 2);
    }
}

#[test]
fn a_dropped_publish_does_not_affect_the_next_one() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let (net, log) = (Network::of_hub(sim, hub), Log::default());
    let told = log.clone();
    sim.spawn(async move {
        let config = leak(ClientConfig::default());
        let mut publisher = Publisher::new(net, config, "http://localhost/events/a", buffers(256));
        assert!(poll_once(publisher.publish(&text(b"dropped", None))).await.is_none());
        told.push(publisher.publish(&text(b"whole", None)).await.unwrap().id);
        Disconnect::Closed
    });
    sim.run();
    assert_eq!(stored(hub), ["|dropped", "|whole"]);
    assert_eq!(log.all(), ["00000abc-2"]);
}
