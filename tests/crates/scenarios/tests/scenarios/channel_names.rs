//! Names of channels: those that a policy permits, their percent-encodings, and one response to any other.

use goldcrest_tests::{Answer, List, Need, Reader, Server, Start, Transport, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(list, "channel_names", &[], server, [an_invalid_name_is_400_by_every_method_and_transport]);
    promises!(list, "channel_names", &[Need::AnyChannel], server, [a_name_of_unreserved_characters_is_a_channel]);
    promises!(
        list,
        "channel_names",
        &[Need::OwnServer],
        server,
        [
            the_rejection_states_the_rules_in_force,
            an_extended_name_works_by_every_transport,
            every_encoding_of_an_extended_name_is_one_channel,
            names_are_not_normalized,
            no_policy_permits_controls_and_dot_segments,
        ]
    );
}

const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// The responses to requests for `/events/NAME`: polls, each transport, HEAD and POST.
fn answers(server: &Server, name: &str) -> Vec<(String, Answer)> {
    let target = format!("/events/{name}");
    let mut answers = Vec::new();
    for (method, fields) in [
        ("GET", &[][..]),
        ("GET", &["Prefer: wait=1"]),
        ("GET", &["Accept: application/x-ndjson"]),
        ("GET", &["Accept: text/event-stream"]),
        ("GET", &UPGRADE),
        ("HEAD", &[]),
        ("POST", &["Content-Type: text/plain"]),
    ] {
        let content = if method == "POST" { &b"x"[..] } else { b"" };
        answers.push((format!("{method} {target} {fields:?}"), server.ask(method, &target, fields, content)));
    }
    answers
}

fn a_name_of_unreserved_characters_is_a_channel(server: &Server) {
    for name in ["a", "A.b_c~d-9", "...", "%61", &"x".repeat(255), &"%78".repeat(255)] {
        assert_eq!(server.ask("GET", &format!("/events/{name}"), &[], b"").status(), 200, "{name}");
    }
}

fn an_invalid_name_is_400_by_every_method_and_transport(server: &Server) {
    let long = "x".repeat(256);
    for name in ["", "/", "a/", "a//b", "a%20b", "a+b", "a%2", "%", ".", "..", "%2E", ".%2e", "a%00", "%FF", &long] {
        for (request, answer) in answers(server, name) {
            assert_eq!(answer.status(), 400, "{request}");
        }
    }
    assert_eq!(server.ask("GET", "/events", &[], b"").status(), 404);
}

fn the_rejection_states_the_rules_in_force(_: &Server) {
    for (flags, name, rules) in [
        (
            &[][..],
            "orders/42",
            "1 to 255 of A-Z a-z 0-9 . _ ~ - and neither . nor ..; start the server with --channel-names extended",
        ),
        (&[], "gr%C3%BCn", "--channel-names extended to permit : / @ and UTF-8"),
        (
            &["--channel-names", "extended"],
            "a//b",
            "1 to 255 bytes of UTF-8: A-Z a-z 0-9 . _ ~ - : / @ and characters beyond ASCII",
        ),
    ] {
        let server = Server::start(flags);
        for (request, answer) in answers(&server, name) {
            let text = String::from_utf8(answer.content.clone()).unwrap();
            assert_eq!(answer.status(), 400, "{request}");
            assert!(text.contains(rules) || request.starts_with("HEAD"), "{request}: {text}");
        }
    }
}

fn an_extended_name_works_by_every_transport(_: &Server) {
    let server = Server::start(&["--channel-names", "extended"]);
    let longest = "%C3%A4".repeat(127) + "x";
    for name in ["orders/42", "urn:x:@home", "gr%C3%BCn", "%F0%9F%90%A6/%E6%97%A5%E6%9C%AC", &longest] {
        let channel = server.channel_named(name);
        let first = channel.publish("one").id;
        for transport in Transport::ALL {
            let mut reader = Reader::open(&channel, transport, Start::after(&first));
            let kept = channel.kept();
            assert_eq!(reader.ids(kept.len() - 1), kept[1..], "{name} {transport:?}");
            let next = channel.publish("next").id;
            assert_eq!(reader.ids(1), [next], "{name} {transport:?}");
        }
    }
}

fn every_encoding_of_an_extended_name_is_one_channel(_: &Server) {
    let server = Server::start(&["--channel-names", "extended"]);
    for (name, encodings) in [
        ("orders/42", &["orders%2F42", "orders%2f42", "%6Frders/4%32"][..]),
        ("a:b@c", &["a%3Ab%40c", "a%3ab@c"]),
        ("gr%C3%BCn", &["gr%c3%bcn", "%67r%C3%BC%6E"]),
    ] {
        let id = server.channel_named(name).publish("x").id;
        for encoding in encodings {
            assert_eq!(server.channel_named(encoding).newest(), id, "{encoding}");
        }
    }
}

fn names_are_not_normalized(_: &Server) {
    let server = Server::start(&["--channel-names", "extended"]);
    let composed = server.channel_named("gr%C3%BCn").publish("x").id;
    let decomposed = server.channel_named("gru%CC%88n");
    assert_ne!(decomposed.newest(), composed);
    assert!(decomposed.kept().is_empty());
}

fn no_policy_permits_controls_and_dot_segments(_: &Server) {
    let server = Server::start(&["--channel-names", "extended"]);
    let segments = ["", "/a", "a/", "a//b", "a%2F%2Fb", "./a", "a/..", "a/%2e%2E/b", "%2e"];
    let controls = ["%00", "a%0Ab", "%7F", "%C2%85", "%E2%80%A8", "%EF%BB%BFa", "%E2%80%AE", "%E2%81%A6", "%D8%9C"];
    let invalid = ["%C3", "%ED%A0%80", "%C0%AF", "a%20b", "a%25b", "a%3Fb", "a%23b", "a+b"];
    let long = "%C3%A4".repeat(128);
    for name in segments.into_iter().chain(controls).chain(invalid).chain([&*long]) {
        for (request, answer) in answers(&server, name) {
            assert_eq!(answer.status(), 400, "{request}");
        }
    }
}
