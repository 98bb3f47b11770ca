//! Malformed and hostile responses: a specific error, within the given memory.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::network::{Network, Then, script, seconds, subscribe};
use super::subscription::only;
use crate::client::{ClientConfig, Position, SubscriptionOptions, Transport};
use crate::testing::Simulation;

/// The first event or error of a subscription whose server responds by `answer`.
fn first(transport: Transport, answer: Vec<u8>, then: Then) -> std::string::String {
    let sim = Simulation::new();
    let net = Network::new(sim, script(sim, move |_, _| (answer.clone(), then)));
    let options = SubscriptionOptions { start: Position::Oldest, ..only(transport) };
    let log = subscribe(net, options, ClientConfig::default(), false);
    sim.pass(seconds(60));
    let all = log.all();
    all.into_iter().find(|it| !it.starts_with("open")).unwrap_or_default()
}

fn answer(media_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn an_endless_head_ends_at_the_buffers_limit() {
    for endless in [
        [&b"HTTP/1.1 200 "[..], &[b'x'; 100_000]].concat(),
        [&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'x'; 100_000]].concat(),
        [&b"HTTP/1.1 200 OK\r\n"[..], &b"X: y\r\n".repeat(20_000)].concat(),
        [&b"HTTP/1.1 200 OK\r\n"[..], &[b'x'; 100_000]].concat(),
    ] {
        for transport in [Transport::Sse, Transport::WebSocket, Transport::Poll] {
            assert_eq!(first(transport, endless.clone(), Then::Hold), "over: Response(TooLarge)");
        }
    }
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    assert_eq!(first(Transport::Sse, interim, Then::Hold), "over: Response(TooLarge)");
}

#[test]
fn an_endless_line_or_object_ends_at_the_buffers_limit() {
    for (transport, media_type, body, expected) in [
        (Transport::Sse, "text/event-stream", &b"data: "[..], "over: EventStream(DataTooLong)"),
        (Transport::Sse, "text/event-stream", b"id: ", "over: EventStream(IdTooLong)"),
        (Transport::Sse, "text/event-stream", b"event: ", "over: EventStream(EventTypeTooLong)"),
        (Transport::Stream, "application/x-ndjson", b"{\"id\":\"", "over: TooLarge"),
        (Transport::Poll, "application/json", b"{\"events\":[{\"id\":\"", "over: TooLarge"),
        (Transport::Poll, "application/json", b"{\"x\":\"", "over: TooLarge"),
    ] {
        let body = [body, &[b'x'; 100_000]].concat();
        let told = first(transport, answer(media_type, &[&body[..], b"\n\n"].concat()), Then::Hold);
        assert_eq!(told, expected, "{}", transport.as_str());
    }
}

#[test]
fn another_servers_event_named_gap_is_an_event() {
    for (body, expected) in [
        (&b"event: gap\ndata: {\"hello\":1}\n\n"[..], "gap={\"hello\":1}"),
        (b"id: 00000abc-2\nevent: gap\ndata: {\"hello\":1}\n\n", "2gap={\"hello\":1}"),
        (b"event: gap\ndata: {}\n\n", "gap={}"),
        (b"id: 7\nevent: gap\ndata: {\"missed\":3}\n\n", "gap={\"missed\":3}"),
        (b"id: 00000abc-2\nevent: gap\ndata: {\"missed\":3}\n\n", "gap Some(3)"),
    ] {
        let told = first(Transport::Sse, answer("text/event-stream", body), Then::Hold);
        assert!(told.ends_with(expected), "{told} where {expected} should be");
    }
}

#[test]
fn long_ids_and_types_are_accepted_within_the_limits() {
    use crate::client::{Subscription, SubscriptionEvent};
    let (id, event_type) = ("i".repeat(100), "t".repeat(100));
    let body = format!("id: {id}\nevent: {event_type}\ndata: x\n\n");
    let stream = answer("text/event-stream", body.as_bytes());
    let sim = Simulation::new();
    let (asked, log) = (super::network::Log::default(), super::network::Log::default());
    let (ask, tell) = (asked.clone(), log.clone());
    let net = Network::new(
        sim,
        script(sim, move |_, request| {
            let id = request.lines().find_map(|line| line.strip_prefix("Last-Event-ID: "));
            ask.push(id.unwrap_or_default());
            (stream.clone(), Then::Close)
        }),
    );
    sim.spawn(async move {
        let config = crate::testing::leak(ClientConfig::default());
        let options = SubscriptionOptions { start: Position::Oldest, max_event_type: 128, ..only(Transport::Sse) };
        let memory = super::network::buffers(1024);
        let mut subscription =
            Subscription::<_, 128>::with_max_cursor(net, config, "http://a/events/a", options, memory);
        loop {
            match subscription.next().await {
                Ok(SubscriptionEvent::Event(event)) => tell.push(format!("{} {}", event.id, event.event_type)),
                Ok(_) => {}
                Err(error) => {
                    tell.push(format!("{error:?}"));
                    return crate::server::Disconnect::Closed;
                }
            }
        }
    });
    sim.pass(seconds(60));
    assert_eq!(log.all()[..2], [format!("{id} {event_type}"), format!("{id} {event_type}")]);
    assert_eq!(asked.all()[..2], [String::new(), id]);
}

#[test]
fn compressed_responses_are_rejected() {
    for (coding, refused) in [("gzip", true), ("identity, br", true), ("identity", false), ("", false)] {
        for (transport, media_type, body) in [
            (Transport::Sse, "text/event-stream", &b"data: x\n\n"[..]),
            (Transport::Stream, "application/x-ndjson", b"{\"id\":\"1\",\"data\":\"x\"}\n"),
            (Transport::Poll, "application/json", b"{\"events\":[{\"id\":\"1\",\"data\":\"x\"}]}"),
        ] {
            let media_type = format!("{media_type}\r\nContent-Encoding: {coding}");
            let told = first(transport, answer(&media_type, body), Then::Hold);
            assert_eq!(told == "over: ContentCoding", refused, "{} {coding}: {told}", transport.as_str());
        }
    }
}

