//! `goldcrest subscribe`: events and messages of any server, as lines.
//!
//! | file | content |
//! | --- | --- |
//! | `output.rs` | the lines on stdout, and their number |
//! | `input.rs` | the lines of stdin |
//! | `channel.rs` | a channel of a goldcrest server, over any of the five transports |
//! | `source.rs` | Server-Sent Events of any server |
//! | `socket.rs`, `conversation.rs` | WebSocket of any server: reconnecting, and the conversation |
//! | `envelope.rs` | the JSON of `goldcrest.v1` |
//! | `rtt.rs` | round trips by ping and pong |

mod channel;
mod conversation;
mod envelope;
mod input;
mod output;
mod rtt;
mod socket;
mod source;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use goldcrest_core::client::url::Url;
use goldcrest_core::client::{ClientConfig, Position, Transport};
use goldcrest_core::sse::reconnect::ReconnectPolicy;
use goldcrest_host::client::SmolRuntime;
use smol::Timer;
use smol::future::FutureExt;

use super::client_options::{ClientOptions, some_seconds};
use super::diagnostics::Diagnostics;
use super::{CommandError, Exit, Quiet, target};
use input::Input;
use output::{BinaryForm, Output};

/// Print the events of a channel, or of any SSE or WebSocket server, as lines
///
/// Payloads go to stdout, one a line; status messages go to stderr. On a channel (…/events/NAME) the command uses the
/// first transport that works: WebSocket, SSE, streaming, long polling, polling. It reconnects without a lost or
/// duplicate event. For other URLs it uses SSE, or WebSocket if the server has no SSE or the scheme is ws or wss.
///
/// On a WebSocket the lines of stdin are sent. On a channel, lines typed on a terminal are published; stdin is read only
/// if it is a terminal, or with --transport websocket. On a terminal, /ping TEXT and /close CODE are commands with an optional argument (a
/// channel has /close alone), //TEXT sends /TEXT, and the end of input (Ctrl-D) ends the command.
#[derive(Args)]
#[command(after_long_help = super::EXIT_CODES)]
pub(crate) struct Subscribe {
    /// Where to listen: http, https, ws or wss; without a scheme it is found, and :8080/x is a port of this machine
    url: String,

    /// How events are brought
    #[arg(short, long, value_enum, default_value_t = Choice::Auto)]
    transport: Choice,

    /// Write one JSON object a line: {"id","type","data"}, "encoding":"base64" where it was binary, {"gap":{"missed"}}
    #[arg(short, long)]
    json: bool,

    /// How binary payloads are written where they are no JSON
    #[arg(long, value_enum, value_name = "FORM", default_value_t = BinaryForm::Base64)]
    binary: BinaryForm,

    /// Write to this file instead of stdout; the first payload begins it anew, and until then it stays as it is
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// End after so many events
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print events of this type only. Repeatable
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Begin after the event of this id, or at `oldest` or `newest`
    #[arg(long, value_name = "ID", default_value = "newest")]
    since: String,

    /// End after this time: a failure with -n or if the server was never reached, else a success
    #[arg(long, value_name = "SECONDS", value_parser = some_seconds)]
    timeout: Option<Duration>,

    /// Come back whenever the connection is lost, even before it was ever there, and to a plain WebSocket too
    #[arg(long, overrides_with = "no_reconnect")]
    reconnect: bool,

    /// Never come back
    #[arg(long)]
    no_reconnect: bool,

    /// Seconds from one poll to the next
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = some_seconds)]
    poll_interval: Duration,

    /// Time-out of the first byte of a stream: an intermediary may buffer it, so the next transport is tried [default: 5,
    /// or 20 if there is no other transport]
    #[arg(long, value_name = "SECONDS", value_parser = some_seconds)]
    first_byte: Option<Duration>,

    /// Offer this WebSocket subprotocol. Repeatable [default: goldcrest.v1 on a channel]
    #[arg(long = "protocol", value_name = "NAME")]
    protocols: Vec<String>,

    /// The Origin that a WebSocket's handshake names
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,

    /// Ping a WebSocket every second, and print the round-trip time on stderr
    #[arg(long)]
    rtt: bool,

    /// Send nothing that stands on stdin
    #[arg(long)]
    no_input: bool,

    /// Close a WebSocket at the end of stdin, after half a second without a message; messages before the server's Close
    /// frame are printed, for at most 5 seconds
    #[arg(long)]
    until_eof: bool,

    #[command(flatten)]
    quiet: Quiet,

    #[command(flatten)]
    client: ClientOptions,
}

