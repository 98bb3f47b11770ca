//! Node, `websockets`, aiohttp: servers of other projects.

use super::other_server::OtherServer;
use super::run::{Run, goldcrest, goldcrest_with};

#[test]
fn every_websocket_server_echoes_text_binary_and_large_messages() {
    let servers = [
        ("node", OtherServer::node(), "/echo"),
        ("websockets", OtherServer::python("websockets_server.py"), "/"),
        ("aiohttp", OtherServer::python("aiohttp_server.py"), "/echo"),
    ];
    for (name, server, path) in &servers {
        let mut run = Run::start(&["subscribe", &server.ws(path), "-j", "-n", "4"]);
        let large = "ü".repeat(300_000);
        run.type_in(format!("hello\n\n{large}\n"));
        run.type_in(b"\xff\xfe\n");
        for expected in ["hello", "", &large] {
            assert_eq!(run.json()["data"], expected, "{name}");
        }
        let binary = run.json();
        assert_eq!((&binary["data"], &binary["encoding"]), (&"//4=".into(), &"base64".into()), "{name}");
        assert_eq!(run.end().code, 0, "{name}");
    }
}

#[test]
fn an_http_url_without_events_falls_back_to_websocket() {
    let node = OtherServer::node();
    let mut run = Run::start(&["subscribe", &node.at("/echo"), "-n", "1"]);
    run.wait_for("over websocket");
    run.type_in("hello\n");
    assert_eq!(run.end().lines(), ["hello"]);
}

#[test]
fn the_server_s_subprotocol_is_used_and_reported() {
    let node = OtherServer::node();
    // `ws` agrees to the subprotocol that is offered first, ours included.
    for protocol in ["chat", "goldcrest.v1"] {
        let mut run = Run::start(&["subscribe", &node.ws("/echo"), "-n", "1", "--protocol", protocol]);
        run.wait_for(&format!("over websocket, {protocol}"));
        run.type_in("{\"x\":1}\n");
        let line = run.line();
        if protocol == "chat" {
            assert_eq!(line, "{\"x\":1}");
        } else {
            // A typed line is published as goldcrest.v1 has it, and comes back as another server's message.
            assert!(line.contains("\"data\":\"{\\\"x\\\":1}\""), "{line}");
        }
    }
}

#[test]
fn the_close_code_decides_between_end_and_loss() {
    let node = OtherServer::node();
    let listen = |code: &str| goldcrest(&["subscribe", &node.ws(&format!("/close?{code}"))]);
    let ended = listen("1000");
    assert_eq!((ended.code, &ended.stdout[..]), (0, &["bye".to_owned()][..]), "{ended:#?}");
    listen("1001").lines();
    listen("1011").failed(5, "closed by the server: 1011 because");
    listen("4000").failed(5, "closed by the server: 4000 because");
    goldcrest(&["subscribe", &node.ws("/close?1000"), "-n", "2"]).failed(5, "");
}

#[test]
fn a_plain_websocket_reconnects_with_retry() {
    let node = OtherServer::node();
    let mut run = Run::start(&["subscribe", &node.ws("/close?1000"), "--reconnect", "-n", "2"]);
    assert_eq!((run.line(), run.line()), ("bye".to_owned(), "bye".to_owned()));
    run.end();
}

#[test]
fn replies_after_the_end_of_stdin_are_printed() {
    for (server, path) in [(OtherServer::node(), "/echo"), (OtherServer::python("websockets_server.py"), "/")] {
        let lines: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let ended = goldcrest_with(&["subscribe", &server.ws(path), "--until-eof"], lines.join("\n").as_bytes());
        assert_eq!(ended.lines(), lines);
    }
}

#[test]
fn raw_output_writes_bytes_verbatim() {
    let node = OtherServer::node();
    let ended = goldcrest(&["subscribe", &node.ws("/binary"), "-n", "1", "--binary", "raw"]);
    // 0, 255 and a line feed.
    assert_eq!(ended.lines(), ["\0\u{fffd}"]);
}

#[test]
fn round_trip_times_are_printed() {
    let node = OtherServer::node();
    let mut run = Run::start(&["subscribe", &node.ws("/echo"), "--rtt", "--no-input"]);
    for _ in 0..2 {
        assert!(run.wait_for("pong after").ends_with(" ms"));
    }
}