#[test]
fn an_endless_comment_uses_no_memory() {
    let body = [&b": "[..], &[b'x'; 100_000], b"\n\ndata: then\n\n"].concat();
    assert_eq!(first(Transport::Sse, answer("text/event-stream", &body), Then::Hold), "=then");
}

#[test]
fn invalid_utf_8_is_replaced_on_sse_and_rejected_in_json() {
    let told = first(Transport::Sse, answer("text/event-stream", b"data: a\xffb\n\n"), Then::Hold);
    assert_eq!(told, "=a\u{fffd}b");
    let line = b"{\"id\":\"a-1\",\"type\":\"t\",\"data\":\"\xff\"}\n";
    let told = first(Transport::Stream, answer("application/x-ndjson", line), Then::Hold);
    assert!(told.starts_with("lost stream Malformed "), "{told}");
}

#[test]
fn malformed_chunks_are_reported() {
    for (body, refusal) in [
        (&b"zz\r\n"[..], "ChunkSize"),
        (b"fffffffffffffffff\r\n", "ChunkSize"),
        (b"3\r\nabcX", "ChunkEnd"),
        (b"3 \r\nabc\r\n", "ChunkSize"),
        (b"3\nabc", "ChunkSize"),
        (b"0\r\nX\r\n\r\n", "Trailer"),
    ] {
        let head = &b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"[..];
        let told = first(Transport::Sse, [head, body].concat(), Then::Hold);
        assert!(told.starts_with(&format!("lost sse Body({refusal}) ")), "{told}");
    }
}

#[test]
fn responses_other_than_http_1_are_reported() {
    for (bytes, expected) in [
        (&b"\x16\x03\x01"[..], "over: Response(StatusLine)"),
        (b"SSH-2.0-x\r\n\r\n", "over: Response(StatusLine)"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "over: Response(Version)"),
        (b"HTTP/1.1 200 OK\nA: b\n\n", "over: Response(Broken(LineEnd))"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "over: Response(Broken(ContentLength))"),
    ] {
        assert_eq!(first(Transport::Sse, bytes.to_vec(), Then::Hold), expected);
    }
}

#[test]
fn malformed_json_is_reported() {
    for body in ["<html>", "[]", "{\"events\":[1]}", "{\"events\":[{}]}x", "{\"events\":[{\"id\":1}]}"] {
        let told = first(Transport::Poll, answer("application/json", body.as_bytes()), Then::Close);
        assert!(told.starts_with("lost poll Malformed "), "{body}: {told}");
    }
    for body in ["<html>\n", "{\n", "{\"id\":1,\"data\":\"\"}\n"] {
        let told = first(Transport::Stream, answer("application/x-ndjson", body.as_bytes()), Then::Hold);
        assert!(told.starts_with("lost stream Malformed "), "{body}: {told}");
    }
}

/// The second event or error of a subscription whose server accepts the handshake and sends `frames`.
fn framed(frames: &'static [u8], then: Then) -> std::string::String {
    let sim = Simulation::new();
    let net = Network::new(
        sim,
        script(sim, move |_, request| {
            use crate::ws::handshake::key::{WebSocketKey, accept_key};
            let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
            let accept = accept_key(WebSocketKey::parse(key.as_bytes()).unwrap());
            let head = format!(
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: goldcrest.v1\r\n\
                 Sec-WebSocket-Accept: {}\r\n\r\n",
                core::str::from_utf8(&accept).unwrap()
            );
            ([head.as_bytes(), frames].concat(), then)
        }),
    );
    let options = SubscriptionOptions { start: Position::Oldest, ..only(Transport::WebSocket) };
    let log = subscribe(net, options, ClientConfig::default(), false);
    sim.pass(seconds(60));
    log.all().get(1).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn protocol_violations_are_reported_by_rule() {
    assert_eq!(framed(b"\x82\x7f\0\0\0\x01\0\0\0\0", Then::Hold), "over: TooLarge", "4 GiB are announced");
    for (frames, rule) in [
        (&b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"[..], "LengthTooLarge"),
        (b"\x81\x02\xff\xff", "NotUtf8"),
        (b"\x81\x81\0\0\0\0a", "Masked"),
        (b"\x80\0", "UnexpectedContinuation"),
        (b"\xc1\0", "ReservedBits"),
        (b"\x83\0", "ReservedOpcode"),
        (b"\x89\x7e\0\x7e", "LongControl"),
        (b"\x88\x01\x03", "HalfCloseCode"),
    ] {
        let told = framed(frames, Then::Hold);
        assert!(told.starts_with(&format!("lost websocket Disconnected(Protocol({rule})) ")), "{told}");
    }
    assert!(framed(b"\x81\x01{", Then::Hold).starts_with("lost websocket Malformed "));
}

#[test]
fn a_websocket_without_a_close_frame_ends_as_broken() {
    for then in [Then::Hold, Then::Close] {
        assert!(framed(b"\x81\x02{}\x88\x02\x03\xe8", then).starts_with("lost websocket Disconnected(Closed) "));
    }
    for frames in [&b"\x81\x02{}"[..], b"\x81\x02{", b"\x88\x02\x03"] {
        let told = framed(frames, Then::Close);
        assert!(told.starts_with("lost websocket Disconnected(Broken) "), "{told}");
    }
}
