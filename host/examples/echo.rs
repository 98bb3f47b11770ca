//! An echo: `/echo` is a WebSocket that sends back what it gets, and a POST to `/echo` returns its content.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example echo -- --listen 127.0.0.1:9001
//! ```
//!
//! The WebSocket knows the subprotocols `chat` and `superchat`, and echoes messages of up to 64 MiB.

use std::io;

use clap::Parser;
use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::serve::{BodyError, Exchange, Handler, Outcome, Runtime, WebSocketOptions};
use goldcrest_host::core::ws::close::{CloseCode, CloseReason};
use goldcrest_host::options::Options;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

struct Echo;

impl Handler for Echo {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> Outcome {
        match (exchange.request().path(), exchange.request().method()) {
            ("/echo", Method::Post) => content(exchange).await,
            ("/echo", Method::Get) => websocket(exchange).await,
            ("/echo", _) => exchange.allow("GET, POST, OPTIONS").await,
            ("/", Method::Get | Method::Head) => {
                exchange.respond(&Response::text(Status::OK, "a WebSocket or a POST to /echo\n")).await
            }
            ("/", _) => exchange.allow("GET, HEAD, OPTIONS").await,
            _ => exchange.not_found().await,
        }
    }
}

/// The longest message that is echoed, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// What a connection keeps of its buffer between messages, in bytes.
const KEPT: usize = 16 * 1024;

async fn websocket<R: Runtime>(exchange: Exchange<'_, '_, R>) -> Outcome {
    let options = WebSocketOptions { protocols: &["superchat", "chat"], max_message: LONGEST as u64 };
    let mut socket = exchange.websocket(&options).await?;
    // A message is taken in whole before it is sent back: a client that sends all of it before it reads would otherwise
    // wait for us, and we for it. The buffer is there from the first message on, and grows with what has come.
    let mut buffer = Vec::new();
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize((2 * filled).max(KEPT), 0);
        }
        let Some(part) = socket.read(&mut buffer[filled..]).await? else { break };
        filled += part.len;
        if part.last {
            socket.send(part.kind, &buffer[..filled]).await?;
            filled = 0;
            buffer.truncate(KEPT);
            buffer.shrink_to_fit();
        }
    }
    socket.finish(CloseCode::NORMAL, CloseReason::NONE).await
}

async fn content<R: Runtime>(mut exchange: Exchange<'_, '_, R>) -> Outcome {
    let mut body = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        match exchange.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => body.extend_from_slice(&buffer[..count]),
            Err(error @ (BodyError::Refused(_) | BodyError::Ended(_))) => return exchange.body_failed(error).await,
        }
    }
    let response =
        Response { status: Status::OK, content_type: Some("application/octet-stream"), headers: &[], body: &body };
    exchange.respond(&response).await
}

fn main() -> io::Result<()> {
    let announce = |addresses: &[std::net::SocketAddr]| {
        for address in addresses {
            eprintln!("echo serves http://{address}/echo");
        }
    };
    Cli::parse().options.server().open_to_all().on_listening(announce).run(|_hub| Echo)
}
