//! Methods, pipelining, old clients, slow heads.

use std::time::{Duration, Instant};

use goldcrest_tests::{
    EventStream, Framing, List, Need, PeerError, Published, Reader, Server, Start, Transport, promises,
};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "http",
        &[],
        server,
        [
            head_is_get_without_the_content,
            options_lists_the_methods,
            another_method_is_refused_with_what_is_allowed,
            an_unknown_method_is_not_implemented,
            an_unknown_path_is_not_found,
            requests_in_one_piece_are_answered_in_order,
            a_request_in_single_bytes_is_a_request,
            an_expectation_is_answered_before_the_content_is_sent,
            the_absolute_form_is_the_same_request,
            another_version_of_websocket_is_told_which_one,
            a_refused_request_ends_the_connection_in_order,
        ]
    );
    promises!(
        list,
        "http",
        &[Need::OwnHttp],
        server,
        [
            options_of_the_server_lists_the_methods,
            an_old_client_gets_a_stream_that_ends_with_the_connection,
            an_old_client_is_not_kept,
        ]
    );
    promises!(
        list,
        "http",
        &[Need::OwnServer],
        server,
        [
            a_slow_head_times_out,
            a_head_of_one_byte_a_second_delays_no_other_client,
            every_answer_has_a_date,
            errors_are_problem_details_where_json_is_accepted,
            a_larger_event_needs_one_option,
        ]
    );
}

/// RFC 9110 §6.6.1. A chip without a clock sends none.
fn every_answer_has_a_date(_: &Server) {
    let server = Server::start(&[]);
    let channel = server.channel();
    channel.publish("one");
    let tag = server.ask("GET", &channel.target(""), &[], b"").head.field("etag").unwrap().to_owned();
    let unchanged = format!("If-None-Match: {tag}");
    for (method, target, field, status) in [
        ("GET", "/".to_owned(), "Accept: */*", 200),
        ("HEAD", "/".to_owned(), "Accept: */*", 200),
        ("GET", "/nowhere".to_owned(), "Accept: */*", 404),
        ("GET", channel.target(""), "Accept: */*", 200),
        ("GET", channel.target(""), &unchanged, 304),
        // Before there are followers: the server may notice a follower's disconnect later.
        ("POST", channel.target(""), "Content-Type: text/plain", 202),
        ("GET", channel.target(""), "Accept: text/event-stream", 200),
        ("GET", channel.target(""), "Accept: application/x-ndjson", 200),
        ("PUT", channel.target(""), "Content-Type: text/plain", 405),
        ("OPTIONS", "*".to_owned(), "Accept: */*", 200),
        ("GET", channel.target(""), "Origin: https://other.example", 403),
        ("GET", channel.target(""), "Host: two", 400),
    ] {
        let mut peer = server.connect();
        peer.send(&server.request(method, &target, &[field], b"")).unwrap();
        let head = peer.head().unwrap();
        assert_eq!(head.status, status, "{method} {target} {field}");
        let dates: Vec<_> = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("date")).collect();
        let [(_, date)] = dates[..] else { panic!("{method} {target} {field}: {head:?}") };
        // Sun, 06 Nov 1994 08:49:37 GMT
        let shape: String = date.chars().map(|it| if it.is_ascii_digit() { '0' } else { it }).collect();
        assert!(shape.len() == 29 && shape.ends_with(" 0000 00:00:00 GMT"), "{date}");
    }
}

