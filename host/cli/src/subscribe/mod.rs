//! Events and messages of any server, as lines.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `output.rs` | what is written on stdout, and how many |
//! | `input.rs` | lines of stdin, for who talks back |
//! | `channel.rs` | a channel of a server like ours, over any of the five transports |
//! | `source.rs` | Server-Sent Events of any server |
//! | `socket.rs`, `conversation.rs` | WebSocket of any server: coming back, and talking |
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
use goldcrest_core::client::{ClientConfig, StartPosition, Transport};
use goldcrest_core::sse::reconnect::ReconnectPolicy;
use goldcrest_host::client::SmolRuntime;
use smol::Timer;
use smol::future::FutureExt;

use super::asking::{Asking, some_seconds};
use super::status::Status;
use super::{Exit, Quiet, Trouble, target};
use input::Input;
use output::{BinaryForm, Output};

/// Show the events of a channel, or what any SSE or WebSocket server says, as lines
///
/// Payloads go to stdout, one a line; what happens goes to stderr. The transport is found: on a channel
/// (…/events/NAME) the first that works of WebSocket, SSE, streaming, long polling and polling, coming back with
/// nothing lost and nothing twice; elsewhere SSE, or WebSocket where there is none, or where the URL says ws or wss.
///
/// On a WebSocket lines of stdin are sent, as they come; on a channel lines that are typed on a terminal are published,
/// and stdin is left alone where it is none, unless --transport websocket says otherwise. On a terminal /ping TEXT and
/// /close CODE are commands (what follows them may be left out; a channel knows /close alone), //TEXT sends /TEXT, and
/// the end of input (Ctrl-D) ends it.
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

    /// Show events of this type alone; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Begin after the event of this id, or at `oldest` or `newest`
    #[arg(long, value_name = "ID", default_value = "newest")]
    since: String,

    /// End after so long: a failure with -n, or where the server was never reached; else what was asked for
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

    /// Take it that something between collects an answer that says nothing for so long at first [default: 5, or 20 where
    /// there is no other transport to try]
    #[arg(long, value_name = "SECONDS", value_parser = some_seconds)]
    first_byte: Option<Duration>,

    /// Offer this subprotocol to a WebSocket; may be given several times [default: goldcrest.v1 on a channel]
    #[arg(long = "protocol", value_name = "NAME")]
    protocols: Vec<String>,

    /// The Origin that a WebSocket's handshake names
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,

    /// Ping a WebSocket every second, and tell the round trip on stderr
    #[arg(long)]
    rtt: bool,

    /// Send nothing that stands on stdin
    #[arg(long)]
    no_input: bool,

    /// Close a WebSocket once stdin has ended and nothing has come for half a second; what comes before the server's Close
    /// is shown, for 5 seconds at most
    #[arg(long)]
    until_eof: bool,

    #[command(flatten)]
    quiet: Quiet,

    #[command(flatten)]
    asking: Asking,
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

/// What all of the ways to listen need.
struct Listening<'l> {
    runtime: &'l SmolRuntime,
    config: &'l ClientConfig<'static>,
    url: &'l str,
    options: &'l Subscribe,
    status: Status,
    state: &'l State,
    /// When `--timeout` is over.
    until: Option<Instant>,
}

/// How far it has come, for who ends it from outside.
#[derive(Debug, Default)]
struct State {
    /// A WebSocket is open: it is left by a closing handshake.
    talking: Cell<bool>,
    /// The server has answered, or waits before it does as a long poll has it.
    reached: Cell<bool>,
}

/// How long a server may take for a closing handshake.
const PARTING: Duration = Duration::from_secs(1);

impl Listening<'_> {
    /// Waits until the time is over.
    async fn late(&self) -> Instant {
        match self.until {
            Some(until) => Timer::at(until).await,
            None => std::future::pending().await,
        }
    }
}

/// The ways to listen, one after the other until one fits the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Channel,
    Source,
    Socket,
}

/// What a way to listen came to.
type Heard = Result<Exit, Unheard>;

/// Why a way to listen has ended.
struct Unheard {
    trouble: Trouble,
    /// It was never open: another way may fit the server.
    before_it_opened: bool,
}

impl<T: Into<Trouble>> From<T> for Unheard {
    fn from(trouble: T) -> Self {
        Self { trouble: trouble.into(), before_it_opened: false }
    }
}

