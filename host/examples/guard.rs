//! A guard in front of the channels: a request without the token gets 401, on any transport.
//!
//! ```console
//! $ TOKEN=open-sesame cargo run --release -p goldcrest-host --example guard
//! $ curl -i http://127.0.0.1:8080/events/news
//! $ curl -d 'hello' -H 'Authorization: Bearer open-sesame' http://127.0.0.1:8080/events/news
//! $ curl -N -H 'Accept: text/event-stream' 'http://127.0.0.1:8080/events/news?token=open-sesame'
//! ```
//!
//! Browsers cannot set header fields on an `EventSource` or a `WebSocket`, so the token may also be in the URL. Use TLS
//! then, and keep URLs out of the logs of proxies.

use std::env;
use std::io;
use std::sync::Arc;

use goldcrest_host::core::http::{Request, Status};
use goldcrest_host::core::hub_http::HubHandler;
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{LocalHub, Server};

struct Guarded {
    hub: LocalHub,
    token: Arc<str>,
}

impl Handler for Guarded {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.hub).handle(exchange).await
    }

    fn authorize<B: AsRef<[u8]>>(&self, request: &Request<B>) -> Result<(), Status> {
        let field = request.header("authorization").and_then(bearer).is_some_and(|token| self.opens(token));
        let query = || request.query_param("token").is_some_and(|token| self.opens(&token.bytes().collect::<Vec<_>>()));
        if field || query() { Ok(()) } else { Err(Status::UNAUTHORIZED) }
    }

    fn www_authenticate(&self) -> &str {
        "Bearer realm=\"goldcrest\""
    }
}

impl Guarded {
    /// Compares in constant time: the duration does not depend on the number of matching bytes.
    fn opens(&self, token: &[u8]) -> bool {
        let wrong = token.iter().zip(self.token.bytes()).fold(0, |wrong, (a, b)| wrong | (a ^ b));
        token.len() == self.token.len() && wrong == 0
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 §2.1); the scheme has no case.
fn bearer(field: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = field.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn main() -> io::Result<()> {
    let token: Arc<str> = env::var("TOKEN").map_err(|error| io::Error::other(format!("TOKEN: {error}")))?.into();
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .on_listening(|addresses| eprintln!("guard serves http://{}/events/news", addresses[0]))
        .run(|hub| Guarded { hub, token: Arc::clone(&token) })
}
