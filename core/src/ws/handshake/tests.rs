//! Tables of handshakes, each row a head as it would stand on the wire.

use super::*;
use crate::output::ResumableWriter;
use std::string::String;
use std::vec::Vec;

const GOOD: &str = "Host: h\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\
    Sec-WebSocket-Version: 13\n";

fn fields(head: &str) -> Vec<(&str, &[u8])> {
    head.lines()
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name, value.as_bytes())
        })
        .collect()
}

fn judged(head: &str) -> Result<AcceptedHandshake<'static>, HandshakeError> {
    let line = RequestLine { method: "GET", version: (1, 1) };
    accept(line, fields(head).into_iter(), &["superchat", "chat"])
}

/// The good request with the line of one field replaced; `None` leaves it out.
fn with(name: &str, lines: Option<&str>) -> String {
    let mut head: String =
        GOOD.lines().filter(|line| !line.starts_with(&std::format!("{name}:"))).flat_map(|line| [line, "\n"]).collect();
    if let Some(lines) = lines {
        head += lines;
        head += "\n";
    }
    head
}

#[test]
fn a_request_by_the_book_is_accepted() {
    for (name, lines) in [
        ("Host", "host: h"),
        ("Upgrade", "Upgrade: WebSocket"),
        ("Upgrade", "upgrade:WEBSOCKET"),
        ("Upgrade", "Upgrade: foo, websocket"),
        ("Upgrade", "Upgrade: h2c\nUpgrade: websocket"),
        ("Connection", "Connection: keep-alive, Upgrade"),
        ("Connection", "Connection: , ,Upgrade,"),
        ("Connection", "Connection: keep-alive\nconnection: UPGRADE"),
        ("Sec-WebSocket-Key", "sec-websocket-key:   dGhlIHNhbXBsZSBub25jZQ== \t"),
        ("Sec-WebSocket-Version", "SEC-WEBSOCKET-VERSION:  13 "),
        ("X-Foo", "X-Foo: bar\nCookie: a=b"),
        ("Content-Length", "Content-Length: 0"),
        ("Sec-WebSocket-Extensions", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
        ("Sec-WebSocket-Extensions", "Sec-WebSocket-Extensions: x-foo; a=1; b=\"cd\", y\nSec-WebSocket-Extensions:"),
    ] {
        let head = with(name, Some(lines));
        let accepted = judged(&head).unwrap_or_else(|refusal| panic!("{refusal:?} of {head}"));
        assert_eq!(&accepted.accept, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "{head}");
        assert_eq!(accepted.protocol, None, "{head}");
    }
}

#[test]
fn each_violated_rule_has_its_status() {
    use HandshakeError::*;
    for (name, lines, refusal, status) in [
        ("Host", None, Host, 400),
        ("Host", Some("Host: h\nHost: evil"), Host, 400),
        ("Upgrade", None, NoUpgrade, 426),
        ("Upgrade", Some("Upgrade:"), NoUpgrade, 426),
        ("Upgrade", Some("Upgrade: h2c"), NoUpgrade, 426),
        ("Upgrade", Some("Upgrade: websocketx"), NoUpgrade, 426),
        ("Upgrade", Some("Upgrade: xwebsocket"), NoUpgrade, 426),
        ("Upgrade", Some("Upgrade: websocket/13"), NoUpgrade, 426),
        ("Connection", None, NoUpgrade, 426),
        ("Connection", Some("Connection: keep-alive"), NoUpgrade, 426),
        ("Connection", Some("Connection: notupgrade"), NoUpgrade, 426),
        ("Sec-WebSocket-Key", None, Key, 400),
        ("Sec-WebSocket-Key", Some("Sec-WebSocket-Key: eHh4eHh4eHg="), Key, 400),
        ("Sec-WebSocket-Key", Some("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="), Key, 400),
        ("Sec-WebSocket-Key", Some("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="), Key, 400),
        (
            "Sec-WebSocket-Key",
            Some("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            Key,
            400,
        ),
        ("Sec-WebSocket-Version", None, Version, 426),
        ("Sec-WebSocket-Version", Some("Sec-WebSocket-Version: 0"), Version, 426),
        ("Sec-WebSocket-Version", Some("Sec-WebSocket-Version: 8"), Version, 426),
        ("Sec-WebSocket-Version", Some("Sec-WebSocket-Version: 013"), Version, 426),
        ("Sec-WebSocket-Version", Some("Sec-WebSocket-Version: 13.0"), Version, 426),
        ("Sec-WebSocket-Version", Some("Sec-WebSocket-Version: 8, 13"), Version, 426),
        ("Sec-WebSocket-Version", Some("Sec-WebSocket-Version: 13\nSec-WebSocket-Version: 13"), RepeatedVersion, 400),
        ("Sec-WebSocket-Protocol", Some("Sec-WebSocket-Protocol: a b"), Protocol, 400),
        ("Sec-WebSocket-Protocol", Some("Sec-WebSocket-Protocol: chat, chat"), Protocol, 400),
        ("Sec-WebSocket-Protocol", Some("Sec-WebSocket-Protocol: chat\nSec-WebSocket-Protocol: chat"), Protocol, 400),
        ("Sec-WebSocket-Extensions", Some("Sec-WebSocket-Extensions: ; a=b"), Extension, 400),
        ("Sec-WebSocket-Extensions", Some("Sec-WebSocket-Extensions: permessage deflate"), Extension, 400),
        ("Sec-WebSocket-Extensions", Some("Sec-WebSocket-Extensions: a\nSec-WebSocket-Extensions: b;"), Extension, 400),
        ("Content-Length", Some("Content-Length: 5"), Body, 400),
        ("Transfer-Encoding", Some("Transfer-Encoding: chunked"), Body, 400),
    ] {
        let head = with(name, lines);
        assert_eq!(judged(&head), Err(refusal), "{head}");
        assert_eq!(refusal.status(), status, "{refusal:?}");
        let names: Vec<&str> = refusal.fields().iter().map(|(name, _)| *name).collect();
        let expected: &[&str] = if status == 426 { &["Upgrade", "Connection", "Sec-WebSocket-Version"] } else { &[] };
        assert_eq!(names, expected, "{refusal:?}");
    }
}

#[test]
fn the_request_line_is_get_of_http_1_1_or_later() {
    for (method, version, expected) in [
        ("GET", (1, 1), Ok(())),
        ("GET", (2, 0), Ok(())),
        ("GET", (1, 0), Err(HandshakeError::HttpVersion)),
        ("GET", (0, 9), Err(HandshakeError::HttpVersion)),
        ("POST", (1, 1), Err(HandshakeError::Method)),
        ("get", (1, 1), Err(HandshakeError::Method)),
    ] {
        let judged = accept(RequestLine { method, version }, fields(GOOD).into_iter(), &[]);
        assert_eq!(judged.map(|_| ()), expected, "{method} {version:?}");
    }
    assert_eq!(HandshakeError::Method.fields(), [("Allow", "GET")]);
}

#[test]
fn the_servers_order_of_subprotocols_decides() {
    for (lines, expected) in [
        ("Sec-WebSocket-Protocol: chat", Some("chat")),
        ("Sec-WebSocket-Protocol: foo, chat, superchat", Some("superchat")),
        ("Sec-WebSocket-Protocol: chat\nsec-websocket-protocol: superchat", Some("superchat")),
        ("Sec-WebSocket-Protocol: CHAT", None),
        ("Sec-WebSocket-Protocol:", None),
    ] {
        let head = with("", Some(lines));
        assert_eq!(judged(&head).unwrap().protocol, expected, "{lines}");
    }
}

#[test]
fn the_response_head_is_written_whole() {
    for (protocol, line) in [(None, ""), (Some("chat"), "Sec-WebSocket-Protocol: chat\r\n")] {
        let acceptance = AcceptedHandshake { accept: *b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", protocol };
        let mut room = [0; 300];
        let mut sink = ResumableWriter::new(&mut room, 0);
        acceptance.put(&mut sink);
        let written = sink.written();
        let expected = std::format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{line}\r\n"
        );
        assert_eq!(core::str::from_utf8(&room[..written]), Ok(expected.as_str()));
        let listed: Vec<_> = acceptance.fields().map(|(name, _)| name).collect();
        assert_eq!(listed.len(), if protocol.is_some() { 4 } else { 3 });
    }
}

const ASKED: UpgradeRequest<'static> =
    UpgradeRequest { origin: Some("http://h"), protocols: &["chat", "superchat"], nonce: *b"the sample nonce" };

fn written(request: &UpgradeRequest<'_>) -> String {
    let mut room = [0; 500];
    let mut out = ResumableWriter::new(&mut room, 0);
    request.put(&mut out);
    let written = out.written();
    String::from_utf8(room[..written].to_vec()).unwrap()
}

#[test]
fn the_request_has_the_fields_of_rfc_6455_4_1() {
    let expected = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://h\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\n";
    assert_eq!(written(&ASKED), expected);

    let bare = written(&UpgradeRequest { origin: None, protocols: &[], ..ASKED });
    assert!(!bare.contains("Origin") && !bare.contains("Protocol") && bare.ends_with("13\r\n"));
}

#[test]
fn a_part_that_would_inject_a_line_is_refused() {
    for (request, part) in [
        (UpgradeRequest { origin: Some("x\r"), ..ASKED }, BadRequestPart::Origin),
        (UpgradeRequest { origin: Some(""), ..ASKED }, BadRequestPart::Origin),
        (UpgradeRequest { protocols: &["a,b"], ..ASKED }, BadRequestPart::Protocol),
        (UpgradeRequest { protocols: &["a", "a"], ..ASKED }, BadRequestPart::Protocol),
    ] {
        assert_eq!(request.validate(), Err(part), "{request:?}");
    }
}

#[test]
fn a_response_is_validated_by_every_rule() {
    const ANSWER: &str =
        "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";
    let without = |name: &str| ANSWER.lines().filter(|line| !line.starts_with(name)).collect::<Vec<_>>().join("\n");
    let mut cases = std::vec![
        (101, String::from(ANSWER), Ok(None)),
        (101, ANSWER.to_lowercase().replace("s3pplmbitxaq9kygzzhzrbk+xoo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), Ok(None)),
        (101, ANSWER.replace(": Upgrade", ": keep-alive, upgrade"), Ok(None)),
        (200, String::from(ANSWER), Err(UpgradeError::Status(200))),
        (301, String::new(), Err(UpgradeError::Status(301))),
        (101, without("Upgrade"), Err(UpgradeError::Upgrade)),
        (101, ANSWER.replace("websocket", "h2c"), Err(UpgradeError::Upgrade)),
        (101, without("Connection"), Err(UpgradeError::Connection)),
        (101, ANSWER.replace(": Upgrade", ": close"), Err(UpgradeError::Connection)),
        (101, without("Sec"), Err(UpgradeError::Accept)),
        (101, ANSWER.replace("s3pP", "s3pQ"), Err(UpgradeError::Accept)),
        (101, ANSWER.replace("xOo=", "xOo"), Err(UpgradeError::Accept)),
        (101, ANSWER.replace("xOo=", "xOo= x"), Err(UpgradeError::Accept)),
        (101, ANSWER.replace("xOo=", ""), Err(UpgradeError::Accept)),
    ];
    for (line, expected) in [
        ("Sec-WebSocket-Protocol: chat", Ok(Some("chat"))),
        ("sec-websocket-protocol: superchat ", Ok(Some("superchat"))),
        ("Sec-WebSocket-Protocol: CHAT", Err(UpgradeError::Protocol)),
        ("Sec-WebSocket-Protocol: other", Err(UpgradeError::Protocol)),
        ("Sec-WebSocket-Protocol:", Err(UpgradeError::Protocol)),
        ("Sec-WebSocket-Protocol: chat, superchat", Err(UpgradeError::Protocol)),
        ("Sec-WebSocket-Protocol: chat\nSec-WebSocket-Protocol: chat", Err(UpgradeError::Protocol)),
        ("Sec-WebSocket-Extensions: permessage-deflate", Err(UpgradeError::Extension)),
        ("Sec-WebSocket-Extensions: x", Err(UpgradeError::Extension)),
        ("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Err(UpgradeError::Accept)),
    ] {
        cases.push((101, std::format!("{ANSWER}{line}\n"), expected));
    }
    for (status, head, expected) in cases {
        assert_eq!(ASKED.verify(status, fields(&head).into_iter()), expected, "{status}\n{head}");
    }
}

#[test]
fn an_answer_without_an_offer_names_no_subprotocol() {
    let asked = UpgradeRequest { protocols: &[], ..ASKED };
    let head = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\
        Sec-WebSocket-Protocol: chat";
    assert_eq!(asked.verify(101, fields(head).into_iter()), Err(UpgradeError::Protocol));
}
