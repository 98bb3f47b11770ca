//! An upload of up to 10 GB, read in parts. Nothing is stored; the response is the number of bytes.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example upload
//! $ curl -T Cargo.lock http://127.0.0.1:8080/upload
//! $ head -c 1000000000 /dev/zero | curl -T - http://127.0.0.1:8080/upload
//! ```
//!
//! The server reads no faster than the handler: TCP flow control slows the client down.

use std::env;
use std::io;

use goldcrest_host::Server;
use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime, ServerConfig};

/// The longest upload, in bytes.
const LONGEST: u64 = 10_000_000_000;

struct Upload;

impl Handler for Upload {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match (exchange.request().path(), exchange.request().method()) {
            ("/upload", Method::Put | Method::Post) => take(exchange).await,
            ("/upload", _) => exchange.method_not_allowed("PUT, POST, OPTIONS").await,
            _ => exchange.not_found().await,
        }
    }
}

async fn take<R: Runtime>(mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let (mut bytes, mut lines) = (0u64, 0usize);
    let mut piece = vec![0; 16 * 1024];
    loop {
        match exchange.read(&mut piece).await {
            Ok(0) => break,
            Ok(count) => {
                bytes += count as u64;
                lines += piece[..count].iter().filter(|byte| **byte == b'\n').count();
            }
            Err(error) => return exchange.respond_body_error(error).await,
        }
    }
    let text = format!("{bytes} bytes, {lines} lines\n");
    exchange.respond(&Response::text(Status::OK, &text)).await
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .config(ServerConfig { max_body: LONGEST, ..Server::default_config() })
        .on_listening(|addresses| eprintln!("upload serves http://{}/upload", addresses[0]))
        .run(|_hub| Upload)
}
