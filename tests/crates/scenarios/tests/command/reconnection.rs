//! Losses and reconnections.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use goldcrest_tests::{Program, Server, patience};

use super::other_server::free_address;
use super::run::{Run, goldcrest};

fn serve(address: &str) -> Program {
    let server = Program::goldcrest(&["--listen", address, "--drain-timeout", "1"]);
    server.wait_for_line("http://127.0.0.1:");
    server
}

#[test]
fn a_reader_survives_a_server_restart_and_reports_the_gap() {
    for transport in ["websocket", "sse", "stream", "longpoll", "poll"] {
        let address = free_address();
        let url = format!("http://{address}/events/news");
        let server = serve(&address);
        let first = goldcrest(&["publish", &url, "one"]).lines().remove(0);
        let arguments =
            ["subscribe", &url, "-j", "-t", transport, "--since", "oldest", "-n", "2", "--poll-interval", "0.1"];
        let mut run = Run::start(&arguments);
        assert_eq!(run.json()["id"], first, "{transport}");
        drop(server);
        run.wait_for("again in");
        let _server = serve(&address);
        goldcrest(&["publish", &url, "two"]).lines();
        // The new server has a new log: the events of the old one are gone, and their number is unknown.
        assert_eq!(run.json(), serde_json::json!({ "gap": {} }), "{transport}");
        assert_eq!(run.json()["data"], "two", "{transport}");
        assert_eq!(run.end().code, 0, "{transport}");
    }
}

#[test]
fn a_server_with_a_blocked_log_pipe_stops_by_signal() {
    let mut command = Command::new(Program::path());
    command.args(["--listen", "127.0.0.1:0", "--drain-timeout", "1"]).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    // It listens once it prints so; its later output has no reader.
    stderr.read_exact(&mut [0]).unwrap();
    drop(stderr);
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    let deadline = Instant::now() + patience();
    let ended = loop {
        match server.try_wait().unwrap() {
            None if Instant::now() < deadline => std::thread::yield_now(),
            ended => break ended,
        }
    };
    let _ = server.kill();
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}

#[test]
fn no_reconnect_ends_after_the_first_loss() {
    let server = Server::start(&["--drain-timeout", "1"]);
    let url = format!("http://{}/events/news", server.authority());
    let mut run = Run::start(&["subscribe", &url, "--no-reconnect", "-t", "stream", "-n", "1"]);
    run.wait_for(" over ");
    server.signal("TERM");
    assert_eq!(run.end().code, 5);
}

#[test]
fn a_truncated_stream_is_a_loss_and_a_complete_one_is_not() {
    for (fields, body, code) in [
        ("Content-Length: 9", "data: x\n\n", 0),
        ("Content-Length: 100", "data: x\n\n", 5),
        ("Transfer-Encoding: chunked", "9\r\ndata: x\n\n\r\n0\r\n\r\n", 0),
        ("Transfer-Encoding: chunked", "20\r\ndata: x\n\n", 5),
        ("Transfer-Encoding: chunked", "9\r\ndata: x\n\n\r\n", 5),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n\r\n{body}");
        let serving = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            socket.write_all(answer.as_bytes()).unwrap();
        });
        let ended = goldcrest(&["subscribe", &url, "-t", "sse", "--no-reconnect"]);
        assert_eq!((ended.code, &ended.stdout[..]), (code, &["x".to_owned()][..]), "{fields}: {:?}", ended.stderr);
        serving.join().unwrap();
    }
}

#[test]
fn retry_always_waits_for_a_server_to_start() {
    let address = free_address();
    let url = format!("http://{address}/events/news");
    let mut run = Run::start(&["subscribe", &url, "--reconnect", "-n", "1", "--since", "oldest"]);
    run.wait_for("again in");
    let _server = serve(&address);
    goldcrest(&["publish", &url, "one"]).lines();
    assert_eq!(run.end().lines(), ["one"]);
}

#[test]
fn a_timeout_before_the_first_connection_is_a_failure() {
    let address = free_address();
    for url in [format!("http://{address}/events/x"), format!("http://{address}/"), format!("ws://{address}/")] {
        goldcrest(&["subscribe", &url, "--reconnect", "--timeout", "0.3"]).failed(6, "never reached");
    }
    let _server = serve(&address);
    for transport in ["auto", "websocket", "sse", "stream", "longpoll", "poll"] {
        let url = format!("http://{address}/events/x");
        let listen = ["subscribe", &url, "--reconnect", "--timeout", "0.5", "-t", transport, "--since", "oldest"];
        assert_eq!(goldcrest(&listen).code, 0, "{transport}");
    }
}

#[test]
fn a_publish_before_the_server_starts_is_stored_once() {
    let address = free_address();
    let url = format!("http://{address}/events/news");
    let mut run = Run::start(&["publish", &url, "one"]);
    run.wait_for("again in");
    let _server = serve(&address);
    let id = run.end().lines().remove(0);
    let all = goldcrest(&["subscribe", &url, "--since", "oldest", "--timeout", "0.5", "--json"]).lines();
    assert_eq!(all.len(), 1);
    assert!(all[0].contains(&id), "{all:?}");
}
