//! Signals: which of them shut the server down, and that none takes it from its readers without a word.

use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{EventStream, List, Need, Server, patience, promises, websocket};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::Shared;
use crate::shutdown::reader_that_does_not_read;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "signals",
        &[Need::OwnServer],
        server,
        [
            sigquit_and_sigint_drain_as_sigterm_does,
            the_second_signal_ends_the_process_at_once,
            sighup_sigusr1_and_sigusr2_are_ignored_and_logged,
        ]
    );
}

/// Begins an event stream and a WebSocket, runs `meanwhile`, sends the signal, and reads the server's last messages.
fn is_drained_by(signal: &str, meanwhile: impl Fn(&Server)) {
    let server = Server::start(&[]);
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/a", &["Accept: text/event-stream"], b"")).unwrap();
    let mut framing = peer.head().unwrap().framing("GET").unwrap();
    let mut parser = EventStream::default();
    while parser.blocks == 0 {
        parser.take(&peer.piece(&mut framing).unwrap().unwrap());
    }
    let mut socket = websocket(&server, "/events/a", "goldcrest.v1", &[]).unwrap();
    meanwhile(&server);

    // Both are read as before.
    server.channel_named("a").publish("live");
    while parser.take(&peer.piece(&mut framing).unwrap().unwrap()).is_empty() {}
    assert!(matches!(socket.read().unwrap(), Message::Text(text) if text.contains("live")));

    parser.retry = None;
    server.signal(signal);
    while let Some(piece) = peer.piece(&mut framing).unwrap() {
        assert_eq!(parser.take(&piece), []);
    }
    assert!(parser.retry.is_some(), "{signal}: the event stream got no retry");
    match socket.read().unwrap() {
        Message::Close(Some(close)) => assert_eq!(close.code, CloseCode::Restart, "{signal}"),
        other => panic!("{signal}: {other:?} where a Close should be"),
    }
    while socket.read().is_ok() {}
    let status = server.wait();
    assert!(status.success(), "{signal}: the server ended with {status}");
}

fn sigquit_and_sigint_drain_as_sigterm_does(_: &Server) {
    for signal in ["QUIT", "INT", "TERM"] {
        is_drained_by(signal, |_| {});
    }
}

fn the_second_signal_ends_the_process_at_once(_: &Server) {
    for (first, second, code) in [("QUIT", "QUIT", 131), ("TERM", "INT", 130)] {
        let server = Server::start(&["--drain-timeout", "600", "--write-timeout", "600"]);
        let _reader = reader_that_does_not_read(&server);
        server.signal(first);
        said(&server, "shutting down");
        server.signal(second);
        assert_eq!(server.wait().code(), Some(code), "{first}, {second}");
    }
}

fn sighup_sigusr1_and_sigusr2_are_ignored_and_logged(_: &Server) {
    is_drained_by("TERM", |server| {
        for signal in ["HUP", "USR1", "USR2", "HUP"] {
            server.signal(signal);
            said(server, &format!("SIG{signal} is ignored"));
        }
    });
}

/// Waits until the server has said this.
fn said(server: &Server, text: &str) {
    let deadline = Instant::now() + patience();
    while server.lines(text).is_empty() {
        assert!(Instant::now() < deadline, "the server never said {text:?}: {:#?}", server.lines(""));
        thread::sleep(Duration::from_millis(5));
    }
}
