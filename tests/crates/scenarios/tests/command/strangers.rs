//! Node, `websockets`, aiohttp: servers that nobody here wrote.

use super::run::{Run, goldcrest, goldcrest_with};
use super::stranger::Stranger;

#[test]
fn every_websocket_echoes_text_bytes_and_what_is_large() {
    let servers = [
        ("node", Stranger::node(), "/echo"),
        ("websockets", Stranger::python("websockets_server.py"), "/"),
        ("aiohttp", Stranger::python("aiohttp_server.py"), "/echo"),
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
fn a_websocket_is_found_behind_http_where_there_are_no_events() {
    let node = Stranger::node();
    let mut run = Run::start(&["subscribe", &node.at("/echo"), "-n", "1"]);
    run.wait_for("over websocket");
    run.type_in("hello\n");
    assert_eq!(run.end().lines(), ["hello"]);
}

#[test]
fn a_subprotocol_is_what_the_server_chose_and_never_taken_for_ours() {
    let node = Stranger::node();
    // `ws` agrees to whatever is offered first, ours included.
    for protocol in ["chat", "goldcrest.v1"] {
        let mut run = Run::start(&["subscribe", &node.ws("/echo"), "-n", "1", "--protocol", protocol]);
        run.wait_for(&format!("over websocket, {protocol}"));
        run.type_in("{\"x\":1}\n");
        let line = run.line();
        if protocol == "chat" {
            assert_eq!(line, "{\"x\":1}");
        } else {
            // What is typed is published as goldcrest.v1 has it, and comes back as a stranger's message.
            assert!(line.contains("\"data\":\"{\\\"x\\\":1}\""), "{line}");
        }
    }
}

#[test]
fn a_close_is_an_end_in_order_or_a_loss_by_its_code() {
    let node = Stranger::node();
    let listen = |code: &str| goldcrest(&["subscribe", &node.ws(&format!("/close?{code}"))]);
    let ended = listen("1000");
    assert_eq!((ended.code, &ended.stdout[..]), (0, &["bye".to_owned()][..]), "{ended:#?}");
    listen("1001").lines();
    listen("1011").failed(5, "closed by the server: 1011 because");
    listen("4000").failed(5, "closed by the server: 4000 because");
    goldcrest(&["subscribe", &node.ws("/close?1000"), "-n", "2"]).failed(5, "");
}

#[test]
fn a_plain_websocket_comes_back_where_it_is_told_to() {
    let node = Stranger::node();
    let mut run = Run::start(&["subscribe", &node.ws("/close?1000"), "--reconnect", "-n", "2"]);
    assert_eq!((run.line(), run.line()), ("bye".to_owned(), "bye".to_owned()));
    run.end();
}

#[test]
fn answers_that_are_on_their_way_when_stdin_ends_are_shown() {
    for (server, path) in [(Stranger::node(), "/echo"), (Stranger::python("websockets_server.py"), "/")] {
        let lines: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let ended = goldcrest_with(&["subscribe", &server.ws(path), "--until-eof"], lines.join("\n").as_bytes());
        assert_eq!(ended.lines(), lines);
    }
}

#[test]
fn bytes_are_written_as_they_are_where_that_is_wanted() {
    let node = Stranger::node();
    let ended = goldcrest(&["subscribe", &node.ws("/binary"), "-n", "1", "--binary", "raw"]);
    // 0, 255 and a line feed.
    assert_eq!(ended.lines(), ["\0\u{fffd}"]);
}

#[test]
fn round_trips_are_told() {
    let node = Stranger::node();
    let mut run = Run::start(&["subscribe", &node.ws("/echo"), "--rtt", "--no-input"]);
    for _ in 0..2 {
        assert!(run.wait_for("pong after").ends_with(" ms"));
    }
}

#[test]
fn an_event_source_comes_back_with_its_last_id_and_shows_no_half_event() {
    let node = Stranger::node();
    for (server, path, event_type) in
        [(Stranger::node(), "/ticks", "tick"), (Stranger::python("aiohttp_server.py"), "/ticks", "message")]
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
fn a_server_that_asks_to_stop_is_obeyed() {
    let node = Stranger::node();
    let ended = goldcrest(&["subscribe", &node.at("/stop")]);
    assert_eq!((ended.code, ended.stdout.join(" ")), (0, "one two".to_owned()), "{:#?}", ended.stderr);
}

#[test]
fn what_is_no_stream_is_refused_by_what_it_said_first() {
    let node = Stranger::node();
    goldcrest(&["subscribe", &node.at("/text")]).failed(4, "another type");
    goldcrest(&["subscribe", &node.at("/nothing")]).failed(4, "404");
    goldcrest(&["subscribe", &node.ws("/nothing")]).failed(4, "404");
}

#[test]
fn fields_and_passwords_are_sent() {
    let node = Stranger::node();
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
    // Node joins what comes twice.
    assert_eq!((&fields["user-agent"], &fields["authorization"]), (&"me".into(), &"Bearer x".into()));
}

#[test]
fn what_is_published_has_the_content_type_that_was_given_alone() {
    let node = Stranger::node();
    let arguments = ["publish", &node.at("/fields"), "{}", "-H", "Content-Type: application/json"];
    let error = goldcrest(&arguments);
    let told = error.stderr.iter().find_map(|line| line.split_once("types: ")).map(|(_, types)| types.to_owned());
    assert_eq!(told.as_deref(), Some("application/json"), "{error:#?}");
}

#[test]
fn a_stranger_whose_path_is_like_a_channels_is_heard_as_any_other() {
    let node = Stranger::node();
    let mut run = Run::start(&["subscribe", &node.at("/events/long"), "-j", "-n", "2"]);
    let (long, gap) = (run.json(), run.json());
    assert_eq!((&long["id"], &long["type"]), (&"i".repeat(100).into(), &"t".repeat(100).into()));
    assert_eq!((&gap["type"], &gap["data"]), (&"gap".into(), &"{\"hello\":1}".into()));
    run.end();
}

#[test]
fn a_redirect_to_nowhere_is_the_servers_doing() {
    let node = Stranger::node();
    for path in ["/away?ftp://x/", "/away?http://:x/", "/events/away?ftp://x/"] {
        goldcrest(&["subscribe", &node.at(path)]).failed(4, "Location");
    }
}

#[test]
fn what_is_too_large_names_the_option_that_takes_more() {
    let node = Stranger::node();
    let small = ["--max-event", "512", "-n", "1"];
    let mut run = Run::start(&[&["subscribe", &node.ws("/echo")], &small[..]].concat());
    run.type_in(format!("{}\n", "x".repeat(1000)));
    run.end().failed(7, "--max-event");
}

#[test]
fn what_is_compressed_is_refused_and_not_read_as_text() {
    let node = Stranger::node();
    goldcrest(&["subscribe", &node.at("/gzip")]).failed(4, "compressed");
    goldcrest(&["subscribe", &node.at("/events/gzip")]).failed(4, "compressed");
}
