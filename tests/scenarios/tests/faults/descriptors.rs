//! No descriptors are left: who is there goes on, and accepting goes on once there are some again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{slice, thread};

use goldcrest_tests::process::descriptors;
use goldcrest_tests::{List, Need, Peer, Reader, Server, Start, Transport, Trouble, Width, patience};

pub(crate) fn scenarios(list: &mut List) {
    list.add("descriptors::accepting_goes_on_after_all_descriptors_were_taken", &[Need::OwnServer], exhausted);
}

const LIMIT: usize = 64;

fn exhausted() {
    let limited = ["bash", "-c", "ulimit -n 64 && exec \"$@\"", "bash"];
    let server = Server::start_by(&limited, SocketAddr::from(([127, 0, 0, 1], 0)), &["--threads", "2"]);
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
            Err(trouble) => panic!("somebody who waited for a descriptor: {trouble:?}"),
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
    // What it does not serve any more it does not hold either.
    drop((waiting, newcomer, readers));
    let due = Instant::now() + patience();
    while descriptors(server.process()) > LIMIT / 2 {
        assert!(Instant::now() < due, "{} descriptors are left", descriptors(server.process()));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!matches!(server.try_connect(Width::Wide), Err(Trouble::Reset)));
}