fn errors_are_problem_details_where_json_is_accepted(_: &Server) {
    let server = Server::start(&["--max-body", "100"]);
    let channel = server.channel();
    for (method, target, field, status) in [
        ("GET", "/nowhere".to_owned(), "X: y", 404),
        ("GET", "/events/a,b".to_owned(), "X: y", 400),
        ("GET", channel.target("transport=fax"), "X: y", 400),
        ("PUT", channel.target(""), "X: y", 405),
        ("BREW", channel.target(""), "X: y", 501),
        ("GET", channel.target(""), "Origin: https://other.example", 403),
        ("POST", channel.target("type=gap"), "Content-Type: text/plain", 400),
        ("GET", channel.target("transport=websocket"), "X: y", 426),
    ] {
        let answer = server.ask(method, &target, &[field, "Accept: application/json"], b"");
        assert_eq!(answer.status(), status, "{method} {target}");
        assert_eq!(answer.head.field("content-type"), Some("application/problem+json"), "{method} {target}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.content).unwrap();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()), "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        let answer = server.ask(method, &target, &[field, "Accept: */*"], b"");
        let kind = answer.head.field("content-type").unwrap_or_default();
        assert!(answer.status() == status && kind.starts_with("text/plain"), "{method} {target}: {kind}");
    }
}

fn a_larger_event_needs_one_option(_: &Server) {
    let event = vec![b'a'; 900_000];
    let text = ["Content-Type: text/plain"];
    let server = Server::start(&["--max-body", "1000000"]);
    assert_eq!(server.channel().post("", &text, &event).status(), 202);
    let server = Server::start(&["--max-body", "1000000", "--history-bytes", "100000"]);
    let refused = server.channel().post("", &text, &event);
    assert_eq!(refused.status(), 413);
    assert!(String::from_utf8_lossy(&refused.content).contains("raise --history-bytes"), "{refused:?}");
}

fn head_is_get_without_the_content(server: &Server) {
    let channel = server.channel();
    channel.publish("one");
    let get = server.ask("GET", &channel.target(""), &[], b"");
    let head = server.ask("HEAD", &channel.target(""), &[], b"");
    assert_eq!(head.status(), 200);
    assert!(head.content.is_empty());
    for name in ["content-length", "content-type", "etag", "cache-control", "vary"] {
        assert_eq!(head.head.field(name), get.head.field(name), "{name}");
    }
    // And the connection goes on where the head ended.
    let mut peer = server.connect();
    for _ in 0..2 {
        peer.send(&server.request("HEAD", &channel.target(""), &[], b"")).unwrap();
        assert_eq!(peer.answer("HEAD").unwrap().status(), 200);
    }
}

fn options_lists_the_methods(server: &Server) {
    let channel = server.channel();
    let answer = server.ask("OPTIONS", &channel.target(""), &[], b"");
    assert!(matches!(answer.status(), 200 | 204), "{answer:?}");
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        assert!(answer.head.lists("allow", method), "{:?}", answer.head);
    }
}

fn options_of_the_server_lists_the_methods(server: &Server) {
    let star = server.ask("OPTIONS", "*", &[], b"");
    assert!(matches!(star.status(), 200 | 204), "{star:?}");
}

fn another_method_is_refused_with_what_is_allowed(server: &Server) {
    let channel = server.channel();
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = server.ask(method, &channel.target(""), &[], b"");
        assert_eq!(answer.status(), 405, "{method}");
        for allowed in ["GET", "POST"] {
            assert!(answer.head.lists("allow", allowed), "{method}: {:?}", answer.head);
        }
        assert!(!answer.head.lists("allow", method));
    }
}

fn an_unknown_method_is_not_implemented(server: &Server) {
    let channel = server.channel();
    for method in ["BREW", "get"] {
        let status = server.ask(method, &channel.target(""), &[], b"").status();
        assert!(matches!(status, 405 | 501), "{method}: {status}");
    }
}

fn an_unknown_path_is_not_found(server: &Server) {
    for target in ["/nothing/here", "/events", "/event/x", "/%", "//"] {
        assert_eq!(server.ask("GET", target, &[], b"").status(), 404, "{target}");
    }
}

fn requests_in_one_piece_are_answered_in_order(server: &Server) {
    let channel = server.channel();
    let before = channel.newest();
    let text = ["Content-Type: text/plain"];
    let poll = server.request("GET", &channel.target(&format!("after={before}")), &[], b"");
    let all = [
        server.request("POST", &channel.target(""), &text, b"one"),
        poll.clone(),
        server.request("HEAD", &channel.target(""), &[], b""),
        server.request("POST", &channel.target(""), &text, b"two"),
        poll,
        server.request("GET", "/nothing/here", &[], b""),
        server.request("POST", &channel.target(""), &text, b"three"),
    ]
    .concat();
    let mut peer = server.connect();
    peer.send(&all).unwrap();
    let one = Published::of(&peer.answer("POST").unwrap()).id;
    assert_eq!(peer.answer("GET").unwrap().json()["after"], one.as_str());
    assert_eq!(peer.answer("HEAD").unwrap().status(), 200);
    let two = Published::of(&peer.answer("POST").unwrap()).id;
    assert_eq!(peer.answer("GET").unwrap().json()["after"], two.as_str());
    assert_eq!(peer.answer("GET").unwrap().status(), 404);
    let three = Published::of(&peer.answer("POST").unwrap()).id;
    assert_eq!(channel.newest(), three);
}

fn a_request_in_single_bytes_is_a_request(server: &Server) {
    let channel = server.channel();
    let mut peer = server.connect();
    for byte in server.request("POST", &channel.target("type=slow"), &["Content-Type: text/plain"], "é🐦".as_bytes())
    {
        peer.send(&[byte]).unwrap();
    }
    assert_eq!(Published::of(&peer.answer("POST").unwrap()).id, channel.newest());
}

