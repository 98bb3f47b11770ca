//! All metrics as text.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;

use super::MetricsSummary;
use super::process::{self, Process};
use super::text::{Kind, Text};
use crate::counters::{
    BOUNDS, Counter, Histogram, HistogramSum, LAGS, LATENCY, LONG, METHODS, REASONS, REFUSALS, REQUEST, TRANSPORTS,
    ThreadCounters, TransportCounters,
};
use crate::hub::Hub;

/// Bytes of a scrape, about.
const SIZE: usize = 32 * 1024;

/// The index of `publish` in [`TRANSPORTS`], which is no reader.
const PUBLISH: usize = 5;

/// The counters of all threads.
struct Threads<'t>(&'t [Arc<ThreadCounters>]);

impl Threads<'_> {
    fn sum(&self, counter: impl Fn(&ThreadCounters) -> &Counter) -> u64 {
        self.0.iter().map(|thread| counter(thread).value()).sum()
    }

    fn max(&self, counter: impl Fn(&ThreadCounters) -> &Counter) -> u64 {
        self.0.iter().map(|thread| counter(thread).value()).max().unwrap_or_default()
    }

    fn histogram(&self, histogram: impl Fn(&ThreadCounters) -> &Histogram) -> HistogramSum {
        let mut sum = HistogramSum::default();
        self.0.iter().for_each(|thread| histogram(thread).add_to(&mut sum));
        sum
    }

    fn open_connections(&self) -> u64 {
        let closed: u64 = (0..REASONS.len()).map(|reason| self.sum(|thread| &thread.closed[reason])).sum();
        self.sum(|thread| &thread.opened).saturating_sub(closed)
    }

    /// Responses of a transport that have not ended.
    fn open_responses(&self, transport: usize) -> u64 {
        let closed = |reason: usize| self.sum(|thread| &thread.transports[transport].closed[reason]);
        let closed: u64 = (0..REASONS.len()).map(closed).sum();
        self.sum(|thread| &thread.transports[transport].opened).saturating_sub(closed)
    }

    /// Calls `f` with each method, status and number of responses.
    fn for_each_request(&self, mut f: impl FnMut(usize, u16, u64)) {
        let mut sums = BTreeMap::new();
        for thread in self.0 {
            thread.for_each_request(|method, status, count| *sums.entry((method, status)).or_insert(0) += count);
        }
        sums.into_iter().for_each(|((method, status), count)| f(method, status, count));
    }
}

/// The metrics of a server with these threads.
pub(super) fn render(threads: &[Arc<ThreadCounters>], hub: Option<&Hub>) -> String {
    let threads = Threads(threads);
    let mut text = Text(String::with_capacity(SIZE));
    connections(&mut text, &threads);
    requests(&mut text, &threads);
    readers(&mut text, &threads);
    if let Some(hub) = hub {
        events(&mut text, hub);
    }
    process_figures(&mut text);
    text.0
}

/// The sums of a server with these threads.
pub(super) fn summary(threads: &[Arc<ThreadCounters>], hub: Option<&Hub>) -> MetricsSummary {
    let threads = Threads(threads);
    let mut summary = MetricsSummary {
        connections: threads.open_connections(),
        readers: (0..PUBLISH).map(|index| (TRANSPORTS[index], threads.open_responses(index))).collect(),
        behind: threads.sum(|thread| &thread.behind[0]),
        max_lag: threads.max(|thread| &thread.max_lag),
        resident: process::resident(),
        ..MetricsSummary::default()
    };
    threads.for_each_request(|_, status, count| {
        summary.requests += count;
        summary.errors += if status >= 400 { count } else { 0 };
    });
    for transport in 0..PUBLISH {
        let counters = |thread: &ThreadCounters, f: fn(&TransportCounters) -> u64| f(&thread.transports[transport]);
        for thread in threads.0 {
            summary.delivered += counters(thread, |counters| counters.delivered.value());
            summary.gaps += counters(thread, |counters| counters.gaps[0].value() + counters.gaps[1].value());
        }
    }
    let latency = threads.histogram(|thread| &thread.latency);
    summary.latencies = (latency.count(), latency.microseconds);
    if let Some(hub) = hub {
        summary.published = hub.publications().published;
        let memory = hub.memory();
        (summary.memory, summary.memory_limit) = (memory.reserved() as u64, memory.limit() as u64);
        let totals = hub.log_totals();
        (summary.channels, summary.log) = (totals.channels, (totals.events, totals.bytes));
    }
    summary
}

