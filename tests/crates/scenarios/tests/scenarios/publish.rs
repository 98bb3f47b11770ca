//! The responses to a publish, and rejections.

use std::time::Instant;

use goldcrest_tests::{
    Channel, List, Need, Published, Reader, Server, Start, Transport, patience, promises, unused_key,
};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "publish",
        &[],
        server,
        [
            a_publish_with_followers_is_201,
            a_publish_with_a_waiting_long_poll_is_201,
            a_publish_without_followers_is_202,
            every_follower_is_counted,
            the_id_is_the_id_that_subscribers_get,
            a_key_is_stored_once,
            a_key_with_other_content_is_unprocessable,
            keys_that_differ_are_two_events,
            a_reserved_type_is_refused,
            text_that_is_not_utf8_is_refused,
            forms_and_json_are_text_taken_verbatim,
            utf8_without_a_content_type_is_text,
            coded_content_is_refused,
            an_empty_event_is_an_event,
            chunked_content_is_the_same_content,
            a_publish_without_a_length_is_refused,
            equal_uris_are_one_channel,
            many_publishers_get_different_ids,
        ]
    );
    promises!(
        list,
        "publish",
        &[Need::AnyChannel],
        server,
        [a_key_is_forgotten_after_sixty_four_others, a_key_is_the_channels_own]
    );
}

fn a_publish_with_followers_is_201(server: &Server) {
    for transport in [Transport::Stream, Transport::Sse, Transport::WebSocket] {
        let channel = server.channel();
        let mut reader = Reader::open(&channel, transport, Start::default());
        let Published { status, subscribers, id } = channel.publish("hello");
        assert_eq!((status, subscribers), (201, 1), "{transport:?}");
        assert_eq!(reader.ids(1), [id]);
    }
}

fn a_publish_with_a_waiting_long_poll_is_201(server: &Server) {
    let channel = server.channel();
    let _reader = Reader::open(&channel, Transport::LongPoll, Start::default());
    let followed = until(&channel, |published| published.subscribers > 0);
    assert_eq!((followed.status, followed.subscribers), (201, 1));
}

/// Publishes until the answer is as wanted.
fn until(channel: &Channel<'_>, wanted: impl Fn(&Published) -> bool) -> Published {
    let deadline = Instant::now() + patience();
    loop {
        let published = channel.publish("now?");
        if wanted(&published) {
            return published;
        }
        assert!(Instant::now() < deadline, "never as wanted; the last was {published:?}");
    }
}

fn a_publish_without_followers_is_202(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("hello");
    assert_eq!((before.status, before.subscribers), (202, 0));
    for transport in Transport::ALL {
        drop(Reader::open(&channel, transport, Start::default()));
        let gone = until(&channel, |published| published.subscribers == 0);
        assert_eq!(gone.status, 202, "{transport:?}");
    }
}

fn every_follower_is_counted(server: &Server) {
    let channel = server.channel();
    let mut readers = Vec::new();
    for (before, transport) in
        [Transport::Sse, Transport::Stream, Transport::WebSocket, Transport::Sse].iter().enumerate()
    {
        assert_eq!(channel.publish("count").subscribers, before as u64);
        readers.push(Reader::open(&channel, *transport, Start::default()));
    }
    assert_eq!(channel.publish("count").subscribers, 4);
}

fn the_id_is_the_id_that_subscribers_get(server: &Server) {
    let channel = server.channel();
    let before = channel.newest();
    let first = channel.publish("one").id;
    let second = channel.publish("two").id;
    let events = channel.poll(&before).json();
    assert_eq!(events["events"][0]["id"], first.as_str());
    assert_eq!(events["events"][1]["id"], second.as_str());
    assert_eq!(events["after"], second.as_str());
}

fn a_key_is_stored_once(server: &Server) {
    let channel = server.channel();
    let key = format!("Idempotency-Key: \"{}\"", unused_key());
    let first = Published::of(&channel.post("", &[&key, "Content-Type: text/plain"], b"once")).id;
    let again = Published::of(&channel.post("", &[&key, "Content-Type: text/plain"], b"once")).id;
    assert_eq!(first, again);
    assert_eq!(channel.newest(), first);
}

