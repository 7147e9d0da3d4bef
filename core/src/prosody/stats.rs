//! Statistics that update one value at a time, in constant memory.

/// Count, mean and variance by Welford's recurrence (B. P. Welford, Technometrics 4 (1962), 419-420).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1;
        let difference = value - self.mean;
        self.mean += difference / self.count as f64;
        self.squares += difference * (value - self.mean);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Arithmetic mean, NaN without a value.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.mean }
    }

    /// Standard deviation with divisor n, NaN without a value.
    pub(crate) fn stddev(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { (self.squares / self.count as f64).max(0.0).sqrt() }
    }

    /// Standard deviation over the magnitude of the mean; NaN without a value or where the mean is 0.
    pub(crate) fn stddev_norm(&self) -> f64 {
        if self.mean == 0.0 { f64::NAN } else { self.stddev() / self.mean.abs() }
    }
}

/// Quantiles from counts in equal bins: exact to a bin's width, whatever the length of the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    low: f32,
    bins_per_unit: f32,
    counts: Box<[u32]>,
    total: u64,
}

impl Histogram {
    /// Bins of `width` from `low` to `high`; values outside go to the outermost bins.
    pub(crate) fn new(low: f32, high: f32, width: f32) -> Self {
        let bins = ((high - low) / width).ceil().max(1.0) as usize;
        Self { low, bins_per_unit: 1.0 / width, counts: vec![0; bins].into(), total: 0 }
    }

    pub(crate) fn add(&mut self, value: f32) {
        let bin = self.bin(value);
        if let Some(count) = self.counts.get_mut(bin) {
            *count = count.saturating_add(1);
            self.total += 1;
        }
    }

    fn bin(&self, value: f32) -> usize {
        let bin = ((value - self.low) * self.bins_per_unit).max(0.0) as usize;
        bin.min(self.counts.len().saturating_sub(1))
    }

    /// Forgets all values; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The value below which a share `q` (0 to 1) of the values lies, linear between order statistics (rank q·(n - 1));
    /// NaN without a value. Values are taken to lie evenly within their bin.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        self.quantile_with(q, None)
    }

    /// The quantile as if `more` had been added.
    pub(crate) fn quantile_with(&self, q: f64, more: Option<f32>) -> f64 {
        let total = self.total + u64::from(more.is_some());
        if total == 0 || self.counts.is_empty() {
            return f64::NAN;
        }
        let more = more.map(|value| self.bin(value));
        let rank = q * (total - 1) as f64;
        let mut below = 0.0;
        for (bin, &count) in self.counts.iter().enumerate() {
            let count = f64::from(count) + f64::from(u8::from(more == Some(bin)));
            if rank < below + count {
                let place = (rank - below + 0.5) / count;
                return f64::from(self.low) + (bin as f64 + place.min(1.0)) / f64::from(self.bins_per_unit);
            }
            below += count;
        }
        f64::from(self.low) + self.counts.len() as f64 / f64::from(self.bins_per_unit)
    }
}

/// Lengths of runs of equal state, as a stream of states.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Runs {
    current: u64,
    least: u64,
    lengths: Moments,
}

impl Runs {
    /// Runs shorter than `least` steps do not count.
    pub(crate) fn new(least: u64) -> Self {
        Self { current: 0, least, lengths: Moments::default() }
    }

    /// Takes the next step: whether it belongs to a run.
    pub(crate) fn step(&mut self, inside: bool) {
        if inside {
            self.current += 1;
        } else {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.current >= self.least.max(1) {
            self.lengths.add(self.current as f64);
        }
        self.current = 0;
    }

    /// Lengths of all runs in steps, the open one included.
    pub(crate) fn lengths(&self) -> Moments {
        let mut all = *self;
        all.close();
        all.lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_known_values() {
        let mut moments = Moments::default();
        assert!(moments.mean().is_nan());
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].iter().for_each(|&v| moments.add(v));
        assert_eq!((moments.count(), moments.mean(), moments.stddev()), (8, 5.0, 2.0));
        assert_eq!(moments.stddev_norm(), 0.4);
    }

    #[test]
    fn quantiles_are_exact_to_a_bin() {
        let mut histogram = Histogram::new(0.0, 100.0, 0.05);
        assert!(histogram.quantile(0.5).is_nan());
        (0..=1000).for_each(|i| histogram.add(i as f32 * 0.1));
        for q in [0.0, 0.2, 0.5, 0.8, 1.0] {
            assert!((histogram.quantile(q) - 100.0 * q).abs() <= 0.05, "{q}: {}", histogram.quantile(q));
        }
        histogram.add(f32::INFINITY);
        histogram.add(f32::NEG_INFINITY);
        histogram.add(f32::NAN);
        assert!((histogram.quantile(0.5) - 50.0).abs() <= 0.2);
    }

    #[test]
    fn runs_count_the_open_one_and_skip_the_short() {
        let mut runs = Runs::new(2);
        "aabbbabaaa".chars().for_each(|c| runs.step(c == 'a'));
        let lengths = runs.lengths();
        assert_eq!((lengths.count(), lengths.mean()), (2, 2.5));
    }
}
