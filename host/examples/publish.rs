//! Publishing from the program itself: a thread publishes a reading every second, and every reader follows it.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example publish
//! $ curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/sensors
//! $ curl http://127.0.0.1:8080/events/sensors
//! ```
//!
//! A [`Hub`] may be used from any thread: publishing never waits for a reader. It fails once the server shuts down,
//! and with that this thread ends.

use std::io;
use std::thread;
use std::time::Duration;

use clap::Parser;
use goldcrest_host::core::log::EventType;
use goldcrest_host::core::serve::{Events, Exchange, Handler, Outcome, Runtime};
use goldcrest_host::options::Options;
use goldcrest_host::{ChannelLimits, Hub, ThreadHub};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,

    /// Milliseconds from one reading to the next
    #[arg(long, default_value_t = 1000)]
    every: u64,
}

/// The channels alone. One of these serves on each thread.
struct Readers(ThreadHub);

impl Handler for Readers {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> Outcome {
        Events::new(&self.0).handle(exchange).await
    }
}

/// Publishes until the server shuts down.
fn measure(hub: &Hub, every: Duration) -> Option<()> {
    let reading = EventType::new("reading").ok()?;
    for tenths in (205..235).chain((206..236).rev()).cycle() {
        let text = format!("{{\"celsius\":{}.{}}}", tenths / 10, tenths % 10);
        hub.publish("sensors", reading, &text).ok()?;
        thread::sleep(every);
    }
    None
}

fn main() -> io::Result<()> {
    let cli = Cli::parse();
    let hub = Hub::new(ChannelLimits::default()).map_err(io::Error::other)?;
    let server = cli.options.server().hub(hub.clone());
    let server = server.on_listening(|to| eprintln!("publish serves http://{}/events/sensors", to[0]));
    thread::spawn(move || measure(&hub, Duration::from_millis(cli.every)));
    server.run(Readers)
}
