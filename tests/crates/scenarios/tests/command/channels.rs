//! Channels of the host's server.

use std::fs;
use std::time::Instant;

use goldcrest_tests::{Server, patience};
use serde_json::json;

use super::other_server::folder;
use super::run::{Run, goldcrest, goldcrest_with};

const TRANSPORTS: [&str; 6] = ["auto", "websocket", "sse", "stream", "longpoll", "poll"];

/// A server, and the URL of a channel of it.
fn channel() -> (Server, String) {
    let server = Server::start(&[]);
    let url = format!("http://{}/events/command", server.authority());
    (server, url)
}

/// Publishes, and returns the id.
fn publish(url: &str, data: &str) -> String {
    goldcrest(&["publish", url, data]).lines().remove(0)
}

#[test]
fn every_transport_delivers_the_same_from_any_cursor() {
    let (_server, url) = channel();
    let first = publish(&url, "one");
    goldcrest_with(&["publish", &url, "--type", "bytes", "--binary"], b"\x00\xff\n").lines();
    goldcrest(&["publish", &url, "--type", "über", "two\nlines"]).lines();
    for transport in TRANSPORTS {
        let listen = |since: &str, count: &str| {
            goldcrest(&["subscribe", &url, "-j", "-t", transport, "--since", since, "-n", count]).lines()
        };
        let all = listen("oldest", "3");
        let events: Vec<serde_json::Value> = all.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0], json!({ "id": first, "type": "message", "data": "one" }), "{transport}");
        assert_eq!(events[1]["encoding"], "base64", "{transport}");
        assert_eq!((&events[1]["type"], &events[1]["data"]), (&json!("bytes"), &json!("AP8K")), "{transport}");
        assert_eq!((&events[2]["type"], &events[2]["data"]), (&json!("über"), &json!("two\nlines")), "{transport}");
        assert_eq!(listen(&first, "2"), all[1..], "{transport}");
        assert!(all[0].starts_with("{\"id\":\""), "the members have their order: {}", all[0]);
    }
}

#[test]
fn every_transport_delivers_new_events() {
    for transport in TRANSPORTS {
        let (_server, url) = channel();
        publish(&url, "before");
        if transport == "longpoll" {
            // Only the server knows when a long poll waits, and an event just before that is received as well.
            let mut run = Run::start(&["subscribe", &url, "-t", transport]);
            let deadline = Instant::now() + patience();
            while goldcrest(&["publish", "-j", &url, "anybody?"]).lines()[0].contains("\"subscribers\":0") {
                assert!(Instant::now() < deadline, "no reader waits");
            }
            publish(&url, "then");
            let mut lines = std::iter::from_fn(|| Some(run.line()));
            assert_eq!(lines.next().as_deref(), Some("anybody?"));
            assert_eq!(lines.find(|line| line != "anybody?").as_deref(), Some("then"));
            continue;
        }
        let mut run = Run::start(&["subscribe", &url, "-t", transport, "-n", "2", "--poll-interval", "0.05"]);
        run.wait_for(" over ");
        publish(&url, "now");
        assert_eq!(run.line(), "now", "{transport}");
        publish(&url, "then");
        assert_eq!(run.end().lines(), ["then"], "{transport}");
    }
}

#[test]
fn binary_is_printed_as_base64_or_raw() {
    let (_server, url) = channel();
    goldcrest_with(&["publish", &url, "--binary"], b"\xffa").lines();
    goldcrest_with(&["publish", &url, "--binary"], b"b\n").lines();
    let listen = |form| goldcrest(&["subscribe", &url, "--since", "oldest", "-n", "2", "--binary", form]).lines();
    assert_eq!(listen("base64"), ["/2E=", "Ygo="]);
    assert_eq!(listen("raw"), ["\u{fffd}ab"]);
}

