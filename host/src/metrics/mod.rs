//! What a server counts, as Prometheus reads it.
//!
//! Each thread of a server has counters of its own and writes them without an atomic read-modify-write. A scrape sums them. No label
//! names a channel or an identity, so the number of series is bounded.
//!
//! | file | content |
//! | --- | --- |
//! | `process.rs` | memory, descriptors and times of the process |
//! | `text.rs` | the text format of Prometheus, version 0.0.4 |
//! | `render.rs` | all metrics as text |

mod process;
mod render;
mod text;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::counters::ThreadCounters;
use crate::hub::Hub;

/// The metrics of a server. A clone is the same.
///
/// [`Server::metrics`](crate::Server::metrics) returns it before the server starts; it may be read at any time and from any thread.
///
/// ```
/// use goldcrest_host::Server;
///
/// let server = Server::new();
/// let metrics = server.metrics();
/// assert!(metrics.text().contains("# TYPE goldcrest_connections_opened_total counter\n"));
/// ```
#[derive(Clone, Default)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    threads: Mutex<Vec<Arc<ThreadCounters>>>,
    hub: OnceLock<Hub>,
}

impl Metrics {
    /// The `Content-Type` of [`Metrics::text`].
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// The counters of another thread. They are kept after its end, since counters never fall.
    pub(crate) fn add_thread(&self) -> Arc<ThreadCounters> {
        let counters = Arc::new(ThreadCounters::default());
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counters));
        counters
    }

    /// Sets the hub whose events are counted.
    pub(crate) fn set_hub(&self, hub: &Hub) {
        let _ = self.inner.hub.set(hub.clone());
    }

    /// All metrics in the text format of Prometheus, version 0.0.4. docs/OPERATIONS.md describes each.
    pub fn text(&self) -> String {
        let threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        render::render(&threads, self.inner.hub.get())
    }

    /// Sums for a page: see [`MetricsSummary`].
    pub fn summary(&self) -> MetricsSummary {
        let threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        render::summary(&threads, self.inner.hub.get())
    }
}

/// The sums of a server that change most, for a page or a log line. All but the gauges only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsSummary {
    /// Open connections (a gauge).
    pub connections: u64,
    /// Responses to requests.
    pub requests: u64,
    /// Responses that reject a request: status 400 to 599.
    pub errors: u64,
    /// Readers by the name of their transport (gauges).
    pub readers: Vec<(&'static str, u64)>,
    /// Events that were published, without duplicates.
    pub published: u64,
    /// Events that were written to readers.
    pub delivered: u64,
    /// Gaps that were reported to readers.
    pub gaps: u64,
    /// Readers that lack an event (a gauge, measured once a second).
    pub behind: u64,
    /// Events that the last reader lacks (a gauge, measured once a second).
    pub max_lag: u64,
    /// Measured times from publish to write, and their sum in microseconds.
    pub latencies: (u64, u64),
    /// Bytes of memory that the hub and the servers on it have reserved (a gauge).
    pub memory: u64,
    /// The limit of that memory, in bytes.
    pub memory_limit: u64,
    /// Channels (a gauge).
    pub channels: u64,
    /// Events and bytes in the logs of all channels (gauges).
    pub log: (u64, u64),
    /// Resident bytes of the process (a gauge); `None` where the system does not tell.
    pub resident: Option<u64>,
}
