//! The page of the admin listener: plain files, compiled in.
//!
//! It loads only these files, reads `/summary` each second and `/channels` each two seconds, and runs under
//! `Content-Security-Policy: default-src 'self'`.

use goldcrest_host::MetricsSummary;
use serde_json::{Map, Value, json};

use crate::page::PageFile;

/// The file that is served at `path`.
pub(super) fn file(path: &str) -> Option<&'static PageFile> {
    FILES.iter().find(|file| file.path == path)
}

static FILES: [PageFile; 4] = [
    PageFile::new("/", "text/html; charset=utf-8", include_bytes!("index.html")),
    PageFile::new("/admin.css", "text/css; charset=utf-8", include_bytes!("admin.css")),
    PageFile::new("/admin.js", "text/javascript; charset=utf-8", include_bytes!("admin.js")),
    PageFile::new("/icon.svg", "image/svg+xml", include_bytes!("../../page/icon.svg")),
];

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
