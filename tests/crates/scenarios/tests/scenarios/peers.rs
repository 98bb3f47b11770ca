//! Slow, half-closed and vanished peers, and greedy neighbours.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{
    List, Need, PeerError, Reader, Server, Start, Transport, UPGRADE, patience, promises, websocket,
};
use tungstenite::Message;

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "peers",
        &[],
        server,
        [
            a_reset_connection_is_released,
            a_disconnect_within_a_request_affects_no_other_client,
            a_close_is_answered_and_the_connection_released,
            a_websocket_that_breaks_the_protocol_is_closed_with_its_code,
            a_peer_that_reads_a_byte_at_a_time_gets_everything,
        ]
    );
    promises!(list, "peers", &[Need::OwnHttp], server, [a_half_closed_peer_still_gets_its_answer]);
    promises!(
        list,
        "peers",
        &[Need::Large, Need::AnyChannel],
        server,
        [a_greedy_publisher_does_not_starve_readers, stalled_readers_do_not_starve_others,]
    );
}

fn a_half_closed_peer_still_gets_its_answer(server: &Server) {
    let channel = server.channel();
    channel.publish("one");
    let mut peer = server.connect();
    peer.send(&server.request("GET", &channel.target(""), &[], b"")).unwrap();
    peer.half_close();
    assert_eq!(peer.answer("GET").unwrap().status(), 200);
    assert_eq!(peer.until_closed().unwrap(), b"");
}

fn a_reset_connection_is_released(server: &Server) {
    for transport in [Transport::Stream, Transport::Sse, Transport::WebSocket, Transport::LongPoll] {
        let channel = server.channel();
        let reader = Reader::open(&channel, transport, Start::default());
        // Unread input makes the system send a reset.
        channel.publish_all(["one", "two"]);
        drop(reader);
        channel.wait_until_nobody_follows();
    }
}

fn a_disconnect_within_a_request_affects_no_other_client(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("before").id;
    let request = server.request("POST", &channel.target(""), &["Content-Type: text/plain"], b"half of it");
    for end in 1..request.len() {
        let mut peer = server.connect();
        peer.send(&request[..end]).unwrap();
        peer.half_close();
        // After any response, the server closes the connection, and has stored nothing.
        peer.until_closed().unwrap();
    }
    assert_eq!(channel.newest(), before, "half a publish is no publish");
}

