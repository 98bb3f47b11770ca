//! HTTP: connections that go on, and those that may not.

use core::time::Duration;
use std::format;
use std::string::String;

use super::client::{Client, get, post};
use super::handlers::{TestHandlers, streamed};
use crate::grammar::origin::OriginPolicy;
use crate::server::{Access, Disconnect, HostPolicy, ServerConfig};
use crate::testing::{Simulation, leak};

fn open() -> (&'static Simulation, Client) {
    open_with(ServerConfig::default())
}

fn open_with(config: ServerConfig<'static>) -> (&'static Simulation, Client) {
    let sim = Simulation::new();
    (sim, sim.connect(leak(config), &TestHandlers))
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (sim, mut client) = open();
    for _ in 0..3 {
        let answer = client.get("/hello", "");
        assert_eq!((answer.status, answer.keeps(), answer.field("connection")), (200, true, None));
    }
    let many: String = (0..5)
        .flat_map(|number| [get("/hello", ""), post("/back", "", &format!("number {number}")), get("/stream", "")])
        .collect();
    client.send(many.as_bytes());
    for number in 0..5 {
        assert_eq!(client.answer().unwrap().text(), "hello\n");
        assert_eq!(client.answer().unwrap().text(), format!("number {number}"));
        assert_eq!(client.answer().unwrap().body, streamed());
    }
    assert!(client.came.is_empty() && !client.eof);
    sim.pass(Duration::from_secs(59));
    assert_eq!(client.ended(), None);
    sim.pass(Duration::from_secs(1));
    client.read();
    assert!(client.eof, "an idle connection is closed");
    client.leave();
    assert_eq!(client.ended(), Some(Disconnect::Closed));
    assert_eq!(sim.runtime.head_buffers.free(), 100);
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let (sim, mut client) = open();
    client.get("/hello", "");
    assert_eq!(sim.runtime.head_buffers.free(), 100);
    client.send(b"G");
    assert_eq!(sim.runtime.head_buffers.free(), 99);
}

#[test]
fn connection_close_in_a_request_closes_the_connection() {
    for (request, connection) in [
        ("GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", Some("close")),
        ("GET /hello HTTP/1.0\r\n\r\n", Some("close")),
    ] {
        let (_, mut client) = open();
        let answer = client.ask(request);
        assert_eq!((answer.text(), answer.field("connection")), ("hello\n", connection));
        client.read();
        assert!(client.eof, "{request}");
    }
    let (_, mut client) = open();
    let answer = client.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(answer.field("connection"), Some("keep-alive"));
    assert_eq!(client.get("/hello", "").status, 200);
}

