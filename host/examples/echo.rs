//! An echo: the WebSocket at `/echo` returns each message, and a POST to `/echo` returns its content.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example echo -- 127.0.0.1:9001
//! ```
//!
//! The WebSocket supports the subprotocols `chat` and `superchat`, and messages of up to 64 MiB.

use std::cell::RefCell;
use std::env;
use std::io;

use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::server::{AcceptOptions, BodyError, Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{Limits, Server};

struct Echo;

impl Handler for Echo {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match (exchange.request().path(), exchange.request().method()) {
            ("/echo", Method::Post) => content(exchange).await,
            ("/echo", Method::Get) => websocket(exchange).await,
            ("/echo", _) => exchange.method_not_allowed("GET, POST, OPTIONS").await,
            ("/", Method::Get | Method::Head) => {
                exchange.respond(&Response::text(Status::OK, "a WebSocket or a POST to /echo\n")).await
            }
            ("/", _) => exchange.method_not_allowed("GET, HEAD, OPTIONS").await,
            _ => exchange.not_found().await,
        }
    }
}

/// The longest message that is echoed, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// A buffer of a thread's, in bytes; a longer message has one of its own.
const BUFFER: usize = 64 * 1024;

thread_local! {
    /// Buffers that no connection needs now: one that waits for a message has none.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

async fn websocket<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let options = AcceptOptions { protocols: &["superchat", "chat"], max_message: LONGEST as u64 };
    let mut socket = exchange.websocket(&options).await?;
    while socket.ready().await? {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let mut buffer = spare.unwrap_or_else(|| vec![0; BUFFER]);
        // Receive the whole message before it is returned. Otherwise a client that sends all of it before it reads, and this
        // handler, would wait for each other. The buffer grows with the received bytes.
        let mut filled = 0;
        while let Some(part) = socket.read(&mut buffer[filled..]).await? {
            filled += part.len;
            if part.last {
                socket.send(part.kind, &buffer[..filled]).await?;
                break;
            }
            buffer.resize(2 * buffer.len(), 0);
        }
        if buffer.len() == BUFFER {
            SPARE.with_borrow_mut(|spare| spare.push(buffer));
        }
    }
    socket.close().await
}

async fn content<R: Runtime>(mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let mut body = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        match exchange.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => body.extend_from_slice(&buffer[..count]),
            Err(error @ (BodyError::Refused(_) | BodyError::Ended(_))) => {
                return exchange.respond_body_error(error).await;
            }
        }
    }
    let response =
        Response { status: Status::OK, content_type: Some("application/octet-stream"), headers: &[], body: &body };
    exchange.respond(&response).await
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        // Benchmarks open all of their connections from one address.
        .limits(Limits { connections_per_address: usize::MAX, ..Limits::default() })
        .allow_any_origin_and_host()
        .on_listening(|addresses| eprintln!("echo serves http://{}/echo", addresses[0]))
        .run(|_hub| Echo)
}
