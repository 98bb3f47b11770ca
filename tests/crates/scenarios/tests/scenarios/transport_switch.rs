//! Readers that come and go while others publish without a pause: nothing lost, nothing twice, one order for all.

use std::sync::mpsc;
use std::thread;

use goldcrest_tests::{List, Need, Published, Reader, Server, Start, Transport, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(list, "transport_switch", &[], server, [a_reader_that_hops_between_transports_in_a_burst_misses_nothing]);
    promises!(
        list,
        "transport_switch",
        &[Need::OwnServer],
        server,
        [readers_of_all_threads_see_one_order, readers_that_come_in_a_burst_see_it_from_their_beginning]
    );
}

const EVENTS: usize = 400;

/// Publishes so many events, one behind the other, and returns their ids.
fn burst(server: &Server, target: &str, count: usize) -> Vec<String> {
    let mut peer = server.connect();
    let request = server.request("POST", target, &["Content-Type: text/plain"], b"x");
    (0..count)
        .map(|_| {
            peer.send(&request).unwrap();
            Published::of(&peer.answer("POST").unwrap()).id
        })
        .collect()
}

fn seq(id: &str) -> u64 {
    id.split_once('-').unwrap().1.parse().unwrap()
}

/// A live event must not overtake the cursor of a reader that is reconnecting.
fn a_reader_that_hops_between_transports_in_a_burst_misses_nothing(server: &Server) {
    let channel = server.channel();
    let target = channel.target("");
    // A chip keeps few events: the burst is never further ahead than that.
    let (ahead, caught_up) = mpsc::sync_channel(8);
    let mut cursor = channel.newest();
    thread::scope(|scope| {
        let publisher = scope.spawn(move || {
            let mut published = Vec::new();
            while published.len() < EVENTS && ahead.send(()).is_ok() {
                published.extend(burst(server, &target, 1));
            }
            published
        });
        let mut got: Vec<String> = Vec::new();
        let mut transports = Transport::ALL.iter().cycle();
        while got.len() < EVENTS {
            let transport = *transports.next().expect("a cycle");
            let mut reader = Reader::open(&channel, transport, Start::after(&cursor));
            for _ in 0..(1 + got.len() % 7).min(EVENTS - got.len()) {
                got.extend(reader.ids(1));
                caught_up.recv().expect("a publisher");
            }
            // It leaves in the middle: later events of this connection are discarded.
            cursor.clone_from(got.last().expect("at least one"));
        }
        drop(caught_up);
        assert_eq!(got, publisher.join().unwrap());
    });
}

fn readers_of_all_threads_see_one_order(_: &Server) {
    let server = &Server::start(&["--threads", "4"]);
    let channel = server.channel_named("all");
    let follow = [Transport::Sse, Transport::Stream, Transport::WebSocket];
    let mut readers: Vec<Reader<'_>> =
        (0..24).map(|number| Reader::open(&channel, follow[number % 3], Start::default())).collect();
    let mut published: Vec<String> = thread::scope(|scope| {
        let publishers: Vec<_> = (0..4).map(|_| scope.spawn(|| burst(server, "/events/all", EVENTS / 4))).collect();
        publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect()
    });
    published.sort_by_key(|id| seq(id));
    assert!(published.iter().map(|id| seq(id)).eq(1..=EVENTS as u64), "each number once");
    for reader in &mut readers {
        assert_eq!(reader.ids(EVENTS), published);
    }
    server.stop();
}

/// The first reader of a thread gets the events published before it came, and those published meanwhile.
fn readers_that_come_in_a_burst_see_it_from_their_beginning(_: &Server) {
    let server = &Server::start(&["--threads", "4"]);
    let channel = server.channel_named("burst");
    let target = channel.target("");
    thread::scope(|scope| {
        let publisher = scope.spawn(|| burst(server, &target, EVENTS));
        let mut readers: Vec<(Reader<'_>, Transport)> = Vec::new();
        for number in 0..20 {
            let transport = Transport::ALL[number % 5];
            readers.push((Reader::open(&channel, transport, Start::after("oldest")), transport));
        }
        let published = publisher.join().unwrap();
        for (mut reader, transport) in readers {
            assert_eq!(reader.ids(EVENTS), published, "{transport:?}");
        }
    });
    server.stop();
}
