//! Each example of the host behaves as its front comment describes.

use goldcrest_tests::{EventStream, Framing, Peer, Server, StreamEvent, websocket};
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

/// An event stream that has begun.
struct Follower {
    peer: Peer,
    framing: Framing,
    parser: EventStream,
    events: Vec<StreamEvent>,
}

impl Follower {
    fn open(server: &Server, target: &str, fields: &[&str]) -> Self {
        let mut peer = server.connect();
        peer.send(&server.request("GET", target, &[&["Accept: text/event-stream"], fields].concat(), b"")).unwrap();
        let head = peer.head().unwrap();
        assert_eq!((head.status, head.field("content-type")), (200, Some("text/event-stream;charset=UTF-8")));
        let framing = head.framing("GET").unwrap();
        Self { peer, framing, parser: EventStream::default(), events: Vec::new() }
    }

    /// The next event; `None` at the stream's end.
    fn next(&mut self) -> Option<StreamEvent> {
        while self.events.is_empty() {
            let piece = self.peer.piece(&mut self.framing).unwrap()?;
            self.events = self.parser.take(&piece);
        }
        Some(self.events.remove(0))
    }

    fn data(&mut self) -> String {
        self.next().expect("a stream that goes on").data
    }
}

#[test]
fn publish_publishes_while_readers_follow() {
    let server = Server::start_example("publish");
    let mut readers = [(); 4].map(|()| Follower::open(&server, "/events/sensors?after=oldest", &[]));
    let seen = readers.each_mut().map(|reader| [(); 5].map(|()| reader.next().unwrap()));
    for events in &seen {
        assert_eq!(events, &seen[0], "readers of all threads see the same");
        assert_eq!((events[0].event_type.as_str(), events[0].data.as_str()), ("reading", "{\"celsius\":20.5}"));
        assert!(events[4].id.ends_with("-5"));
    }
    server.terminate();
    assert!(server.wait().success(), "the publishing thread delays no reader");
}

#[test]
fn embedded_ends_its_server_after_the_last_event() {
    let server = Server::start_example("embedded");
    let mut readers = [(); 2].map(|()| Follower::open(&server, "/events/ticks?after=oldest", &[]));
    let seen = readers.each_mut().map(|reader| [(); 2].map(|()| reader.data()));
    assert_eq!(seen, [["1", "2"], ["1", "2"]]);
    server.terminate();
    for reader in &mut readers {
        let mut last = String::new();
        while let Some(event) = reader.next() {
            last = event.data;
        }
        assert_eq!(last, "end", "the signal is the program's, and the server shuts down after the last event");
    }
    assert!(server.wait().success());
}

#[test]
fn json_checks_a_note_and_publishes_it() {
    let server = Server::start_example("json");
    let mut reader = Follower::open(&server, "/events/notes", &[]);
    let fields = ["Content-Type: application/json"];
    for (content, status, why) in [
        ("{", 400, "the content is not valid JSON: EOF while parsing an object at line 1 column 1\n"),
        ("{\"author\":\"Ada\"}", 422, "the JSON has another shape: missing field `text` at line 1 column 16\n"),
    ] {
        let answer = server.ask("POST", "/notes", &fields, content.as_bytes());
        assert_eq!((answer.status(), String::from_utf8_lossy(&answer.content)), (status, why.into()));
    }
    assert_eq!(server.ask("POST", "/notes", &[], b"{}").status(), 415);
    let note = json!({ "author": "Ada", "text": "a line\nand \u{201c}another\u{201d}" });
    let answer = server.ask("POST", "/notes", &fields, note.to_string().as_bytes());
    assert_eq!(answer.status(), 201);
    let event = reader.next().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&event.data).unwrap(), note);
    assert_eq!(answer.json()["id"], event.id.as_str());
    assert_eq!(server.ask("POST", "/notes", &fields, &[b' '; 5000]).status(), 413);
    assert_eq!(server.ask("GET", "/notes", &[], b"").status(), 405);
}

