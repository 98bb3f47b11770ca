//! The `EventSource` client.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::network::{Fault, Log, Network, Then, buffers, poll_once, script, seconds, serve_hub};
use super::subscription::publish;
use crate::client::{ClientConfig, EventSource, EventSourceEvent, EventSourceOptions, ReadyState};
use crate::io::{Pipe, PipeEnd};
use crate::server::Disconnect;
use crate::sse::parse::ParserLimits;
use crate::sse::reconnect::ReconnectPolicy;
use crate::testing::{Simulation, hub, leak};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// The log of an `EventSource` of `url` in a task of its own.
fn listen(net: &'static Network, url: &'static str, options: EventSourceOptions<'static>, dropping: bool) -> Log {
    let log = Log::default();
    let told = log.clone();
    net.sim.spawn(async move {
        let config = leak(ClientConfig {
            headers: &[("Authorization", "Bearer x"), ("X-Mine", "y")],
            ..ClientConfig::default()
        });
        let buffers = buffers(512);
        let events = std::vec![0; ParserLimits::DEFAULT.memory(64)].leak();
        let mut source = EventSource::new(net, config, url, options, buffers, events);
        assert_eq!(source.state(), ReadyState::Connecting);
        loop {
            let said = {
                let update = if dropping {
                    let Some(update) = poll_once(source.next()).await else { continue };
                    update
                } else {
                    source.next().await
                };
                update.map(|update| match update {
                    EventSourceEvent::Opened => String::from("open"),
                    EventSourceEvent::Event(event) => {
                        format!("{}|{}|{}", event.last_event_id, event.event_type, event.data)
                    }
                    EventSourceEvent::Disconnected { error, delay } => format!("lost {error:?} {}", delay.as_millis()),
                })
            };
            match said {
                Ok(said) => told.push(said),
                Err(error) => {
                    told.push(format!("over: {error:?}"));
                    assert_eq!(source.state(), ReadyState::Closed);
                    assert!(matches!(source.next().await, Err(crate::client::Error::Closed)));
                    return Disconnect::Closed;
                }
            }
        }
    });
    log
}

fn steady() -> EventSourceOptions<'static> {
    EventSourceOptions {
        reconnect: ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT },
        ..EventSourceOptions::default()
    }
}

/// A server whose responses are all the same.
fn answering(sim: &'static Simulation, answer: impl AsRef<[u8]> + 'static, then: Then) -> &'static Network {
    Network::new(sim, script(sim, move |_, _| (answer.as_ref().to_vec(), then)))
}

#[test]
fn reconnects_with_the_last_event_id_and_the_servers_retry() {
    let sim = Simulation::new();
    let net = Network::new(
        sim,
        script(sim, |number, request| {
            let id = request.lines().find_map(|line| line.strip_prefix("Last-Event-ID: ")).unwrap_or("none");
            assert!(request.contains("\r\nAccept: text/event-stream\r\n") && request.contains("\r\nX-Mine: y\r\n"));
            (format!("{HEAD}retry: 7000\nid: {number}\nevent: e\ndata: {id}\n\ndata: cut").into_bytes(), Then::Close)
        }),
    );
    let log = listen(net, "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(log.take(), ["open", "0|e|none", "lost Disconnected(Closed) 7000"]);
    sim.pass(seconds(6));
    assert_eq!(log.take(), [""; 0]);
    sim.pass(seconds(1));
    assert_eq!(log.take(), ["open", "1|e|0", "lost Disconnected(Closed) 7000"]);
}

#[test]
fn a_truncated_response_ends_as_broken() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n");
    for (fields, body, whole) in [
        ("Content-Length: 9\r\n", "data: x\n\n", true),
        ("Content-Length: 100\r\n", "data: x\n\n", false),
        ("Transfer-Encoding: chunked\r\n", "9\r\ndata: x\n\n\r\n0\r\n\r\n", true),
        ("Transfer-Encoding: chunked\r\n", "9\r\ndata: x\n\n\r\n0\r\n", false),
        ("Transfer-Encoding: chunked\r\n", "9\r\ndata: x\n\n\r\n", false),
        ("Transfer-Encoding: chunked\r\n", "99\r\ndata: x\n\n", false),
        // Without a length the end of the connection is the end of the body (RFC 9112 §6.3).
        ("", "data: x\n\n", true),
    ] {
        let sim = Simulation::new();
        let log = listen(answering(sim, head(fields) + body, Then::Close), "http://localhost/", steady(), false);
        sim.run();
        let ended = if whole { "Closed" } else { "Broken" };
        assert_eq!(log.take(), ["open", "|message|x", &format!("lost Disconnected({ended}) 3000")], "{fields}{body}");
    }
    // No response, or half a head.
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Type: text/ev"] {
        let sim = Simulation::new();
        let log = listen(answering(sim, answer, Then::Close), "http://localhost/", steady(), false);
        sim.run();
        assert_eq!(log.take(), ["lost Disconnected(Broken) 3000"]);
    }
}

