//! The result as a table or JSON.

use std::fmt::Write;
use std::rc::Rc;

use goldcrest_core::client::Transport;
use serde_json::json;

use super::reader::Reader;
use crate::CommandError;
use crate::load::millis;
use crate::terminal::print_text;

const fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Poll => "polling",
        Transport::LongPoll => "long polling",
        Transport::Stream => "streaming",
        Transport::Sse => "SSE",
        Transport::WebSocket => "WebSocket",
        Transport::Publish => "publishing",
    }
}

/// Prints the measurements, as a table or as JSON.
pub(super) fn print(readers: &[Rc<Reader>], as_json: bool) -> Result<(), CommandError> {
    print_text(if as_json { json_of(readers) } else { table(readers) }.as_bytes())
}

fn table(readers: &[Rc<Reader>]) -> String {
    let published = readers.first().map_or(0, |reader| reader.result().0);
    let mut text = format!(
        "{:<14}{:>7}{:>10}{:>10}{:>10}{:>24}{:>9}{:>13}\n",
        format!("{published} events"),
        "came",
        "p50 ms",
        "p99 ms",
        "requests",
        "header bytes",
        "payload",
        "connections"
    );
    for reader in readers {
        let (_, costs) = reader.result();
        let latencies = reader.latencies.borrow();
        let quantile = |quantile| millis(latencies.value_at_quantile(quantile));
        let headers = format!("{} ({} + {})", costs.sent + costs.received, costs.sent, costs.received);
        let _ = writeln!(
            text,
            "{:<14}{:>7}{:>10.2}{:>10.2}{:>10}{:>24}{:>9}{:>13}",
            name(reader.transport),
            reader.events(),
            quantile(0.5),
            quantile(0.99),
            costs.requests,
            headers,
            costs.payload,
            costs.connections,
        );
    }
    text
}

fn json_of(readers: &[Rc<Reader>]) -> String {
    let published = readers.first().map_or(0, |reader| reader.result().0);
    let techniques: Vec<_> = readers
        .iter()
        .map(|reader| {
            let (_, costs) = reader.result();
            let latencies = reader.latencies.borrow();
            let quantile = |quantile| millis(latencies.value_at_quantile(quantile));
            json!({
                "transport": reader.transport.as_str(),
                "events": reader.events(),
                "lost": published.saturating_sub(reader.events()),
                "twice": reader.twice.get(),
                "latency_ms": { "p50": quantile(0.5), "p99": quantile(0.99), "max": millis(latencies.max()) },
                "requests": costs.requests,
                "header_bytes_sent": costs.sent,
                "header_bytes_received": costs.received,
                "payload_bytes": costs.payload,
                "connections_opened": costs.connections,
                "connections_open": costs.open,
            })
        })
        .collect();
    format!("{}\n", json!({ "published": published, "techniques": techniques }))
}
