//! Connections that come in pieces, late, and break in the middle.

use std::sync::atomic::AtomicU64;
use std::thread;

use goldcrest_tests::{FaultProxy, Faults, List, Need, Published, Server, Start, Transport, Width};

use crate::resilient_reader::read_to;
use crate::seq;

pub(crate) fn scenarios(list: &mut List) {
    list.add("proxy::readers_with_breaking_connections_lose_nothing", &[Need::OwnServer], readers);
    list.add("proxy::a_repeated_publish_with_a_key_is_stored_once", &[Need::OwnServer], publishers);
}

const EVENTS: u64 = 200;

/// How the connections of a round are treated.
fn rounds() -> [Faults; 3] {
    [
        // In bytes, and broken anywhere: within the head, the first block, an event, a chunk's size, a frame's head.
        Faults { piece: 1..=7, delay: 0..=1, cut: 1..=1500, reset: None },
        // In larger pieces that overtake those of other connections.
        Faults { piece: 1..=400, delay: 0..=20, cut: 1000..=4000, reset: Some(true) },
        // Whole, and cut as if it were the end.
        Faults { cut: 100..=3000, reset: Some(false), ..Faults::default() },
    ]
}

fn readers() {
    let server = Server::start(&[]);
    for (round, faults) in rounds().into_iter().enumerate() {
        // Followers get on by each byte; the answer to a poll has to come whole, or it came for nothing.
        let (least, most) = faults.cut.clone().into_inner();
        let whole = Faults { piece: 1..=90, cut: least..=most * 20, ..faults.clone() };
        let proxies = [faults, whole].map(|faults| FaultProxy::start(server.address(), faults, 1 << (40 + round)));
        let seen = proxies.each_ref().map(|proxy| server.seen_at(proxy.address(), None));
        let name = format!("broken-{round}");
        let direct = server.channel_named(&name);
        let begin = direct.newest();
        thread::scope(|scope| {
            let readers: Vec<_> = Transport::ALL
                .map(|transport| {
                    let polls = matches!(transport, Transport::Poll | Transport::LongPoll);
                    let (channel, begin) = (seen[usize::from(polls)].channel_named(&name), &begin);
                    scope.spawn(move || {
                        let (last, at) = (AtomicU64::new(EVENTS), AtomicU64::new(0));
                        read_to(&channel, transport, begin, &last, &at, Start::after)
                    })
                })
                .into();
            for number in 0..EVENTS {
                direct.publish(&format!("event {number} {}", "x".repeat(number as usize % 50)));
            }
            for (reader, transport) in readers.into_iter().zip(Transport::ALL) {
                let account = reader.join().expect("a reader");
                assert_eq!((account.events, account.missed), (EVENTS, 0), "{transport:?}");
            }
        });
        let [cuts, pieces] = [FaultProxy::cuts, FaultProxy::pieces].map(|of| proxies.each_ref().map(of));
        eprintln!("round {round}: {cuts:?} connections cut, {pieces:?} pieces");
        assert!(cuts[0] > 3, "hardly a connection broke");
    }
}

fn publishers() {
    let server = Server::start(&[]);
    let faults = Faults { piece: 1..=90, delay: 0..=1, cut: 1..=700, reset: None };
    let proxy = FaultProxy::start(server.address(), faults, 3);
    let seen = server.seen_at(proxy.address(), None);
    let channel = server.channel_named("repeated");
    let mut repeated = 0;
    for number in 1..=EVENTS {
        let key = format!("Idempotency-Key: {number}");
        let request = seen.request("POST", "/events/repeated", &["Content-Type: text/plain", &key], b"once");
        let published = loop {
            let answer = seen.try_connect(Width::Wide).and_then(|mut peer| {
                peer.send(&request)?;
                peer.answer("POST")
            });
            match answer {
                Ok(answer) => break Published::of(&answer),
                Err(_) => repeated += 1,
            }
        };
        assert_eq!(seq(&published.id), number, "stored once, and the answer says where");
    }
    assert_eq!(channel.kept().len() as u64, EVENTS);
    eprintln!("{repeated} repetitions, {} connections cut", proxy.cuts());
    assert!(repeated > 5, "hardly a connection broke");
}