#[test]
fn the_last_event_id_is_sent_as_received() {
    let ids = ["\u{1}a\u{7f}\tb\u{e9}", "a b: c", "a\0b"];
    let sim = Simulation::new();
    let net = Network::new(
        sim,
        script(sim, move |number, request| {
            let sent = request.lines().find_map(|line| line.strip_prefix("Last-Event-ID: ")).unwrap_or("none");
            let id = ids.get(number).copied().unwrap_or_default();
            (format!("{HEAD}id: {id}\ndata: {}\n\n", sent.escape_debug()).into_bytes(), Then::Close)
        }),
    );
    let log = listen(net, "http://localhost/", steady(), false);
    sim.pass(seconds(13));
    let data = |it: String| it.rsplit_once('|').map(|(_, data)| String::from(data));
    let data: Vec<_> = log.all().into_iter().filter_map(data).collect();
    // WHATWG HTML §9.2.6: an id with a NULL is ignored; an empty one resets it.
    assert_eq!(data, ["none", "\\u{1}a\\u{7f}\\tb\u{e9}", "a b: c", "a b: c", "none"]);
}

#[test]
fn an_initial_last_event_id_is_sent_in_the_first_request() {
    let sim = Simulation::new();
    let net = Network::new(
        sim,
        script(sim, |_, request| {
            assert!(request.contains("\r\nLast-Event-ID: kept\r\n"), "{request}");
            (HEAD.as_bytes().to_vec(), Then::Hold)
        }),
    );
    let log = listen(net, "http://localhost/", EventSourceOptions { last_event_id: "kept", ..steady() }, false);
    sim.run();
    assert_eq!(log.take(), ["open"]);
}

#[test]
fn final_statuses_and_media_types_close_the_source() {
    for (answer, expected) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", "over: Status { status: 204, retry_after: None }"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "over: Status { status: 404, retry_after: None }"),
        ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "over: Status { status: 401, retry_after: None }"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "over: ContentType"),
        ("HTTP/1.1 200 OK\r\n\r\n", "over: ContentType"),
    ] {
        let sim = Simulation::new();
        let log = listen(answering(sim, answer, Then::Hold), "http://localhost/", steady(), false);
        sim.pass(seconds(100));
        assert_eq!(log.all(), [expected], "{answer}");
    }
}

