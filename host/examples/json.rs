//! A JSON endpoint beside the hub: a posted note is validated, then published to all subscribers.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example json
//! $ curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/notes
//! $ curl -H 'Content-Type: application/json' -d '{"author":"Ada","text":"hello"}' http://127.0.0.1:8080/notes
//! ```

use std::env;
use std::io;

use goldcrest_host::{
    EventType, Exchange, Handler, HandlerResult, HubHandler, JsonExchange, LocalHub, Method, Runtime, Server, Status,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize, Serialize)]
struct Note {
    author: String,
    text: String,
}

struct Notes(LocalHub);

impl Handler for Notes {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match (exchange.request().path(), exchange.request().method()) {
            ("/notes", Method::Post) => self.note(exchange).await,
            ("/notes", _) => exchange.method_not_allowed("POST, OPTIONS").await,
            _ => HubHandler::new(&self.0).handle(exchange).await,
        }
    }
}

/// The longest note, in bytes.
const LONGEST: u64 = 4096;

impl Notes {
    async fn note<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if let Err(error) = exchange.limit_content(LONGEST) {
            return exchange.respond_body_error(error).await;
        }
        let note: Note = match exchange.json().await {
            Ok(note) => note,
            Err(error) => return error.respond(exchange).await,
        };
        match self.0.hub().publish("notes", EventType::MESSAGE, &json!(note).to_string()) {
            Ok(id) => exchange.respond_json(Status::CREATED, &json!({ "id": id.to_string() })).await,
            Err(error) => exchange.respond_error(Status::SERVICE_UNAVAILABLE, &format!("{error}\n")).await,
        }
    }
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .on_listening(|addresses| eprintln!("json serves http://{}/notes", addresses[0]))
        .run(Notes)
}
