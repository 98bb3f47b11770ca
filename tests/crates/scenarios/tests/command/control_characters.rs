//! Servers and publishers that mean harm: control characters for the reader's terminal, answers that never end.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use goldcrest_tests::Server;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

use super::run::{Run, goldcrest};
use super::terminal::{on_a_terminal, shown};

/// A window's title, CSI by ESC and by C1, a bell, an override of the direction and an isolate.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{202e}x\u{2066}";

/// The same in JSON.
const IN_JSON: &str = r"\u001b]0;owned\u0007\u001b[2J\u009b2J\u202ex\u2066";

/// A server that passes each request's head to `answer` and sends the result. Returns its address and the number of requests.
fn server(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer, asked) = (stream.unwrap(), Arc::clone(&answer), Arc::clone(&counted));
            thread::spawn(move || {
                let mut head = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") {
                    // A probe for TLS sends no head.
                    if !matches!(lines.read_line(&mut head), Ok(1..)) {
                        return;
                    }
                }
                asked.fetch_add(1, Ordering::SeqCst);
                answer(&head, &mut stream);
            });
        }
    });
    (address, asked)
}

fn say(stream: &mut TcpStream, status: &str, content_type: &str, content: &str) {
    let length = content.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{content}"
    );
    let _ = stream.write_all(answer.as_bytes());
}

/// Asserts that a terminal that shows this obeys nothing but line ends and tabs.
#[track_caller]
fn is_harmless(shown: &str) {
    let text = shown.replace("\r\n", "\n");
    let obeyed = |c: char| {
        c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(obeyed), "{text:?}");
    assert!(text.contains("owned"), "{text:?}");
}

#[test]
fn control_characters_in_events_are_escaped_on_a_terminal_only() {
    let hub = Server::start(&[]);
    let channel = hub.channel_named("news");
    channel.post("", &["Content-Type: text/plain"], HOSTILE.as_bytes());
    channel.post("", &["Content-Type: application/octet-stream"], b"\x9b2J owned \x1b[2J");
    let url = format!("http://{}/events/news", hub.authority());
    for transport in ["websocket", "sse", "stream", "longpoll", "poll"] {
        let arguments = ["subscribe", &url, "-t", transport, "--since", "oldest", "-n", "2", "--no-input"];
        let raw = [&arguments[..], &["--binary", "raw"]].concat();
        for arguments in [&raw, &[&arguments[..], &["--json"]].concat()] {
            let output = on_a_terminal(&[], arguments, &[("NO_COLOR", "1")]);
            is_harmless(&shown(&output));
        }
        let lines = goldcrest(&[&arguments[..], &["-q"]].concat()).lines();
        assert_eq!(lines[0], HOSTILE, "{transport}");
    }
}

#[test]
fn control_characters_in_ids_types_and_reasons_are_escaped() {
    let (address, _) = server(|head, stream| {
        if head.contains("/refuses") {
            return say(stream, "403 Forbidden", "text/plain; charset=utf-8", HOSTILE);
        }
        let event = format!("id: {HOSTILE}\nevent: {HOSTILE}\ndata: {HOSTILE}\n\n");
        say(stream, "200 OK", "text/event-stream", &event);
    });
    let url = format!("http://{address}/");
    for arguments in [&["-n", "1"][..], &["-n", "1", "--json"]] {
        let arguments = [&["subscribe", &url, "-t", "sse", "--no-input"], arguments].concat();
        is_harmless(&shown(&on_a_terminal(&[], &arguments, &[("NO_COLOR", "1")])));
        let line = goldcrest(&arguments).lines().remove(0);
        assert!(
            line == HOSTILE || serde_json::from_str::<serde_json::Value>(&line).unwrap()["id"] == HOSTILE,
            "{line:?}"
        );
    }
    // Output on stderr is for people, also where stderr is a pipe.
    let refused = goldcrest(&["publish", &format!("http://{address}/events/refuses"), "x"]);
    is_harmless(&refused.stderr.join("\n"));
    refused.failed(4, "403");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let closing = thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        socket.send(Message::text(HOSTILE)).unwrap();
        let reason = CloseFrame { code: CloseCode::Policy, reason: HOSTILE.into() };
        socket.close(Some(reason)).unwrap();
        while socket.read().is_ok() {}
    });
    let closed = goldcrest(&["subscribe", &url, "--no-reconnect"]);
    closing.join().unwrap();
    assert_eq!(closed.stdout, [HOSTILE]);
    is_harmless(&closed.stderr.join("\n"));
    closed.failed(5, "closed by the server: 1008");
}

#[test]
fn publish_prints_only_valid_ids() {
    for id in [IN_JSON, "a-1", "00000abc-01", "x"] {
        let (address, asked) = server(move |_, stream| {
            say(stream, "201 Created", "application/json", &format!(r#"{{"id":"{id} owned","subscribers":0}}"#));
        });
        for arguments in [&[][..], &["--json"]] {
            let said = goldcrest(&[&["publish", &format!("http://{address}/events/a"), "x"], arguments].concat());
            assert_eq!(said.stdout, [""; 0], "{id}");
            is_harmless(&said.stderr.join("\n"));
            said.failed(7, "the event is stored, but the response has an invalid id");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{id}: each was sent once");
    }
}

#[test]
fn publish_bounds_an_endless_response_and_sends_once() {
    // As fast as it is read. (One that drips ends by a time-out: `core/src/client/tests/publish.rs`.)
    let (address, asked) = server(|_, stream| {
        let chunk = "400\r\n".to_owned() + &" ".repeat(0x400) + "\r\n";
        let mut said = stream.write_all(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n");
        while said.is_ok() {
            said = stream.write_all(chunk.as_bytes());
        }
    });
    let said = goldcrest(&["publish", &format!("http://{address}/events/a"), "x", "--max-event", "65536"]);
    said.failed(7, "the event is stored");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn control_characters_in_the_server_log_are_escaped() {
    // A hub that is followed chooses ids and types: `gap` is none for an event, which is logged with its id.
    let (address, _) = server(|_, stream| {
        let event = format!("id: {HOSTILE}\nevent: open\ndata: x\n\n");
        say(stream, "200 OK", "text/event-stream", &event);
    });
    let follow = format!("news=http://{address}/events/news");
    let mut serving = Run::start(&["serve", "--listen", "127.0.0.1:0", "--follow", &follow, "--log", "trace"]);
    is_harmless(&serving.wait_for("owned"));
}

#[test]
fn control_characters_from_clients_are_escaped_in_the_log() {
    let mut serving = Run::start(&["serve", "--listen", "127.0.0.1:0", "--log", "trace"]);
    let address = serving.wait_for("serves http://");
    let address = address.split_once("http://").unwrap().1.trim_end_matches('/');
    // The bytes that a field's value may have: C1 and the overrides, as UTF-8 or as a byte.
    for origin in [&b"http://owned\xc2\x9b2J\xe2\x80\xae"[..], b"http://owned\x9b2J"] {
        let mut peer = TcpStream::connect(address).unwrap();
        peer.write_all(b"GET /events/a HTTP/1.1\r\nHost: localhost\r\nOrigin: ").unwrap();
        peer.write_all(&[origin, b"\r\nConnection: close\r\n\r\n"].concat()).unwrap();
        is_harmless(&serving.wait_for("owned"));
    }
}
