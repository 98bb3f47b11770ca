//! Streams written by a handler: a clock as Server-Sent Events, and a stream that skips old readings for a slow reader.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example stream
//! $ curl -N http://127.0.0.1:8080/clock
//! $ curl -N 'http://127.0.0.1:8080/clock?every=100'
//! $ curl -N --limit-rate 100K http://127.0.0.1:8080/noise
//! ```
//!
//! `sleep` returns `false` when the server shuts down and the handler has to finish. A client that has gone is an error,
//! which the handler returns.

use std::env;
use std::io;
use std::time::{Duration, SystemTime};

use goldcrest_host::Server;
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::core::sse::encode::EventBlock;

struct Streams;

impl Handler for Streams {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/clock" => clock(exchange).await,
            "/noise" => noise(exchange).await,
            _ => exchange.not_found().await,
        }
    }
}

/// The seconds since 1970, every second or every so many milliseconds.
async fn clock<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let every = exchange.request().query_param("every").and_then(|millis| millis.raw().parse().ok());
    let every = Duration::from_millis(every.unwrap_or(1000).max(1));
    let mut events = exchange.sse().await?;
    loop {
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        events.event(&EventBlock::new(format!("{:.3}", time.as_secs_f64()).as_bytes())).await?;
        if !events.sleep(every).await? {
            return events.finish().await;
        }
    }
}

/// Bytes of ours that may wait for a slow reader.
const WAITING: usize = 4096;

/// A line of 1,000 bytes every millisecond. While the reader is slow, lines are left out and counted instead of queued.
async fn noise<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let mut body = exchange.stream("text/plain").await?;
    let mut left_out = 0u64;
    for number in 0u64.. {
        if body.buffered_amount() > WAITING {
            left_out += 1;
        } else {
            let line = format!("line {number}, {left_out} left out ");
            body.write(format!("{line:.<999}\n").as_bytes()).await?;
        }
        if !body.sleep(Duration::from_millis(1)).await? {
            break;
        }
    }
    body.finish().await
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .on_listening(|addresses| {
            eprintln!("stream serves http://{address}/clock and http://{address}/noise", address = addresses[0])
        })
        .run(|_hub| Streams)
}