fn a_close_is_answered_and_the_connection_released(server: &Server) {
    let channel = server.channel();
    let mut socket = websocket(server, &channel.target(""), "goldcrest.v1", &[]).unwrap();
    socket.close(None).unwrap();
    loop {
        match socket.read() {
            Ok(Message::Close(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(tungstenite::Error::ConnectionClosed) => break,
            Err(error) => panic!("{error}"),
        }
    }
    channel.wait_until_nobody_follows();
}

fn a_websocket_that_breaks_the_protocol_is_closed_with_its_code(server: &Server) {
    for (what, frame, code) in [
        ("an unmasked frame", &[0x81, 1, b'a'][..], 1002),
        ("a reserved bit", &[0xc1, 0x81, 0, 0, 0, 0, b'a'], 1002),
        ("a reserved opcode", &[0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("a fragmented ping", &[0x09, 0x80, 0, 0, 0, 0], 1002),
        ("a ping of 126 bytes", &[0x89, 0xfe, 0, 126, 0, 0, 0, 0], 1002),
        ("a length that is longer than need be", &[0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'a'], 1002),
        ("a Close of one byte", &[0x88, 0x81, 0, 0, 0, 0, 3], 1002),
        ("text that is no UTF-8", &[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        ("text that stops being UTF-8 in an unfinished frame", &[0x01, 0x8a, 0, 0, 0, 0, b'a', 0xc0], 1007),
    ] {
        let channel = server.channel();
        let before = channel.newest();
        let mut peer = server.connect();
        peer.send(&server.request("GET", &channel.target(""), &UPGRADE, b"")).unwrap();
        assert_eq!(peer.head().unwrap().status, 101);
        peer.send(frame).unwrap();
        let close = peer.exactly(4).unwrap();
        assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, code), "{what}");
        peer.half_close();
        let rest = peer.until_closed().unwrap();
        assert_eq!(rest.len() + 2, usize::from(close[1]), "{what}: the Close and nothing behind it");
        assert_eq!(channel.newest(), before, "{what} is not stored");
    }
}

fn a_peer_that_reads_a_byte_at_a_time_gets_everything(server: &Server) {
    let channel = server.channel();
    let begin = channel.newest();
    let ids = channel.publish_all(["one", "two", "three"]);
    let mut peer = server.connect();
    let target = channel.target(&format!("after={begin}"));
    peer.send(&server.request("GET", &target, &["Connection: close"], b"")).unwrap();
    let mut bytes = Vec::new();
    let mut stream = peer.stream();
    stream.set_read_timeout(Some(patience())).unwrap();
    let mut byte = [0];
    while std::io::Read::read(&mut stream, &mut byte).unwrap() == 1 {
        bytes.push(byte[0]);
    }
    let text = String::from_utf8(bytes).unwrap();
    let json: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").expect("a head").1).unwrap();
    let got: Vec<_> = json["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(got, ids);
}

/// The longest of thirty round trips, from a publish to its arrival, while `busy` is at work.
fn longest_round_trip(server: &Server, busy: impl Fn(&AtomicBool) + Send + Sync) -> Duration {
    let channel = server.channel();
    let mut reader = Reader::open(&channel, Transport::WebSocket, Start::default());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| busy(&over));
        let mut longest = Duration::ZERO;
        for _ in 0..30 {
            let begin = Instant::now();
            let id = channel.publish("round trip").id;
            assert_eq!(reader.ids(1), [id]);
            longest = longest.max(begin.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        longest
    })
}

/// A client that sends without a pause must not keep others from their turn; seconds would be starvation.
const BOUND: Duration = Duration::from_millis(500);

fn a_greedy_publisher_does_not_starve_readers(server: &Server) {
    let longest = longest_round_trip(server, |over| {
        let greedy = server.channel();
        let mut socket = websocket(server, &greedy.target("after=newest"), "", &[]).unwrap();
        let mut writing = socket.get_ref().try_clone().unwrap();
        // Masked with zeros: a frame of 125 bytes, a thousand times in one write.
        let frame = [&[0x82, 0xfd, 0, 0, 0, 0][..], &[7; 125]].concat().repeat(1000);
        thread::scope(|scope| {
            scope.spawn(|| while !over.load(Ordering::Relaxed) && socket.read().is_ok() {});
            while !over.load(Ordering::Relaxed) && writing.write_all(&frame).is_ok() {}
            let _ = writing.shutdown(std::net::Shutdown::Both);
        });
    });
    assert!(longest < BOUND, "a neighbour's round trip took {longest:?}");
}

fn stalled_readers_do_not_starve_others(server: &Server) {
    let channel = server.channel();
    let mut stalled: Vec<_> = (0..20)
        .map(|number| {
            let mut peer = server.connect();
            let transport = [Transport::Sse, Transport::Stream][number % 2];
            peer.send(&server.request("GET", &channel.target(""), &[transport.field().unwrap()], b"")).unwrap();
            peer.head().unwrap();
            peer
        })
        .collect();
    let filler = "x".repeat(16 * 1024);
    let longest = longest_round_trip(server, |over| {
        let busy = server.channel_named("scenario-stalled-readers");
        while !over.load(Ordering::Relaxed) {
            busy.publish(&filler);
        }
    });
    for _ in 0..200 {
        channel.publish(&filler);
    }
    assert!(longest < BOUND, "a neighbour's round trip took {longest:?}");
    let mut reader = Reader::open(&channel, Transport::Sse, Start::default());
    let id = channel.publish("still served").id;
    assert_eq!(reader.ids(1), [id]);
    // They were not dropped for being slow, or were ended by a reset: either way the server said something.
    for peer in &mut stalled {
        assert!(matches!(peer.bytes(), Ok(_) | Err(PeerError::Reset | PeerError::Closed)));
    }
}
