//! Bytes that are no text, on each transport.

use goldcrest_tests::{List, Need, Published, Reader, Server, Start, Transport, promises, websocket};
use tungstenite::Message;

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "binary",
        &[],
        server,
        [
            every_byte_arrives_on_every_transport,
            lengths_around_each_padding_arrive,
            json_marks_base64,
            an_event_stream_marks_the_type,
            the_envelope_is_a_line_before_the_bytes,
            data_that_is_not_utf8_is_binary,
        ]
    );
    promises!(list, "binary", &[Need::Large], server, [large_events_arrive_whole]);
}

const BINARY: &[&str] = &["Content-Type: application/octet-stream"];

fn every_byte_arrives_on_every_transport(server: &Server) {
    let bytes: Vec<u8> = (0..=255).collect();
    let channel = server.channel();
    let begin = channel.newest();
    let id = Published::of(&channel.post("type=raw", BINARY, &bytes)).id;
    for transport in Transport::ALL {
        let event = Reader::open(&channel, transport, Start::after(&begin)).event();
        assert_eq!(
            (event.id.as_str(), event.event_type.as_str(), event.binary),
            (id.as_str(), "raw", true),
            "{transport:?}"
        );
        assert_eq!(event.data, bytes, "{transport:?}");
    }
}

fn lengths_around_each_padding_arrive(server: &Server) {
    let channel = server.channel();
    for length in [0, 1, 2, 3, 4, 191, 192, 193, 194, 195, 384, 385] {
        let begin = channel.newest();
        let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + 128) as u8).collect();
        channel.post("", BINARY, &bytes);
        for transport in Transport::ALL {
            let event = Reader::open(&channel, transport, Start::after(&begin)).event();
            assert_eq!(
                (event.data.as_slice(), event.binary),
                (bytes.as_slice(), true),
                "{transport:?}, {length} bytes"
            );
        }
    }
}

fn json_marks_base64(server: &Server) {
    let channel = server.channel();
    let begin = channel.newest();
    let id = Published::of(&channel.post("", BINARY, b"\0\x01\xfe")).id;
    let answer = channel.poll(&begin).json();
    let expected = serde_json::json!([{"id": id, "type": "message", "encoding": "base64", "data": "AAH+"}]);
    assert_eq!(answer["events"], expected);
}

fn an_event_stream_marks_the_type(server: &Server) {
    let channel = server.channel();
    let mut peer = server.connect();
    peer.send(&server.request("GET", &channel.target(""), &["Accept: text/event-stream"], b"")).unwrap();
    let head = peer.head().unwrap();
    let mut framing = head.framing("GET").unwrap();
    let mut parser = goldcrest_tests::EventStream::default();
    channel.post("", BINARY, b"\0\x01\xfe");
    channel.post("type=raw", BINARY, b"");
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(parser.take(&peer.piece(&mut framing).unwrap().expect("a stream that goes on")));
    }
    assert_eq!((events[0].event_type.as_str(), events[0].data.as_str()), ("message;base64", "AAH+"));
    assert_eq!((events[1].event_type.as_str(), events[1].data.as_str()), ("raw;base64", ""));
}

fn the_envelope_is_a_line_before_the_bytes(server: &Server) {
    let channel = server.channel();
    let mut socket = websocket(server, &channel.target(""), "goldcrest.v1", &[]).unwrap();
    let id = Published::of(&channel.post("type=raw", BINARY, b"\n\0\n")).id;
    let expected = [format!("{{\"id\":\"{id}\",\"type\":\"raw\"}}\n").as_bytes(), b"\n\0\n"].concat();
    assert_eq!(socket.read().unwrap(), Message::binary(expected));
}

fn data_that_is_not_utf8_is_binary(server: &Server) {
    let channel = server.channel();
    for fields in [&[][..], &["Content-Type: image/png"], &["Content-Type: application/jsonx"]] {
        let begin = channel.newest();
        let published = channel.post("", fields, b"\xff");
        assert_eq!(published.json()["encoding"], "base64", "{fields:?}");
        let answer = channel.poll(&begin).json();
        assert_eq!(answer["events"][0]["encoding"], "base64", "{fields:?}");
    }
}

fn large_events_arrive_whole(server: &Server) {
    let channel = server.channel();
    let bytes: Vec<u8> = (0..48 * 1024_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for transport in Transport::ALL {
        let begin = channel.newest();
        channel.post("", BINARY, &bytes);
        let event = Reader::open(&channel, transport, Start::after(&begin)).event();
        assert!(event.data == bytes, "{transport:?}");
    }
}