fn an_expectation_is_answered_before_the_content_is_sent(server: &Server) {
    let channel = server.channel();
    let request =
        server.request("POST", &channel.target(""), &["Expect: 100-continue", "Content-Type: text/plain"], b"content");
    let (head, content) = request.split_at(request.len() - 7);
    let mut peer = server.connect();
    peer.send(head).unwrap();
    assert_eq!(peer.head().unwrap().status, 100);
    peer.send(content).unwrap();
    assert_eq!(peer.answer("POST").unwrap().status(), 202);
    let status =
        server.ask("POST", &channel.target(""), &["Expect: something-else", "Content-Type: text/plain"], b"x").status();
    assert_eq!(status, 417);
}

fn an_old_client_gets_a_stream_that_ends_with_the_connection(server: &Server) {
    let channel = server.channel();
    let mut peer = server.connect();
    let request = format!(
        "GET {} HTTP/1.0\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n",
        channel.target(""),
        server.authority()
    );
    peer.send(request.as_bytes()).unwrap();
    let head = peer.head().unwrap();
    assert_eq!(head.field("transfer-encoding"), None, "HTTP/1.0 knows no chunks");
    let mut framing = head.framing("GET").unwrap();
    assert_eq!(framing, Framing::Close);
    let id = channel.publish("for the old").id;
    let mut parser = EventStream::default();
    loop {
        let events = parser.take(&peer.piece(&mut framing).unwrap().expect("a stream that goes on"));
        if let Some(event) = events.first() {
            assert_eq!((&event.id, event.data.as_str()), (&id, "for the old"));
            return;
        }
    }
}

fn an_old_client_is_not_kept(server: &Server) {
    let channel = server.channel();
    let mut peer = server.connect();
    let request = format!("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", channel.target(""), server.authority());
    peer.send(request.as_bytes()).unwrap();
    assert_eq!(peer.answer("GET").unwrap().status(), 200);
    assert_eq!(peer.until_closed().unwrap(), b"");
}

fn the_absolute_form_is_the_same_request(server: &Server) {
    let channel = server.channel();
    let id = channel.publish("one").id;
    let target = format!("http://{}{}", server.authority(), channel.target("after=oldest"));
    assert_eq!(server.ask("GET", &target, &[], b"").json()["after"], id.as_str());
}

fn another_version_of_websocket_is_told_which_one(server: &Server) {
    let channel = server.channel();
    let fields = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 12",
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    ];
    let answer = server.ask("GET", &channel.target(""), &fields, b"");
    assert_eq!(answer.status(), 426);
    assert_eq!(answer.head.field("sec-websocket-version"), Some("13"));
    assert!(answer.head.lists("upgrade", "websocket"));
}

fn a_refused_request_ends_the_connection_in_order(server: &Server) {
    let mut peer = server.connect();
    peer.send(b"GET / HTTP/1.1\r\nno colon\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let answer = peer.answer("GET").unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.head.lists("connection", "close"));
    assert_eq!(peer.until_closed().unwrap(), b"", "nothing behind a refusal is served");
}

fn a_slow_head_times_out(_: &Server) {
    let server = Server::start(&["--head-timeout", "2"]);
    let mut peer = server.connect();
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
    let begin = Instant::now();
    assert_eq!(peer.answer("GET").unwrap().status(), 408);
    assert!(begin.elapsed() > Duration::from_millis(1900));
    assert_eq!(peer.until_closed().unwrap(), b"");
}

/// A byte a second neither keeps a connection for ever nor delays another client.
fn a_head_of_one_byte_a_second_delays_no_other_client(_: &Server) {
    let server = Server::start(&["--head-timeout", "3"]);
    let channel = server.channel();
    let mut peers: Vec<_> = (0..20).map(|_| server.connect()).collect();
    let head = server.request("GET", &channel.target(""), &[], b"");
    let mut reader = Reader::open(&channel, Transport::Sse, Start::default());
    let mut given_up = false;
    for byte in head.iter().take(20) {
        for peer in &mut peers {
            // After the timeout the connection is closed, and a write fails.
            let _ = peer.send(&[*byte]);
        }
        let begin = Instant::now();
        let id = channel.publish("meanwhile").id;
        assert_eq!(reader.ids(1), [id]);
        assert!(begin.elapsed() < Duration::from_secs(1), "another client waited {:?}", begin.elapsed());
        // The second between two bytes is spent waiting for the server's word.
        peers[0].set_patience(Duration::from_secs(1));
        match peers[0].answer("GET") {
            Err(PeerError::Timeout) => {}
            Ok(answer) => {
                assert_eq!(answer.status(), 408);
                given_up = true;
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(given_up, "a head of one byte a second is waited for too long");
}
