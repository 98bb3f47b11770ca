//! Few descriptors: as many connections are served as the limit permits, and the next gets 503 with `Retry-After`. No
//! descriptors at all: open connections go on, and accepting resumes once there are descriptors again.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{slice, thread};

use goldcrest_tests::process::descriptors;
use goldcrest_tests::{List, Need, Peer, PeerError, Reader, Server, Start, Transport, Width, patience};

pub(crate) fn scenarios(list: &mut List) {
    list.add("descriptors::accepting_goes_on_after_all_descriptors_were_taken", &[Need::OwnServer], exhausted);
    list.add(
        "descriptors::without_descriptors_a_connection_is_503_with_retry_after",
        &[Need::OwnServer],
        told_to_come_back,
    );
    list.add("descriptors::silent_peers_do_not_delay_the_503_of_the_next", &[Need::OwnServer], silent_peers);
}

/// A server that may open so many descriptors, and the connections that it says there is room for.
fn limited(descriptors: usize) -> (Server, usize) {
    let limit = format!("ulimit -n {descriptors} && exec \"$@\"");
    let server =
        Server::start_by(&["bash", "-c", &limit, "bash"], SocketAddr::from(([127, 0, 0, 1], 0)), &["--threads", "2"]);
    let lines = server.lines("the limit of open descriptors leaves room for fewer connections than --max-connections");
    let [line] = &lines[..] else { panic!("it is said once: {lines:#?}") };
    assert!(line.contains("LimitNOFILE=") && line.contains("ulimit -n"), "{line}");
    let room = line.split_once(" connections=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    (server, room.unwrap_or_else(|| panic!("no number in {line}")))
}

/// Follows the channel, and returns the outcome.
fn follow(server: &Server, peers: &mut Vec<Peer>) -> u16 {
    let mut peer = server.connect_with(Width::Wide);
    peer.send(&server.request("GET", "/events/full", &["Accept: application/x-ndjson"], b"")).unwrap();
    let head = peer.head().unwrap_or_else(|trouble| panic!("beside {} others: {trouble:?}", peers.len()));
    if head.status == 503 {
        let after: u64 = head.field("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!((5..10).contains(&after), "{after}");
    } else {
        peers.push(peer);
    }
    head.status
}

fn told_to_come_back() {
    let (server, room) = limited(300);
    assert!((200..300).contains(&room), "{room} connections of 300 descriptors");
    let mut peers = Vec::new();
    for number in 0..400 {
        let expected = if number < room { 200 } else { 503 };
        assert_eq!(follow(&server, &mut peers), expected, "connection {number}, with room for {room}");
    }
    assert!(server.lines("cannot accept").is_empty());
    // A disconnect frees a descriptor, and the other readers have lost nothing.
    drop(peers.drain(10..));
    let due = Instant::now() + patience();
    while follow(&server, &mut peers) != 200 {
        assert!(Instant::now() < due, "there is no room again");
    }
    let channel = server.channel_named("full");
    assert_eq!(channel.publish("still here").subscribers, 11);
}

fn silent_peers() {
    let (server, room) = limited(300);
    let mut peers = Vec::new();
    for _ in 0..room {
        assert_eq!(follow(&server, &mut peers), 200);
    }
    // More than the places reserved for 503 responses.
    let mut silent: Vec<Peer> = (0..70).map(|_| server.connect_with(Width::Wide)).collect();
    assert_eq!(
        silent.last_mut().unwrap().until_closed().ok().as_deref(),
        Some(&b""[..]),
        "there is no place for the last"
    );
    let due = Instant::now() + patience();
    loop {
        let mut peer = server.connect_with(Width::Wide);
        // Closed at once it may not even be sent.
        let _ = peer.send(&server.request("GET", "/events/full", &[], b""));
        match peer.answer("GET") {
            Ok(answer) => break assert_eq!(answer.status(), 503),
            Err(trouble) => assert!(Instant::now() < due, "{trouble:?}: silent peers have all the places"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

const LIMIT: usize = 64;

fn exhausted() {
    let server = Server::start(&["--threads", "2"]);
    // Unknown to the server at its start: it may open fewer connections than its descriptor limit permits.
    let process = server.process().to_string();
    let lowered = Command::new("prlimit").args(["--pid", &process, &format!("--nofile={LIMIT}:{LIMIT}")]).status();
    assert!(lowered.expect("prlimit").success());
    let channel = server.channel_named("full");
    channel.publish("begin");
    let mut readers: Vec<Reader<'_>> = Transport::ALL
        .into_iter()
        .map(|transport| Reader::open(&channel, transport, Start::after(&channel.newest())))
        .collect();
    // A poll has its connection with its first answer.
    let id = channel.publish("one").id;
    for reader in &mut readers {
        assert_eq!(reader.ids(1), slice::from_ref(&id));
    }

    let request = server.request("GET", "/events/full?after=oldest", &[], b"");
    let mut crowd: Vec<Peer> = (0..3 * LIMIT)
        .map(|_| {
            // The system lets them in, whether or not the server takes them from it.
            let mut peer = server.connect_with(Width::Wide);
            peer.send(&request).unwrap();
            peer
        })
        .collect();
    let due = Instant::now() + patience();
    while server.lines("cannot accept").is_empty() {
        assert!(Instant::now() < due, "it never ran out of descriptors");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(descriptors(server.process()) >= LIMIT);

    // Two seconds of trying ten times a second.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        let id = channel.publish("meanwhile").id;
        for (reader, transport) in readers.iter_mut().zip(Transport::ALL) {
            assert_eq!(reader.ids(1), slice::from_ref(&id), "{transport:?} was there before");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let warnings = server.lines("cannot accept");
    assert!(warnings.len() <= 2, "a thread says it once: {warnings:#?}");

    // Those in the middle of the queue wait on and are answered; the others leave.
    let mut waiting: Vec<Peer> = crowd.drain(2 * LIMIT..2 * LIMIT + 10).collect();
    drop(crowd);
    for peer in &mut waiting {
        match peer.answer("GET") {
            Ok(answer) => assert_eq!(answer.status(), 200),
            // Answered, and idle for so long: not so here.
            Err(trouble) => panic!("a client that waited for a descriptor: {trouble:?}"),
        }
    }
    let channel = server.channel_named("full");
    let mut newcomer = Reader::open(&channel, Transport::Sse, Start::default());
    let id = channel.publish("afterwards").id;
    assert_eq!(newcomer.ids(1), slice::from_ref(&id));
    for reader in &mut readers {
        assert_eq!(reader.ids(1), slice::from_ref(&id));
    }
    assert!(!server.lines("accepting again").is_empty());
    // It does not keep a connection that it does not serve any more.
    drop((waiting, newcomer, readers));
    let due = Instant::now() + patience();
    while descriptors(server.process()) > LIMIT / 2 {
        assert!(Instant::now() < due, "{} descriptors are left", descriptors(server.process()));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!matches!(server.try_connect(Width::Wide), Err(PeerError::Reset)));
}