#[test]
fn idempotency_keys_store_once_and_differ_by_line() {
    let (_server, url) = channel();
    let ids = goldcrest_with(&["publish", &url, "-", "--key", "k"], b"one\r\ntwo\nthree").lines();
    assert_eq!(ids.len(), 3);
    let again = goldcrest(&["publish", &url, "--key", "k-2", "--json", "two"]).lines();
    assert_eq!(again, [format!("{{\"id\":\"{}\",\"subscribers\":0,\"repeated\":true}}", ids[1])]);
    goldcrest(&["publish", &url, "--key", "k-2", "other"]).failed(4, "the server answered 422: this idempotency key");
    let all = goldcrest(&["subscribe", &url, "--since", "oldest", "-n", "3"]).lines();
    assert_eq!(all, ["one", "two", "three"]);
}

#[test]
fn stdin_is_one_event_without_its_last_line_end() {
    let (_server, url) = channel();
    for piped in ["hello\n", "two\nlines\r\n", "none", "\n", "empty line\n\n"] {
        goldcrest_with(&["publish", &url], piped.as_bytes()).lines();
    }
    let shown = goldcrest(&["subscribe", &url, "--json", "--since", "oldest", "-n", "5"]).lines();
    let data = shown.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["data"].clone());
    assert_eq!(data.collect::<Vec<_>>(), ["hello", "two\nlines", "none", "", "empty line\n"]);
}

#[test]
fn a_rejected_line_is_reported_with_the_server_s_error() {
    let (_server, url) = channel();
    let lines = format!("one\ntwo\n{}\nfour\n", "x".repeat(70_000));
    let ended = goldcrest_with(&["publish", &url, "-"], lines.as_bytes());
    assert_eq!(ended.stdout.len(), 2, "{ended:#?}");
    let told = ended.stderr.join("\n");
    assert!(told.contains("line 3: the server answered 413: "), "{told}");
    let ended = goldcrest_with(&["publish", &url, "-"], b"one\n\xff\n");
    ended.failed(2, "line 2: the data is not UTF-8");
}

#[test]
fn an_event_type_filter_also_applies_to_the_count() {
    let (_server, url) = channel();
    for (event_type, data) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")] {
        goldcrest(&["publish", &url, "--type", event_type, data]).lines();
    }
    let shown = goldcrest(&["subscribe", &url, "--since", "oldest", "--type", "a", "--type", "c", "-n", "3"]).lines();
    assert_eq!(shown, ["1", "3", "4"]);
}

#[test]
fn output_goes_to_a_file_and_quiet_prints_nothing() {
    let (_server, url) = channel();
    publish(&url, "one");
    let file = folder("output").join("events");
    let file = file.to_str().unwrap();
    let ended = goldcrest(&["subscribe", &url, "--since", "oldest", "-n", "1", "-q", "-o", file]);
    assert!(ended.stderr.is_empty() && ended.stdout.is_empty() && ended.code == 0, "{ended:#?}");
    assert_eq!(fs::read_to_string(file).unwrap(), "one\n");
    goldcrest(&["subscribe", &url, "-o", "/nowhere/events"]).failed(1, "/nowhere/events");
    goldcrest(&["subscribe", &url, "-o", env!("CARGO_TARGET_TMPDIR")]).failed(1, env!("CARGO_TARGET_TMPDIR"));
}

#[test]
fn the_output_file_is_truncated_by_the_first_event() {
    let (_server, url) = channel();
    let folder = folder("kept");
    let (file, none) = (folder.join("events"), folder.join("none"));
    let (kept, missing) = (file.to_str().unwrap(), none.to_str().unwrap());
    fs::write(&file, "of yesterday, and longer than today's\n").unwrap();
    goldcrest(&["subscribe", "http://127.0.0.1:1/events/x", "-o", kept]).failed(3, "refused");
    goldcrest(&["subscribe", "ftp://a/", "-o", kept]).failed(2, "does not begin with http://");
    goldcrest(&["subscribe", &url, "-o", kept, "--timeout", "0.3"]).lines();
    assert_eq!(fs::read_to_string(&file).unwrap(), "of yesterday, and longer than today's\n");
    goldcrest(&["subscribe", "http://127.0.0.1:1/events/x", "-o", missing]).failed(3, "refused");
    assert!(!none.exists());
    publish(&url, "one");
    for path in [kept, missing] {
        goldcrest(&["subscribe", &url, "--since", "oldest", "-n", "1", "-o", path]).lines();
        assert_eq!(fs::read_to_string(path).unwrap(), "one\n");
    }
}

