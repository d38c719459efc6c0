//! A histogram with fixed buckets: one array, nothing to drain, the same size for ever.

use std::time::Duration;

/// Upper bounds in microseconds, 10 us to 30 s. The gateway's own share lies in the first ones, a
/// region's time in the middle, time-outs in the last.
pub const BOUNDS: [u64; 21] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 20_000_000, 30_000_000,
];

/// Counts of durations by bucket.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: [u64; BOUNDS.len()],
    beyond: u64,
    micros: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        match self.counts.get_mut(bucket) {
            Some(count) => *count += 1,
            None => self.beyond += 1,
        }
        self.micros = self.micros.saturating_add(micros);
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (to, from) in self.counts.iter_mut().zip(other.counts) {
            *to += from;
        }
        self.beyond += other.beyond;
        self.micros = self.micros.saturating_add(other.micros);
    }

    /// Bounds in seconds with cumulative counts, the last one being all (`+Inf`).
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<f64>, u64)> + '_ {
        let mut sum = 0;
        let bounded = BOUNDS.iter().zip(self.counts).map(move |(bound, count)| {
            sum += count;
            (Some(seconds(*bound)), sum)
        });
        bounded.chain([(None, self.count())])
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.beyond
    }

    /// Their sum in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        seconds(self.micros)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 microseconds are 285 years"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_each_once_and_cumulates(micros in prop::collection::vec(0_u64..40_000_000, 0..50)) {
            let mut histogram = Histogram::default();
            for one in &micros {
                histogram.record(Duration::from_micros(*one));
            }
            prop_assert_eq!(histogram.count(), micros.len() as u64);
            for (bound, count) in histogram.cumulative() {
                let below = |one: &&u64| bound.is_none_or(|bound| seconds(**one) <= bound);
                prop_assert_eq!(count, micros.iter().filter(below).count() as u64);
            }
        }
    }
}