#[test]
fn a_stream_to_an_http_1_0_client_ends_by_close() {
    let (_, mut client) = open();
    client.send(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let answer = client.answer().unwrap();
    assert_eq!((answer.field("transfer-encoding"), answer.field("connection")), (None, Some("close")));
    assert_eq!(answer.body, streamed());
    assert!(client.eof);
}

#[test]
fn head_is_answered_with_the_head_of_get() {
    let (_, mut client) = open();
    let answer = client.ask("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.field("content-length"), answer.body.len()), (200, Some("6"), 0));
    let answer = client.ask("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.field("transfer-encoding"), answer.body.len()), (Some("chunked"), 0));
    let answer = client.ask("HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.body.len()), (404, 0));
    assert_eq!(client.get("/hello", "").text(), "hello\n", "no body stood between");
    let (_, mut client) = open();
    let request = "HEAD /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answer = client.ask(request);
    assert_eq!((answer.status, answer.field("allow")), (405, Some("GET")));
    assert!(client.came.is_empty() && client.eof);
}

#[test]
fn options_lists_methods_and_unknown_methods_are_405() {
    let (_, mut client) = open();
    let answer = client.ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((answer.status, answer.field("allow")), (200, Some("GET, HEAD, POST, OPTIONS")));
    let preflight = "OPTIONS /hello HTTP/1.1\r\nHost: localhost:80\r\nOrigin: http://localhost\r\n\
                     Access-Control-Request-Method: POST\r\n\r\n";
    let answer = client.ask(preflight);
    assert_eq!(answer.status, 204);
    assert_eq!(answer.field("access-control-allow-origin"), Some("http://localhost"));
    assert_eq!(answer.field("access-control-allow-headers"), None);
    assert!(answer.field("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(client.ask("BREW /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 501);
    assert_eq!(client.get("/hello", "").status, 200, "the connection goes on");
}

#[test]
fn one_hundred_continue_is_sent_when_content_is_read() {
    for path in ["/back", "/dropping/back"] {
        let (_, mut client) = open();
        let request = post(path, "Expect: 100-continue\r\n", "content");
        let (head, body) = request.split_at(request.len() - 7);
        client.send(head.as_bytes());
        assert_eq!(client.text(), "HTTP/1.1 100 Continue\r\n\r\n", "{path}");
        client.head();
        client.send(body.as_bytes());
        let answer = client.answer().unwrap();
        assert_eq!((answer.text(), answer.keeps()), ("content", true));
        // Content that came unasked is not waited for a second time.
        client.send(request.as_bytes());
        assert_eq!(client.head().unwrap().status, 100);
        assert_eq!(client.answer().unwrap().text(), "content");
        assert_eq!(client.get("/hello", "").status, 200);
    }
    // Not read: the client may send it or not, so that the connection cannot go on.
    let (_, mut client) = open();
    client.send(post("/unread", "Expect: 100-continue\r\n", "content").split_at(70).0.as_bytes());
    let (_, mut client_2) = open();
    client_2.send(post("/unread", "Expect: 100-continue\r\n", "content").as_bytes());
    let answer = client_2.answer().unwrap();
    assert_eq!((answer.status, answer.keeps()), (200, false));
    assert!(client_2.eof);
}

#[test]
fn unread_request_content_is_discarded() {
    let (_, mut client) = open();
    let big = "x".repeat(5000);
    for request in [
        post("/unread", "", &big),
        format!(
            "POST /unread HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n{big}\r\n0\r\n\r\n"
        ),
    ] {
        client.send(request.as_bytes());
        assert_eq!(client.answer().unwrap().text(), "hello\n");
    }
    assert_eq!(client.get("/hello", "").status, 200);
    // Malformed content that is passed over ends the connection.
    client.send(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
    assert_eq!(client.answer().unwrap().status, 200);
    client.read();
    assert!(client.eof);
}

#[test]
fn a_rejected_request_has_a_reason_and_closes() {
    let long_line = get(&format!("/{}", "x".repeat(1100)), "");
    let long_head = get("/hello", &format!("X: {}\r\n", "x".repeat(1100)));
    let many = get("/hello", &"X: y\r\n".repeat(129));
    let too_much = post("/back", "", &"x".repeat(201));
    let chunked = "POST /back HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (request, status) in [
        ("\x16\x03\x01", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (&format!("{chunked}zz\r\n"), 400),
        ("POST /back HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n", 413),
        (&too_much, 413),
        (&format!("{chunked}ffffff\r\n"), 413),
        (&long_line, 414),
        (&get("/hello", "Expect: something\r\n"), 417),
        (&long_head, 431),
        (&many, 431),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("GET / HTTP/2.0\r\n\r\n", 505),
    ] {
        let (_, mut client) = open();
        client.try_send(request.as_bytes());
        let answer = client.answer().unwrap_or_else(|| panic!("no answer to {request:?}"));
        assert_eq!((answer.status, answer.field("connection")), (status, Some("close")), "{request:?}");
        assert!(client.eof && !answer.body.is_empty(), "{request:?}");
        client.leave();
        let Some(Disconnect::Rejected(refused)) = client.ended() else { panic!("{request:?}: {:?}", client.ended()) };
        assert_eq!(refused.code(), status);
    }
}

#[test]
fn a_slow_head_is_408_even_at_a_steady_rate() {
    let (sim, mut client) = open();
    for byte in get("/hello", "").bytes().take(10) {
        assert_eq!(client.came.len(), 0);
        client.send(&[byte]);
        sim.pass(Duration::from_secs(1));
        client.read();
    }
    let answer = client.answer().unwrap();
    assert_eq!((answer.status, answer.keeps(), client.eof), (408, false, true));
}

#[test]
fn a_slow_body_is_408() {
    for path in ["/back", "/dropping/back", "/events/none"] {
        let (sim, mut client) = open();
        let request = post(path, "", "content");
        let (start, _) = request.split_at(request.len() - 3);
        client.send(start.as_bytes());
        if path == "/events/none" {
            // Not read, and the answer is there already: the rest is waited for, and then the connection breaks.
            assert_eq!(client.answer().unwrap().status, 404);
            sim.pass(Duration::from_secs(20));
            assert_eq!(client.ended(), Some(Disconnect::TimedOut));
            continue;
        }
        sim.pass(Duration::from_millis(19_999));
        assert_eq!(client.answer(), None);
        sim.pass(Duration::from_millis(1));
        let answer = client.answer().unwrap_or_else(|| panic!("{path}"));
        assert_eq!((answer.status, answer.keeps()), (408, false), "{path}");
    }
}

#[test]
fn a_body_below_the_minimum_rate_is_408() {
    for path in ["/back", "/dropping/back"] {
        let (sim, mut client) = open();
        let request = post(path, "", &"x".repeat(60_000));
        let start = request.len() - 60_000;
        client.send(&request.as_bytes()[..start]);
        for second in 0..20 {
            assert_eq!(client.answer(), None, "{path}: after {second} s");
            client.send(b"x");
            sim.pass(Duration::from_secs(1));
            client.read();
        }
        // 19 bytes that were waited for have earned 2 ms each.
        assert_eq!(client.answer(), None, "{path}");
        sim.pass(Duration::from_millis(40));
        client.read();
        let answer = client.answer().unwrap_or_else(|| panic!("{path}"));
        assert_eq!((answer.status, answer.keeps()), (408, false), "{path}");
    }
}

#[test]
fn a_slow_body_above_the_minimum_rate_is_accepted() {
    let (sim, mut client) = open();
    let request = post("/back", "", &"x".repeat(60));
    let (head, body) = request.split_at(request.len() - 60);
    client.send(head.as_bytes());
    let config = ServerConfig::default();
    let pause = Duration::from_millis(10_000 / u64::from(config.min_body_rate));
    for piece in body.as_bytes().chunks(10) {
        client.send(piece);
        sim.pass(pause);
    }
    client.read();
    assert_eq!(client.answer().unwrap().status, 200);
}

#[test]
fn a_foreign_origin_or_host_is_403_for_every_method() {
    for (fields, may) in [
        ("Host: localhost\r\n", true),
        ("Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8080\r\n", true),
        ("Host: evil.example\r\n", false),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", false),
        ("Host: localhost\r\nOrigin: null\r\n", false),
        ("Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://localhost\r\n", false),
    ] {
        for method in ["GET", "POST", "OPTIONS", "HEAD"] {
            let (_, mut client) = open();
            let request = format!("{method} /hello HTTP/1.1\r\n{fields}Access-Control-Request-Method: GET\r\n\r\n");
            let answer = client.ask(&request);
            assert_eq!(answer.status != 403, may, "{request}");
            let told = answer.field("access-control-allow-origin");
            assert_eq!(told.is_some(), may && fields.contains("Origin"), "{request}");
        }
    }
    let access =
        Access { origins: OriginPolicy::List(&["https://app.example"]), hosts: HostPolicy::List(&["hub.example"]) };
    let (_, mut client) = open_with(ServerConfig { access, ..ServerConfig::default() });
    let answer = client.ask("GET /hello HTTP/1.1\r\nHost: hub.example\r\nOrigin: https://app.example\r\n\r\n");
    assert_eq!(answer.field("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.field("vary"), Some("Origin"));
}

#[test]
fn cors_credentials_are_for_listed_origins() {
    let listed = OriginPolicy::List(&["https://app.example", "null"]);
    for (origins, origin, credentials) in [
        (listed, "https://app.example", true),
        (listed, "null", false),
        (listed, "http://localhost", false),
        (OriginPolicy::Any, "https://app.example", false),
        (OriginPolicy::Same, "http://localhost", false),
    ] {
        let access = Access { origins, ..Access::default() };
        for (method, path) in [("GET", "/hello"), ("GET", "/stream"), ("GET", "/nowhere"), ("OPTIONS", "/hello")] {
            let (_, mut client) = open_with(ServerConfig { access, ..ServerConfig::default() });
            let asked = "Access-Control-Request-Method: GET\r\n";
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n{asked}\r\n");
            let answer = client.ask(&request);
            assert_eq!(answer.field("access-control-allow-origin"), Some(origin), "{request}");
            let allowed = answer.field("access-control-allow-credentials");
            assert_eq!(allowed, credentials.then_some("true"), "{request} by {origins:?}");
        }
    }
}

#[test]
fn a_cors_preflight_permits_the_requested_headers() {
    let origins = OriginPolicy::List(&["https://app.example"]);
    let access = Access { origins, ..Access::default() };
    for (method, names, allowed) in [
        ("POST", "content-type, idempotency-key", Some("content-type, idempotency-key")),
        ("GET", "cache-control,last-event-id", Some("cache-control,last-event-id")),
        (
            "DELETE",
            "x-requested-with,traceparent,x-csrf-token,x-api-key",
            Some("x-requested-with,traceparent,x-csrf-token,x-api-key"),
        ),
        ("GET", "", None),
    ] {
        let (_, mut client) = open_with(ServerConfig { access, ..ServerConfig::default() });
        let answer = client.ask(&format!(
            "OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n\
             Access-Control-Request-Method: {method}\r\nAccess-Control-Request-Headers: {names}\r\n\r\n"
        ));
        assert_eq!(answer.status, 204);
        assert_eq!(answer.field("access-control-allow-methods"), Some(method));
        assert_eq!(answer.field("access-control-allow-headers"), allowed, "{names}");
        assert_eq!(answer.field("access-control-max-age"), Some("600"));
        assert_eq!(client.get("/hello", "").status, 200, "the connection goes on");
    }
    let (_, mut client) = open_with(ServerConfig { access, ..ServerConfig::default() });
    let answer = client.ask(
        "OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://other.example\r\n\
         Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-api-key\r\n\r\n",
    );
    let told = answer.fields.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"));
    assert_eq!((answer.status, told), (403, false));
}

#[test]
fn responses_have_nosniff_and_a_same_origin_resource_policy() {
    for (origins, policy) in [(OriginPolicy::Same, "same-origin"), (OriginPolicy::Any, "cross-origin")] {
        let (_, mut client) =
            open_with(ServerConfig { access: Access { origins, ..Access::default() }, ..ServerConfig::default() });
        for path in ["/hello", "/nowhere", "/stream"] {
            let answer = client.get(path, "");
            assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.field("cross-origin-resource-policy"), Some(policy), "{path}");
        }
    }
}

#[test]
fn a_cross_site_embed_is_403() {
    for (mode, may) in
        [("Sec-Fetch-Mode: no-cors\r\n", false), ("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", true)]
    {
        let (_, mut client) = open();
        let fields = format!("Sec-Fetch-Site: cross-site\r\n{mode}");
        assert_eq!(client.get("/hello", &fields).status == 200, may, "{fields}");
    }
}

#[test]
fn a_handler_demands_credentials() {
    let (_, mut client) = open();
    let answer = client.get("/secret", "");
    assert_eq!((answer.status, answer.text()), (401, "credentials are required\n"));
    assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
    assert_eq!(client.get("/hello", "").status, 200);
}

#[test]
fn without_a_free_buffer_a_request_is_503_with_retry_after() {
    let (sim, mut client) = open();
    sim.runtime.head_buffers.set_free(0);
    client.try_send(get("/hello", "").as_bytes());
    sim.pass(Duration::from_secs(2));
    let answer = client.answer().unwrap();
    assert_eq!((answer.status, answer.field("retry-after"), answer.keeps()), (503, Some("5"), false));
    assert!(client.eof);
    client.leave();
    assert!(matches!(client.ended(), Some(Disconnect::Rejected(_))));
}

#[test]
fn a_request_waits_until_a_head_buffer_is_free() {
    let (sim, mut client) = open();
    sim.runtime.head_buffers.set_free(0);
    client.try_send(get("/hello", "").as_bytes());
    sim.pass(Duration::from_millis(500));
    sim.runtime.head_buffers.set_free(1);
    sim.pass(Duration::from_millis(20));
    assert_eq!(client.answer().unwrap().status, 200);
}

#[test]
fn a_slow_head_is_tolerated_until_the_buffer_pool_is_exhausted() {
    let (sim, mut slow) = open();
    sim.runtime.head_buffers.set_free(1);
    let mut brisk = sim.connect(leak(ServerConfig::default()), &TestHandlers);
    let head = get("/hello", "");
    let (first, second) = head.as_bytes().split_at(10);
    slow.try_send(first);
    sim.pass(Duration::from_secs(5));
    slow.try_send(second);
    assert_eq!(slow.answer().unwrap().status, 200);

    slow.try_send(first);
    sim.pass(Duration::from_secs(5));
    brisk.try_send(head.as_bytes());
    sim.pass(Duration::from_millis(520));
    assert_eq!(brisk.answer().unwrap().status, 200);
    assert_eq!(slow.answer().unwrap().status, 408);
    assert_eq!(sim.runtime.head_buffers.free(), 1);
}
