//! An echo: `/echo` is a WebSocket that sends back what it gets, and a POST to `/echo` returns its content.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example echo -- --listen 127.0.0.1:9001
//! ```
//!
//! The WebSocket knows the subprotocols `chat` and `superchat`. A message of any size is echoed: one that the buffer
//! holds in one frame, a longer one in parts, as it comes.

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

async fn websocket<R: Runtime>(exchange: Exchange<'_, '_, R>) -> Outcome {
    let options = WebSocketOptions { protocols: &["superchat", "chat"], ..WebSocketOptions::default() };
    let mut socket = exchange.websocket(&options).await?;
    // What an idle connection does not need it does not have: the buffer is there from the first message on.
    let mut buffer = Vec::new();
    loop {
        if buffer.is_empty() {
            buffer.resize(64 * 1024, 0);
        }
        let Some(part) = socket.read(&mut buffer).await? else { break };
        let bytes = &buffer[..part.len];
        match (part.first, part.last) {
            (true, true) => socket.send(part.kind, bytes).await?,
            (first, last) => {
                if first {
                    socket.start_message(part.kind)?;
                }
                socket.write(bytes).await?;
                if last {
                    socket.end_message().await?;
                }
            }
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
