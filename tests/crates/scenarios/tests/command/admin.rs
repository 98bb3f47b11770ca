//! The admin listener: metrics, health, channels and identities.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use goldcrest_tests::Program;
use serde_json::{Value, json};

/// A server with an admin listener, and the addresses of both.
fn serve(flags: &[&str]) -> (Program, SocketAddr, SocketAddr) {
    let always = ["serve", "--threads", "1", "--listen", "127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
    let run = Program::goldcrest(&[&always[..], flags].concat());
    let address = |text: &str| {
        let line = run.wait_for_line(text);
        let authority = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        authority.parse().unwrap()
    };
    let public = address("goldcrest serves http://");
    let admin = address("metrics and channels at http://");
    (run, public, admin)
}

/// The status and the content of the response.
fn ask(address: SocketAddr, line: &str, fields: &str, content: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = content.len();
    let head =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n");
    stream.write_all(format!("{head}{content}").as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, content) = response.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), content.into())
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path}"), "", "")
}

fn get_json(address: SocketAddr, path: &str) -> (u16, Value) {
    let (status, content) = get(address, path);
    (status, serde_json::from_str(&content).unwrap_or_else(|error| panic!("{path}: {error}: {content}")))
}

#[test]
fn admin_paths_exist_on_the_admin_listener_only() {
    let (_run, public, admin) = serve(&[]);
    for path in ["/metrics", "/healthz", "/readyz", "/summary", "/channels"] {
        assert_eq!((get(public, path).0, get(admin, path).0), (404, 200), "{path}");
    }
    assert_eq!(get(admin, "/events/news").0, 404);
    assert_eq!(ask(admin, "POST /metrics", "", "").0, 405);
    assert_eq!(ask(admin, "GET /identities/ada/withdraw", "", "").0, 405);
    let (status, problem) = get_json(admin, "/channels/none");
    assert_eq!((status, &problem["status"], &problem["title"]), (404, &json!(404), &json!("Not Found")));
}

#[test]
fn channels_are_listed_in_pages_and_deleted() {
    let (_run, public, admin) = serve(&["--channel-names", "extended"]);
    for channel in ["user.2", "user.1", "news", "user.3", "orders%2F42"] {
        assert_eq!(ask(public, &format!("POST /events/{channel}"), "", "hello").0, 202);
    }
    let names = |page: &Value| -> Vec<String> {
        page["channels"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().into()).collect()
    };
    let (_, first) = get_json(admin, "/channels?prefix=user.&limit=2");
    assert_eq!((names(&first), &first["next"]), (vec!["user.1".into(), "user.2".into()], &json!("user.2")));
    let (_, second) = get_json(admin, "/channels?prefix=user.&limit=2&after=user.2");
    assert_eq!((names(&second), &second["next"]), (vec!["user.3".into()], &Value::Null));
    assert_eq!(names(&get_json(admin, "/channels").1).len(), 5);
    for query in ["limit=0", "limit=1001", "limit=x", "prefix=%ff"] {
        assert_eq!(get_json(admin, &format!("/channels?{query}")).0, 400, "{query}");
    }
    let (status, channel) = get_json(admin, "/channels/orders%2F42");
    assert_eq!((status, &channel["events"], &channel["readers"]["sse"]), (200, &json!(1), &json!(0)), "{channel}");
    assert_eq!(ask(admin, "DELETE /channels/orders%2F42", "", "").0, 204);
    assert_eq!(ask(admin, "DELETE /channels/orders%2F42", "", "").0, 404);
    assert_eq!(get(public, "/events/orders%2F42").1.matches("hello").count(), 0);
    assert_eq!(ask(admin, "POST /identities/ada/withdraw", "", ""), (200, "{\"withdrawn\":0}\n".into()));
}

#[test]
fn pages_of_other_origins_and_rebound_names_are_rejected() {
    let (_run, public, admin) = serve(&["--allow-origin", "https://app.example", "--allow-host", "hub.example"]);
    ask(public, "POST /events/news", "", "hello");
    for origin in ["https://app.example", "http://localhost:1", "null", &format!("http://{public}")] {
        let fields = format!("Origin: {origin}\r\n");
        assert_eq!(ask(admin, "DELETE /channels/news", &fields, "").0, 403, "{origin}");
        assert_eq!(ask(admin, "POST /identities/ada/withdraw", &fields, "").0, 403, "{origin}");
    }
    assert_eq!(ask(admin, "POST /identities/ada/withdraw", "Sec-Fetch-Site: cross-site\r\n", "").0, 403);
    let host = |host: &str| {
        let mut stream = TcpStream::connect(admin).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response[9..12].to_owned()
    };
    assert_eq!([host("rebound.example"), host("hub.example"), host(&admin.to_string())], ["403", "200", "200"]);
    assert_eq!(get_json(admin, "/channels/news").0, 200);
}

#[test]
fn readiness_ends_with_the_signal_while_readers_remain() {
    let (mut run, public, admin) = serve(&["--drain-timeout", "5"]);
    assert_eq!(get_json(admin, "/readyz"), (200, json!({ "status": "ready" })));
    // A request that never ends keeps the server in its shutdown.
    let mut slow = TcpStream::connect(public).unwrap();
    slow.write_all(b"POST /events/news HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    while !get(admin, "/metrics").1.contains("\ngoldcrest_connections 1\n") {}
    run.signal("TERM");
    while get(admin, "/readyz").0 == 200 {}
    assert_eq!(get_json(admin, "/readyz"), (503, json!({ "status": "shutting_down" })));
    assert_eq!(get(admin, "/healthz").0, 200);
    drop(slow);
    assert!(run.wait().success());
}

#[test]
fn the_access_log_has_a_json_line_for_each_request() {
    let (run, public, admin) = serve(&["--log", "goldcrest=info", "--access-log", "--log-format", "json"]);
    ask(public, "POST /events/news?access_token=secret&type=a", "", "hello");
    get(public, "/nothing%1b?token=secret");
    let line = |text: &str| serde_json::from_str::<Value>(&run.wait_for_line(text)).unwrap();
    let publication = line("/events/news?access_token");
    for (field, expected) in [
        ("level", json!("INFO")),
        ("method", json!("POST")),
        ("request_target", json!("/events/news?access_token=***&type=a")),
        ("status", json!(202)),
        ("transport", json!("publish")),
        ("identity", json!("-")),
        ("ended", json!("closed")),
    ] {
        assert_eq!(publication[field], expected, "{publication}");
    }
    assert!(publication["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{publication}");
    assert!(publication["bytes"].as_u64().unwrap() > 100 && publication["seconds"].as_f64().unwrap() < 10.0);
    assert_eq!(line("request_target\":\"/nothing%1b")["status"], json!(404));
    assert!(run.lines("secret").is_empty() && run.lines("/metrics").is_empty());
    assert_eq!(get(admin, "/healthz").0, 200);
}
