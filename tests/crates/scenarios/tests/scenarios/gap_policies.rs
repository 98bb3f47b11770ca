//! The gap policies.

use goldcrest_tests::{Channel, Head, List, Need, Peer, Reader, Server, Start, Transport, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "gap_policies",
        &[Need::OwnServer],
        server,
        [
            replay_goes_on_from_the_oldest_kept,
            latest_skips_to_the_newest_which_is_delivered,
            disconnect_lets_a_resume_go_on,
            disconnect_reports_the_gap_to_a_live_reader_and_closes,
        ]
    );
}

const SMALL: [&str; 2] = ["--history-events", "8"];

fn start(policy: &str) -> Server {
    Server::start(&[&SMALL[..], &["--gap-policy", policy]].concat())
}

/// A cursor whose next events are gone, the ids that are kept, and how many are missing between them.
fn overwritten(channel: &Channel<'_>) -> (String, Vec<String>, u64) {
    let cursor = channel.publish("first").id;
    channel.publish_all(["event"; 20]);
    let kept = channel.kept();
    assert_eq!(kept.len(), 8);
    (cursor, kept, 12)
}

fn replay_goes_on_from_the_oldest_kept(_: &Server) {
    resume_goes_on_from_the_oldest_kept("replay");
}

fn latest_skips_to_the_newest_which_is_delivered(_: &Server) {
    let server = start("latest");
    for transport in Transport::ALL {
        let channel = server.channel_named(transport.name());
        let (cursor, kept, missed) = overwritten(&channel);
        let mut reader = Reader::open(&channel, transport, Start::after(&cursor));
        assert_eq!(reader.gap().missed, Some(missed + 7), "{transport:?}");
        assert_eq!(reader.ids(1), [kept[7].as_str()], "{transport:?}");
        let next = channel.publish("next").id;
        assert_eq!(reader.ids(1), [next], "{transport:?}");
    }
}

fn disconnect_lets_a_resume_go_on(_: &Server) {
    resume_goes_on_from_the_oldest_kept("disconnect");
}

fn resume_goes_on_from_the_oldest_kept(policy: &str) {
    let server = start(policy);
    for transport in Transport::ALL {
        let channel = server.channel_named(transport.name());
        let (cursor, kept, missed) = overwritten(&channel);
        let mut reader = Reader::open(&channel, transport, Start::after(&cursor));
        assert_eq!(reader.gap().missed, Some(missed), "{transport:?}");
        assert_eq!(reader.ids(8), kept, "{transport:?}");
    }
}

fn follow(server: &Server, transport: Transport) -> (Peer, Head) {
    let mut peer = server.connect();
    let fields: Vec<&str> = transport.field().into_iter().collect();
    peer.send(&server.request("GET", "/events/live", &fields, b"")).unwrap();
    let head = peer.head().unwrap();
    (peer, head)
}

fn disconnect_reports_the_gap_to_a_live_reader_and_closes(_: &Server) {
    for (transport, told) in
        [(Transport::Stream, "{\"gap\":{\"missed\":"), (Transport::Sse, "event: gap\ndata: {\"missed\":")]
    {
        let server = start("disconnect");
        let channel = server.channel_named("live");
        let (mut peer, head) = follow(&server, transport);
        let mut framing = head.framing("GET").unwrap();
        let filler = "x".repeat(16 * 1024);
        for _ in 0..1000 {
            channel.publish(&filler);
        }
        let mut text = Vec::new();
        let ended = loop {
            match peer.piece(&mut framing) {
                Ok(Some(piece)) => text.extend(piece),
                Ok(None) => break true,
                // An event was overwritten while part of it was on the wire: then no further message is possible.
                Err(_) => break false,
            }
        };
        assert!(!ended || String::from_utf8(text).unwrap().contains(told), "{transport:?} ended without a word");
    }
}
