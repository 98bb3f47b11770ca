//! Which cursor wins, and where a reader without one starts.

use goldcrest_tests::{List, Reader, Server, Start, Transport, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "cursors",
        &[],
        server,
        [
            oldest_and_newest_are_cursors_on_every_transport,
            last_event_id_precedes_all_other_cursors,
            if_none_match_precedes_the_query,
            the_polyfill_query_precedes_after,
            an_entity_tag_may_be_weak_or_one_of_a_list,
            a_cursor_in_a_field_works_on_every_transport,
            the_beginning_of_a_stream_can_be_resumed_from,
        ]
    );
}

fn oldest_and_newest_are_cursors_on_every_transport(server: &Server) {
    for transport in Transport::ALL {
        let channel = server.channel();
        channel.publish_all(["one", "two"]);
        let kept = channel.kept();
        let mut reader = Reader::open(&channel, transport, Start::after("oldest"));
        assert_eq!(reader.ids(kept.len()), kept, "{transport:?}");
        let begin = channel.newest();
        assert_eq!(Some(&begin), kept.last());
        let mut reader = Reader::open(&channel, transport, Start::after("newest"));
        let id = match transport {
            // The time when these read the position of the newest event cannot be observed: their responses report it.
            Transport::Poll | Transport::LongPoll => {
                drop(reader);
                let mut waiting = Reader::open(&channel, transport, Start::after(&begin));
                let id = channel.publish("three").id;
                assert_eq!(waiting.ids(1), [id], "{transport:?}");
                continue;
            }
            Transport::Stream | Transport::Sse | Transport::WebSocket => channel.publish("three").id,
        };
        assert_eq!(reader.ids(1), [id], "{transport:?}");
    }
}

fn last_event_id_precedes_all_other_cursors(server: &Server) {
    let channel = server.channel();
    let [a, b, c, d, e] = ids(server, &channel);
    let start = Start::after(&a)
        .query("last_event_id", &b)
        .field("If-None-Match", &format!("\"{c}\""))
        .field("Last-Event-ID", &d);
    for transport in Transport::ALL {
        assert_eq!(Reader::open(&channel, transport, start.clone()).ids(1), [e.as_str()], "{transport:?}");
    }
}

fn ids(_: &Server, channel: &goldcrest_tests::Channel<'_>) -> [String; 5] {
    channel.publish_all(["a", "b", "c", "d", "e"]).try_into().unwrap()
}

fn if_none_match_precedes_the_query(server: &Server) {
    let channel = server.channel();
    let [a, b, c, d, e] = ids(server, &channel);
    for transport in [Transport::Poll, Transport::LongPoll] {
        let start = Start::after(&a).query("last_event_id", &b).field("If-None-Match", &format!("\"{c}\""));
        assert_eq!(Reader::open(&channel, transport, start).ids(2), [d.as_str(), &e], "{transport:?}");
    }
}

fn the_polyfill_query_precedes_after(server: &Server) {
    let channel = server.channel();
    let [a, _, c, d, e] = ids(server, &channel);
    for transport in Transport::ALL {
        let start = Start::after(&a).query("last_event_id", &c);
        assert_eq!(Reader::open(&channel, transport, start).ids(2), [d.as_str(), &e], "{transport:?}");
    }
}

fn an_entity_tag_may_be_weak_or_one_of_a_list(server: &Server) {
    let channel = server.channel();
    let [.., d, e] = ids(server, &channel);
    // An entity tag that a proxy weakened still names the position.
    let start = Start::default().field("If-None-Match", &format!("W/\"{d}\""));
    assert_eq!(Reader::open(&channel, Transport::Poll, start).ids(1), [e]);
}

fn a_cursor_in_a_field_works_on_every_transport(server: &Server) {
    let channel = server.channel();
    let [_, b, c, d, e] = ids(server, &channel);
    for transport in Transport::ALL {
        let start = Start::default().field("Last-Event-ID", &b);
        assert_eq!(Reader::open(&channel, transport, start).ids(3), [c.as_str(), &d, &e], "{transport:?}");
    }
}

fn the_beginning_of_a_stream_can_be_resumed_from(server: &Server) {
    let channel = server.channel();
    channel.publish("before");
    for transport in [Transport::Sse, Transport::Stream] {
        let cursor = Reader::open(&channel, transport, Start::default()).cursor();
        let ids = channel.publish_all(["one", "two"]);
        assert_eq!(Reader::open(&channel, transport, Start::after(&cursor)).ids(2), ids, "{transport:?}");
    }
}