/// How events are brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// The first that works
    Auto,
    #[value(alias = "ws")]
    Websocket,
    Sse,
    /// NDJSON, of a channel
    Stream,
    /// Of a channel
    Longpoll,
    /// Of a channel
    Poll,
}

/// When it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    Never,
    /// Where nothing is lost by it, and once it has been there.
    IfResumable,
    Always,
}

/// The state that all kinds of subscription share.
struct SubscribeContext<'l> {
    runtime: &'l SmolRuntime,
    config: &'l ClientConfig<'static>,
    url: &'l str,
    options: &'l Subscribe,
    status: Diagnostics,
    state: &'l State,
    /// When `--timeout` is over.
    until: Option<Instant>,
}

/// The progress, for the code that ends a subscription from outside.
#[derive(Debug, Default)]
struct State {
    /// A WebSocket is open: it is left by a closing handshake.
    talking: Cell<bool>,
    /// The server has answered, or waits before it does as a long poll has it.
    reached: Cell<bool>,
}

/// How long a server may take for a closing handshake.
const PARTING: Duration = Duration::from_secs(1);

impl SubscribeContext<'_> {
    /// Waits until the time is over.
    async fn late(&self) -> Instant {
        match self.until {
            Some(until) => Timer::at(until).await,
            None => std::future::pending().await,
        }
    }
}

/// The kinds to listen, one after the other until one fits the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Channel,
    Source,
    Socket,
}

/// The result of one kind of subscription.
type SubscribeResult = Result<Exit, SubscribeError>;

/// Why a kind to listen has ended.
struct SubscribeError {
    error: CommandError,
    /// It was never open: another kind may fit the server.
    before_open: bool,
}

impl<T: Into<CommandError>> From<T> for SubscribeError {
    fn from(error: T) -> Self {
        Self { error: error.into(), before_open: false }
    }
}

impl SubscribeError {
    fn unopened(error: impl Into<CommandError>) -> Self {
        Self { error: error.into(), before_open: true }
    }
}

