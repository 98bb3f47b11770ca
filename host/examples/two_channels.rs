//! Two channels at custom URLs: `/news` and `/connect?articleId=news` are the channel `news`, and likewise for `weather`.
//! No other channel exists.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example two_channels
//! $ curl -N -H 'Accept: text/event-stream' 'http://127.0.0.1:8080/connect?articleId=news'
//! $ curl -N -H 'Accept: application/x-ndjson' http://127.0.0.1:8080/weather
//! $ curl -d 'rain' http://127.0.0.1:8080/weather
//! ```
//!
//! Each of these URLs serves all five transports, and publishing.

use std::env;
use std::io;

use goldcrest_host::core::http::Request;
use goldcrest_host::core::hub_http::HubHandler;
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{LocalHub, Server};

const CHANNELS: [&str; 2] = ["news", "weather"];

struct App(LocalHub);

impl Handler for App {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match channel(exchange.request()) {
            Some(channel) => HubHandler::new(&self.0).answer(exchange, channel).await,
            None => exchange.not_found().await,
        }
    }
}

/// The channel that a request is for.
fn channel<B: AsRef<[u8]>>(request: &Request<B>) -> Option<&'static str> {
    CHANNELS.into_iter().find(|channel| match request.path() {
        "/connect" => request.query_param("articleId").is_some_and(|article| article.is(channel)),
        path => path.strip_prefix('/') == Some(channel),
    })
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .on_listening(|addresses| {
            eprintln!("two_channels serves http://{address}/news and http://{address}/weather", address = addresses[0])
        })
        .run(App)
}