impl Unheard {
    fn unopened(trouble: impl Into<Trouble>) -> Self {
        Self { trouble: trouble.into(), before_it_opened: true }
    }
}

impl Subscribe {
    pub(crate) fn run(self) -> Result<(), Trouble> {
        let (config, tls) = (self.asking.config()?, self.asking.tls()?);
        let mut output = Output::new(&self)?;
        SmolRuntime::block_on(tls, async |runtime| {
            let until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            let state = State::default();
            let listening = self.listen(runtime, &config, &mut output, until, &state);
            let unread = async {
                if self.output.is_some() {
                    std::future::pending::<()>().await;
                }
                output::nobody_reads().await;
                Ok(())
            };
            let listening = listening.or(unread);
            let Some(until) = until else { return listening.await };
            let late = async {
                Timer::at(until).await;
                if state.talking.get() {
                    Timer::after(2 * PARTING).await;
                }
                self.late(&state)
            };
            listening.or(late).await
        })?
    }

    /// What it comes to that the time is over.
    fn late(&self, state: &State) -> Result<(), Trouble> {
        let seconds = self.timeout.unwrap_or_default().as_secs_f64();
        let late = |why| Err(Trouble::new(Exit::TimedOut, format!("{seconds} s are over{why}")));
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
    ) -> Result<(), Trouble> {
        let url = target::settle(runtime, &self.url).await?;
        let parsed = Url::parse(&url).map_err(|error| Trouble::usage(format!("{url}: {error}")))?;
        let status = Status::new(self.quiet.quiet);
        let listening = Listening { runtime, config, url: &url, options: self, status, state, until };
        let mut input = Input::new(self.no_input);
        let mut first: Option<Trouble> = None;
        let ways = self.ways(&parsed);
        for (at, way) in ways.iter().enumerate() {
            state.reached.set(false);
            let heard = match way {
                Way::Channel => listening.channel(output, &mut input, self.transports()).await,
                Way::Source => listening.source(output).await,
                Way::Socket => listening.socket(output, &mut input).await,
            };
            match heard {
                Ok(Exit::Done) => return Ok(()),
                Ok(exit) => return Err(Trouble::new(exit, "the server ended it before all had come")),
                Err(Unheard { trouble, before_it_opened }) => {
                    let fits_not = before_it_opened && matches!(trouble.exit, Exit::Refused | Exit::Malformed);
                    // What the first way met says most about the server.
                    let told = first.get_or_insert(trouble);
                    if !fits_not || at + 1 == ways.len() {
                        return Err(first.take().unwrap_or_else(|| Trouble::new(Exit::Failed, "nothing came")));
                    }
                    status
                        .say(format_args!("{told}; trying {}", if *way == Way::Channel { "SSE" } else { "WebSocket" }));
                }
            }
        }
        Ok(())
    }

    /// Which ways to try.
    fn ways(&self, url: &Url<'_>) -> &'static [Way] {
        let is_channel = target::is_channel(url);
        match self.transport {
            Choice::Websocket => &[Way::Socket],
            Choice::Auto if self.rtt || target::is_websocket(url) || !self.protocols.is_empty() => &[Way::Socket],
            Choice::Auto if is_channel => &[Way::Channel, Way::Source, Way::Socket],
            Choice::Auto => &[Way::Source, Way::Socket],
            Choice::Sse if !is_channel => &[Way::Source],
            Choice::Sse | Choice::Stream | Choice::Longpoll | Choice::Poll => &[Way::Channel],
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

    /// How long a stream may say nothing at first: where there is no other transport to try, nobody is in a hurry.
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

    fn start(&self) -> StartPosition<'_> {
        match &self.since[..] {
            "oldest" => StartPosition::Oldest,
            "newest" | "" => StartPosition::Newest,
            id => StartPosition::After(id),
        }
    }

    /// The id to begin after, where one was given.
    fn since_id(&self) -> &str {
        if let StartPosition::After(id) = self.start() { id } else { "" }
    }

    /// The delays of people who sit before it, who wait less patiently than a device.
    fn policy(&self) -> ReconnectPolicy {
        ReconnectPolicy {
            reconnection_time: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            ..ReconnectPolicy::DEFAULT
        }
    }

    /// What an end in order of the server's comes to.
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
