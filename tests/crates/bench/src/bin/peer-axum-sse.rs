//! An SSE fan-out with axum and tokio's broadcast channel, on one thread: GET subscribes, POST publishes.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

#[derive(Clone)]
struct Hub {
    events: broadcast::Sender<(u64, Arc<str>)>,
    last: Arc<AtomicU64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().skip_while(|word| word != "--listen").nth(1).expect("--listen ADDR:PORT");
    let hub = Hub { events: broadcast::channel(1024).0, last: Arc::default() };
    let router = Router::new().route("/events/bench", get(subscribe).post(publish)).with_state(hub);
    let listener = tokio::net::TcpListener::bind(address).await?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await
}

async fn subscribe(State(hub): State<Hub>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = BroadcastStream::new(hub.events.subscribe()).map(|received| {
        Ok(match received {
            Ok((id, data)) => Event::default().id(id.to_string()).data(data),
            Err(_) => Event::default().event("gap"),
        })
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn publish(State(hub): State<Hub>, data: String) -> StatusCode {
    let id = hub.last.fetch_add(1, Ordering::Relaxed) + 1;
    match hub.events.send((id, data.into())) {
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::ACCEPTED,
    }
}
