//! Publishing from the program itself: a thread publishes four readings a second, and every reader follows it.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example publish
//! $ curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/sensors
//! $ curl http://127.0.0.1:8080/events/sensors
//! ```
//!
//! A [`StaticHub`] may be used from any thread: publishing never waits for a reader. It fails once the server shuts down,
//! and with that this thread ends.

use std::env;
use std::io;
use std::thread;
use std::time::Duration;

use goldcrest_host::core::hub_http::HubHandler;
use goldcrest_host::core::log::EventType;
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{ChannelLimits, Hub, LocalHub, Server};

/// From one reading to the next.
const INTERVAL: Duration = Duration::from_millis(250);

/// The channels alone. One of these serves on each thread.
struct Readers(LocalHub);

impl Handler for Readers {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.0).handle(exchange).await
    }
}

/// Publishes until the server shuts down.
fn measure(hub: &Hub) -> Option<()> {
    let reading = EventType::new("reading").ok()?;
    for tenths in (205..235).chain((206..236).rev()).cycle() {
        let text = format!("{{\"celsius\":{}.{}}}", tenths / 10, tenths % 10);
        hub.publish("sensors", reading, &text).ok()?;
        thread::sleep(INTERVAL);
    }
    None
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let hub = Hub::new(ChannelLimits::default()).map_err(io::Error::other)?;
    let server = Server::new().listen(address.parse().map_err(io::Error::other)?).hub(hub.clone());
    let server = server.on_listening(|to| eprintln!("publish serves http://{}/events/sensors", to[0]));
    thread::spawn(move || measure(&hub));
    server.run(Readers)
}
