//! The counters of a thread, and the values of their labels.

use std::time::Duration;

use goldcrest_core::Disconnect;
use goldcrest_core::format::Transport;
use goldcrest_core::http::Method;

use super::histogram::{Counter, Histogram, LATENCY, LONG, REQUEST};

/// The transports, as the values of a label.
pub(crate) const TRANSPORTS: [&str; 6] = ["poll", "longpoll", "stream", "sse", "websocket", "publish"];

/// The indices of the transports whose responses last as long as the client wants.
pub(crate) const LASTING: std::ops::Range<usize> = 1..5;

/// The index of a transport in [`TRANSPORTS`].
pub(crate) const fn transport_index(transport: Transport) -> usize {
    match transport {
        Transport::Poll => 0,
        Transport::LongPoll => 1,
        Transport::Stream => 2,
        Transport::Sse => 3,
        Transport::WebSocket => 4,
        Transport::Publish => 5,
    }
}

/// The methods, as the values of a label. `none` is for bytes that are no request.
pub(crate) const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "other", "none"];

/// The index of bytes that are no request, in [`METHODS`].
pub(crate) const NO_METHOD: usize = 7;

/// The index of a method in [`METHODS`].
pub(crate) fn method_index(method: Method<'_>) -> usize {
    match method {
        Method::Get => 0,
        Method::Head => 1,
        Method::Post => 2,
        Method::Put => 3,
        Method::Delete => 4,
        Method::Options => 5,
        _ => 6,
    }
}

/// The reasons for the end of a connection or of a response, as the values of a label.
pub(crate) const REASONS: [&str; 8] =
    ["closed", "broken", "timed_out", "rejected", "protocol", "overwritten", "shutdown", "other"];

/// The index of the end of a connection in [`REASONS`].
pub(crate) fn reason_index(ended: Disconnect) -> usize {
    match ended {
        Disconnect::Closed => 0,
        Disconnect::Broken => 1,
        Disconnect::TimedOut => 2,
        Disconnect::Rejected(_) => 3,
        Disconnect::Protocol(_) => 4,
        Disconnect::Overwritten => 5,
        _ => OTHER_REASON,
    }
}

/// The index of an end during the shutdown of the server.
pub(crate) const SHUTDOWN_REASON: usize = 6;

/// The index of a panic of a handler, or of a future that was dropped.
pub(crate) const OTHER_REASON: usize = 7;

/// The bounds at which connections are refused, as the values of a label.
pub(crate) const BOUNDS: [&str; 5] = ["connections", "address", "memory", "descriptors", "overload"];

/// The numbers of events by which a reader lags, as the values of a label: at least so many.
pub(crate) const LAGS: [u64; 5] = [1, 10, 100, 1_000, 10_000];

/// Status codes begin at 100, and end before 600.
const STATUSES: usize = 500;

/// A reader's latency is measured at the first write of each event on a thread, and at each so many writes.
const SAMPLED: u64 = 64;

/// The counters of one thread of a server. The thread writes them, and the others only read them, so no two threads contend.
// Aligned, so that no counter of another thread shares a cache line.
#[repr(align(128))]
pub(crate) struct ThreadCounters {
    pub(crate) opened: Counter,
    pub(crate) closed: [Counter; REASONS.len()],
    pub(crate) duration: Histogram,
    pub(crate) refused: [Counter; BOUNDS.len()],
    /// By method and status code.
    requests: Box<[Counter]>,
    pub(crate) request_duration: Histogram,
    pub(crate) sent_bytes: Counter,
    pub(crate) transports: [TransportCounters; TRANSPORTS.len()],
    pub(crate) latency: Histogram,
    /// Readers that are behind by at least [`LAGS`].
    pub(crate) behind: [Counter; LAGS.len()],
    /// The events that the last reader lacks.
    pub(crate) max_lag: Counter,
    /// Writes until the next latency is measured.
    countdown: Counter,
}

/// The counters of a transport.
#[derive(Default)]
pub(crate) struct TransportCounters {
    pub(crate) opened: Counter,
    pub(crate) closed: [Counter; REASONS.len()],
    pub(crate) duration: Histogram,
    /// Events that were written.
    pub(crate) delivered: Counter,
    /// Readers that continued a position of their own.
    pub(crate) resumed: Counter,
    /// Gaps of a known number of events, and of an unknown one.
    pub(crate) gaps: [Counter; 2],
    /// Events in gaps of a known number.
    pub(crate) missed: Counter,
}

impl Default for ThreadCounters {
    fn default() -> Self {
        Self {
            opened: Counter::default(),
            closed: Default::default(),
            duration: Histogram::default(),
            refused: Default::default(),
            requests: (0..METHODS.len() * STATUSES).map(|_| Counter::default()).collect(),
            request_duration: Histogram::default(),
            sent_bytes: Counter::default(),
            transports: Default::default(),
            latency: Histogram::default(),
            behind: Default::default(),
            max_lag: Counter::default(),
            countdown: Counter::default(),
        }
    }
}

impl ThreadCounters {
    /// Counts a response.
    pub(crate) fn request(&self, method: usize, status: u16) {
        let status = usize::from(status).wrapping_sub(100);
        if status < STATUSES
            && let Some(counter) = self.requests.get(method * STATUSES + status)
        {
            counter.add(1);
        }
    }

    /// Calls `f` with each method, status and number of responses.
    pub(crate) fn for_each_request(&self, mut f: impl FnMut(usize, u16, u64)) {
        for (index, counter) in self.requests.iter().enumerate() {
            let count = counter.value();
            if count > 0 {
                f(index / STATUSES, (index % STATUSES) as u16 + 100, count);
            }
        }
    }

    /// Counts the duration of a short response.
    pub(crate) fn short(&self, duration: Duration) {
        self.request_duration.observe(REQUEST, duration);
    }

    /// Counts the end of a connection.
    pub(crate) fn connection_ended(&self, reason: usize, duration: Duration) {
        if let Some(counter) = self.closed.get(reason) {
            counter.add(1);
        }
        self.duration.observe(LONG, duration);
    }

    /// The counters of a transport, by its index.
    pub(crate) fn transport(&self, index: usize) -> Option<&TransportCounters> {
        self.transports.get(index)
    }

    /// Counts a gap.
    pub(crate) fn gap(&self, transport: usize, missed: Option<u64>) {
        let Some(counters) = self.transports.get(transport) else { return };
        let [known, unknown] = &counters.gaps;
        match missed {
            Some(missed) => {
                known.add(1);
                counters.missed.add(missed);
            }
            None => unknown.add(1),
        }
    }

    /// Counts `events` that were written, and returns whether to measure their latency.
    #[inline]
    pub(crate) fn delivered(&self, transport: usize, events: u64) -> bool {
        if let Some(counters) = self.transports.get(transport) {
            counters.delivered.add(events);
        }
        let left = self.countdown.value();
        self.countdown.set(if left == 0 { SAMPLED - 1 } else { left - 1 });
        left == 0
    }

    /// Counts the time from a publication to the write of its event.
    pub(crate) fn latency(&self, duration: Duration) {
        self.latency.observe(LATENCY, duration);
    }
}

impl TransportCounters {
    /// Counts the end of a response that had begun `duration` ago.
    pub(crate) fn ended(&self, reason: usize, duration: Duration) {
        if let Some(counter) = self.closed.get(reason) {
            counter.add(1);
        }
        self.duration.observe(LONG, duration);
    }
}
