//! The channels of a hub in an axum application: five transports, publishing, and a shutdown that ends all streams in order.
//!
//! ```text
//! cargo run -p goldcrest-axum --example channels -- 127.0.0.1:8080
//! curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/news
//! curl -d hello http://127.0.0.1:8080/events/news
//! ```

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use goldcrest_axum::EventRoutes;
use goldcrest_host::{ChannelLimits, Hub};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let events = EventRoutes::new(Hub::new(ChannelLimits::default())?);
    let app = Router::new().route("/", get(async || "channels are below /events/\n")).merge(events.router());

    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("channels: serves http://{}/", listener.local_addr()?);
    let interrupted = events.shut_down_on(tokio::signal::ctrl_c());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(interrupted).await?;
    events.finished().await;
    Ok(())
}
