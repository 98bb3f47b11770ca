//! `goldcrest compare`: the costs of the five techniques, side by side.
//!
//! | file | content |
//! | --- | --- |
//! | `meter.rs` | requests, header bytes and payload bytes, counted on this side |
//! | `reader.rs` | one technique |
//! | `table.rs` | the result as a table or JSON |

mod meter;
mod reader;
mod table;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use goldcrest_core::client::{ClientConfig, Position, Transport};
use goldcrest_core::hub_http::HubHandler;
use goldcrest_core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::client::SmolRuntime;
use goldcrest_host::{LocalHub, Server, ShutdownHandle};
use smol::channel::Receiver;
use smol::future::FutureExt;

use super::client_options::{ClientOptions, some_seconds};
use super::load::{Load, Pace, bar, until};
use super::{CommandError, Exit, Quiet, target};
use reader::Reader;

/// The techniques, in the order of the table.
const TRANSPORTS: [Transport; 5] =
    [Transport::Poll, Transport::LongPoll, Transport::Stream, Transport::Sse, Transport::WebSocket];

/// How long all of them may take to be there.
const OPENING: Duration = Duration::from_secs(15);

/// Compare the five techniques on one channel: events, latency, requests, header and payload bytes, connections
///
/// All five receive the same events at the same time. Bytes are counted by the client. Header bytes are all bytes except
/// the payload: request and response heads, chunk sizes, frame headers.
#[derive(Args)]
#[command(after_long_help = super::EXIT_CODES)]
pub(crate) struct Compare {
    /// A server, or a channel of it, such as http://127.0.0.1:8080/ [default: a server of its own]
    url: Option<String>,

    #[command(flatten)]
    pace: Pace,

    /// Seconds from one poll to the next
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = some_seconds)]
    poll_interval: Duration,

    /// Print a JSON object instead of a table
    #[arg(short, long)]
    json: bool,

    #[command(flatten)]
    quiet: Quiet,

    #[command(flatten)]
    client: ClientOptions,
}

impl Compare {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let (config, tls) = (self.client.config()?, self.client.tls()?);
        let own = if self.url.is_none() { Some(OwnServer::start()?) } else { None };
        let readers = SmolRuntime::block_on(tls, async |runtime| {
            let url = match (&own, &self.url) {
                (Some(own), _) => format!("http://{}/", own.address),
                (None, url) => target::settle(runtime, url.as_deref().unwrap_or_default()).await?,
            };
            let (url, start) = channel(url);
            let measured = self.measure(runtime, &config, &url, start);
            match &own {
                None => measured.await,
                Some(own) => measured.or(own.ended()).await,
            }
        })??;
        table::print(&readers, self.json)
    }

    async fn measure(
        &self,
        runtime: &SmolRuntime,
        config: &ClientConfig<'static>,
        url: &str,
        start: Position<&'static str>,
    ) -> Result<Vec<Rc<Reader>>, CommandError> {
        let load = Load::new(self.pace.size);
        let readers: Vec<_> = TRANSPORTS.map(|transport| Rc::new(Reader::new(transport, start))).into();
        let mut tasks = Vec::new();
        for reader in &readers {
            let (url, room) = (url.to_owned(), self.pace.size as usize * 2 + 64 * 1024);
            let read =
                Rc::clone(reader).read(runtime.clone(), config.clone(), url, load.clone(), room, self.poll_interval);
            tasks.push(runtime.spawn(read));
        }
        until(OPENING, || readers.iter().all(|reader| reader.is_open() || reader.has_failed())).await;
        if let Some(reader) = readers.iter().find(|reader| !reader.is_open()) {
            let why =
                reader.error().unwrap_or_else(|| CommandError::new(Exit::TimedOut, "the connection cannot be opened"));
            return Err(CommandError::new(why.exit, format!("{}: {why}", reader.transport.as_str())));
        }
        let bar = bar(&self.pace, self.quiet.quiet);
        let published = load.publish(runtime, config, url, &self.pace, |number| bar.set_position(number)).await?;
        // Polling receives the last events up to an interval later.
        let last = self.poll_interval * 2 + Duration::from_secs(1);
        until(last, || readers.iter().all(|reader| reader.events() >= published)).await;
        bar.finish_and_clear();
        readers.iter().for_each(|reader| reader.finish(published));
        drop(tasks);
        Ok(readers)
    }
}

/// The channel to compare on: the one that is named, or one of its own, where nothing stands before the first event.
fn channel(url: String) -> (String, Position<&'static str>) {
    use goldcrest_core::client::url::Url;
    if Url::parse(&url).is_ok_and(|url| target::is_channel(&url)) {
        return (url, Position::Newest);
    }
    (format!("{}/events/compare-{:08x}", url.trim_end_matches('/'), fastrand::u32(..)), Position::Oldest)
}

/// A server in this process.
struct OwnServer {
    address: SocketAddr,
    stopper: ShutdownHandle,
    ended: Receiver<String>,
}

struct Channels(LocalHub);

impl Handler for Channels {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.0).handle(exchange).await
    }
}

impl OwnServer {
    fn start() -> Result<Self, CommandError> {
        let (listens, listening) = smol::channel::bounded(1);
        let (ends, ended) = smol::channel::bounded(2);
        let told = ends.clone();
        let server = Server::new().threads(1).listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let server = server.on_listening(move |addresses| {
            let _ = listens.try_send(addresses.first().copied());
        });
        let stopper = server.shutdown_handle();
        std::thread::spawn(move || {
            // The server ends by its shutdown handle, or by a signal.
            let why = server.run(Channels).err().map_or_else(|| "interrupted".to_owned(), |error| error.to_string());
            let _ = told.try_send(why);
        });
        drop(ends);
        match listening.recv_blocking() {
            Ok(Some(address)) => Ok(Self { address, stopper, ended }),
            _ => Err(CommandError::new(Exit::Failed, ended.recv_blocking().unwrap_or_default())),
        }
    }

    async fn ended<T>(&self) -> Result<T, CommandError> {
        let why = self.ended.recv().await;
        Err(CommandError::new(Exit::Failed, why.unwrap_or_else(|_| "the server has ended".to_owned())))
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.stopper.shut_down();
    }
}
