//! Rights on channels: every client reads, and the token is needed to publish, on any transport.
//!
//! ```console
//! $ TOKEN=open-sesame cargo run --release -p goldcrest-host --example guard
//! $ curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/news
//! $ curl -i -d 'forged' http://127.0.0.1:8080/events/news
//! $ curl -d 'hello' -H 'Authorization: Bearer open-sesame' http://127.0.0.1:8080/events/news
//! $ curl -d '' -H 'Authorization: Bearer open-sesame' http://127.0.0.1:8080/withdraw
//! ```
//!
//! A WebSocket without the token reads, and its publications are refused. Browsers cannot set header fields on a `WebSocket`, so the
//! token may also be in the URL. Use TLS then, and keep URLs out of the logs of proxies.
//!
//! POST to `/withdraw` ends all responses that the token opened. Each grant ends after a day, too.

use std::env;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use goldcrest_host::core::http::{Method, Request, Response, Status, constant_time_eq};
use goldcrest_host::{
    Authorized, Authorizer, ChannelIntent, Exchange, Handler, HandlerResult, HubHandler, IdentityGrant, LocalHub,
    Rights, Runtime, Server,
};

/// The identity of a client with the token. The others are `reader`.
const PUBLISHER: &str = "publisher";

#[derive(Clone)]
struct Guarded {
    hub: LocalHub,
    token: Arc<str>,
}

impl Handler for Guarded {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if exchange.request().path() != "/withdraw" {
            return HubHandler::new(&self.hub).authorizer(self).handle(exchange).await;
        }
        if exchange.request().method() != Method::Post {
            return exchange.method_not_allowed("POST").await;
        }
        if !self.permits(exchange.request()) {
            return exchange.unauthorized("Bearer").await;
        }
        let ended = self.hub.hub().withdraw(PUBLISHER);
        exchange.respond(&Response::text(Status::OK, &format!("{ended} responses ended\n"))).await
    }
}

impl Authorizer for Guarded {
    type Grant = IdentityGrant;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, IdentityGrant> {
        let has_token = self.permits(exchange.request());
        if intent.wanted == Rights::PUBLISH && !has_token {
            return Err(exchange.unauthorized("Bearer realm=\"goldcrest\"").await);
        }
        let (identity, rights) = if has_token { (PUBLISHER, Rights::ALL) } else { ("reader", Rights::READ) };
        let end = exchange.now() + Duration::from_secs(24 * 60 * 60);
        Ok((exchange, self.hub.hub().grant(identity, rights).until(end)))
    }
}

impl Guarded {
    fn permits<B: AsRef<[u8]>>(&self, request: &Request<B>) -> bool {
        let field = request.bearer().is_some_and(|token| constant_time_eq(token, &*self.token));
        let query = || {
            let token: Option<Vec<u8>> = request.query_param("token").map(|token| token.bytes().collect());
            token.is_some_and(|token| constant_time_eq(&token, &*self.token))
        };
        field || query()
    }
}

fn main() -> io::Result<()> {
    let token: Arc<str> = env::var("TOKEN").map_err(|error| io::Error::other(format!("TOKEN: {error}")))?.into();
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .on_listening(|addresses| eprintln!("guard serves http://{}/events/news", addresses[0]))
        .run(|hub| Guarded { hub, token: Arc::clone(&token) })
}