impl Subscribe {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let (config, tls) = (self.client.config()?, self.client.tls()?);
        let mut output = Output::new(&self)?;
        SmolRuntime::block_on(tls, async |runtime| {
            let until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            let state = State::default();
            let context = self.listen(runtime, &config, &mut output, until, &state);
            let unread = async {
                if self.output.is_some() {
                    std::future::pending::<()>().await;
                }
                output::nobody_reads().await;
                Ok(())
            };
            let context = context.or(unread);
            let Some(until) = until else { return context.await };
            let late = async {
                Timer::at(until).await;
                if state.talking.get() {
                    Timer::after(2 * PARTING).await;
                }
                self.late(&state)
            };
            context.or(late).await
        })?
    }

    /// The result when the time of `--timeout` is over.
    fn late(&self, state: &State) -> Result<(), CommandError> {
        let seconds = self.timeout.unwrap_or_default().as_secs_f64();
        let late = |why| Err(CommandError::new(Exit::TimedOut, format!("time-out after {seconds} s{why}")));
        match self.count {
            _ if !state.reached.get() => late(", and the server was never reached"),
            Some(_) => late(""),
            None => Ok(()),
        }
    }

    async fn listen(
        &self,
        runtime: &SmolRuntime,
        config: &ClientConfig<'static>,
        output: &mut Output,
        until: Option<Instant>,
        state: &State,
    ) -> Result<(), CommandError> {
        let url = target::settle(runtime, &self.url).await?;
        let parsed = Url::parse(&url).map_err(|error| CommandError::usage(format!("{url}: {error}")))?;
        let status = Diagnostics::new(self.quiet.quiet);
        let context = SubscribeContext { runtime, config, url: &url, options: self, status, state, until };
        let mut input = Input::new(self.no_input);
        let mut first: Option<CommandError> = None;
        let kinds = self.kinds(&parsed);
        for (at, kind) in kinds.iter().enumerate() {
            state.reached.set(false);
            let result = match kind {
                Kind::Channel => context.channel(output, &mut input, self.transports()).await,
                Kind::Source => context.source(output).await,
                Kind::Socket => context.socket(output, &mut input).await,
            };
            match result {
                Ok(Exit::Done) => return Ok(()),
                Ok(exit) => {
                    return Err(CommandError::new(exit, "the server ended the stream before all events had arrived"));
                }
                Err(SubscribeError { error, before_open }) => {
                    let unsuitable = before_open && matches!(error.exit, Exit::Refused | Exit::Malformed);
                    // The first error describes the server best.
                    let first_error = first.get_or_insert(error);
                    if !unsuitable || at + 1 == kinds.len() {
                        let error = first.take();
                        let error = error.unwrap_or_else(|| CommandError::new(Exit::Failed, "no event arrived"));
                        // The response to a handshake is not read: a poll has the same content.
                        let handshake = kinds == [Kind::Socket] && error.exit == Exit::Refused;
                        return Err(if handshake && target::is_channel(&parsed) {
                            error.with_content(&context.rejection_text().await)
                        } else {
                            error
                        });
                    }
                    status.info(format_args!(
                        "{first_error}; trying {}",
                        if *kind == Kind::Channel { "SSE" } else { "WebSocket" }
                    ));
                }
            }
        }
        Ok(())
    }

    /// Which kinds to try.
    fn kinds(&self, url: &Url<'_>) -> &'static [Kind] {
        let is_channel = target::is_channel(url);
        match self.transport {
            Choice::Websocket => &[Kind::Socket],
            Choice::Auto if self.rtt || target::is_websocket(url) || !self.protocols.is_empty() => &[Kind::Socket],
            Choice::Auto if is_channel => &[Kind::Channel, Kind::Source, Kind::Socket],
            Choice::Auto => &[Kind::Source, Kind::Socket],
            Choice::Sse if !is_channel => &[Kind::Source],
            Choice::Sse | Choice::Stream | Choice::Longpoll | Choice::Poll => &[Kind::Channel],
        }
    }

    /// Which transports a channel is read over.
    fn transports(&self) -> &'static [Transport] {
        match self.transport {
            Choice::Auto | Choice::Websocket => {
                &[Transport::WebSocket, Transport::Sse, Transport::Stream, Transport::LongPoll, Transport::Poll]
            }
            Choice::Sse => &[Transport::Sse],
            Choice::Stream => &[Transport::Stream],
            Choice::Longpoll => &[Transport::LongPoll],
            Choice::Poll => &[Transport::Poll],
        }
    }

    /// Time-out of the first byte. It is longer if there is no other transport to try.
    fn first_byte(&self) -> Duration {
        let alone = self.transport != Choice::Auto;
        self.first_byte.unwrap_or(Duration::from_secs(if alone { 20 } else { 5 }))
    }

    fn comes_back(&self) -> Return {
        match (self.reconnect, self.no_reconnect) {
            (true, _) => Return::Always,
            (_, true) => Return::Never,
            _ => Return::IfResumable,
        }
    }

    fn start(&self) -> Position<&str> {
        match &self.since[..] {
            "oldest" => Position::Oldest,
            "newest" | "" => Position::Newest,
            id => Position::After(id),
        }
    }

    /// The id of `--since`, or an empty text.
    fn since_id(&self) -> &str {
        if let Position::After(id) = self.start() { id } else { "" }
    }

    /// Reconnection delays for interactive use: shorter than those of a device.
    fn policy(&self) -> ReconnectPolicy {
        ReconnectPolicy {
            reconnection_time: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            ..ReconnectPolicy::DEFAULT
        }
    }

    /// The exit status after an orderly end by the server.
    fn ended(&self) -> Exit {
        if self.count.is_some() { Exit::Lost } else { Exit::Done }
    }
}

/// How long it is until the next attempt, in words.
fn again_in(delay: Duration) -> String {
    if delay.is_zero() {
        "trying another transport".to_owned()
    } else {
        format!("again in {:.1} s", delay.as_secs_f64())
    }
}
