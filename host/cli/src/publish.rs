//! Events to a channel.

use std::io::{self, BufRead, BufWriter, IsTerminal, Read, Write};
use std::time::Duration;

use clap::Args;
use goldcrest_core::client::{Error, Publisher};
use goldcrest_core::hub::NewEvent;
use goldcrest_core::log::{Encoding, EventId, EventType, MAX_IDEMPOTENCY_KEY};
use goldcrest_host::client::SmolRuntime;
use smol::Timer;

use super::client_options::ClientOptions;
use super::diagnostics::Diagnostics;
use super::exit::rejected;
use super::{CommandError, Exit, Quiet, target};

/// From a failure to the next attempt, at first; it doubles each time.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between attempts: the upper bound of `Retry-After`.
const LONGEST: Duration = Duration::from_secs(30);

/// Publish one event, or each line of stdin, and print the ids of the stored events
///
/// After a transient failure (no connection, a busy server) the event is sent again with the same idempotency key, and
/// stored once.
#[derive(Args)]
#[command(after_long_help = super::EXIT_CODES)]
pub(crate) struct Publish {
    /// The channel, such as http://127.0.0.1:8080/events/news
    url: String,

    /// The event's data; `-`: each line of stdin is an event; left out: all of stdin is one, without the line end that ends
    /// it (with --binary that is kept)
    data: Option<String>,

    /// The event's type
    #[arg(long = "type", value_name = "TYPE", default_value = "message")]
    event_type: String,

    /// The data is bytes, not text
    #[arg(long)]
    binary: bool,

    /// Store nothing where this very event is stored under the key already, and fail where another one is; with `-` the lines are KEY-1, KEY-2, … [default: random]
    #[arg(long, value_name = "KEY", visible_alias = "id")]
    key: Option<String>,

    /// Try again so often, at most, with longer pauses each time
    #[arg(long, value_name = "N", default_value_t = 5)]
    retry: u32,

    /// Print the server's answer: {"id","subscribers","repeated"}
    #[arg(short, long)]
    json: bool,

    #[command(flatten)]
    quiet: Quiet,

    #[command(flatten)]
    client: ClientOptions,
}

/// A unique idempotency key.
pub(crate) fn key() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// The line, or the text, without the LF or CR LF at its end.
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Publish {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let (config, tls) = (self.client.config()?, self.client.tls()?);
        let event_type = EventType::new(&self.event_type);
        let event_type =
            event_type.map_err(|error| CommandError::usage(format!("--type {}: {error}", self.event_type)))?;
        SmolRuntime::block_on(tls, async |runtime| {
            let url = target::settle(runtime, &self.url).await?;
            let mut room = self.client.buffers();
            let mut publisher = Publisher::new(runtime, &config, &url, room.memory());
            match self.data.as_deref() {
                Some("-") => {
                    let prefix = self.key.clone().unwrap_or_else(key);
                    let mut number = 0u64;
                    let mut line = Vec::new();
                    let mut stdin = io::stdin().lock();
                    while stdin.read_until(b'\n', &mut line)? > 0 {
                        number += 1;
                        let (data, key) = (without_line_end(&line), format!("{prefix}-{number}"));
                        let published = self.publish(&mut publisher, event_type, data, &key).await;
                        published.map_err(|error| CommandError::new(error.exit, format!("line {number}: {error}")))?;
                        line.clear();
                    }
                    Ok(())
                }
                Some(data) => self.publish_one(&mut publisher, event_type, data.as_bytes()).await,
                None => {
                    let mut data = Vec::new();
                    let mut stdin = io::stdin().lock();
                    if stdin.is_terminal() {
                        Diagnostics::new(self.quiet.quiet).info("type the event, and end it by Ctrl-D");
                    }
                    stdin.read_to_end(&mut data)?;
                    // The line end is not part of the data: `echo` appends it.
                    let data = if self.binary { &data[..] } else { without_line_end(&data) };
                    self.publish_one(&mut publisher, event_type, data).await
                }
            }
        })?
    }

    async fn publish_one(
        &self,
        publisher: &mut Publisher<'_, SmolRuntime>,
        event_type: EventType<'_>,
        data: &[u8],
    ) -> Result<(), CommandError> {
        let key = self.key.clone().unwrap_or_else(key);
        self.publish(publisher, event_type, data, &key).await
    }

    /// Publishes until it is stored, or is not to be.
    async fn publish(
        &self,
        publisher: &mut Publisher<'_, SmolRuntime>,
        event_type: EventType<'_>,
        data: &[u8],
        key: &str,
    ) -> Result<(), CommandError> {
        if !(1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) {
            return Err(CommandError::usage(format!("a key has 1 to {MAX_IDEMPOTENCY_KEY} bytes")));
        }
        if !self.binary && str::from_utf8(data).is_err() {
            return Err(CommandError::usage("the data is not UTF-8; publish it with --binary"));
        }
        let encoding = if self.binary { Encoding::Binary } else { Encoding::Text };
        let publication = NewEvent { event_type, encoding, data, idempotency_key: Some(key.as_bytes()) };
        let (mut pause, mut left) = (PAUSE, self.retry);
        loop {
            let error = match publisher.publish(&publication).await {
                Ok(receipt) => {
                    // A server other than goldcrest may return no id.
                    if !receipt.id.is_empty() && receipt.id.parse::<EventId>().is_err() {
                        let text = format!("the event is stored, but the response has an invalid id: {:?}", receipt.id);
                        return Err(CommandError::new(Exit::Malformed, text));
                    }
                    let answer = if self.json {
                        let id = serde_json::Value::from(receipt.id);
                        let subscribers =
                            receipt.followers.map_or_else(|| "null".to_owned(), |count| count.to_string());
                        format!("{{\"id\":{id},\"subscribers\":{subscribers},\"repeated\":{}}}", receipt.duplicate)
                    } else {
                        receipt.id.to_owned()
                    };
                    return print(&answer);
                }
                Err(error) => error,
            };
            let text = rejected(&error, publisher.rejection_text());
            if left == 0 || !error.is_transient() {
                return Err(CommandError::new(CommandError::from(error).exit, text));
            }
            left -= 1;
            let asked = match error {
                Error::Status { retry_after: Some(seconds), .. } => Duration::from_secs(seconds.into()),
                _ => Duration::ZERO,
            };
            let wait = pause.max(asked).min(LONGEST).mul_f64(1.0 + fastrand::f64() / 2.0);
            let seconds = wait.as_secs_f64();
            Diagnostics::new(self.quiet.quiet).warn(format_args!("{text}; again in {seconds:.1} s"));
            Timer::after(wait).await;
            pause = (pause * 2).min(LONGEST);
        }
    }
}

/// Prints a line. A closed stdout does not end the publishing.
fn print(line: &str) -> Result<(), CommandError> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::new(Exit::Failed, format!("the output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
