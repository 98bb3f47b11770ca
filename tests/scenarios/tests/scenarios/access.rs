//! `Origin` and `Host`: who may.

use goldcrest_tests::{List, Need, Server, Transport, promises, websocket};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "access",
        &[],
        server,
        [
            another_origin_is_refused_on_every_transport,
            another_origin_may_not_publish,
            the_same_origin_may,
            another_host_is_refused,
            what_is_refused_is_not_stored,
        ]
    );
    promises!(list, "access", &[Need::OwnServer], server, [an_allowed_origin_may_and_is_told_so]);
}

const WEBSOCKET: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
];

const FOREIGN: [&str; 5] = [
    "Origin: https://evil.example",
    "Origin: null",
    "Origin: http://127.0.0.1.evil.example",
    "Origin: https://localhost:1",
    "Origin: ",
];

fn fields(transport: Transport) -> Vec<&'static str> {
    match transport {
        Transport::WebSocket => WEBSOCKET.to_vec(),
        _ => transport.field().into_iter().collect(),
    }
}

fn another_origin_is_refused_on_every_transport(server: &Server) {
    let channel = server.channel();
    for transport in Transport::ALL {
        for origin in FOREIGN {
            let fields = [fields(transport), vec![origin]].concat();
            let answer = server.ask("GET", &channel.target(""), &fields, b"");
            assert_eq!(answer.status(), 403, "{transport:?}, {origin}");
            assert_eq!(answer.head.field("access-control-allow-origin"), None);
        }
    }
}

fn another_origin_may_not_publish(server: &Server) {
    let channel = server.channel();
    for origin in FOREIGN {
        assert_eq!(channel.post("", &[origin, "Content-Type: text/plain"], b"x").status(), 403, "{origin}");
    }
}

fn the_same_origin_may(server: &Server) {
    let channel = server.channel();
    let origin = format!("Origin: http://{}", server.authority());
    for transport in [Transport::Poll, Transport::Stream, Transport::Sse] {
        let fields = [fields(transport), vec![&origin]].concat();
        let mut peer = server.connect();
        peer.send(&server.request("GET", &channel.target(""), &fields, b"")).unwrap();
        assert_eq!(peer.head().unwrap().status, 200, "{transport:?}");
    }
    websocket(server, &channel.target(""), "goldcrest.v1", &[&origin]).unwrap();
    let status = channel.post("", &[&origin, "Content-Type: text/plain"], b"x").status();
    assert!(matches!(status, 201 | 202), "{status}");
}

/// A page that made a name of its own point here must not be served: it would be the same origin.
fn another_host_is_refused(server: &Server) {
    let channel = server.channel();
    let port = server.address().port();
    for host in ["evil.example".to_owned(), format!("evil.example:{port}"), format!("localhost.evil.example:{port}")] {
        for (method, content) in [("GET", ""), ("POST", "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx")] {
            let target = channel.target("");
            let end = if content.is_empty() { "\r\n" } else { content };
            let mut peer = server.connect();
            peer.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{end}").as_bytes()).unwrap();
            assert_eq!(peer.answer(method).unwrap().status(), 403, "{method}, {host}");
        }
    }
}

fn what_is_refused_is_not_stored(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("one").id;
    channel.post("", &["Origin: https://evil.example", "Content-Type: text/plain"], b"evil");
    assert_eq!(channel.newest(), before);
}

fn an_allowed_origin_may_and_is_told_so(_: &Server) {
    let server = Server::start(&["--allow-origin", "https://app.example"]);
    let channel = server.channel();
    let allowed = "Origin: https://app.example";
    let answer = server.ask("GET", &channel.target(""), &[allowed], b"");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head.field("access-control-allow-origin"), Some("https://app.example"));
    assert!(answer.head.lists("vary", "Origin"), "{:?}", answer.head);
    let exposed = |name| answer.head.lists("access-control-expose-headers", name);
    assert!(exposed("ETag"), "a page needs the cursor: {:?}", answer.head);
    for transport in [Transport::Stream, Transport::Sse] {
        let mut peer = server.connect();
        let fields = [fields(transport), vec![allowed]].concat();
        peer.send(&server.request("GET", &channel.target(""), &fields, b"")).unwrap();
        let head = peer.head().unwrap();
        assert_eq!((head.status, head.field("access-control-allow-origin")), (200, Some("https://app.example")));
    }
    websocket(&server, &channel.target(""), "goldcrest.v1", &[allowed]).unwrap();
    let status = channel.post("", &[allowed, "Content-Type: text/plain"], b"x").status();
    assert!(matches!(status, 201 | 202), "{status}");

    let asked = [
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type, idempotency-key, last-event-id",
    ];
    let preflight = server.ask("OPTIONS", &channel.target(""), &[&[allowed][..], &asked].concat(), b"");
    assert!(matches!(preflight.status(), 200 | 204), "{preflight:?}");
    assert_eq!(preflight.head.field("access-control-allow-origin"), Some("https://app.example"));
    assert!(preflight.head.lists("access-control-allow-methods", "POST"), "{:?}", preflight.head);
    for name in ["Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer"] {
        assert!(preflight.head.lists("access-control-allow-headers", name), "{name}: {:?}", preflight.head);
    }
    let other = server.ask("GET", &channel.target(""), &["Origin: https://other.example"], b"");
    assert_eq!(other.status(), 403);
}
