//! The text format of Prometheus, version 0.0.4.
//!
//! `prometheus-client` writes OpenMetrics only, whose names of counters this format's checkers reject, and its counters are shared by
//! all threads. The format is a line a value.

use std::fmt::{Display, Write as _};

use crate::counters::{Bounds, HistogramSum};

/// Writes metrics.
pub(super) struct Text(pub(super) String);

/// The type of a metric.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Text {
    /// Begins a metric. `help` is one line without a backslash.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        debug_assert!(!help.contains(['\\', '\n']));
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Writes a value of the metric that was begun last.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        self.labels(labels, None);
        let _ = writeln!(self.0, " {value}");
    }

    /// Writes a metric of one value.
    pub(super) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Writes the buckets of a histogram in seconds.
    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], bounds: Bounds, sum: &HistogramSum) {
        let mut count = 0;
        for (bound, bucket) in bounds.iter().zip(&sum.buckets) {
            count += bucket;
            let bound = seconds(*bound).to_string();
            let _ = write!(self.0, "{name}_bucket");
            self.labels(labels, Some(&bound));
            let _ = writeln!(self.0, " {count}");
        }
        let _ = write!(self.0, "{name}_bucket");
        self.labels(labels, Some("+Inf"));
        let _ = write!(self.0, " {}\n{name}_sum", sum.count());
        self.labels(labels, None);
        let _ = write!(self.0, " {}\n{name}_count", seconds(sum.microseconds));
        self.labels(labels, None);
        let _ = writeln!(self.0, " {}", sum.count());
    }

    /// Writes labels. The values are constants of this crate: letters, digits, dots and underscores.
    fn labels(&mut self, labels: &[(&str, &str)], bound: Option<&str>) {
        let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut before = "{";
        for (name, value) in all {
            debug_assert!(!value.contains(['\\', '\n', '"']));
            let _ = write!(self.0, "{before}{name}=\"{value}\"");
            before = ",";
        }
        if before == "," {
            self.0.push('}');
        }
    }
}

/// Microseconds as seconds.
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_cumulative_with_a_sum_in_seconds() {
        let mut sum = HistogramSum { microseconds: 1_500_000, ..HistogramSum::default() };
        (sum.buckets[0], sum.buckets[1], sum.buckets[2]) = (1, 2, 4);
        let mut text = Text(String::new());
        text.family("a_seconds", Kind::Histogram, "Times");
        text.histogram("a_seconds", &[("x", "y")], &[500, 1_000_000], &sum);
        let expected = "# HELP a_seconds Times\n# TYPE a_seconds histogram\n\
            a_seconds_bucket{x=\"y\",le=\"0.0005\"} 1\na_seconds_bucket{x=\"y\",le=\"1\"} 3\n\
            a_seconds_bucket{x=\"y\",le=\"+Inf\"} 7\na_seconds_sum{x=\"y\"} 1.5\na_seconds_count{x=\"y\"} 7\n";
        assert_eq!(text.0, expected);
    }
}
