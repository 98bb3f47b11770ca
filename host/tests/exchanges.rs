//! JSON, the bound of a route, the address of the peer, and rules for pages of other origins, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use goldcrest_host::core::server::{CorsNames, CorsPolicy, OriginPolicy};
use goldcrest_host::{
    Access, Exchange, Handler, HandlerResult, JsonExchange, Response, RunningServer, Runtime, Server, ServerConfig,
    Status,
};
use serde_json::{Value, json};

struct App;

impl Handler for App {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/peer" => {
                let peer = exchange.peer_address().map(|peer| peer.to_string()).unwrap_or_default();
                exchange.respond(&Response::text(Status::OK, &peer)).await
            }
            "/numbers" => {
                if let Err(error) = exchange.limit_content(20_000) {
                    return exchange.respond_body_error(error).await;
                }
                let numbers: Vec<u32> = match exchange.json().await {
                    Ok(numbers) => numbers,
                    Err(error) => return error.respond(exchange).await,
                };
                let sum: u32 = numbers.iter().sum();
                exchange.respond_json(Status::CREATED, &json!({ "sum": sum })).await
            }
            "/unwritable" => {
                let map = std::collections::BTreeMap::from([(vec![1], 2)]);
                exchange.respond_json(Status::OK, &map).await
            }
            _ => {
                let headers = &[("X-Total", "7")];
                exchange.respond(&Response::text(Status::OK, "well\n").with_headers(headers)).await
            }
        }
    }
}

fn start(server: Server) -> RunningServer {
    server.threads(1).listen(SocketAddr::from(([127, 0, 0, 1], 0))).without_signals().start(|_hub| App).unwrap()
}

/// The status, the fields and the content of the response, and the client's own address.
fn ask(server: &RunningServer, request: &str, content: &[u8]) -> (u16, String, String, SocketAddr) {
    let mut stream = TcpStream::connect(server.addresses()[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let _ = stream.write_all(content);
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, content) = response.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.into(), content.into(), stream.local_addr().unwrap())
}

fn post(server: &RunningServer, fields: &str, content: &str) -> (u16, String) {
    let length = content.len();
    let request = format!("POST /numbers HTTP/1.1\r\nContent-Length: {length}\r\n{fields}");
    let (status, _, content, _) = ask(server, &request, content.as_bytes());
    (status, content)
}

const JSON: &str = "Content-Type: application/json";

#[test]
fn json_content_is_parsed_or_rejected_with_the_reason() {
    let server = start(Server::new());
    let (status, sum) = post(&server, JSON, "[1, 2, 39]");
    assert_eq!((status, serde_json::from_str::<Value>(&sum).unwrap()), (201, json!({ "sum": 42 })));
    let many = format!("[{}1]", "1,".repeat(9_000));
    assert_eq!(post(&server, JSON, &many), (201, "{\"sum\":9001}".into()), "longer than one read");

    let (status, reason) = post(&server, JSON, "[1,\n 2,, 3]");
    assert_eq!((status, &reason[..]), (400, "the content is not valid JSON: expected value at line 2 column 4\n"));
    let (status, reason) = post(&server, JSON, "[1, \"2\"]");
    assert_eq!(status, 422);
    assert!(reason.starts_with("the JSON has another shape: invalid type: string \"2\", expected u32"), "{reason}");
    let (status, reason) = post(&server, JSON, "");
    assert_eq!(status, 400, "{reason}");
    for content_type in
        ["X-No-Type: 1", "Content-Type: text/plain", "Content-Type: application/json\r\nContent-Type: a/b"]
    {
        let (status, reason) = post(&server, content_type, "[]");
        let expected = "the content is not JSON; send Content-Type: application/json\n";
        assert_eq!((status, &reason[..]), (415, expected), "{content_type}");
    }
    let (status, problem) = post(&server, "Content-Type: text/plain\r\nAccept: application/json", "[]");
    assert_eq!((status, &serde_json::from_str::<Value>(&problem).unwrap()["status"]), (415, &json!(415)));
    let (status, _, content, _) = ask(&server, "GET /unwritable HTTP/1.1", b"");
    assert_eq!((status, &content[..]), (500, "the response cannot be written in JSON\n"));
    server.shut_down().unwrap();
}

#[test]
fn content_above_the_limit_of_a_route_is_413_with_the_limit() {
    let server = start(Server::new());
    let reason = "413: the content has more than 20000 bytes\n";
    assert_eq!(post(&server, JSON, &" ".repeat(20_001)), (413, reason.into()));
    let chunked = format!("POST /numbers HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{JSON}");
    let content = format!("4e20\r\n{}\r\n1\r\n \r\n0\r\n\r\n", " ".repeat(20_000));
    let (status, _, text, _) = ask(&server, &chunked, content.as_bytes());
    assert_eq!((status, &text[..]), (413, reason));
    server.shut_down().unwrap();
    let server = start(Server::new().config(ServerConfig { max_body: 1_000, ..Server::default_config() }));
    let (status, text) = post(&server, JSON, &" ".repeat(1_001));
    assert_eq!((status, &text[..]), (413, "413: the content has more than 1000 bytes\n"));
    server.shut_down().unwrap();
}