#[test]
fn two_channels_answer_at_urls_of_their_own() {
    let server = Server::start_example("two_channels");
    let mut news = Follower::open(&server, "/connect?articleId=news", &[]);
    let mut weather = Follower::open(&server, "/connect?x=1&articleId=weather", &[]);
    assert_eq!(server.ask("POST", "/weather", &["Content-Type: text/plain"], b"rain").status(), 201);
    assert_eq!(server.ask("POST", "/connect?articleId=news", &["Content-Type: text/plain"], b"new").status(), 201);
    assert_eq!((weather.data(), news.data()), ("rain".to_owned(), "new".to_owned()));
    assert_eq!(server.ask("GET", "/weather", &[], b"").json()["events"][0]["data"], "rain");
    for target in ["/connect", "/connect?articleId=sport", "/sport", "/events/news", "/"] {
        assert_eq!(server.ask("GET", target, &[], b"").status(), 404, "{target}");
    }
}

#[test]
fn guard_lets_every_client_read_and_publish_only_with_the_token() {
    let server = Server::start_example_by(&["env", "TOKEN=open-sesame"], "guard");
    let right = "Authorization: bearer open-sesame";
    let text = "Content-Type: text/plain";
    for field in [
        "Accept: */*",
        "Authorization: Bearer open-sesam",
        "Authorization: Bearer open-sesamf",
        "Authorization: Basic open-sesame",
    ] {
        let answer = server.ask("POST", "/events/news?token=open-sesam", &[field, text], b"forged");
        assert_eq!(answer.status(), 401, "{field}");
        assert_eq!(answer.head.field("www-authenticate"), Some("Bearer realm=\"goldcrest\""));
        assert_eq!(server.ask("GET", "/events/news", &[field], b"").status(), 200, "{field}");
    }
    let mut reader = Follower::open(&server, "/events/news", &[]);
    assert_eq!(server.ask("POST", "/events/news", &[right, text], b"hello").status(), 201);
    assert_eq!(server.ask("POST", "/events/news?token=open%2Dsesame", &[text], b"again").status(), 201);
    assert_eq!((reader.data(), reader.data()), ("hello".to_owned(), "again".to_owned()));
}

