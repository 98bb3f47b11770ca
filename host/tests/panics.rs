//! Panics of handlers: before, within and after a response.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic;
use std::time::Duration;

use goldcrest_host::{
    AcceptOptions, Exchange, Handler, HandlerResult, Response, RunningServer, Runtime, Server, Status,
};

/// A bug, without the message that the panic hook would print.
fn panic() -> ! {
    panic::resume_unwind(Box::new("a bug of the handler"))
}

/// Each path panics at another moment; any other path is answered.
struct Buggy;

impl Handler for Buggy {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/at-once" => panic(),
            "/in-content" => {
                let _ = exchange.read(&mut [0; 4]).await;
                panic()
            }
            "/in-stream" => {
                let mut body = exchange.stream("text/plain").await?;
                body.write(b"first part\n").await?;
                panic()
            }
            "/after" => {
                let _responded = exchange.respond(&Response::text(Status::OK, "complete\n")).await?;
                panic()
            }
            "/websocket" => {
                let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
                let mut buffer = [0; 16];
                let message = socket.recv(&mut buffer).await?.map(|message| message.payload.len());
                assert_eq!(message, Some(2));
                panic()
            }
            _ => exchange.respond(&Response::text(Status::OK, "well\n")).await,
        }
    }
}

fn start() -> (SocketAddr, RunningServer) {
    let server = Server::new().threads(1).listen(SocketAddr::from(([127, 0, 0, 1], 0))).without_signals();
    let server = server.start(|_hub| Buggy).unwrap();
    (server.addresses()[0], server)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends the request, and reads to the end of the connection.
fn ask(address: SocketAddr, request: &str) -> (String, io::Result<usize>) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    let end = stream.read_to_end(&mut response);
    (String::from_utf8(response).unwrap(), end)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

#[test]
fn a_panic_before_the_response_is_500_and_ends_the_connection() {
    let (address, server) = start();
    for _ in 0..3 {
        let (response, end) = ask(address, &get("/at-once"));
        assert!(response.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{response}");
        assert!(response.contains("\r\nConnection: close\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\nthe handler failed\n"), "{response}");
        end.expect("the connection ends in order");
    }
    let (response, end) =
        ask(address, "POST /in-content HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nshort");
    assert!(response.starts_with("HTTP/1.1 500 "), "{response}");
    end.expect("the connection ends in order");
    let (response, _) = ask(address, "HEAD /at-once HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 500 ") && response.ends_with("\r\n\r\n"), "{response}");
    server.shut_down().unwrap();
}

#[test]
fn a_panic_within_a_response_breaks_the_connection() {
    let (address, server) = start();
    let (response, end) = ask(address, &get("/in-stream"));
    assert!(!response.contains("500") && !response.ends_with("0\r\n\r\n"), "{response}");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    server.shut_down().unwrap();
}

#[test]
fn a_panic_after_a_response_ends_the_connection_in_order() {
    let (address, server) = start();
    let (response, end) = ask(address, &format!("{}{}", get("/after"), get("/")));
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\ncomplete\n"), "{response}");
    end.expect("the connection ends in order");
    server.shut_down().unwrap();
}

#[test]
fn a_panic_in_a_websocket_ends_it_without_a_close_frame() {
    let (address, server) = start();
    let mut stream = connect(address);
    let upgrade = "GET /websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).unwrap();
    // A masked text message: "ok".
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'o', b'k']).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("the connection ends in order");
    let response = String::from_utf8(response).expect("no frame follows");
    assert!(response.starts_with("HTTP/1.1 101 ") && response.ends_with("\r\n\r\n"), "{response}");
    drop(stream);
    server.shut_down().unwrap();
}

#[test]
fn other_connections_of_the_thread_go_on() {
    let (address, server) = start();
    let mut other = connect(address);
    for path in ["/at-once", "/in-stream", "/after"] {
        let _ = ask(address, &get(path));
        other.write_all(get("/").as_bytes()).unwrap();
        let mut response = [0; 1024];
        let mut length = 0;
        while !response[..length].ends_with(b"well\n") {
            let count = other.read(&mut response[length..]).unwrap();
            assert!(count > 0, "the other connection ended");
            length += count;
        }
    }
    drop(other);
    server.shut_down().unwrap();
}