#[test]
fn the_address_of_the_peer_is_that_of_its_socket() {
    let server = start(Server::new());
    let (status, _, content, own) = ask(&server, "GET /peer HTTP/1.1", b"");
    assert_eq!((status, content), (200, own.to_string()));
    server.shut_down().unwrap();
}

#[test]
fn the_address_of_the_peer_is_that_of_the_client_that_a_trusted_proxy_names() {
    let server = start(Server::new().trusted_proxies(["127.0.0.0/8".parse().unwrap()]));
    let forwarded = "GET /peer HTTP/1.1\r\nForwarded: for=\"[2001:db8::1]:4711\";proto=https, for=127.0.0.2";
    assert_eq!(ask(&server, forwarded, b"").2, "[2001:db8::1]:4711");
    let (.., content, own) = ask(&server, "GET /peer HTTP/1.1\r\nForwarded: for=_hidden", b"");
    assert_eq!(content, own.to_string());

    // Each request of a connection has a client of its own.
    let mut stream = TcpStream::connect(server.addresses()[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let own = stream.local_addr().unwrap().to_string();
    let fields = ["X-Forwarded-For: 192.0.2.1", "X-Nothing: 1", "X-Forwarded-For: 192.0.2.2\r\nConnection: close"];
    for field in fields {
        write!(stream, "GET /peer HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n").unwrap();
    }
    let mut responses = String::new();
    stream.read_to_string(&mut responses).unwrap();
    let expected = ["192.0.2.1:0", &own, "192.0.2.2:0"];
    let mut rest = &responses[..];
    for address in expected {
        let at = rest.find(&format!("\r\n\r\n{address}"));
        rest = &rest[at.unwrap_or_else(|| panic!("{address} is missing: {responses}")) + 4 + address.len()..];
    }
    server.shut_down().unwrap();
}

#[test]
fn a_cors_policy_limits_preflights_and_exposes_fields() {
    let access = Access { origins: OriginPolicy::List(&["https://app.example"]), ..Access::default() };
    let cors = CorsPolicy {
        methods: CorsNames::List(&["PUT"]),
        headers: CorsNames::List(&["X-Api-Key", "Content-Type"]),
        max_age: Duration::from_secs(86_400),
        credentials: false,
        expose: &["X-Total"],
    };
    let strict = start(Server::new().config(ServerConfig { access, ..Server::default_config() }).cors(cors));
    let plain = start(Server::new().config(ServerConfig { access, ..Server::default_config() }));
    let origin = "Origin: https://app.example";
    let preflight = |server, method: &str, fields: &str| {
        let request = format!(
            "OPTIONS / HTTP/1.1\r\n{origin}\r\nAccess-Control-Request-Method: {method}\r\n\
             Access-Control-Request-Headers: {fields}"
        );
        let (status, head, ..) = ask(server, &request, b"");
        assert_eq!(status, 204);
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().to_owned()
        };
        [
            field("Access-Control-Allow-Methods"),
            field("Access-Control-Allow-Headers"),
            field("Access-Control-Max-Age"),
            field("Access-Control-Allow-Credentials"),
        ]
    };
    assert_eq!(preflight(&strict, "PUT", "x-api-key"), ["PUT", "x-api-key", "86400", ""]);
    assert_eq!(preflight(&strict, "DELETE", "x-api-key"), ["", "x-api-key", "86400", ""]);
    assert_eq!(preflight(&strict, "PUT", "x-api-key,x-other"), ["PUT", "", "86400", ""]);
    assert_eq!(preflight(&plain, "DELETE", "x-other"), ["DELETE", "x-other", "600", "true"]);

    let get = format!("GET / HTTP/1.1\r\n{origin}");
    let exposed = |server| {
        let (_, head, ..) = ask(server, &get, b"");
        assert!(head.contains("Access-Control-Allow-Origin: https://app.example\r\n"), "{head}");
        let lines = head.lines().filter_map(|line| line.strip_prefix("Access-Control-Expose-Headers: "));
        let names = lines.flat_map(|line| line.split(", ")).map(str::to_owned);
        (names.collect::<Vec<_>>(), head.contains("Access-Control-Allow-Credentials"))
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(exposed(&strict), (names(&["X-Total", "ETag", "Preference-Applied", "Retry-After"]), false));
    assert_eq!(exposed(&plain), (names(&["ETag", "Preference-Applied", "Retry-After"]), true));
    let (_, head, ..) = ask(&strict, "GET / HTTP/1.1", b"");
    assert!(!head.contains("Access-Control"), "without an origin there is nothing to expose: {head}");
    strict.shut_down().unwrap();
    plain.shut_down().unwrap();
}
