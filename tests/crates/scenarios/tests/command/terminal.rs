//! Input on a terminal.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use goldcrest_tests::{Program, Server};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use super::other_server::{OtherServer, python, tests};
use super::run::goldcrest;

/// Runs the command on a terminal, and types each line once the text before it was shown.
pub(crate) fn on_a_terminal(script: &[(&str, &str)], arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let script: Vec<String> = script.iter().map(|(shown, typed)| format!("{shown}=>{typed}")).collect();
    let mut command = Command::new(python());
    command.arg(tests().join("suites/command/terminal.py")).arg(script.join("|")).arg(Program::path()).args(arguments);
    command.env_remove("NO_COLOR").envs(variables.iter().copied()).output().unwrap()
}

pub(crate) fn shown(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn typed_lines_are_sent_and_slash_commands_run() {
    let node = OtherServer::node();
    let script = [
        ("over websocket", "hello"),
        // The terminal echoes the typed line, then the server does.
        ("hello hello", "/ping"),
        ("pong after", "//slash"),
        ("slash slash", "/nonsense"),
        ("commands are", "/close 4001"),
    ];
    let output = on_a_terminal(&script, &["subscribe", &node.ws("/echo")], &[]);
    let text = shown(&output);
    assert!(text.contains("\x1b["), "colours on a terminal: {text:?}");
}

#[test]
fn no_color_disables_colours() {
    let node = OtherServer::node();
    let arguments = ["subscribe", &node.ws("/echo")];
    let output = on_a_terminal(&[("over websocket", "/close")], &arguments, &[("NO_COLOR", "1")]);
    assert!(!shown(&output).contains('\x1b'));
    // Empty it says nothing (https://no-color.org/).
    let output = on_a_terminal(&[("over websocket", "/close")], &arguments, &[("NO_COLOR", "")]);
    assert!(shown(&output).contains('\x1b'));
}

#[test]
fn slash_commands_are_not_published_to_a_channel() {
    let server = Server::start(&[]);
    let url = format!("http://{}/events/tty", server.authority());
    let script =
        [("over", "/ping"), ("needs a WebSocket", "//slash"), ("slash slash", "/nonsense"), ("command here", "/close")];
    shown(&on_a_terminal(&script, &["subscribe", &url], &[]));
    let all = goldcrest(&["subscribe", &url, "--since", "oldest", "--timeout", "0.5"]).lines();
    assert_eq!(all, ["/slash"]);
}

#[test]
fn end_of_input_exits_after_the_last_line_is_printed() {
    let (server, node) = (Server::start(&[]), OtherServer::node());
    for url in [format!("http://{}/events/tty", server.authority()), node.ws("/echo")] {
        let output = on_a_terminal(&[("over", "hello\n\u{4}")], &["subscribe", &url], &[]);
        assert_eq!(shown(&output).matches("hello").count(), 2, "{url}");
    }
}

#[test]
fn a_background_job_does_not_touch_the_terminal() {
    let server = Server::start(&[]);
    let url = format!("http://{}/events/tty", server.authority());
    goldcrest(&["publish", &url, "hello"]).lines();
    let arguments = ["subscribe", &url, "--since", "oldest", "-n", "1"];
    let output = on_a_terminal(&[("hello", "not for it")], &arguments, &[("IN_BACKGROUND", "1")]);
    assert_eq!(shown(&output).matches("hello").count(), 1, "{output:?}");
}

#[test]
fn typed_lines_are_published_on_every_transport() {
    let server = Server::start(&[]);
    for transport in ["auto", "sse", "longpoll", "websocket"] {
        let url = format!("http://{}/events/{transport}", server.authority());
        let script = [("over", "hello"), ("hello hello", "bye")];
        // A long poll that waits is not known to be open before something comes.
        let script = if transport == "longpoll" { &[("", "hello"), ("hello hello", "bye")][..] } else { &script };
        let output = on_a_terminal(script, &["subscribe", &url, "-t", transport, "-n", "2", "--since", "oldest"], &[]);
        let text = shown(&output);
        assert_eq!(text.matches("bye").count(), 2, "{transport}: {text}");
    }
}

#[test]
fn a_terminal_hangup_shuts_the_server_down() {
    let mut command = Command::new(python());
    command.arg(tests().join("suites/command/hangup.py")).arg(Program::path()).args(["--listen", "127.0.0.1:0"]);
    let mut serving = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let url = format!("ws://{}events/a", url.trim().strip_prefix("http://").unwrap());
    let (mut socket, _) =
        tungstenite::client(&url[..], TcpStream::connect(url.split('/').nth(2).unwrap()).unwrap()).unwrap();
    serving.stdin.take().unwrap().write_all(b"\n").unwrap();
    match socket.read().unwrap() {
        Message::Close(Some(close)) => assert_eq!(close.code, CloseCode::Restart),
        other => panic!("{other:?} where a Close should be"),
    }
    while socket.read().is_ok() {}
    let status = serving.wait().unwrap();
    assert!(status.success(), "the server ended with {status}");
}
