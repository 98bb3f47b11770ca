//! The command sends a Close frame before it exits.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use goldcrest_tests::{Program, patience};
use tungstenite::Message;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::coding::CloseCode;

use super::run::goldcrest;

/// A server that speaks goldcrest.v1 and sends one event; the URL of a path of it, and the Close that it got.
fn server(scheme: &str, path: &str) -> (String, thread::JoinHandle<Option<CloseCode>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}{path}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(patience())).unwrap();
        #[allow(clippy::result_large_err, reason = "tungstenite's own type")]
        let choose = |request: &Request, mut answer: Response| {
            if let Some(offered) = request.headers().get("sec-websocket-protocol") {
                answer.headers_mut().append("sec-websocket-protocol", offered.clone());
            }
            Ok(answer)
        };
        let mut socket = tungstenite::accept_hdr(socket, choose).unwrap();
        socket.send(Message::text(r#"{"id":"a-1","type":"message","data":"one"}"#)).unwrap();
        loop {
            match socket.read() {
                Ok(Message::Close(close)) => {
                    // Reading on sends the answer to it.
                    while socket.read().is_ok() {}
                    return close.map(|close| close.code);
                }
                Ok(_) => {}
                Err(error) => panic!("{error} where a Close should be"),
            }
        }
    });
    (url, serving)
}

#[test]
fn a_timeout_and_a_count_end_with_a_close_frame() {
    // Subscribing to a channel is one kind of session, talking to a plain WebSocket another.
    for (scheme, path) in [("http", "/events/a"), ("ws", "/events/a"), ("ws", "/")] {
        for limit in [["--timeout", "0.3"], ["-n", "1"]] {
            let (url, serving) = server(scheme, path);
            let heard = goldcrest(&[&["subscribe", &url, "--since", "a-0"], &limit[..]].concat());
            assert_eq!(heard.lines().len(), 1, "{url} {limit:?}");
            assert_eq!(serving.join().unwrap(), Some(CloseCode::Normal), "{url} {limit:?}");
        }
    }
}

#[test]
fn a_missing_close_reply_does_not_delay_the_exit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mute = thread::spawn(move || tungstenite::accept(listener.accept().unwrap().0).unwrap());
    // Built before it is timed.
    Program::path();
    let begin = Instant::now();
    goldcrest(&["subscribe", &url, "--timeout", "0.3"]).lines();
    assert!(begin.elapsed() < Duration::from_secs(5), "it left after {:?}", begin.elapsed());
    drop(mute.join());
}

#[test]
fn a_silent_server_does_not_delay_the_exit_after_stdin_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mute = thread::spawn(move || tungstenite::accept(listener.accept().unwrap().0).unwrap());
    // Built before it is timed.
    Program::path();
    let begin = Instant::now();
    goldcrest(&["subscribe", &url, "--until-eof"]).lines();
    assert!(begin.elapsed() < Duration::from_secs(15), "it left after {:?}", begin.elapsed());
    drop(mute.join());
}
