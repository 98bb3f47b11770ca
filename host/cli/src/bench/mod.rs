//! `goldcrest bench`: the latency of events to many readers of a channel.
//!
//! | file | content |
//! | --- | --- |
//! | `readers.rs` | the readers, on several threads |
//! | `report.rs` | the report |

mod readers;
mod report;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use goldcrest_core::client::Transport;
use goldcrest_core::client::url::Url;
use goldcrest_host::client::SmolRuntime;
use smol::future::FutureExt;

use super::client_options::{ClientOptions, some_seconds};
use super::diagnostics::Diagnostics;
use super::load::{Load, Pace, bar, until};
use super::terminal::print_text;
use super::{CommandError, Exit, Quiet, target};
use readers::{Plan, Readers};
use report::Report;

/// How long the last events may still take.
const LATE: Duration = Duration::from_secs(5);

/// Measure the latency of a channel's events to many readers
///
/// All readers connect first. Then events with a time stamp are published at a fixed rate.
#[derive(Args)]
#[command(after_long_help = super::EXIT_CODES)]
pub(crate) struct Bench {
    /// The channel, such as http://127.0.0.1:8080/events/bench
    url: String,

    /// Readers, one connection each
    #[arg(short, long, value_name = "N", default_value = "100")]
    connections: NonZeroUsize,

    /// How the readers read
    #[arg(short, long, value_enum, default_value_t = Choice::Websocket)]
    transport: Choice,

    /// Threads that the readers are spread over [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pace: Pace,

    /// Seconds from one poll to the next
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = some_seconds)]
    poll_interval: Duration,

    /// Time-out for all readers to connect
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = some_seconds)]
    opening: Duration,

    /// Print a JSON object instead of a histogram
    #[arg(short, long)]
    json: bool,

    #[command(flatten)]
    quiet: Quiet,

    #[command(flatten)]
    client: ClientOptions,
}

/// How the readers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    #[value(alias = "ws")]
    Websocket,
    Sse,
    Stream,
    Longpoll,
    Poll,
}

impl From<Choice> for Transport {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Websocket => Self::WebSocket,
            Choice::Sse => Self::Sse,
            Choice::Stream => Self::Stream,
            Choice::Longpoll => Self::LongPoll,
            Choice::Poll => Self::Poll,
        }
    }
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        goldcrest_host::raise_descriptor_limit();
        let (config, tls) = (self.client.config()?, self.client.tls()?);
        let report = SmolRuntime::block_on(tls, async |runtime| {
            let url = target::settle(runtime, &self.url).await?;
            if !Url::parse(&url).is_ok_and(|url| target::is_channel(&url)) {
                return Err(CommandError::usage(format!(
                    "{url} is no channel, such as http://127.0.0.1:8080/events/bench"
                )));
            }
            self.measure(runtime, &config, url).await
        })??;
        print_text(if self.json { report.json() } else { report.text() }.as_bytes())
    }

    async fn measure(
        &self,
        runtime: &SmolRuntime,
        config: &goldcrest_core::client::ClientConfig<'static>,
        url: String,
    ) -> Result<Report, CommandError> {
        let status = Diagnostics::new(self.quiet.quiet);
        let load = Load::new(self.pace.size);
        let plan = Plan {
            url: url.clone(),
            transport: self.transport.into(),
            connections: self.connections.get(),
            threads: self.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get),
            tls: self.client.tls()?,
            config: config.clone(),
            poll_interval: self.poll_interval,
            // A poll may bring many events at once, but each is read by itself.
            room: self.pace.size as usize * 2 + 16 * 1024,
            load: load.clone(),
        };
        let begin = Instant::now();
        let readers = Readers::start(plan)?;
        let all = self.connections.get() as u64;
        let opening = until(self.opening, || readers.progress().opened() + readers.progress().failed() >= all);
        // A long poll that waits is not known to be open before something comes.
        let wakes = async {
            if self.transport == Choice::Longpoll {
                load.wake(runtime, config, &url).await
            } else {
                std::future::pending().await
            }
        };
        opening.or(wakes).await;
        let (opened, opening) = (readers.progress().opened(), begin.elapsed());
        if opened == 0 {
            return Err(readers.progress().error());
        }
        status.info(format_args!("{opened} of {all} readers after {:.2} s", opening.as_secs_f64()));
        let bar = bar(&self.pace, self.quiet.quiet);
        let begin = Instant::now();
        let published = load.publish(runtime, config, &url, &self.pace, |number| {
            bar.set_position(number);
            bar.set_message(format!("· {} delivered", readers.progress().delivered()));
        });
        let published = published.await?;
        let seconds = begin.elapsed().as_secs_f64();
        let late = LATE + 2 * self.poll_interval;
        until(late, || readers.progress().delivered() >= published * opened).await;
        bar.finish_and_clear();
        let (latencies, progress) = readers.stop();
        if progress.failed() > 0 {
            status.warn(format_args!("{} readers failed: {}", progress.failed(), progress.error()));
        }
        Ok(Report {
            url,
            transport: Transport::from(self.transport).as_str(),
            connections: all,
            opened,
            lost: progress.lost(),
            asked_rate: self.pace.rate,
            seconds,
            published,
            delivered: progress.delivered(),
            latencies,
        })
    }
}

impl CommandError {
    fn nobody_opened() -> Self {
        Self::new(Exit::TimedOut, "no reader could open")
    }
}
