//! Peers that half-close, reset, stop reading, read a byte a second, beside others that lose nothing by it.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{EventStream, List, Need, Peer, Reader, Server, Start, Transport, UPGRADE, Width, patience};

use crate::resilient_reader::{Home, read_to};
use crate::seq;

pub(crate) fn scenarios(list: &mut List) {
    list.add("peers::faulty_peers_are_released_and_others_lose_no_event", &[Need::OwnServer], bad_peers);
}

const EVENTS: u64 = 300;
/// No reader that reads is so far behind: the log keeps more.
const BEHIND: u64 = 16;
const FOLLOWED: [Transport; 3] = [Transport::Stream, Transport::Sse, Transport::WebSocket];

fn bad_peers() {
    let server = &Server::start(&["--write-timeout", "3", "--history-bytes", "65536", "--ping-interval", "1"]);
    let channel = server.channel_named("bad");
    let begin = channel.publish("begin").id;
    let (last, over) = (AtomicU64::new(u64::MAX), AtomicBool::new(false));
    let seen = Transport::ALL.map(|_| AtomicU64::new(seq(&begin)));
    thread::scope(|scope| {
        let _home = Home(&last);
        let neighbours: Vec<_> = Transport::ALL
            .into_iter()
            .zip(&seen)
            .map(|(transport, seen)| {
                let (channel, begin, last) = (server.channel_named("bad"), &begin, &last);
                scope.spawn(move || read_to(&channel, transport, begin, last, seen, Start::after))
            })
            .collect();
        // A peer that never reads again, a peer that is silent, and a peer that reads a byte a second.
        let mut stopped: Vec<Peer> =
            (0..20).map(|number| follow(server, FOLLOWED[number % 3], Width::Narrow)).collect();
        let half_closed: Vec<Peer> = (0..20)
            .map(|number| {
                let mut peer = follow(server, FOLLOWED[number % 3], Width::Wide);
                peer.half_close();
                peer
            })
            .collect();
        let sippers: Vec<_> = (0..5)
            .map(|_| {
                let (begin, over) = (&begin, &over);
                scope.spawn(move || sip(server, begin, over))
            })
            .collect();

        let filler = "x".repeat(2000);
        let mut end = seq(&begin);
        for number in 0..EVENTS {
            if number % 5 == 0 {
                // Unread input makes the system send a reset.
                let visitors = server.channel_named("bad");
                drop(Reader::open(&visitors, FOLLOWED[number as usize % 3], Start::after(&begin)));
            }
            let due = Instant::now() + patience();
            while seen.iter().any(|seen| seen.load(Ordering::Acquire) + BEHIND < end) {
                assert!(Instant::now() < due, "a neighbour stands still: {seen:?} of {end}");
                thread::sleep(Duration::from_millis(1));
            }
            end = seq(&channel.publish(&filler).id);
        }

        // Of the followers only the neighbours are left, though no client closed a connection.
        let due = Instant::now() + Duration::from_secs(15);
        loop {
            let published = channel.publish(&filler);
            end = seq(&published.id);
            if published.subscribers <= 4 {
                break;
            }
            assert!(Instant::now() < due, "{} followers are left", published.subscribers);
            thread::sleep(Duration::from_millis(50));
        }
        for peer in &mut stopped {
            peer.until_closed().expect("its connection was broken");
        }
        drop(half_closed);
        over.store(true, Ordering::Release);
        last.store(end + 1, Ordering::Release);
        channel.publish("last");
        for (neighbour, transport) in neighbours.into_iter().zip(Transport::ALL) {
            let account = neighbour.join().expect("a neighbour");
            assert_eq!((account.missed, account.breaks), (0, 0), "{transport:?}: {account:?}");
            assert_eq!(account.events, end + 1 - seq(&begin), "{transport:?}");
        }
        for sipper in sippers {
            sipper.join().expect("a peer that reads a byte a second");
        }
    });
}

fn follow(server: &Server, transport: Transport, width: Width) -> Peer {
    let upgrade = [&UPGRADE[..], &["Sec-WebSocket-Protocol: goldcrest.v1"]].concat();
    let fields = transport.field().map_or(upgrade, |field| vec![field]);
    let mut peer = server.connect_with(width);
    peer.send(&server.request("GET", "/events/bad", &fields, b"")).unwrap();
    assert!(matches!(peer.head().unwrap().status, 101 | 200));
    peer
}

/// Reads a byte a second of an event stream; the events before the timeout are in order, without holes.
fn sip(server: &Server, begin: &str, over: &AtomicBool) {
    let peer = server.connect_with(Width::Narrow);
    let mut stream = peer.stream();
    // HTTP/1.0: nothing stands between the events.
    let head = format!("GET /events/bad?after={begin} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n");
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let (mut bytes, mut byte) = (Vec::new(), [0; 64]);
    while !over.load(Ordering::Acquire) {
        // The head at once, then sips.
        let size = if bytes.len() < 512 { 64 } else { 1 };
        match stream.read(&mut byte[..size]) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&byte[..count]),
        }
        if size == 1 {
            thread::sleep(Duration::from_secs(1));
        }
    }
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let mut expected = seq(begin);
    for event in EventStream::default().take(&bytes[body..]) {
        assert_eq!(event.event_type, "message");
        expected += 1;
        assert_eq!(seq(&event.id), expected);
    }
}