#[test]
fn sse_reconnects_with_last_event_id_and_drops_partial_events() {
    let node = OtherServer::node();
    for (server, path, event_type) in
        [(OtherServer::node(), "/ticks", "tick"), (OtherServer::python("aiohttp_server.py"), "/ticks", "message")]
    {
        let mut run = Run::start(&["subscribe", &server.at(path), "-j", "-n", "7"]);
        for number in 1..=7 {
            let event = run.json();
            assert_eq!((&event["id"], &event["type"]), (&number.to_string().into(), &event_type.into()));
        }
        assert_eq!(run.end().code, 0);
    }
    let since = goldcrest(&["subscribe", &node.at("/moved"), "--since", "41", "-n", "1", "--type", "tick"]).lines();
    assert_eq!(since, ["42", "more"], "a redirect is followed with the id");
}

#[test]
fn a_204_ends_the_event_source() {
    let node = OtherServer::node();
    let ended = goldcrest(&["subscribe", &node.at("/stop")]);
    assert_eq!((ended.code, ended.stdout.join(" ")), (0, "one two".to_owned()), "{:#?}", ended.stderr);
}

#[test]
fn a_response_that_is_no_event_stream_is_an_error() {
    let node = OtherServer::node();
    goldcrest(&["subscribe", &node.at("/text")]).failed(4, "unexpected media type");
    goldcrest(&["subscribe", &node.at("/nothing")]).failed(4, "404");
    goldcrest(&["subscribe", &node.ws("/nothing")]).failed(4, "404");
}

#[test]
fn header_options_and_userinfo_are_sent() {
    let node = OtherServer::node();
    let arguments = ["subscribe", &node.at("/fields"), "-n", "1", "-H", "X-Token: a b", "-u", "Aladdin:open sesame"];
    let line = goldcrest(&arguments).lines().remove(0);
    let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(fields["x-token"], "a b");
    assert_eq!(fields["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(fields["accept"], "text/event-stream");
    assert_eq!(fields["accept-encoding"], "identity");
    let agent = fields["user-agent"].as_str().unwrap();
    assert!(agent.starts_with("goldcrest/0."), "{agent}");
    let replaced = ["-H", "User-Agent: me", "-H", "authorization: Bearer x"];
    let line = goldcrest(&[&arguments[..4], &["-u", "a:b"], &replaced].concat()).lines().remove(0);
    let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
    // Node joins duplicate fields.
    assert_eq!((&fields["user-agent"], &fields["authorization"]), (&"me".into(), &"Bearer x".into()));
}

#[test]
fn publish_sends_only_the_given_content_type() {
    let node = OtherServer::node();
    let arguments = ["publish", &node.at("/fields"), "{}", "-H", "Content-Type: application/json"];
    let error = goldcrest(&arguments);
    let told = error.stderr.iter().find_map(|line| line.split_once("types: ")).map(|(_, types)| types.to_owned());
    assert_eq!(told.as_deref(), Some("application/json"), "{error:#?}");
}

#[test]
fn a_channel_like_path_of_another_server_is_read_as_sse() {
    let node = OtherServer::node();
    let mut run = Run::start(&["subscribe", &node.at("/events/long"), "-j", "-n", "2"]);
    let (long, gap) = (run.json(), run.json());
    assert_eq!((&long["id"], &long["type"]), (&"i".repeat(100).into(), &"t".repeat(100).into()));
    assert_eq!((&gap["type"], &gap["data"]), (&"gap".into(), &"{\"hello\":1}".into()));
    run.end();
}

#[test]
fn an_invalid_redirect_is_reported_as_a_server_error() {
    let node = OtherServer::node();
    for path in ["/away?ftp://x/", "/away?http://:x/", "/events/away?ftp://x/"] {
        goldcrest(&["subscribe", &node.at(path)]).failed(4, "Location");
    }
}

#[test]
fn a_size_error_names_the_option_that_raises_the_limit() {
    let node = OtherServer::node();
    let small = ["--max-event", "512", "-n", "1"];
    let mut run = Run::start(&[&["subscribe", &node.ws("/echo")], &small[..]].concat());
    run.type_in(format!("{}\n", "x".repeat(1000)));
    run.end().failed(7, "--max-event");
}

#[test]
fn compressed_content_is_an_error() {
    let node = OtherServer::node();
    goldcrest(&["subscribe", &node.at("/gzip")]).failed(4, "compressed");
    goldcrest(&["subscribe", &node.at("/events/gzip")]).failed(4, "compressed");
}
