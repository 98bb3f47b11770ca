//! A server within a program that has a main loop, an executor and signal handlers of its own. The server runs on threads of its own.
//! The program publishes on its hub, and shuts it down by its handle.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example embedded
//! $ curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/ticks
//! ```
//! The first Ctrl-C ends the program in order: readers receive the last event `end`, then the end of their streams.

use std::env;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use goldcrest_host::{
    ChannelLimits, EventType, Exchange, Handler, HandlerResult, Hub, HubHandler, LocalHub, Runtime, Server,
};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The channels alone. One of these serves on each thread of the server.
struct Channels(LocalHub);

impl Handler for Channels {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.0).handle(exchange).await
    }
}

/// The program itself: any code, on any executor. It ends when `ended` is set.
async fn program(hub: &Hub, ended: &AtomicBool) -> io::Result<()> {
    for count in 1.. {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        hub.publish("ticks", EventType::MESSAGE, &count.to_string()).map_err(io::Error::other)?;
        smol::Timer::after(Duration::from_millis(100)).await;
    }
    hub.publish("ticks", EventType::MESSAGE, "end").map_err(io::Error::other)?;
    Ok(())
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&ended))?;
    }
    let hub = Hub::new(ChannelLimits::default()).map_err(io::Error::other)?;
    let server = Server::new().name("live").listen(address.parse().map_err(io::Error::other)?);
    let server = server.hub(hub.clone()).without_signals().start(Channels)?;
    eprintln!("embedded serves http://{}/events/ticks", server.addresses()[0]);
    let result = smol::block_on(program(&hub, &ended));
    // The readers have the last event before their streams end.
    server.shut_down()?;
    result
}
