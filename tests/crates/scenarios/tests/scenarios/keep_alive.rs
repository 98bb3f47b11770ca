//! Heartbeats: something is said while nothing happens.

use goldcrest_tests::{EventStream, List, Need, Server, UPGRADE, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "keep_alive",
        &[Need::OwnServer],
        server,
        [an_idle_event_stream_sends_comments, an_idle_stream_sends_its_cursor, a_websocket_without_pongs_is_closed,]
    );
}

fn an_idle_event_stream_sends_comments(_: &Server) {
    let server = Server::start(&["--keep-alive", "1"]);
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/quiet", &["Accept: text/event-stream"], b"")).unwrap();
    let head = peer.head().unwrap();
    let mut framing = head.framing("GET").unwrap();
    let mut parser = EventStream::default();
    while parser.comments < 2 {
        let piece = peer.piece(&mut framing).unwrap().expect("a stream that goes on");
        assert_eq!(parser.take(&piece), [], "a comment is no event");
    }
    assert_eq!(parser.blocks, 1, "a comment ends no block: there are clients that hand out every block");
}

fn an_idle_stream_sends_its_cursor(_: &Server) {
    let server = Server::start(&["--keep-alive", "1"]);
    let newest = server.channel_named("quiet").newest();
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/quiet", &["Accept: application/x-ndjson"], b"")).unwrap();
    let head = peer.head().unwrap();
    let mut framing = head.framing("GET").unwrap();
    for _ in 0..3 {
        let line = peer.piece(&mut framing).unwrap().expect("a stream that goes on");
        assert_eq!(String::from_utf8(line).unwrap(), format!("{{\"after\":\"{newest}\"}}\n"));
    }
}

fn a_websocket_without_pongs_is_closed(_: &Server) {
    let server = Server::start(&["--ping-interval", "1", "--pong-deadline", "1"]);
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/quiet", &UPGRADE, b"")).unwrap();
    assert_eq!(peer.head().unwrap().status, 101);
    for _ in 0..2 {
        let ping = peer.exactly(2).unwrap();
        assert_eq!(ping[0], 0x89, "a ping");
        let payload = peer.exactly(usize::from(ping[1])).unwrap();
        // Answered, masked with zeros, it goes on.
        peer.send(&[&[0x8a, 0x80 | ping[1], 0, 0, 0, 0][..], &payload].concat()).unwrap();
    }
    // Unanswered, it is given up.
    let rest = peer.until_closed().unwrap();
    assert_eq!(rest[0], 0x89, "one more ping");
}
