//! `Origin` and `Host`: allowed and rejected requests.

use goldcrest_tests::{Capabilities, List, Need, Server, Transport, UPGRADE, promises, websocket};

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
            a_rejected_publish_is_not_stored,
            a_cross_site_embed_is_refused_on_every_transport,
            a_link_of_another_site_is_followed,
            no_content_is_sniffed_or_embedded,
        ]
    );
    promises!(
        list,
        "access",
        &[Need::OwnServer],
        server,
        [
            an_allowed_origin_gets_cors_headers,
            an_allowed_origin_may_send_credentials_and_its_own_fields,
            no_credentials_where_any_origin_is_allowed,
        ]
    );
}

const FOREIGN: [&str; 5] = [
    "Origin: https://evil.example",
    "Origin: null",
    "Origin: http://127.0.0.1.evil.example",
    "Origin: https://localhost:1",
    "Origin: ",
];

fn fields(transport: Transport) -> Vec<&'static str> {
    match transport {
        Transport::WebSocket => UPGRADE.to_vec(),
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

fn a_rejected_publish_is_not_stored(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("one").id;
    channel.post("", &["Origin: https://evil.example", "Content-Type: text/plain"], b"evil");
    assert_eq!(channel.newest(), before);
}

/// A browser's request for an `<img>`, a classic `<script>` or a frame: it has no `Origin`.
fn a_cross_site_embed_is_refused_on_every_transport(server: &Server) {
    let channel = server.channel();
    for site in ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"] {
        for embedded in [
            ["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"],
            ["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"],
            ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
        ] {
            for transport in Transport::ALL {
                let fields = [fields(transport), vec![site], embedded.to_vec()].concat();
                let answer = server.ask("GET", &channel.target(""), &fields, b"");
                assert_eq!(answer.status(), 403, "{transport:?}, {fields:?}");
            }
        }
        let answer = channel.post("", &[site, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], b"x");
        assert_eq!(answer.status(), 403, "{site}");
    }
}

fn a_link_of_another_site_is_followed(server: &Server) {
    let channel = server.channel();
    let link = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    for target in ["/".to_owned(), channel.target("")] {
        assert_eq!(server.ask("GET", &target, &link, b"").status(), 200, "{target}");
    }
    // Later requests of that page are of its own origin.
    let own = ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"];
    assert_eq!(server.ask("GET", "/", &own, b"").status(), 200);
}

fn no_content_is_sniffed_or_embedded(server: &Server) {
    let channel = server.channel();
    let own_http = Capabilities::from_env().has(Need::OwnHttp);
    let pages = ["/", "/goldcrest.js", "/nowhere"].map(|page| (page.to_owned(), "Accept: */*"));
    let channels = [
        (channel.target(""), "Accept: */*"),
        (channel.target(""), "Accept: text/event-stream"),
        (channel.target(""), "Accept: application/x-ndjson"),
        (channel.target(""), "Origin: https://other.example"),
    ];
    for (target, field) in pages.into_iter().filter(|_| own_http).chain(channels) {
        let mut peer = server.connect();
        peer.send(&server.request("GET", &target, &[field], b"")).unwrap();
        let head = peer.head().unwrap();
        assert_eq!(head.field("x-content-type-options"), Some("nosniff"), "{target}, {field}");
        assert_eq!(head.field("cross-origin-resource-policy"), Some("same-origin"), "{target}, {field}");
        if head.field("content-type").is_some_and(|it| it.starts_with("text/html")) {
            let policy = head.field("content-security-policy").unwrap_or_default();
            assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
        }
    }
}

fn an_allowed_origin_may_send_credentials_and_its_own_fields(_: &Server) {
    let server = Server::start(&["--allow-origin", "https://app.example", "--allow-origin", "null"]);
    let channel = server.channel();
    let credentials = |origin: &str, transport: Transport| {
        let mut peer = server.connect();
        let fields = [fields(transport), vec![origin]].concat();
        peer.send(&server.request("GET", &channel.target(""), &fields, b"")).unwrap();
        let head = peer.head().unwrap();
        assert!(head.field("access-control-allow-origin").is_some_and(|it| origin.ends_with(it)), "{head:?}");
        head.field("access-control-allow-credentials") == Some("true")
    };
    for transport in [Transport::Poll, Transport::Stream, Transport::Sse] {
        assert!(credentials("Origin: https://app.example", transport), "{transport:?}");
        assert!(!credentials("Origin: null", transport), "each sandboxed frame of any site is null");
        assert!(!credentials(&format!("Origin: http://{}", server.authority()), transport));
    }
    // npm's eventsource 1 and 2 send the first; the others people add.
    for names in ["cache-control,last-event-id", "x-requested-with", "traceparent,x-csrf-token,x-api-key"] {
        let asked = format!("Access-Control-Request-Headers: {names}");
        let ask = |origin| {
            let fields = [origin, "Access-Control-Request-Method: GET", &asked];
            server.ask("OPTIONS", &channel.target(""), &fields, b"").head
        };
        let head = ask("Origin: https://app.example");
        for name in names.split(',') {
            assert!(head.lists("access-control-allow-headers", name), "{name}: {head:?}");
        }
        assert_eq!(head.field("access-control-allow-credentials"), Some("true"), "{head:?}");
        let head = ask("Origin: https://other.example");
        assert_eq!((head.status, head.field("access-control-allow-headers")), (403, None), "{head:?}");
    }
}

fn no_credentials_where_any_origin_is_allowed(_: &Server) {
    let server = Server::start(&["--allow-origin", "*"]);
    let channel = server.channel();
    let answer = server.ask("GET", &channel.target(""), &["Origin: https://app.example"], b"");
    assert_eq!(answer.head.field("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.head.field("access-control-allow-credentials"), None);
    let embedded = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"];
    let answer = server.ask("GET", &channel.target(""), &embedded, b"");
    assert_eq!((answer.status(), answer.head.field("cross-origin-resource-policy")), (200, Some("cross-origin")));
}

fn an_allowed_origin_gets_cors_headers(_: &Server) {
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
    for name in ["Content-Type", "Idempotency-Key", "Last-Event-ID"] {
        assert!(preflight.head.lists("access-control-allow-headers", name), "{name}: {:?}", preflight.head);
    }
    let other = server.ask("GET", &channel.target(""), &["Origin: https://other.example"], b"");
    assert_eq!(other.status(), 403);
}