#[test]
fn guard_refuses_an_event_that_a_reader_forges_over_a_websocket() {
    let server = Server::start_example_by(&["env", "TOKEN=secret"], "guard");
    let mut plain = websocket(&server, "/events/news", "", &[]).unwrap();
    plain.send("forged".into()).unwrap();
    assert_eq!(plain.read().unwrap(), Message::Close(Some(CloseFrame { code: CloseCode::Policy, reason: "".into() })));
    let mut reader = websocket(&server, "/events/news", "goldcrest.v1", &[]).unwrap();
    reader.send(r#"{"data":"forged","ref":1}"#.into()).unwrap();
    let error = json!({ "ref": 1, "error": "publishing to this channel is not permitted" });
    assert_eq!(serde_json::from_str::<serde_json::Value>(reader.read().unwrap().to_text().unwrap()).unwrap(), error);
    let mut publisher = websocket(&server, "/events/news?token=secret", "", &[]).unwrap();
    publisher.send("real".into()).unwrap();
    assert_eq!(publisher.read().unwrap(), Message::text("real"));
    let event: serde_json::Value = serde_json::from_str(reader.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(event["data"], "real", "no forged event precedes it");
}

#[test]
fn guard_ends_the_streams_of_a_withdrawn_token_in_order() {
    let server = Server::start_example_by(&["env", "TOKEN=secret"], "guard");
    let right = "Authorization: Bearer secret";
    let mut streams = [(); 8].map(|()| Follower::open(&server, "/events/news", &[right]));
    let mut other = Follower::open(&server, "/events/news", &[]);
    let mut socket = websocket(&server, "/events/news?token=secret", "goldcrest.v1", &[]).unwrap();
    assert_eq!(server.ask("POST", "/withdraw", &[], b"").status(), 401);
    let answer = server.ask("POST", "/withdraw", &[right], b"");
    assert_eq!((answer.status(), answer.content.as_slice()), (200, &b"9 responses ended\n"[..]));
    for stream in &mut streams {
        let notice = stream.next().unwrap();
        assert_eq!((notice.event_type.as_str(), notice.data.as_str()), ("grant-end", "{\"reason\":\"withdrawn\"}"));
        assert!(stream.next().is_none(), "the stream ends in order");
    }
    let close = CloseFrame { code: CloseCode::from(3003), reason: "grant withdrawn".into() };
    assert_eq!(socket.read().unwrap(), Message::Close(Some(close)));
    server.ask("POST", "/events/news", &[right, "Content-Type: text/plain"], b"on");
    assert_eq!(other.data(), "on", "streams of other identities go on");
    assert_eq!(server.ask("POST", "/withdraw", &[right], b"").content, b"0 responses ended\n");
}

#[test]
fn stream_ticks_until_its_client_leaves_or_the_server_ends() {
    let server = Server::start_example("stream");
    let mut leaving = Follower::open(&server, "/clock?every=10", &[]);
    let mut staying = Follower::open(&server, "/clock?every=10", &[]);
    let ticks = [(); 3].map(|()| staying.data().parse::<f64>().unwrap());
    assert!(ticks.is_sorted(), "{ticks:?}");
    leaving.data();
    drop(leaving);
    server.terminate();
    while staying.next().is_some() {}
    assert!(server.wait().success());
}

#[test]
fn stream_skips_whole_lines_for_a_slow_reader() {
    let server = Server::start_example("stream");
    let mut peer = server.connect();
    peer.send(&server.request("GET", "/noise", &[], b"")).unwrap();
    let framing = &mut peer.head().unwrap().framing("GET").unwrap();
    let mut text = Vec::new();
    while text.len() < 20_000 {
        text.extend(peer.piece(framing).unwrap().expect("a stream that goes on"));
    }
    for (number, line) in text.chunks_exact(1000).enumerate() {
        let start = format!("line {number}, 0 left out .");
        assert!(line.starts_with(start.as_bytes()) && line.ends_with(b".\n"), "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn upload_reads_content_larger_than_any_buffer() {
    let server = Server::start_example("upload");
    let content = b"three\nlines\nand a half".repeat(100_000);
    let answer = server.ask("PUT", "/upload", &[], &content);
    assert_eq!((answer.status(), &answer.content[..]), (200, &b"2200000 bytes, 200000 lines\n"[..]));
    let chunked = ["Transfer-Encoding: chunked"];
    let mut peer = server.connect();
    let mut request = server.request("POST", "/upload", &chunked, b"");
    let head = String::from_utf8(request).unwrap().replace("Content-Length: 0\r\n", "");
    request = head.into_bytes();
    request.extend(b"2\r\na\n\r\n3;x=y\r\nb\nc\r\n0\r\n\r\n");
    peer.send(&request).unwrap();
    assert_eq!(peer.answer("POST").unwrap().content, b"5 bytes, 2 lines\n");
    let mut peer = server.connect();
    let request = String::from_utf8(server.request("PUT", "/upload", &["Expect: 100-continue"], b"")).unwrap();
    peer.send(request.replace("Content-Length: 0\r\n", "Content-Length: 10000000001\r\n").as_bytes()).unwrap();
    assert_eq!(peer.answer("PUT").unwrap().status(), 413);
}

#[test]
fn echo_echoes() {
    let server = Server::start_echo();
    let mut socket = websocket(&server, "/echo", "chat", &[]).unwrap();
    socket.send("hello".into()).unwrap();
    assert_eq!(socket.read().unwrap().into_text().unwrap().as_str(), "hello");
    assert_eq!(server.ask("POST", "/echo", &[], b"there").content, b"there");
}
