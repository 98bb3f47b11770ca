//! The report of a benchmark.

use std::fmt::Write;

use hdrhistogram::Histogram;
use serde_json::json;

use crate::load::millis;

/// Characters of the longest bar.
const WIDTH: f64 = 40.0;

/// The reported quantiles, by name.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// The measurements.
pub(super) struct Report {
    pub(super) url: String,
    pub(super) transport: &'static str,
    pub(super) connections: u64,
    pub(super) opened: u64,
    pub(super) lost: u64,
    pub(super) asked_rate: f64,
    /// How long publishing took.
    pub(super) seconds: f64,
    pub(super) published: u64,
    pub(super) delivered: u64,
    pub(super) latencies: Histogram<u64>,
}

impl Report {
    fn missing(&self) -> u64 {
        (self.published * self.opened).saturating_sub(self.delivered)
    }

    /// The counts of latencies up to so many microseconds, each twice the one before.
    fn buckets(&self) -> Vec<(u64, u64)> {
        if self.latencies.is_empty() {
            return Vec::new();
        }
        let (mut buckets, mut below, mut edge) = (Vec::new(), 0, 1u64);
        while below < self.latencies.len() {
            let upto = self.latencies.count_between(0, edge);
            if upto > 0 {
                buckets.push((edge, upto.saturating_sub(below)));
            }
            (below, edge) = (upto, edge.saturating_mul(2));
        }
        buckets
    }

    /// Figures and a histogram, for people.
    pub(super) fn text(&self) -> String {
        let Self { url, transport, connections, opened, lost, published, delivered, seconds, .. } = self;
        let mut text = format!(
            "{url}\n{opened} of {connections} readers by {transport}, {lost} connections lost\n\
             {published} events in {seconds:.2} s, {:.1} a second of {:.1} asked for\n\
             {delivered} deliveries, {} missing, {:.0} a second\n",
            *published as f64 / seconds,
            self.asked_rate,
            self.missing(),
            *delivered as f64 / seconds,
        );
        if self.latencies.is_empty() {
            return text;
        }
        let _ = write!(
            text,
            "\nlatency ms   min {:.2}   mean {:.2}",
            millis(self.latencies.min()),
            self.latencies.mean() / 1e3
        );
        for (name, quantile) in QUANTILES {
            let _ = write!(text, "   {name} {:.2}", millis(self.latencies.value_at_quantile(quantile)));
        }
        text.push('\n');
        let buckets = self.buckets();
        let most = buckets.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
        let all = self.latencies.len() as f64;
        for (upto, count) in buckets {
            let bar = "█".repeat((count as f64 / most as f64 * WIDTH).ceil() as usize);
            let share = count as f64 / all * 100.0;
            let _ = writeln!(text, "  ≤ {:>9.3} ms {count:>10} {share:>5.1} %  {bar}", millis(upto));
        }
        text
    }

    /// The same for programs.
    pub(super) fn json(&self) -> String {
        let quantile = |quantile| millis(self.latencies.value_at_quantile(quantile));
        let mut latency: serde_json::Map<_, _> =
            QUANTILES.iter().map(|(name, at)| ((*name).to_owned(), quantile(*at).into())).collect();
        latency.insert("min".to_owned(), millis(self.latencies.min()).into());
        latency.insert("mean".to_owned(), (self.latencies.mean() / 1e3).into());
        let histogram: Vec<_> =
            self.buckets().iter().map(|(upto, count)| json!({ "to_ms": millis(*upto), "count": count })).collect();
        let report = json!({
            "url": self.url,
            "transport": self.transport,
            "connections": self.connections,
            "opened": self.opened,
            "lost": self.lost,
            "rate": self.asked_rate,
            "seconds": self.seconds,
            "published": self.published,
            "delivered": self.delivered,
            "missing": self.missing(),
            "latency_ms": latency,
            "histogram": histogram,
        });
        format!("{report}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{latencies, record};
    use std::time::Duration;

    fn report(micros: &[u64]) -> Report {
        let mut measured = latencies();
        micros.iter().for_each(|micros| record(&mut measured, Duration::from_micros(*micros)));
        Report {
            url: "http://a/events/x".into(),
            transport: "sse",
            connections: 2,
            opened: 2,
            lost: 0,
            asked_rate: 1.0,
            seconds: 2.0,
            published: 3,
            delivered: micros.len() as u64,
            latencies: measured,
        }
    }

    #[test]
    fn each_latency_counts_in_one_bucket() {
        let report = report(&[1, 90, 100, 130, 5000]);
        let buckets = report.buckets();
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 5);
        assert_eq!(buckets.first(), Some(&(1, 1)));
        assert!(buckets.contains(&(128, 2)) && buckets.contains(&(256, 1)), "{buckets:?}");
        assert_eq!(buckets.last(), Some(&(8192, 1)));
    }

    #[test]
    fn text_and_json_have_the_same_figures() {
        let report = report(&[1000, 2000, 3000, 4000]);
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((&json["missing"], &json["delivered"]), (&2.into(), &4.into()));
        assert_eq!(json["latency_ms"]["p50"].as_f64().unwrap().round(), 2.0);
        let text = report.text();
        assert!(text.contains("4 deliveries, 2 missing, 2 a second") && text.contains("p50 2.00"), "{text}");
    }

    #[test]
    fn no_measurement_gives_no_histogram() {
        let report = report(&[]);
        assert!(report.buckets().is_empty() && !report.text().contains("latency"));
    }
}