fn a_key_with_other_content_is_unprocessable(server: &Server) {
    let channel = server.channel();
    let key = format!("Idempotency-Key: {}", unused_key());
    let first = Published::of(&channel.post("type=a", &[&key, "Content-Type: text/plain"], b"once")).id;
    for (query, content_type, content) in [
        ("type=a", "text/plain", &b"twice"[..]),
        ("type=a", "text/plain", b""),
        ("type=a", "application/octet-stream", b"once"),
        ("type=b", "text/plain", b"once"),
        ("", "text/plain", b"once"),
    ] {
        let answer = channel.post(query, &[&key, &format!("Content-Type: {content_type}")], content);
        assert_eq!(answer.status(), 422, "{query} {content_type} {content:?}");
        let text = String::from_utf8_lossy(&answer.content).into_owned();
        assert!(text.contains("idempotency key"), "{text:?}");
    }
    let again = Published::of(&channel.post("type=a", &[&key, "Content-Type: application/json"], b"once")).id;
    assert_eq!(again, first, "the same text");
    assert_eq!(channel.newest(), first);
}

fn keys_that_differ_are_two_events(server: &Server) {
    let channel = server.channel();
    let [one, two] = [(); 2].map(|()| {
        let key = format!("Idempotency-Key: {}", unused_key());
        Published::of(&channel.post("", &[&key, "Content-Type: text/plain"], b"x")).id
    });
    assert_ne!(one, two);
}

fn a_key_is_forgotten_after_sixty_four_others(server: &Server) {
    let channel = server.channel();
    let with = |key: &str| {
        let field = format!("Idempotency-Key: {key}");
        Published::of(&channel.post("", &[&field, "Content-Type: text/plain"], b"x")).id
    };
    let first = with("first");
    for number in 0..63 {
        with(&number.to_string());
    }
    assert_eq!(with("first"), first, "it is the oldest of 64");
    with("one more");
    assert_ne!(with("first"), first);
}

fn a_key_is_the_channels_own(server: &Server) {
    let (one, other) = (server.channel(), server.channel());
    let key = format!("Idempotency-Key: {}", unused_key());
    let first = Published::of(&one.post("", &[&key, "Content-Type: text/plain"], b"x")).id;
    let second = Published::of(&other.post("", &[&key, "Content-Type: text/plain"], b"x")).id;
    assert_ne!(first, second);
}

fn a_reserved_type_is_refused(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("before").id;
    let long = format!("type={}", "x".repeat(65));
    for query in [
        "type=gap",
        "type=open",
        "type=error",
        "type=a%3Bbase64",
        "type=a%0Ab",
        "type=a%0D",
        "type=%00",
        "type=%FF",
        &long,
    ] {
        let answer = channel.post(query, &["Content-Type: text/plain"], b"x");
        assert_eq!(answer.status(), 400, "{query}");
        assert!(!answer.content.is_empty(), "{query}: a refusal says why");
    }
    assert_eq!(channel.newest(), before, "no rejected event is stored");
}

fn text_that_is_not_utf8_is_refused(server: &Server) {
    let channel = server.channel();
    let before = channel.newest();
    for kind in ["text/plain", "text/csv; charset=utf-8", "application/json", "application/x-www-form-urlencoded"] {
        let field = format!("Content-Type: {kind}");
        for bytes in [&b"caf\xe9"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f\x90"] {
            assert_eq!(channel.post("", &[&field], bytes).status(), 400, "{kind}: {}", bytes.escape_ascii());
        }
    }
    assert_eq!(channel.newest(), before, "no rejected event is stored");
}

fn forms_and_json_are_text_taken_verbatim(server: &Server) {
    let channel = server.channel();
    let before = channel.newest();
    for (kind, text) in [
        ("application/x-www-form-urlencoded", "a=b&c=%20+d"),
        ("application/json", "{ \"a\" : 1 }\n"),
        ("application/geo+json", "{}"),
        ("TEXT/Plain", "plain"),
    ] {
        Published::of(&channel.post("", &[&format!("Content-Type: {kind}")], text.as_bytes()));
        let json = channel.poll(&before).json();
        let event = json["events"].as_array().and_then(|events| events.last()).expect("an event");
        assert_eq!(event["data"], text, "{kind}");
        assert!(event.get("encoding").is_none(), "{kind} is text");
    }
}

