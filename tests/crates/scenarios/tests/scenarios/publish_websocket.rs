//! Publishing over a WebSocket.

use goldcrest_tests::{List, Reader, Server, Socket, Start, Transport, UPGRADE, promises, unused_key, websocket};
use serde_json::{Value, json};
use tungstenite::Message;

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "publish_websocket",
        &[],
        server,
        [
            a_publish_is_answered_by_its_id,
            a_publisher_gets_its_own_event_too,
            a_reference_comes_back_as_it_was,
            an_idempotency_key_is_shared_by_http_and_websocket,
            a_key_with_other_content_is_an_error,
            a_reserved_type_is_an_error_and_not_stored,
            without_a_subprotocol_each_message_is_published_as_it_is,
            the_subprotocol_is_chosen_from_a_list,
            an_unknown_subprotocol_is_not_echoed,
        ]
    );
}

fn send(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).unwrap();
}

/// The next message that `wanted` holds for, within the patience of the socket.
fn receive(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1000 {
        if let Message::Text(text) = socket.read().unwrap() {
            let message: Value = serde_json::from_str(text.as_str()).expect("a message of JSON");
            if wanted(&message) {
                return message;
            }
        }
    }
    panic!("a thousand other messages");
}

fn open(server: &Server, target: &str) -> Socket {
    websocket(server, target, "goldcrest.v1", &[]).unwrap()
}

fn a_publish_is_answered_by_its_id(server: &Server) {
    let channel = server.channel();
    let before = channel.newest();
    let mut socket = open(server, &channel.target(""));
    send(&mut socket, &json!({"type": "sample", "data": "21.5", "ref": "a"}));
    let answer = receive(&mut socket, |message| message.get("ref").is_some());
    assert_eq!(answer, json!({"ref": "a", "id": channel.newest()}));
    let stored = channel.poll(&before).json();
    assert_eq!(stored["events"], json!([{"id": answer["id"], "type": "sample", "data": "21.5"}]));
}

fn a_publisher_gets_its_own_event_too(server: &Server) {
    let channel = server.channel();
    let mut socket = open(server, &channel.target(""));
    send(&mut socket, &json!({"data": "mine", "ref": "a"}));
    let event = receive(&mut socket, |message| message.get("data").is_some());
    assert_eq!((&event["type"], &event["data"]), (&json!("message"), &json!("mine")));
}

fn a_reference_comes_back_as_it_was(server: &Server) {
    let channel = server.channel();
    let mut socket = open(server, &channel.target(""));
    for reference in [json!("a \"b\" \\ é 🐦"), json!("x"), json!(7), json!(0)] {
        send(&mut socket, &json!({"data": "d", "ref": reference}));
        let answer = receive(&mut socket, |message| message.get("ref").is_some());
        assert_eq!(answer["ref"], reference);
    }
}

fn an_idempotency_key_is_shared_by_http_and_websocket(server: &Server) {
    let channel = server.channel();
    let mut socket = open(server, &channel.target(""));
    let key = unused_key();
    let mut ids = Vec::new();
    for reference in ["1", "2"] {
        send(&mut socket, &json!({"data": "once", "key": key, "ref": reference}));
        ids.push(receive(&mut socket, |message| message.get("ref").is_some())["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let field = format!("Idempotency-Key: {key}");
    let posted = channel.post("", &[&field, "Content-Type: text/plain"], b"once").json();
    assert_eq!(posted["id"], ids[0]);
    assert_eq!(channel.newest(), ids[0].as_str().unwrap());
}

fn a_key_with_other_content_is_an_error(server: &Server) {
    let channel = server.channel();
    let key = unused_key();
    let field = format!("Idempotency-Key: {key}");
    let first = channel.post("", &[&field, "Content-Type: text/plain"], b"one").json();
    let mut socket = open(server, &channel.target(""));
    for (data, event_type) in [("two", ""), ("one", "t")] {
        send(&mut socket, &json!({"data": data, "type": event_type, "key": key, "ref": data}));
        let answer = receive(&mut socket, |message| message.get("ref").is_some());
        assert!(answer.get("id").is_none(), "{answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains("idempotency key")), "{answer}");
    }
    assert_eq!(first["id"].as_str(), Some(&*channel.newest()));
}

fn a_reserved_type_is_an_error_and_not_stored(server: &Server) {
    let channel = server.channel();
    let before = channel.publish("before").id;
    let mut socket = open(server, &channel.target(""));
    for event_type in ["gap", "grant-end", "open", "error", "a;base64", "a\nb"] {
        send(&mut socket, &json!({"type": event_type, "data": "x", "ref": event_type}));
        let answer = receive(&mut socket, |message| message.get("ref").is_some());
        assert_eq!(answer["ref"], event_type);
        assert!(answer.get("id").is_none() && answer.get("error").is_some(), "{answer}");
    }
    assert_eq!(channel.newest(), before);
}

fn without_a_subprotocol_each_message_is_published_as_it_is(server: &Server) {
    let channel = server.channel();
    let mut reader = Reader::open(&channel, Transport::Stream, Start::default());
    let mut socket = websocket(server, &channel.target(""), "", &[]).unwrap();
    socket.send(Message::text("{\"type\":\"not parsed\"}")).unwrap();
    let event = reader.event();
    assert_eq!((event.data.as_slice(), event.binary), (&b"{\"type\":\"not parsed\"}"[..], false));
    assert_eq!(event.event_type, "message");
    socket.send(Message::binary(vec![0, 1, 255])).unwrap();
    let event = reader.event();
    assert_eq!((event.data.as_slice(), event.binary), (&[0, 1, 255][..], true));
}

fn the_subprotocol_is_chosen_from_a_list(server: &Server) {
    let channel = server.channel();
    let mut socket = websocket(server, &channel.target(""), "mqtt, goldcrest.v1, chat", &[]).unwrap();
    let id = channel.publish("enveloped").id;
    let event = receive(&mut socket, |_| true);
    assert_eq!(event, json!({"id": id, "type": "message", "data": "enveloped"}));
}

fn an_unknown_subprotocol_is_not_echoed(server: &Server) {
    let channel = server.channel();
    let request = server.request(
        "GET",
        &channel.target(""),
        &[&UPGRADE[..], &["Sec-WebSocket-Protocol: mqtt, GOLDCREST.V1"]].concat(),
        b"",
    );
    let mut peer = server.connect();
    peer.send(&request).unwrap();
    let head = peer.head().unwrap();
    assert_eq!(head.status, 101);
    assert_eq!(head.field("sec-websocket-accept"), Some("HSmrc0sMlYUkAGmm5OPpG2HaGWk="));
    assert_eq!(head.field("sec-websocket-protocol"), None);
}