#[test]
fn lines_of_stdin_are_published_over_a_websocket() {
    let (_server, url) = channel();
    let mut run = Run::start(&["subscribe", &url, "-t", "websocket", "-n", "2"]);
    run.type_in("one\n/ping\n");
    run.end_input();
    assert_eq!((run.line(), run.line()), ("one".to_owned(), "/ping".to_owned()));
    assert_eq!(run.end().code, 0);
}

#[test]
fn subscribe_reads_stdin_only_from_a_terminal() {
    let (_server, url) = channel();
    let mut run = Run::start(&["subscribe", &url, "-n", "1"]);
    run.wait_for(" over ");
    run.type_in("not for you\n");
    publish(&url, "one");
    assert_eq!(run.end().lines(), ["one"]);
}

#[test]
fn a_closed_stdout_ends_subscribe_without_an_error() {
    let (_server, url) = channel();
    let mut shell = std::process::Command::new("sh");
    publish(&url, "one");
    let script = "\"$0\" subscribe -q \"$1\" --since oldest | head -n 1; echo done";
    let program = goldcrest_tests::Program::path();
    let out = shell.args(["-c", script]).arg(program).arg(&url).output().unwrap();
    assert_eq!(
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
        ("one\ndone\n".into(), "".into())
    );
}

#[test]
fn a_timeout_is_a_failure_only_with_a_count() {
    let (_server, url) = channel();
    publish(&url, "one");
    let listen = ["subscribe", &url, "--since", "oldest", "--timeout", "0.5"];
    assert_eq!(goldcrest(&listen).lines(), ["one"]);
    goldcrest(&[&listen[..], &["-n", "2"]].concat()).failed(6, "time-out after 0.5 s");
}

#[test]
fn each_failure_has_its_exit_code() {
    goldcrest(&["subscribe"]).failed(2, "");
    goldcrest(&["subscribe", "ftp://a/"]).failed(2, "does not begin with http://");
    goldcrest(&["subscribe", "http://a/", "-H", "nonsense"]).failed(2, "Name: value");
    goldcrest(&["publish", "http://a/events/x", "--type", "gap", "x"]).failed(2, "reserved");
    goldcrest_with(&["publish", "http://127.0.0.1:1/events/x"], b"\xff").failed(2, "--binary");
    goldcrest(&["subscribe", "http://127.0.0.1:1/events/x"]).failed(3, "refused");
    goldcrest(&["subscribe", "http://nowhere.invalid/events/x"]).failed(3, "not resolved");
    goldcrest(&["publish", "http://127.0.0.1:1/events/x", "x", "--retry", "1"]).failed(3, "again in");
    let (server, url) = channel();
    let nowhere = format!("http://{}/nothing", server.authority());
    goldcrest(&["subscribe", &nowhere]).failed(4, "404");
    goldcrest(&["publish", &nowhere, "x"]).failed(4, "404");
    let too_large = format!("x{}", "x".repeat(70_000));
    goldcrest(&["publish", &url, &too_large]).failed(4, "413");
}

#[test]
fn an_event_above_the_size_limit_is_an_error() {
    let (_server, url) = channel();
    publish(&url, &"x".repeat(40_000));
    for transport in TRANSPORTS {
        let listen = ["subscribe", &url, "-t", transport, "--since", "oldest", "--max-event", "1000", "-n", "1"];
        let ended = goldcrest(&listen);
        assert_eq!((ended.code, &ended.stdout[..]), (7, &[][..]), "{transport}: {ended:#?}");
    }
}

#[test]
fn a_missing_scheme_is_detected_and_a_port_suffices() {
    let (_server, url) = channel();
    publish(&url, "one");
    let bare = url.trim_start_matches("http://");
    let listen = |url: &str| goldcrest(&["subscribe", url, "--since", "oldest", "-n", "1"]).lines();
    assert_eq!(listen(bare), ["one"]);
    assert_eq!(listen(bare.trim_start_matches("127.0.0.1")), ["one"]);
    assert_eq!(listen(&url.replace("http:", "ws:")), ["one"]);
}
