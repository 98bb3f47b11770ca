//! An SSE fan-out with the routes of goldcrest-axum, on one thread.

use axum::serve::ListenerExt;
use goldcrest_axum::EventRoutes;
use goldcrest_host::{ChannelLimits, Hub};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().skip_while(|word| word != "--listen").nth(1).expect("--listen ADDR:PORT");
    let events: EventRoutes = EventRoutes::new(Hub::new(ChannelLimits::default())?);
    let listener = tokio::net::TcpListener::bind(address).await?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, events.router()).await?;
    Ok(())
}
