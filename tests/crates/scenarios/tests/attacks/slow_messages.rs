//! Messages and control frames that never end, and clients that leave with bytes unread behind a request that waits.

use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::process::descriptors;
use goldcrest_tests::{List, Need, Peer, PeerError, Server, patience};

pub(crate) fn scenarios(list: &mut List) {
    for (name, first, again) in [
        ("empty_fragments_do_not_keep_a_message_open", [0x01, 0x80, 1, 2, 3, 4], &[0x00, 0x80, 1, 2, 3, 4][..]),
        ("pings_do_not_keep_a_message_open", [0x01, 0x80, 1, 2, 3, 4], &[0x89, 0x80, 1, 2, 3, 4]),
        ("a_ping_byte_by_byte_is_given_up", [0x89, 0xfd, 1, 2, 3, 4], b"x"),
    ] {
        list.add(format!("slow_messages::{name}"), &[Need::OwnServer], move || drip(&first, again));
    }
    list.add("slow_messages::a_flood_of_pings_is_closed_with_1008", &[Need::OwnServer], flood);
    list.add("slow_messages::a_long_poll_with_unread_bytes_ends_with_its_client", &[Need::OwnServer], long_poll);
    list.add("slow_messages::requests_past_the_rate_wait", &[Need::OwnServer], requests);
}

const FIELDS: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

fn web_socket(server: &Server) -> Peer {
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/events/slow", &FIELDS, b"")).unwrap();
    assert_eq!(peer.head().unwrap().status, 101);
    peer
}

/// Sends something each tenth of a second until the server ends the connection. It is given 2 s in all.
fn drip(first: &[u8], again: &[u8]) {
    let server = Server::start(&["--body-timeout", "2"]);
    let mut peer = web_socket(&server);
    let begin = Instant::now();
    peer.send(first).unwrap();
    peer.set_patience(Duration::from_millis(100));
    loop {
        match peer.bytes() {
            Err(PeerError::Timeout) => {}
            Ok(_) => continue,
            Err(PeerError::Closed | PeerError::Reset) => break,
            Err(trouble) => panic!("{trouble:?}"),
        }
        assert!(begin.elapsed() < Duration::from_secs(6), "the message is kept open");
        let _ = peer.send(again);
    }
    assert!(begin.elapsed() > Duration::from_millis(1_900), "only {:?}", begin.elapsed());
}

fn flood() {
    let server = Server::start(&["--max-control-rate", "50"]);
    let mut peer = web_socket(&server);
    // More than two seconds have, whenever they begin.
    peer.send(&[0x89, 0x80, 0, 0, 0, 0].repeat(200)).unwrap();
    let came = peer.until_closed().unwrap();
    let close = [0x88, 0x02, 0x03, 0xf0];
    assert!(came.ends_with(&close), "{}", came.escape_ascii());
}

fn long_poll() {
    let server = Server::start(&["--threads", "1"]);
    let mut other = server.connect();
    let mut ask = || {
        other.send(&server.request("GET", "/events/left", &[], b"")).unwrap();
        assert_eq!(other.answer("GET").map(|answer| answer.status()), Ok(200));
    };
    ask();
    let before = descriptors(server.process());
    for half_closes in [true, false] {
        let waits_until = |what: &str, condition: &dyn Fn(usize) -> bool| {
            let deadline = Instant::now() + patience();
            while !condition(descriptors(server.process())) {
                assert!(Instant::now() < deadline, "{what}");
                thread::sleep(Duration::from_millis(5));
            }
        };
        let mut peer = server.connect();
        peer.send(&server.request("GET", "/events/left", &["Prefer: wait=60"], b"")).unwrap();
        peer.send(b"G").unwrap();
        waits_until("it is never accepted", &|open| open > before);
        // On the same thread, so the poll waits by now.
        ask();
        if half_closes {
            peer.half_close();
            assert_eq!(peer.answer("GET").map(|answer| answer.status()), Ok(200));
            peer.until_closed().unwrap();
        }
        drop(peer);
        waits_until("the client that has left keeps its place", &|open| open <= before);
    }
}

fn requests() {
    let server = Server::start(&["--max-request-rate", "10"]);
    let mut peer = server.connect();
    let begin = Instant::now();
    peer.send(&server.request("GET", "/nothing", &[], b"").repeat(25)).unwrap();
    for _ in 0..25 {
        assert_eq!(peer.answer("GET").map(|answer| answer.status()), Ok(404));
    }
    // Ten in each of the first two seconds, the first of which may have been almost over.
    assert!(begin.elapsed() > Duration::from_secs(1), "{:?}", begin.elapsed());
}
