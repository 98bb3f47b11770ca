//! SIGTERM: readers are sent away in order, and nothing that was accepted is lost.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use goldcrest_tests::{
    EventStream, Item, List, Need, Peer, PeerError, Published, Reader, Server, Start, Transport, Width, patience,
    promises, websocket,
};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "shutdown",
        &[Need::OwnServer],
        server,
        [
            an_event_stream_gets_retry_and_ends,
            a_stream_ends_in_order,
            a_long_poll_is_answered,
            a_websocket_is_closed_with_1012,
            an_idle_connection_is_closed,
            accepted_events_are_delivered_before_exit,
            a_stalled_reader_does_not_delay_the_exit,
        ]
    );
}

fn ends(server: &Server) {
    let status = server.wait();
    assert!(status.success(), "the server ended with {status}");
}

fn an_event_stream_gets_retry_and_ends(_: &Server) {
    let server = Server::start(&[]);
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/a", &["Accept: text/event-stream"], b"")).unwrap();
    let head = peer.head().unwrap();
    let mut framing = head.framing("GET").unwrap();
    let mut parser = EventStream::default();
    while parser.blocks == 0 {
        parser.take(&peer.piece(&mut framing).unwrap().unwrap());
    }
    parser.retry = None;
    server.terminate();
    while let Some(piece) = peer.piece(&mut framing).unwrap() {
        assert_eq!(parser.take(&piece), []);
    }
    assert!(parser.retry.is_some(), "it says when to come back, and then the last chunk");
    assert_eq!(peer.until_closed().unwrap(), b"");
    ends(&server);
}

fn a_stream_ends_in_order(_: &Server) {
    let server = Server::start(&[]);
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/a", &["Accept: application/x-ndjson"], b"")).unwrap();
    let head = peer.head().unwrap();
    server.terminate();
    let mut framing = head.framing("GET").unwrap();
    while peer.piece(&mut framing).unwrap().is_some() {}
    ends(&server);
}

fn a_long_poll_is_answered(_: &Server) {
    let server = Server::start(&[]);
    let mut peer = server.connect();
    // From the newest event on, so that none that is older answers it: it waits, and once it does it is counted.
    peer.send(&server.request("GET", "/events/a?after=newest", &["Prefer: wait=60"], b"")).unwrap();
    let deadline = Instant::now() + patience();
    while Published::of(&server.ask("POST", "/events/a", &["Content-Type: text/plain"], b"x")).subscribers == 0 {
        assert!(Instant::now() < deadline, "a long poll is never counted");
    }
    let answer = peer.answer("GET").unwrap();
    let after = answer.json()["after"].as_str().unwrap().to_owned();
    peer.send(&server.request("GET", &format!("/events/a?after={after}"), &["Prefer: wait=60"], b"")).unwrap();
    server.terminate();
    match peer.answer("GET") {
        Ok(answer) => assert!(matches!(answer.status(), 200 | 503), "{answer:?}"),
        // It may not have been read yet when the server stopped reading.
        Err(PeerError::Closed | PeerError::Reset) => {}
        Err(trouble) => panic!("{trouble:?}"),
    }
    ends(&server);
}

fn a_websocket_is_closed_with_1012(_: &Server) {
    let server = Server::start(&[]);
    for protocol in ["goldcrest.v1", ""] {
        websocket(&server, "/events/a", protocol, &[]).unwrap();
    }
    let mut socket = websocket(&server, "/events/a", "goldcrest.v1", &[]).unwrap();
    server.terminate();
    match socket.read().unwrap() {
        Message::Close(Some(close)) => assert_eq!(close.code, CloseCode::Restart),
        other => panic!("{other:?} where a Close should be"),
    }
    // Reading on sends the answer to the Close.
    let end = socket.read();
    assert!(matches!(end, Err(tungstenite::Error::ConnectionClosed)), "{end:?} behind a Close");
    ends(&server);
}

fn an_idle_connection_is_closed(_: &Server) {
    let server = Server::start(&[]);
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/a", &[], b"")).unwrap();
    assert_eq!(peer.answer("GET").unwrap().status(), 200);
    server.terminate();
    assert_eq!(peer.until_closed().unwrap(), b"");
    ends(&server);
}

const FOLLOW: [Transport; 6] =
    [Transport::Sse, Transport::Stream, Transport::WebSocket, Transport::Sse, Transport::Stream, Transport::WebSocket];

/// Publishers go on during the shutdown. An event that was answered with an id has reached every reader that followed, or
/// the reader's last message reports it as missing.
fn accepted_events_are_delivered_before_exit(_: &Server) {
    let server = Server::start(&[]);
    let channel = server.channel_named("burst");
    let readers: Vec<Reader<'_>> =
        FOLLOW.iter().map(|transport| Reader::open(&channel, *transport, Start::default())).collect();
    let first = channel.publish("first").id;
    let server = &server;
    let accepted: BTreeSet<u64> = thread::scope(|scope| {
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(move || {
                    let mut accepted = Vec::new();
                    let request = server.request("POST", "/events/burst", &["Content-Type: text/plain"], b"x");
                    let Ok(mut peer) = Peer::connect(server.address(), Width::Wide) else { return accepted };
                    while peer.send(&request).is_ok() {
                        match peer.answer("POST") {
                            Ok(answer) if answer.status() == 201 => accepted.push(Published::of(&answer).id),
                            // 202: the readers were gone. 503: the server is going.
                            Ok(answer) if matches!(answer.status(), 202 | 503) => break,
                            Ok(answer) => panic!("{answer:?}"),
                            Err(_) => break,
                        }
                    }
                    accepted
                })
            })
            .collect();
        // In the middle of the burst: once each reader has surely begun to get it.
        while channel.post("", &["Content-Type: text/plain"], b"x").status() == 201 && seq(&channel.newest()) < 300 {}
        server.terminate();
        publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).map(|id| seq(&id)).collect()
    });
    let last = *accepted.last().expect("something was accepted");
    assert!(last > seq(&first));
    for (mut reader, transport) in readers.into_iter().zip(FOLLOW) {
        for number in 1..=last {
            let item = reader.try_item().unwrap_or_else(|end| {
                panic!("{transport:?} ended ({end}) before event {number} of {last} that were accepted")
            });
            match item {
                Item::Event(event) => assert_eq!(seq(&event.id), number, "{transport:?}: each once, in order"),
                Item::Gap(gap) => panic!("{transport:?}: {gap:?} before event {number} of {last}"),
            }
        }
    }
    ends(server);
}

fn seq(id: &str) -> u64 {
    id.split_once('-').unwrap().1.parse().unwrap()
}

fn a_stalled_reader_does_not_delay_the_exit(_: &Server) {
    let server = Server::start(&["--drain-timeout", "2"]);
    let _reader = reader_that_does_not_read(&server);
    server.terminate();
    ends(&server);
}

/// A reader with more to take than any buffer holds, of which it takes nothing: a drain waits for it.
pub(crate) fn reader_that_does_not_read(server: &Server) -> Peer {
    let channel = server.channel_named("slow");
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/slow", &["Accept: text/event-stream"], b"")).unwrap();
    peer.head().unwrap();
    let filler = "x".repeat(16 * 1024);
    for _ in 0..500 {
        channel.publish(&filler);
    }
    peer
}
