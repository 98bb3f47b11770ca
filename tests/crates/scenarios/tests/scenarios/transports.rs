//! How a transport is chosen, and that all five say the same.

use goldcrest_tests::{Event, EventStream, List, Peer, Reader, Server, Start, Transport, promises, websocket};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "transports",
        &[],
        server,
        [
            all_five_deliver_the_same_event,
            the_query_chooses_for_clients_without_fields,
            the_first_match_of_the_table_wins,
            an_excluded_transport_is_not_chosen,
            an_unknown_transport_is_refused,
            an_event_stream_has_its_media_type,
            a_stream_has_its_media_type,
            line_ends_of_every_kind_arrive,
            a_plain_websocket_sends_the_data_alone,
        ]
    );
}

fn all_five_deliver_the_same_event(server: &Server) {
    let channel = server.channel();
    let texts = ["21.5", "", "ünïcödé 🐦", "a \"quoted\" \\ path\tand a tab", "{\"json\":true}", "\u{1}\u{7f}", " led"];
    let begin = channel.newest();
    let readers: Vec<Reader<'_>> =
        Transport::ALL.iter().map(|transport| Reader::open(&channel, *transport, Start::after(&begin))).collect();
    let mut expected = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let event_type = ["message", "sample", "Température"][number % 3];
        let query = if event_type == "message" { String::new() } else { format!("type={}", percent(event_type)) };
        let answer = channel.post(&query, &["Content-Type: text/plain"], text.as_bytes());
        let id = goldcrest_tests::Published::of(&answer).id;
        let data = text.as_bytes().to_vec();
        expected.push(Event { id, event_type: event_type.to_owned(), data, binary: false });
    }
    for (mut reader, transport) in readers.into_iter().zip(Transport::ALL) {
        let events: Vec<Event> = texts.iter().map(|_| reader.event()).collect();
        assert_eq!(events, expected, "{transport:?}");
    }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn the_query_chooses_for_clients_without_fields(server: &Server) {
    for transport in Transport::ALL {
        let channel = server.channel();
        let begin = channel.newest();
        let mut reader = Reader::open(&channel, transport, Start::after(&begin).by_query());
        let ids = channel.publish_all(["one", "two"]);
        assert_eq!(reader.ids(2), ids, "{transport:?}");
    }
}

/// The kind of response to a GET with these fields.
fn kind(server: &Server, fields: &[&str]) -> String {
    let channel = server.channel();
    let mut peer = server.connect();
    peer.send(&server.request("GET", &channel.target(""), fields, b"")).unwrap();
    let head = peer.head().unwrap();
    assert_eq!(head.status, 200, "{fields:?}: {head:?}");
    let kind = head.field("content-type").expect("a Content-Type");
    kind.split(';').next().unwrap_or_default().trim().to_owned()
}

fn the_first_match_of_the_table_wins(server: &Server) {
    for (fields, expected) in [
        (&["Accept: application/x-ndjson, text/event-stream"][..], "text/event-stream"),
        (&["Accept: application/x-ndjson", "Accept: text/event-stream"], "text/event-stream"),
        (&["Accept: text/event-stream", "Prefer: wait=1"], "text/event-stream"),
        (&["Accept: application/x-ndjson", "Prefer: wait=1"], "application/x-ndjson"),
        (&["accept:TEXT/Event-Stream"], "text/event-stream"),
        (&["Accept: */*"], "application/json"),
        (&["Accept: application/json"], "application/json"),
        (&[], "application/json"),
    ] {
        assert_eq!(kind(server, fields), expected, "{fields:?}");
    }
}

fn an_excluded_transport_is_not_chosen(server: &Server) {
    for (fields, expected) in [
        (&["Accept: text/event-stream;q=0, application/x-ndjson"][..], "application/x-ndjson"),
        (&["Accept: text/event-stream; q=0.000, */*"], "application/json"),
        (&["Accept: text/event-stream;q=0.001, application/json"], "text/event-stream"),
    ] {
        assert_eq!(kind(server, fields), expected, "{fields:?}");
    }
}

fn an_unknown_transport_is_refused(server: &Server) {
    let channel = server.channel();
    assert_eq!(server.ask("GET", &channel.target("transport=carrier-pigeon"), &[], b"").status(), 400);
}

fn open(server: &Server, fields: &[&str]) -> (Peer, goldcrest_tests::Head) {
    let channel = server.channel();
    let mut peer = server.connect();
    peer.send(&server.request("GET", &channel.target(""), fields, b"")).unwrap();
    let head = peer.head().unwrap();
    (peer, head)
}

fn an_event_stream_has_its_media_type(server: &Server) {
    let (mut peer, head) = open(server, &["Accept: text/event-stream"]);
    assert_eq!(head.field("content-type"), Some("text/event-stream;charset=UTF-8"));
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(head.field("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(head.field("incremental"), Some("?1"));
    assert_eq!(head.field("x-accel-buffering"), Some("no"));
    let mut framing = head.framing("GET").unwrap();
    let mut parser = EventStream::default();
    while parser.blocks == 0 {
        parser.take(&peer.piece(&mut framing).unwrap().expect("a first block"));
    }
    assert!(parser.retry.is_some(), "the first block primes the reconnection time");
    assert!(parser.last_id.contains('-'), "the first block primes the last event ID");
}

fn a_stream_has_its_media_type(server: &Server) {
    let (_, head) = open(server, &["Accept: application/x-ndjson"]);
    assert!(head.field("content-type").unwrap().starts_with("application/x-ndjson"));
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(head.field("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(head.field("incremental"), Some("?1"));
    assert_eq!(head.field("x-accel-buffering"), Some("no"));
}

fn line_ends_of_every_kind_arrive(server: &Server) {
    let text = "a\nb\r\nc\rd\n\n\re\n";
    for transport in Transport::ALL {
        let channel = server.channel();
        let begin = channel.newest();
        channel.publish(text);
        let event = Reader::open(&channel, transport, Start::after(&begin)).event();
        let data = String::from_utf8(event.data).unwrap();
        // An event stream cannot distinguish CR and CR LF from LF.
        let expected = if transport == Transport::Sse { "a\nb\nc\nd\n\n\ne\n" } else { text };
        assert_eq!(data, expected, "{transport:?}");
    }
}

fn a_plain_websocket_sends_the_data_alone(server: &Server) {
    let channel = server.channel();
    let mut socket = websocket(server, &channel.target(""), "", &[]).unwrap();
    channel.publish("just this");
    channel.post("", &["Content-Type: application/octet-stream"], &[0, 255, 10]);
    assert_eq!(socket.read().unwrap().into_text().unwrap().as_str(), "just this");
    assert_eq!(socket.read().unwrap(), tungstenite::Message::binary(vec![0, 255, 10]));
}
