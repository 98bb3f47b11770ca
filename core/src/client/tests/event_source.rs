//! An `EventSource` against servers of all kinds.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::net::{Fault, Heard, Net, Then, memory, once, script, seconds, serve_hub};
use super::subscription::publish;
use crate::client::{ClientConfig, EventSource, EventSourceEvent, EventSourceOptions, ReadyState};
use crate::io::{Pipe, PipeEnd};
use crate::server::Disconnect;
use crate::sse::parse::ParserLimits;
use crate::sse::reconnect::ReconnectPolicy;
use crate::testing::{Simulation, hub, leak};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// Listens to `url` in a task.
fn listen(net: &'static Net, url: &'static str, options: EventSourceOptions<'static>, dropping: bool) -> Heard {
    let heard = Heard::default();
    let told = heard.clone();
    net.sim.spawn(async move {
        let config = leak(ClientConfig {
            headers: &[("Authorization", "Bearer x"), ("X-Mine", "y")],
            ..ClientConfig::default()
        });
        let memory = memory(512);
        let events = std::vec![0; ParserLimits::DEFAULT.memory(64)].leak();
        let mut source = EventSource::new(net, config, url, options, memory, events);
        assert_eq!(source.state(), ReadyState::Connecting);
        loop {
            let said = {
                let update = if dropping {
                    let Some(update) = once(source.next()).await else { continue };
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
    heard
}

fn steady() -> EventSourceOptions<'static> {
    EventSourceOptions {
        reconnect: ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT },
        ..EventSourceOptions::default()
    }
}

/// A server whose answers are the same each time.
fn answering(sim: &'static Simulation, answer: impl AsRef<[u8]> + 'static, then: Then) -> &'static Net {
    Net::new(sim, script(sim, move |_, _| (answer.as_ref().to_vec(), then)))
}

#[test]
fn it_opens_gives_events_and_comes_back_with_the_last_id_and_the_servers_time() {
    let sim = Simulation::new();
    let net = Net::new(
        sim,
        script(sim, |number, request| {
            let id = request.lines().find_map(|line| line.strip_prefix("Last-Event-ID: ")).unwrap_or("none");
            assert!(request.contains("\r\nAccept: text/event-stream\r\n") && request.contains("\r\nX-Mine: y\r\n"));
            (format!("{HEAD}retry: 7000\nid: {number}\nevent: e\ndata: {id}\n\ndata: cut").into_bytes(), Then::Close)
        }),
    );
    let heard = listen(net, "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(heard.take(), ["open", "0|e|none", "lost Disconnected(Closed) 7000"]);
    sim.pass(seconds(6));
    assert_eq!(heard.take(), [""; 0]);
    sim.pass(seconds(1));
    assert_eq!(heard.take(), ["open", "1|e|0", "lost Disconnected(Closed) 7000"]);
}

#[test]
fn an_answer_that_is_cut_short_did_not_end_in_order() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n");
    for (fields, body, whole) in [
        ("Content-Length: 9\r\n", "data: x\n\n", true),
        ("Content-Length: 100\r\n", "data: x\n\n", false),
        ("Transfer-Encoding: chunked\r\n", "9\r\ndata: x\n\n\r\n0\r\n\r\n", true),
        ("Transfer-Encoding: chunked\r\n", "9\r\ndata: x\n\n\r\n0\r\n", false),
        ("Transfer-Encoding: chunked\r\n", "9\r\ndata: x\n\n\r\n", false),
        ("Transfer-Encoding: chunked\r\n", "99\r\ndata: x\n\n", false),
        // Nobody can tell.
        ("", "data: x\n\n", true),
    ] {
        let sim = Simulation::new();
        let heard = listen(answering(sim, head(fields) + body, Then::Close), "http://localhost/", steady(), false);
        sim.run();
        let ended = if whole { "Closed" } else { "Broken" };
        assert_eq!(heard.take(), ["open", "|message|x", &format!("lost Disconnected({ended}) 3000")], "{fields}{body}");
    }
    // Nor is it an end in order where no answer, or half of its head, came.
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Type: text/ev"] {
        let sim = Simulation::new();
        let heard = listen(answering(sim, answer, Then::Close), "http://localhost/", steady(), false);
        sim.run();
        assert_eq!(heard.take(), ["lost Disconnected(Broken) 3000"]);
    }
}

#[test]
fn an_id_goes_back_as_it_came() {
    let ids = ["\u{1}a\u{7f}\tb\u{e9}", "a b: c", "a\0b"];
    let sim = Simulation::new();
    let net = Net::new(
        sim,
        script(sim, move |number, request| {
            let sent = request.lines().find_map(|line| line.strip_prefix("Last-Event-ID: ")).unwrap_or("none");
            let id = ids.get(number).copied().unwrap_or_default();
            (format!("{HEAD}id: {id}\ndata: {}\n\n", sent.escape_debug()).into_bytes(), Then::Close)
        }),
    );
    let heard = listen(net, "http://localhost/", steady(), false);
    sim.pass(seconds(13));
    let data = |it: String| it.rsplit_once('|').map(|(_, data)| String::from(data));
    let data: Vec<_> = heard.all().into_iter().filter_map(data).collect();
    // A NULL voids an id, and the one before it stays; the empty one is none.
    assert_eq!(data, ["none", "\\u{1}a\\u{7f}\\tb\u{e9}", "a b: c", "a b: c", "none"]);
}

#[test]
fn an_id_that_was_kept_over_a_reboot_is_sent_at_once() {
    let sim = Simulation::new();
    let net = Net::new(
        sim,
        script(sim, |_, request| {
            assert!(request.contains("\r\nLast-Event-ID: kept\r\n"), "{request}");
            (HEAD.as_bytes().to_vec(), Then::Hold)
        }),
    );
    let heard = listen(net, "http://localhost/", EventSourceOptions { last_event_id: "kept", ..steady() }, false);
    sim.run();
    assert_eq!(heard.take(), ["open"]);
}

#[test]
fn what_the_standard_calls_final_is_final() {
    for (answer, expected) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", "over: Status { status: 204, retry_after: None }"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "over: Status { status: 404, retry_after: None }"),
        ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "over: Status { status: 401, retry_after: None }"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "over: ContentType"),
        ("HTTP/1.1 200 OK\r\n\r\n", "over: ContentType"),
    ] {
        let sim = Simulation::new();
        let heard = listen(answering(sim, answer, Then::Hold), "http://localhost/", steady(), false);
        sim.pass(seconds(100));
        assert_eq!(heard.all(), [expected], "{answer}");
    }
}