fn connections(text: &mut Text, threads: &Threads<'_>) {
    let name = "goldcrest_connections";
    text.single(name, Kind::Gauge, "Open connections.", threads.open_connections());
    let name = "goldcrest_connections_opened_total";
    let opened = threads.sum(|thread| &thread.opened);
    text.single(name, Kind::Counter, "Connections that were accepted and served.", opened);
    let name = "goldcrest_connections_closed_total";
    text.family(name, Kind::Counter, "Connections that ended, by reason.");
    for (reason, label) in REASONS.iter().enumerate() {
        text.sample(name, &[("reason", label)], threads.sum(|thread| &thread.closed[reason]));
    }
    let name = "goldcrest_connections_refused_total";
    text.family(name, Kind::Counter, "Connections above a bound, which got 503 or no answer, by bound.");
    for (bound, label) in BOUNDS.iter().enumerate() {
        text.sample(name, &[("bound", label)], threads.sum(|thread| &thread.refused[bound]));
    }
    let name = "goldcrest_connection_duration_seconds";
    text.family(name, Kind::Histogram, "Durations of connections that ended.");
    text.histogram(name, &[], LONG, &threads.histogram(|thread| &thread.duration));
    let name = "goldcrest_response_bytes_total";
    let help = "Bytes of responses that ended, heads and WebSocket frames included.";
    text.single(name, Kind::Counter, help, threads.sum(|thread| &thread.sent_bytes));
}

fn requests(text: &mut Text, threads: &Threads<'_>) {
    let name = "goldcrest_requests_total";
    text.family(
        name,
        Kind::Counter,
        "Responses that began, by method and status; method none: no request could be read.",
    );
    threads.for_each_request(|method, status, count| {
        let status = status.to_string();
        text.sample(name, &[("method", METHODS.get(method).copied().unwrap_or("other")), ("status", &status)], count);
    });
    let name = "goldcrest_request_duration_seconds";
    let help = "From the request's head to the end of its response, without long polls, streams, SSE and WebSockets.";
    text.family(name, Kind::Histogram, help);
    text.histogram(name, &[], REQUEST, &threads.histogram(|thread| &thread.request_duration));
}

fn readers(text: &mut Text, threads: &Threads<'_>) {
    let transports = || TRANSPORTS.iter().enumerate().take(PUBLISH);
    let name = "goldcrest_readers";
    text.family(name, Kind::Gauge, "Responses with events that have not ended, by transport.");
    for (index, transport) in transports() {
        text.sample(name, &[("transport", transport)], threads.open_responses(index));
    }
    let name = "goldcrest_readers_opened_total";
    text.family(name, Kind::Counter, "Responses with events that began, by transport.");
    for (index, transport) in transports() {
        text.sample(name, &[("transport", transport)], threads.sum(|thread| &thread.transports[index].opened));
    }
    let name = "goldcrest_readers_closed_total";
    text.family(name, Kind::Counter, "Responses with events that ended, by transport and reason.");
    for (index, transport) in transports() {
        for (reason, label) in REASONS.iter().enumerate() {
            let count = threads.sum(|thread| &thread.transports[index].closed[reason]);
            text.sample(name, &[("transport", transport), ("reason", label)], count);
        }
    }
    let name = "goldcrest_reader_duration_seconds";
    text.family(name, Kind::Histogram, "Durations of responses with events that ended, by transport.");
    for (index, transport) in transports() {
        let sum = threads.histogram(|thread| &thread.transports[index].duration);
        text.histogram(name, &[("transport", transport)], LONG, &sum);
    }
    type Count = fn(&TransportCounters) -> &Counter;
    let counts: [(&str, &str, Count); 3] = [
        ("goldcrest_events_delivered_total", "Events that were written to readers, by transport.", |it| &it.delivered),
        (
            "goldcrest_resumes_total",
            "Readers that continued a position of their own, by transport; each poll with a position is one.",
            |it| &it.resumed,
        ),
        ("goldcrest_events_missed_total", "Events in gaps of a known number of events, by transport.", |it| &it.missed),
    ];
    for (name, help, counter) in counts {
        text.family(name, Kind::Counter, help);
        for (index, transport) in transports() {
            let count = threads.sum(|thread| counter(&thread.transports[index]));
            text.sample(name, &[("transport", transport)], count);
        }
    }
    let name = "goldcrest_gaps_total";
    text.family(
        name,
        Kind::Counter,
        "Gaps that were reported to readers, by transport, and whether the number of events is known.",
    );
    for (index, transport) in transports() {
        for (kind, label) in ["known", "unknown"].iter().enumerate() {
            let count = threads.sum(|thread| &thread.transports[index].gaps[kind]);
            text.sample(name, &[("transport", transport), ("missed", label)], count);
        }
    }
    let name = "goldcrest_readers_behind";
    text.family(name, Kind::Gauge, "Readers that lack at least so many events, measured once a second.");
    for (index, events) in LAGS.iter().enumerate() {
        let events = events.to_string();
        text.sample(name, &[("events", &events)], threads.sum(|thread| &thread.behind[index]));
    }
    let name = "goldcrest_reader_max_lag_events";
    let help = "Events that the last reader lacks, measured once a second.";
    text.single(name, Kind::Gauge, help, threads.max(|thread| &thread.max_lag));
    let name = "goldcrest_publish_to_write_seconds";
    let help = "From a publication to the write of its event: the first reader of each thread, and each 64th write.";
    text.family(name, Kind::Histogram, help);
    text.histogram(name, &[], LATENCY, &threads.histogram(|thread| &thread.latency));
}

