//! SIGTERM in the middle of a burst, and a server that comes back at the same address with another life of its logs.

use std::sync::Mutex;
use std::thread;

use goldcrest_tests::{Channel, Item, List, Need, Peer, Published, Reader, Server, Start, Transport, Width};

use crate::seq;

pub(crate) fn scenarios(list: &mut List) {
    list.add("restart::events_lost_in_a_restart_are_reported_as_a_gap", &[Need::OwnServer], restart);
}

fn restart() {
    // The log has space for all of it: a slow machine causes no gap.
    let server = Server::start(&["--history-events", "200000", "--history-bytes", "33554432"]);
    let channel = server.channel_named("burst");
    let begin = channel.publish("begin").id;
    let accepted = Mutex::new(Vec::new());
    let ends = thread::scope(|scope| {
        let readers = Transport::ALL.map(|transport| {
            let (channel, begin) = (server.channel_named("burst"), &begin);
            scope.spawn(move || to_the_end(&channel, transport, begin))
        });
        for _ in 0..2 {
            scope.spawn(|| burst(&server, &accepted));
        }
        while accepted.lock().unwrap().len() < 500 {
            thread::yield_now();
        }
        server.terminate();
        readers.map(|reader| reader.join().expect("a reader"))
    });
    assert!(server.wait().success());
    let accepted = accepted.into_inner().unwrap();
    let newest = accepted.iter().map(|id| seq(id)).max().expect("something was accepted");
    // A follower has every event accepted while it followed. A poll has its response in time.
    for (end, transport) in ends.iter().zip(Transport::ALL) {
        let follows = matches!(transport, Transport::Stream | Transport::Sse | Transport::WebSocket);
        assert!(!follows || seq(end) >= newest, "{transport:?} ended at {end} of {newest}");
    }

    let again = Server::start_by(&[], server.address(), &[]);
    let channel = again.channel_named("burst");
    let id = channel.publish("again").id;
    for (end, transport) in ends.iter().zip(Transport::ALL) {
        let mut reader = Reader::open(&channel, transport, Start::after(end));
        assert_eq!(reader.gap().missed, None, "{transport:?}: the number is unknown");
        assert_eq!(reader.ids(1), std::slice::from_ref(&id), "{transport:?}");
    }
}

/// Reads each event in turn until the server ends the connection. Returns the cursor to resume after.
fn to_the_end(channel: &Channel<'_>, transport: Transport, begin: &str) -> String {
    let mut cursor = begin.to_owned();
    let mut reader = Reader::open(channel, transport, Start::after(begin));
    loop {
        match reader.try_item() {
            Ok(Item::Event(event)) => {
                assert_eq!(seq(&event.id), seq(&cursor) + 1, "{transport:?}");
                cursor = event.id;
            }
            Ok(Item::Gap(gap)) => panic!("{transport:?} keeps up: {gap:?}"),
            Err(_) => return cursor,
        }
    }
}

/// Publishes until the server takes no more.
fn burst(server: &Server, accepted: &Mutex<Vec<String>>) {
    let request = server.request("POST", "/events/burst", &["Content-Type: text/plain"], b"in the middle of it");
    let Ok(mut peer) = server.try_connect(Width::Wide) else { return };
    while let Some(id) = publish(&mut peer, &request) {
        accepted.lock().unwrap().push(id);
    }
}

/// Publishes once. Returns the id, if there was a follower.
fn publish(peer: &mut Peer, request: &[u8]) -> Option<String> {
    peer.send(request).ok()?;
    let answer = peer.answer("POST").ok()?;
    (answer.status() == 201).then(|| Published::of(&answer).id)
}