fn utf8_without_a_content_type_is_text(server: &Server) {
    let channel = server.channel();
    for data in ["gr\u{fc}n \u{1f426}", "", "{}", "\0"] {
        let begin = channel.newest();
        let published = channel.post("", &[], data.as_bytes());
        assert_eq!(published.json()["encoding"], "text", "{data:?}");
        let mut reader = Reader::open(&channel, Transport::Sse, Start::after(&begin));
        let event = reader.event();
        assert_eq!((event.event_type.as_str(), &event.data[..], event.binary), ("message", data.as_bytes(), false));
    }
}

fn coded_content_is_refused(server: &Server) {
    let channel = server.channel();
    let before = channel.kept();
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    for coding in ["gzip", "br", "identity, gzip", "x-unheard-of"] {
        let answer = channel.post("", &["Content-Type: text/plain", &format!("Content-Encoding: {coding}")], gzip);
        assert_eq!((answer.status(), answer.head.field("accept-encoding")), (415, Some("identity")), "{coding}");
    }
    assert_eq!(channel.kept(), before, "nothing is stored");
    for coding in ["identity", "Identity"] {
        let answer = channel.post("", &["Content-Type: text/plain", &format!("Content-Encoding: {coding}")], b"plain");
        assert_eq!(Published::of(&answer).id, *channel.kept().last().unwrap(), "{coding:?}");
    }
}

fn an_empty_event_is_an_event(server: &Server) {
    for transport in Transport::ALL {
        let channel = server.channel();
        let begin = channel.newest();
        let ids = channel.publish_all(["", "behind it"]);
        let mut reader = Reader::open(&channel, transport, Start::after(&begin));
        assert_eq!(reader.ids(2), ids, "{transport:?}");
    }
}

fn chunked_content_is_the_same_content(server: &Server) {
    let channel = server.channel();
    let before = channel.newest();
    let mut peer = server.connect();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
        channel.target(""),
        server.authority()
    );
    peer.send(head.as_bytes()).unwrap();
    peer.send(b"3\r\nabc\r\n1;ext=\"1\"\r\nd\r\n0\r\nTrailer: 1\r\n\r\n").unwrap();
    let id = Published::of(&peer.answer("POST").unwrap()).id;
    let json = channel.poll(&before).json();
    assert_eq!((&json["events"][0]["id"], &json["events"][0]["data"]), (&id.into(), &"abcd".into()));
}

fn a_publish_without_a_length_is_refused(server: &Server) {
    let channel = server.channel();
    let mut peer = server.connect();
    let request = format!("POST {} HTTP/1.1\r\nHost: {}\r\n\r\n", channel.target(""), server.authority());
    peer.send(request.as_bytes()).unwrap();
    assert_eq!(peer.answer("POST").unwrap().status(), 411);
}

/// RFC 3986 §6.2.2.2.
fn equal_uris_are_one_channel(server: &Server) {
    let channel = server.channel();
    let id = channel.publish("one").id;
    let name = channel.name();
    let every: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let last: String = format!("{}%{:02x}", &name[..name.len() - 1], name.as_bytes()[name.len() - 1]);
    for encoded in [every, last] {
        let before = channel.newest();
        let published = server.ask("POST", &format!("/events/{encoded}"), &["Content-Type: text/plain"], b"x");
        let published = Published::of(&published).id;
        assert_ne!(published, before, "{encoded}");
        assert_eq!(channel.newest(), published, "{encoded}");
        let poll = server.ask("GET", &format!("/events/{encoded}?after={id}"), &[], b"").json();
        assert!(poll.get("gap").is_none(), "{encoded}: {poll}");
        assert_eq!(poll["after"].as_str(), Some(&*published), "{encoded}");
    }
}

fn many_publishers_get_different_ids(server: &Server) {
    let channel = server.channel();
    let mut reader = Reader::open(&channel, Transport::Sse, Start::default());
    let mut ids: Vec<String> = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..4)
            .map(|_| {
                let target = channel.target("");
                scope.spawn(move || {
                    let mut peer = server.connect();
                    let request = server.request("POST", &target, &["Content-Type: text/plain"], b"x");
                    (0..25)
                        .map(|_| {
                            peer.send(&request).unwrap();
                            Published::of(&peer.answer("POST").unwrap()).id
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect()
    });
    ids.sort_by_key(|id| id.split_once('-').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(reader.ids(100), ids, "one order for all");
}