fn events(text: &mut Text, hub: &Hub) {
    let sums = hub.publications();
    let name = "goldcrest_events_published_total";
    text.single(name, Kind::Counter, "Events that were stored, without duplicates.", sums.published);
    let name = "goldcrest_events_published_bytes_total";
    text.single(name, Kind::Counter, "Bytes of data of the stored events.", sums.bytes);
    let name = "goldcrest_events_duplicate_total";
    text.single(name, Kind::Counter, "Publications whose idempotency key was known.", sums.duplicate);
    let name = "goldcrest_events_refused_total";
    text.family(name, Kind::Counter, "Publications that a channel did not store, by reason.");
    for (reason, label) in REFUSALS.iter().enumerate() {
        text.sample(name, &[("reason", label)], sums.refused[reason]);
    }
    let totals = hub.log_totals();
    text.single("goldcrest_channels", Kind::Gauge, "Channels.", totals.channels);
    text.single("goldcrest_log_events", Kind::Gauge, "Events that the channels keep.", totals.events);
    text.single("goldcrest_log_bytes", Kind::Gauge, "Bytes of the events that the channels keep.", totals.bytes);
    let memory = hub.memory();
    let name = "goldcrest_memory_reserved_bytes";
    let help = "Memory of channels, their copies, buffers and connections that is reserved of the limit.";
    text.single(name, Kind::Gauge, help, memory.reserved());
    let name = "goldcrest_memory_limit_bytes";
    text.single(name, Kind::Gauge, "The limit of that memory.", memory.limit());
    let name = "goldcrest_shutting_down";
    text.single(name, Kind::Gauge, "1 while the hub accepts no more events.", u8::from(hub.is_shutting_down()));
}

fn process_figures(text: &mut Text) {
    let name = "goldcrest_build_info";
    text.family(name, Kind::Gauge, "1, with the version of the program.");
    let version = env!("CARGO_PKG_VERSION");
    text.sample(name, &[("version", version), ("arch", env::consts::ARCH), ("os", env::consts::OS)], 1);
    let Some(process) = Process::read() else { return };
    let name = "process_cpu_seconds_total";
    text.single(name, Kind::Counter, "User and system time of the process.", process.cpu);
    let name = "process_resident_memory_bytes";
    text.single(name, Kind::Gauge, "Resident memory of the process.", process.resident);
    let name = "process_virtual_memory_bytes";
    text.single(name, Kind::Gauge, "Virtual memory of the process.", process.virtual_bytes);
    let name = "process_start_time_seconds";
    text.single(name, Kind::Gauge, "Start of the process, in seconds since 1970.", process.start);
    text.single("process_threads", Kind::Gauge, "Threads of the process.", process.threads);
    if let Some(open) = process.open_descriptors {
        text.single("process_open_fds", Kind::Gauge, "Open descriptors of the process.", open);
    }
    if let Some(max) = process.max_descriptors {
        text.single("process_max_fds", Kind::Gauge, "The limit of open descriptors.", max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_comment_or_a_sample_of_the_family_before_it() {
        let thread = Arc::new(ThreadCounters::default());
        thread.request(0, 200);
        thread.request(crate::counters::NO_METHOD, 400);
        let hub = Hub::new(Default::default()).unwrap();
        let text = render(&[thread], Some(&hub));
        let (mut family, mut samples) = ("", 0);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert!(!family.is_empty());
                family = rest.split(' ').next().unwrap();
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap();
                assert!(rest.ends_with('.'), "{line}");
            } else {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(name.starts_with(family), "{line} in {family}");
                assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
                samples += 1;
            }
        }
        assert!(samples > 150, "{samples}");
        assert!(text.contains("goldcrest_requests_total{method=\"GET\",status=\"200\"} 1\n"));
        assert!(text.contains("goldcrest_requests_total{method=\"none\",status=\"400\"} 1\n"));
    }

    #[test]
    fn the_counters_of_threads_are_added() {
        let threads = [0; 3].map(|_| Arc::new(ThreadCounters::default()));
        for (count, thread) in (1..).zip(&threads) {
            thread.opened.add(count);
            thread.max_lag.set(count);
        }
        let text = render(&threads, None);
        assert!(text.contains("\ngoldcrest_connections 6\n"));
        assert!(text.contains("\ngoldcrest_reader_max_lag_events 3\n"));
    }
}
