//! Histograms that one thread writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that one thread writes and any thread reads.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`. Only the thread that owns the counter calls it: a load and a store cost less than an atomic addition.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Replaces the value.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds `count`, from any thread.
    pub(crate) fn add_shared(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The most buckets of a histogram, with the one for values above the last bound.
pub(crate) const BUCKETS: usize = 17;

/// The number of durations in each bucket, and their sum.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [Counter; BUCKETS],
    microseconds: Counter,
}

/// The upper bounds of a histogram's buckets, in microseconds, ascending; fewer than [`BUCKETS`].
pub(crate) type Bounds = &'static [u64];

/// Of short responses: 500 µs to 10 s.
pub(crate) const REQUEST: Bounds = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// From publish to write: 50 µs to 10 s.
pub(crate) const LATENCY: Bounds = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// Of connections and of responses that follow a channel: 1 s to a day.
pub(crate) const LONG: Bounds =
    &[1_000_000, 10_000_000, 60_000_000, 300_000_000, 900_000_000, 3_600_000_000, 14_400_000_000, 86_400_000_000];

impl Histogram {
    /// Counts a duration. Only the thread that owns the histogram calls it.
    pub(crate) fn observe(&self, bounds: Bounds, duration: Duration) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = bounds.partition_point(|bound| *bound < microseconds);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
        self.microseconds.add(microseconds);
    }

    /// Adds the values of this histogram to `sum`.
    pub(crate) fn add_to(&self, sum: &mut HistogramSum) {
        for (bucket, total) in self.buckets.iter().zip(&mut sum.buckets) {
            *total += bucket.value();
        }
        sum.microseconds += self.microseconds.value();
    }
}

/// The sum of the histograms of several threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HistogramSum {
    pub(crate) buckets: [u64; BUCKETS],
    pub(crate) microseconds: u64,
}

impl HistogramSum {
    /// The number of values.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let (histogram, mut sum) = (Histogram::default(), HistogramSum::default());
        for microseconds in [0, 50, 51, 10_000_000, 10_000_001] {
            histogram.observe(LATENCY, Duration::from_micros(microseconds));
        }
        histogram.add_to(&mut sum);
        assert_eq!((sum.buckets[0], sum.buckets[1], sum.buckets[15], sum.buckets[16]), (2, 1, 1, 1));
        assert_eq!((sum.count(), sum.microseconds), (5, 20_000_102));
    }

    #[test]
    fn every_list_of_bounds_leaves_a_bucket_for_larger_values() {
        for bounds in [REQUEST, LATENCY, LONG] {
            assert!(bounds.len() < BUCKETS && bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
