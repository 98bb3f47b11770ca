//! The sums of the metrics as JSON.

use goldcrest_host::MetricsSummary;
use serde_json::{Map, Value, json};

/// The sums as JSON, with the members of [`MetricsSummary`]; `latency` and `log` are objects of two numbers.
pub(super) fn summary(sums: &MetricsSummary, status: &str) -> Value {
    let readers: Map<String, Value> =
        sums.readers.iter().map(|(name, count)| ((*name).into(), (*count).into())).collect();
    json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "connections": sums.connections,
        "requests": sums.requests,
        "errors": sums.errors,
        "readers": readers,
        "published": sums.published,
        "delivered": sums.delivered,
        "gaps": sums.gaps,
        "behind": sums.behind,
        "max_lag": sums.max_lag,
        "latency": { "count": sums.latencies.0, "seconds": sums.latencies.1 as f64 / 1e6 },
        "memory": { "reserved": sums.memory, "limit": sums.memory_limit, "resident": sums.resident },
        "channels": sums.channels,
        "log": { "events": sums.log.0, "bytes": sums.log.1 },
    })
}
