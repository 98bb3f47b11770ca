//! Content that drips: it holds a buffer no longer than its bytes are worth.

use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{List, Need, Peer, PeerError, Reader, Server, Start, Transport, UPGRADE};

pub(crate) fn scenarios(list: &mut List) {
    list.add("slow_content::a_body_a_byte_at_a_time_is_408", &[Need::OwnServer], body);
    list.add("slow_content::a_message_a_byte_at_a_time_times_out", &[Need::OwnServer], message);
    list.add("slow_content::a_slow_peer_above_the_minimum_rate_is_served", &[Need::OwnServer], steady);
}

/// 2 s, and a second more for each 500 bytes.
const FLAGS: [&str; 4] = ["--body-timeout", "2", "--body-rate", "500"];
const PAUSE: Duration = Duration::from_millis(100);
const BOUND: Duration = Duration::from_secs(6);

/// Sends a byte each pause until the server responds. Returns the response and the time.
fn drip(peer: &Peer, bytes: &[u8]) -> Duration {
    let begin = Instant::now();
    let mut stream = peer.stream();
    stream.set_read_timeout(Some(PAUSE)).unwrap();
    for byte in bytes {
        if std::io::Write::write_all(&mut stream, &[*byte]).is_err() || stream.peek(&mut [0]).is_ok() {
            break;
        }
        assert!(begin.elapsed() < BOUND, "it drips on and on");
    }
    begin.elapsed()
}

fn beside_a_neighbour(server: &Server, dripping: impl FnOnce() + Send) {
    let channel = server.channel_named("neighbour");
    let mut reader = Reader::open(&channel, Transport::Sse, Start::default());
    thread::scope(|scope| {
        let dripping = scope.spawn(dripping);
        while !dripping.is_finished() {
            let id = channel.publish("not held up").id;
            assert_eq!(reader.ids(1), [id]);
            thread::sleep(Duration::from_millis(10));
        }
        dripping.join().expect("slow content");
    });
}

fn body() {
    let server = Server::start(&FLAGS);
    beside_a_neighbour(&server, || {
        let request = server.request("POST", "/events/drip", &["Content-Type: text/plain"], &[b'x'; 10_000]);
        let (start, rest) = request.split_at(request.len() - 10_000);
        let mut peer = server.connect();
        peer.send(start).unwrap();
        let took = drip(&peer, rest);
        assert_eq!(peer.answer("POST").unwrap().status(), 408, "after {took:?}");
        assert!(took > Duration::from_millis(1900), "only {took:?}");
    });
}

fn message() {
    let server = Server::start(&FLAGS);
    beside_a_neighbour(&server, || {
        let mut peer = server.connect();
        peer.send(&server.request("GET", "/events/drip", &UPGRADE, b"")).unwrap();
        assert_eq!(peer.head().unwrap().status, 101);
        // A text of 10,000 bytes, masked with zeros.
        peer.send(&[0x81, 0xfe, 0x27, 0x10, 0, 0, 0, 0]).unwrap();
        let took = drip(&peer, &[b'x'; 10_000]);
        assert!(matches!(peer.bytes(), Err(PeerError::Reset | PeerError::Closed)), "after {took:?}");
        assert!(took > Duration::from_millis(1900), "only {took:?}");
    });
}

fn steady() {
    let server = Server::start(&FLAGS);
    let request = server.request("POST", "/events/drip", &["Content-Type: text/plain"], &[b'x'; 6_000]);
    let (start, rest) = request.split_at(request.len() - 6_000);
    let mut peer = server.connect();
    peer.send(start).unwrap();
    let begin = Instant::now();
    for piece in rest.chunks(150) {
        peer.send(piece).unwrap();
        thread::sleep(PAUSE);
    }
    assert_eq!(peer.answer("POST").unwrap().status(), 202);
    assert!(begin.elapsed() > Duration::from_secs(3), "it took longer than two seconds");
}
