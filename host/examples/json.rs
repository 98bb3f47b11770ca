//! A JSON endpoint beside the hub: a posted note is validated, then published to all subscribers.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example json
//! $ curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/notes
//! $ curl -H 'Content-Type: application/json' -d '{"author":"Ada","text":"hello"}' http://127.0.0.1:8080/notes
//! ```

use std::env;
use std::io;

use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::hub_http::HubHandler;
use goldcrest_host::core::log::EventType;
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{LocalHub, Server};
use serde_json::{Value, json};

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
const LONGEST: usize = 4096;

impl Notes {
    async fn note<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let mut content = vec![0; LONGEST];
        let length = match exchange.read_whole(&mut content).await {
            Ok(length) => length,
            Err(error) => return exchange.respond_body_error(error).await,
        };
        let (status, answer) = self.publish(&content[..length]);
        let body = answer.to_string();
        let response = Response { status, content_type: Some("application/json"), headers: &[], body: body.as_bytes() };
        exchange.respond(&response).await
    }

    fn publish(&self, content: &[u8]) -> (Status, Value) {
        let Ok(note) = serde_json::from_slice::<Value>(content) else {
            return (Status::BAD_REQUEST, json!({ "error": "this is no JSON" }));
        };
        let (Some(author), Some(text)) = (note["author"].as_str(), note["text"].as_str()) else {
            return (Status::BAD_REQUEST, json!({ "error": "a note has an author and a text" }));
        };
        let note = json!({ "author": author, "text": text }).to_string();
        match self.0.hub().publish("notes", EventType::MESSAGE, &note) {
            Ok(id) => (Status::CREATED, json!({ "id": id.to_string() })),
            Err(error) => (Status::SERVICE_UNAVAILABLE, json!({ "error": error.to_string() })),
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