#[test]
fn a_busy_server_is_retried_unless_retry_busy_is_off() {
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    let sim = Simulation::new();
    let log = listen(answering(sim, busy, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(log.take(), ["lost Status { status: 503, retry_after: Some(9) } 9000"]);
    let sim = Simulation::new();
    let options = EventSourceOptions { retry_busy: false, ..steady() };
    let log = listen(answering(sim, busy, Then::Hold), "http://localhost/", options, false);
    sim.run();
    assert_eq!(log.take(), ["over: Status { status: 503, retry_after: Some(9) }"]);
}

#[test]
fn retry_times_are_limited_by_the_policy() {
    let answers = [
        "HTTP/1.1 503 Busy\r\nRetry-After: 4294967295\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 99999999999999999999\n\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 0\n\n",
    ];
    for (answer, waited) in answers.into_iter().zip([" 60000", " 60000", " 500"]) {
        let sim = Simulation::new();
        let log = listen(answering(sim, answer, Then::Close), "http://localhost/", steady(), false);
        sim.run();
        let told = log.take();
        assert!(told.last().is_some_and(|it| it.starts_with("lost") && it.ends_with(waited)), "{told:?}");
        sim.pass(seconds(60));
        assert!(!log.take().is_empty(), "{answer}");
    }
}

#[test]
fn backoff_doubles_up_to_the_last_attempt() {
    let sim = Simulation::new();
    let net = answering(sim, HEAD, Then::Hold);
    net.set_faults(|_| Fault::Refused);
    let options = EventSourceOptions {
        reconnect: ReconnectPolicy { jitter_percent: 0, attempts: Some(4), ..ReconnectPolicy::DEFAULT },
        ..EventSourceOptions::default()
    };
    let log = listen(net, "http://localhost/", options, false);
    sim.pass(seconds(100));
    assert_eq!(
        log.all(),
        [
            "lost Connect(PipeError) 3000",
            "lost Connect(PipeError) 6000",
            "lost Connect(PipeError) 12000",
            "over: Connect(PipeError)",
        ]
    );
}

#[test]
fn seeds_spread_the_delays_of_clients() {
    let mut delays: Vec<_> = (1..20)
        .map(|seed| {
            let sim = Simulation::new();
            let net = answering(sim, HEAD, Then::Hold);
            net.set_faults(|_| Fault::Refused);
            let options = EventSourceOptions { seed: seed * 0x0101_0101, ..EventSourceOptions::default() };
            let log = listen(net, "http://localhost/", options, false);
            sim.run();
            log.all().pop().unwrap()
        })
        .collect();
    delays.sort();
    delays.dedup();
    assert!(delays.len() > 15, "{delays:?}");
}

#[test]
fn redirects_start_at_the_first_url_for_each_connection() {
    let sim = Simulation::new();
    let net = Network::new(
        sim,
        script(sim, |number, request| {
            let target = request.split(' ').nth(1).unwrap();
            let moved = |status: u16, to: &str| {
                format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
            };
            let secret = request.contains("Authorization");
            let answer = match number % 6 {
                0 => moved(301, "/b"),
                1 => moved(302, "c?x#y"),
                2 => moved(303, "//other:81/d"),
                3 => moved(307, "./e"),
                4 => moved(308, "https://third/f"),
                _ => format!("{HEAD}data: {target} {secret}\n\n").into_bytes(),
            };
            assert_eq!(secret, number % 6 < 3, "{number}: {request}");
            (answer, Then::Close)
        }),
    );
    let log = listen(net, "http://localhost/a", steady(), false);
    sim.run();
    assert_eq!(log.take(), ["open", "|message|/f false", "lost Disconnected(Closed) 3000"]);
    let expected = ["localhost:80", "localhost:80", "localhost:80", "other:81", "other:81", "sthird:443"];
    assert_eq!(*net.endpoints.borrow(), expected);
    sim.pass(seconds(3));
    assert_eq!(log.take(), ["open", "|message|/f false", "lost Disconnected(Closed) 3000"]);
}

#[test]
fn invalid_redirects_close_the_source() {
    for (location, url, expected) in [
        ("Location: /a\r\n", "http://localhost/a", "over: TooManyRedirects"),
        ("", "http://localhost/a", "over: InvalidRedirect"),
        ("Location: /a\r\nLocation: /b\r\n", "http://localhost/a", "over: InvalidRedirect"),
        ("Location: ftp://x/\r\n", "http://localhost/a", "over: InvalidRedirect"),
        ("Location: http://u:p@x/\r\n", "http://localhost/a", "over: InvalidRedirect"),
        ("Location: http://:x/\r\n", "http://localhost/a", "over: InvalidRedirect"),
        ("Location: http://x/\r\n", "https://localhost/a", "over: InvalidRedirect"),
        ("Location: ws://x/\r\n", "https://localhost/a", "over: InvalidRedirect"),
    ] {
        let sim = Simulation::new();
        let answer = format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n");
        let net = answering(sim, answer, Then::Hold);
        let log = listen(net, url, steady(), false);
        sim.run();
        assert_eq!(log.all(), [expected], "{location}");
        assert!(net.connections.get() <= 6);
    }
}

#[test]
fn invalid_requests_fail_before_connecting() {
    for (url, id, expected) in [
        ("mailto:x", "", "over: Url(Scheme)"),
        ("http://u@localhost/", "", "over: Url(UserInfo)"),
        ("http://localhost/\r\nX: y", "", "over: Url(Character)"),
        // Without it events would be missed silently.
        ("http://localhost/", "x".repeat(ParserLimits::DEFAULT.id + 1).leak(), "over: InvalidRequest"),
        ("http://localhost/", "1\r\nX: y", "over: InvalidRequest"),
        ("http://localhost/", "\0", "over: InvalidRequest"),
    ] {
        let sim = Simulation::new();
        let net = answering(sim, HEAD, Then::Hold);
        let log = listen(net, url, EventSourceOptions { last_event_id: id, ..steady() }, false);
        sim.run();
        assert_eq!((log.all(), net.connections.get()), (std::vec![String::from(expected)], 0));
    }
}

#[test]
fn a_compressed_stream_closes_the_source() {
    let sim = Simulation::new();
    let head = HEAD.replacen("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n", 1);
    let log = listen(answering(sim, head, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(log.all(), ["over: ContentCoding"]);
}

#[test]
fn an_event_beyond_the_memory_closes_the_source() {
    let sim = Simulation::new();
    let answer = format!("{HEAD}data: {}\n\n", "x".repeat(65));
    let log = listen(answering(sim, answer, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(log.all(), ["open", "over: EventStream(DataTooLong)"]);
}

#[test]
fn a_silent_stream_times_out_but_comments_keep_it_open() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let net = Network::of_hub(sim, hub);
    let log = listen(net, "http://localhost/events/a", steady(), false);
    sim.pass(seconds(1_000));
    assert_eq!(log.take(), ["open"], "comments every 15 s");
    let sim = Simulation::new();
    let log = listen(answering(sim, HEAD, Then::Hold), "http://localhost/", steady(), false);
    sim.pass(seconds(46));
    assert_eq!(log.take(), ["open", "lost Disconnected(TimedOut) 3000"]);
}

#[test]
fn a_server_without_a_response_times_out() {
    let sim = Simulation::new();
    let log = listen(answering(sim, "HTTP/1.1 200 OK\r\n", Then::Hold), "http://localhost/", steady(), false);
    sim.pass(seconds(21));
    assert_eq!(log.take(), ["lost Disconnected(TimedOut) 3000"]);
}

#[test]
fn interim_responses_are_skipped() {
    let sim = Simulation::new();
    let answer = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{HEAD}data: x\n\n");
    let log = listen(answering(sim, answer, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(log.take(), ["open", "|message|x"]);
}

#[test]
fn resets_at_any_byte_and_dropped_futures_lose_no_event() {
    let pipes: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 2] =
        [|| leak(Pipe::<3>::new()).ends(), || leak(Pipe::<512>::new()).ends()];
    for at in 0..400 {
        let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
        let net = Network::over(sim, pipes[at % 2], serve_hub(sim, hub));
        net.set_faults(move |number| if number == 0 { Fault::Reset(at) } else { Fault::None });
        publish(hub, "a");
        publish(hub, "b");
        let log = listen(net, "http://localhost/events/a?after=oldest", steady(), true);
        sim.pass(seconds(10));
        publish(hub, "c");
        sim.pass(seconds(10));
        let events: Vec<_> = log.all().into_iter().filter(|it| it.contains('|')).collect();
        assert_eq!(events, ["00000abc-1|message|a", "00000abc-2|message|b", "00000abc-3|message|c"], "{at}");
    }
}
