//! Events with a time stamp, for measurements of latency.

use std::time::{Duration, Instant};

use clap::Args;
use goldcrest_core::client::{ClientConfig, Publisher};
use goldcrest_core::hub::NewEvent;
use goldcrest_core::log::{Encoding, EventType};
use goldcrest_host::client::SmolRuntime;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use smol::Timer;

use super::CommandError;
use super::client_options::{ClientBuffers, some_seconds};

/// The longest measured latency, in microseconds.
const LONGEST: u64 = 60_000_000;

/// The published events.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Events")]
pub(crate) struct Pace {
    /// Events a second
    #[arg(short, long, value_name = "N", default_value_t = 10.0, value_parser = rate)]
    pub(crate) rate: f64,

    /// For how long
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = some_seconds)]
    pub(crate) duration: Duration,

    /// Bytes of an event's data, at least the length of the time stamp
    #[arg(short, long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(..=16 << 20))]
    pub(crate) size: u32,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number of events a second".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("more than 0".to_owned()) }
}

/// The events of one run, which contain its name.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    run: String,
    start: Instant,
    size: usize,
}

/// An event of the run, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceivedEvent {
    /// Which one it is, from 0.
    pub(crate) number: u64,
    /// How long ago it was published.
    pub(crate) after: Duration,
}

impl Load {
    pub(crate) fn new(size: u32) -> Self {
        Self { run: format!("{:016x}", fastrand::u64(..)), start: Instant::now(), size: size as usize }
    }

    /// The data of an event that leaves now.
    fn data(&self, number: u64) -> String {
        let left = self.start.elapsed().as_nanos();
        let mut data = format!("{} {number} {left} ", self.run);
        // Not by a width, which `format!` has no more than 65,535 of.
        data.extend(std::iter::repeat_n(' ', self.size.saturating_sub(data.len())));
        data
    }

    /// Reads an event's data; `None` where it is of another run.
    pub(crate) fn read(&self, data: &[u8]) -> Option<ReceivedEvent> {
        let now = self.start.elapsed();
        let mut words = str::from_utf8(data).ok()?.split(' ');
        if words.next()? != self.run {
            return None;
        }
        let number = words.next()?.parse().ok()?;
        let left = Duration::from_nanos(words.next()?.parse().ok()?);
        Some(ReceivedEvent { number, after: now.saturating_sub(left) })
    }

    /// Publishes events of no run from time to time, for ever.
    pub(crate) async fn wake(&self, runtime: &SmolRuntime, config: &ClientConfig<'static>, url: &str) {
        let mut room = ClientBuffers::new(4096);
        let mut publisher = Publisher::new(runtime, config, url, room.memory());
        loop {
            Timer::after(Duration::from_millis(100)).await;
            let (event_type, encoding, data) = (EventType::MESSAGE, Encoding::Text, &b"a bench begins"[..]);
            // The first measured event reports a failure to publish.
            let _ = publisher.publish(&NewEvent { event_type, encoding, data, idempotency_key: None }).await;
        }
    }

    /// Publishes at the given rate, each event when it is due or as soon as the previous one is stored. Reports the count
    /// after each event.
    ///
    /// # Errors
    /// The server rejected an event.
    pub(crate) async fn publish(
        &self,
        runtime: &SmolRuntime,
        config: &ClientConfig<'static>,
        url: &str,
        pace: &Pace,
        mut published: impl FnMut(u64),
    ) -> Result<u64, CommandError> {
        let mut room = ClientBuffers::new(4096);
        let mut publisher = Publisher::new(runtime, config, url, room.memory());
        let begin = Instant::now();
        let mut number = 0u64;
        loop {
            let due = Duration::from_secs_f64(number as f64 / pace.rate);
            if due >= pace.duration || begin.elapsed() >= pace.duration {
                Timer::at(begin + pace.duration).await;
                return Ok(number);
            }
            // A timer of less than a millisecond would be late by as much.
            if due.saturating_sub(begin.elapsed()) >= Duration::from_millis(1) {
                Timer::at(begin + due).await;
            }
            let data = self.data(number);
            let key = format!("{}-{number}", self.run);
            let publication = NewEvent {
                event_type: EventType::MESSAGE,
                encoding: Encoding::Text,
                data: data.as_bytes(),
                idempotency_key: Some(key.as_bytes()),
            };
            if let Err(error) = publisher.publish(&publication).await {
                return Err(CommandError::rejected(&error, publisher.rejection_text()));
            }
            number += 1;
            published(number);
        }
    }
}

/// Waits until `done`, but no longer than `most`.
pub(crate) async fn until(most: Duration, done: impl Fn() -> bool) {
    let end = Instant::now() + most;
    while !done() && Instant::now() < end {
        Timer::after(Duration::from_millis(5)).await;
    }
}

/// How far the publishing is, on a terminal.
pub(crate) fn bar(pace: &Pace, quiet: bool) -> ProgressBar {
    let events = (pace.rate * pace.duration.as_secs_f64()).ceil().max(1.0);
    let bar = ProgressBar::with_draw_target(Some(events as u64), ProgressDrawTarget::stderr_with_hz(10));
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} events, {eta} left {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Latencies, in microseconds to three digits.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds that hdrhistogram allows")
}

/// Counts a latency.
pub(crate) fn record(latencies: &mut Histogram<u64>, after: Duration) {
    latencies.saturating_record(u64::try_from(after.as_micros()).unwrap_or(LONGEST).max(1));
}

/// Microseconds as milliseconds.
pub(crate) fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_may_be_as_large_as_the_command_line_allows() {
        for size in [0xffff, 0x1_0000, 16 << 20] {
            let load = Load::new(size);
            let data = load.data(7);
            assert_eq!(data.len(), size as usize);
            assert_eq!(load.read(data.as_bytes()).unwrap().number, 7);
        }
    }

    #[test]
    fn an_event_contains_its_run_and_its_time() {
        let (load, other) = (Load::new(64), Load::new(0));
        let data = load.data(7);
        assert_eq!(data.len(), 64);
        let arrived = load.read(data.as_bytes()).unwrap();
        assert_eq!(arrived.number, 7);
        assert!(arrived.after < Duration::from_secs(10));
        assert_eq!(other.read(data.as_bytes()), None);
        assert_eq!(other.read(other.data(3).as_bytes()).unwrap().number, 3);
        assert_eq!((load.read(b"hello"), load.read(b"\xff"), load.read(load.run.as_bytes())), (None, None, None));
    }
}