#[test]
fn a_busy_server_is_asked_again_unless_the_standard_is_wanted_to_the_letter() {
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    let sim = Simulation::new();
    let heard = listen(answering(sim, busy, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(heard.take(), ["lost Status { status: 503, retry_after: Some(9) } 9000"]);
    let sim = Simulation::new();
    let options = EventSourceOptions { retry_busy: false, ..steady() };
    let heard = listen(answering(sim, busy, Then::Hold), "http://localhost/", options, false);
    sim.run();
    assert_eq!(heard.take(), ["over: Status { status: 503, retry_after: Some(9) }"]);
}

#[test]
fn no_server_silences_a_device_for_longer_than_its_policy_says() {
    let answers = [
        "HTTP/1.1 503 Busy\r\nRetry-After: 4294967295\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 99999999999999999999\n\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 0\n\n",
    ];
    for (answer, waited) in answers.into_iter().zip([" 60000", " 60000", " 500"]) {
        let sim = Simulation::new();
        let heard = listen(answering(sim, answer, Then::Close), "http://localhost/", steady(), false);
        sim.run();
        let told = heard.take();
        assert!(told.last().is_some_and(|it| it.starts_with("lost") && it.ends_with(waited)), "{told:?}");
        sim.pass(seconds(60));
        assert!(!heard.take().is_empty(), "{answer}");
    }
}

#[test]
fn failures_wait_longer_each_time_and_an_attempt_may_be_the_last() {
    let sim = Simulation::new();
    let net = answering(sim, HEAD, Then::Hold);
    net.set_faults(|_| Fault::Refused);
    let options = EventSourceOptions {
        reconnect: ReconnectPolicy { jitter_percent: 0, attempts: Some(4), ..ReconnectPolicy::DEFAULT },
        ..EventSourceOptions::default()
    };
    let heard = listen(net, "http://localhost/", options, false);
    sim.pass(seconds(100));
    assert_eq!(
        heard.all(),
        [
            "lost Connect(PipeError) 3000",
            "lost Connect(PipeError) 6000",
            "lost Connect(PipeError) 12000",
            "over: Connect(PipeError)",
        ]
    );
}

#[test]
fn seeds_spread_the_clients_of_a_server_that_restarts() {
    let mut delays: Vec<_> = (1..20)
        .map(|seed| {
            let sim = Simulation::new();
            let net = answering(sim, HEAD, Then::Hold);
            net.set_faults(|_| Fault::Refused);
            let options = EventSourceOptions { seed: seed * 0x0101_0101, ..EventSourceOptions::default() };
            let heard = listen(net, "http://localhost/", options, false);
            sim.run();
            heard.all().pop().unwrap()
        })
        .collect();
    delays.sort();
    delays.dedup();
    assert!(delays.len() > 15, "{delays:?}");
}

#[test]
fn redirects_are_followed_within_a_bound_and_start_anew_each_time() {
    let sim = Simulation::new();
    let net = Net::new(
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
    let heard = listen(net, "http://localhost/a", steady(), false);
    sim.run();
    assert_eq!(heard.take(), ["open", "|message|/f false", "lost Disconnected(Closed) 3000"]);
    let expected = ["localhost:80", "localhost:80", "localhost:80", "other:81", "other:81", "sthird:443"];
    assert_eq!(*net.endpoints.borrow(), expected);
    sim.pass(seconds(3));
    assert_eq!(heard.take(), ["open", "|message|/f false", "lost Disconnected(Closed) 3000"]);
}

#[test]
fn a_redirect_that_goes_round_or_nowhere_or_into_the_clear_is_the_end() {
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
        let heard = listen(net, url, steady(), false);
        sim.run();
        assert_eq!(heard.all(), [expected], "{location}");
        assert!(net.connections.get() <= 6);
    }
}

#[test]
fn what_cannot_be_asked_is_told_before_anything_is_sent() {
    for (url, id, expected) in [
        ("mailto:x", "", "over: Url(Scheme)"),
        ("http://u@localhost/", "", "over: Url(UserInfo)"),
        ("http://localhost/\r\nX: y", "", "over: Url(Character)"),
        // Without it events would be missed in silence.
        ("http://localhost/", "x".repeat(ParserLimits::DEFAULT.id + 1).leak(), "over: InvalidRequest"),
        ("http://localhost/", "1\r\nX: y", "over: InvalidRequest"),
        ("http://localhost/", "\0", "over: InvalidRequest"),
    ] {
        let sim = Simulation::new();
        let net = answering(sim, HEAD, Then::Hold);
        let heard = listen(net, url, EventSourceOptions { last_event_id: id, ..steady() }, false);
        sim.run();
        assert_eq!((heard.all(), net.connections.get()), (std::vec![String::from(expected)], 0));
    }
}

#[test]
fn a_stream_that_is_compressed_is_the_end() {
    let sim = Simulation::new();
    let head = HEAD.replacen("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n", 1);
    let heard = listen(answering(sim, head, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(heard.all(), ["over: ContentCoding"]);
}

#[test]
fn an_event_past_the_memory_is_the_end() {
    let sim = Simulation::new();
    let answer = format!("{HEAD}data: {}\n\n", "x".repeat(65));
    let heard = listen(answering(sim, answer, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(heard.all(), ["open", "over: EventStream(DataTooLong)"]);
}

#[test]
fn a_stream_that_falls_silent_is_given_up_and_one_that_comments_is_not() {
    let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
    let net = Net::of_hub(sim, hub);
    let heard = listen(net, "http://localhost/events/a", steady(), false);
    sim.pass(seconds(1_000));
    assert_eq!(heard.take(), ["open"], "comments every 15 s");
    let sim = Simulation::new();
    let heard = listen(answering(sim, HEAD, Then::Hold), "http://localhost/", steady(), false);
    sim.pass(seconds(46));
    assert_eq!(heard.take(), ["open", "lost Disconnected(TimedOut) 3000"]);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let sim = Simulation::new();
    let heard = listen(answering(sim, "HTTP/1.1 200 OK\r\n", Then::Hold), "http://localhost/", steady(), false);
    sim.pass(seconds(21));
    assert_eq!(heard.take(), ["lost Disconnected(TimedOut) 3000"]);
}

#[test]
fn interim_answers_are_passed_over() {
    let sim = Simulation::new();
    let answer = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{HEAD}data: x\n\n");
    let heard = listen(answering(sim, answer, Then::Hold), "http://localhost/", steady(), false);
    sim.run();
    assert_eq!(heard.take(), ["open", "|message|x"]);
}

#[test]
fn a_cut_at_any_byte_and_futures_dropped_at_any_poll_lose_nothing() {
    let rings: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 2] =
        [|| leak(Pipe::<3>::new()).ends(), || leak(Pipe::<512>::new()).ends()];
    for at in 0..400 {
        let (sim, hub) = (Simulation::new(), leak(hub(8, 512)));
        let net = Net::over(sim, rings[at % 2], serve_hub(sim, hub));
        net.set_faults(move |number| if number == 0 { Fault::Reset(at) } else { Fault::None });
        publish(hub, "a");
        publish(hub, "b");
        let heard = listen(net, "http://localhost/events/a?after=oldest", steady(), true);
        sim.pass(seconds(10));
        publish(hub, "c");
        sim.pass(seconds(10));
        let events: Vec<_> = heard.all().into_iter().filter(|it| it.contains('|')).collect();
        assert_eq!(events, ["00000abc-1|message|a", "00000abc-2|message|b", "00000abc-3|message|c"], "{at}");
    }
}
