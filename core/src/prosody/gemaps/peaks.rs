//! Mean, spread, percentiles and slopes of the F0 contour.
//!
//! Slopes as in openSMILE's `Peaks2`: local extremes of the voiced frames put one after the other; those that rise or fall by less than
//! a tenth of the contour's range are dropped; of neighbours of one kind the more extreme one stays; slopes are those of the lines between
//! what is left.

use super::super::{
    contour::smoothed,
    functionals::Row,
    stats::{Histogram, Moments},
};

/// Extremes remembered: some minutes of speech.
const EXTREMES: usize = 4096;
const THRESHOLD: f32 = 0.1;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Extreme {
    high: bool,
    value: f32,
    at: u64,
}

/// The contour in semitones.
#[derive(Debug)]
pub(super) struct VoicedPeaks {
    last: [f32; 2],
    /// The last smoothed values.
    recent: [f32; 2],
    first: f32,
    count: u64,
    lowest: f32,
    highest: f32,
    moments: Moments,
    histogram: Histogram,
    extremes: std::collections::VecDeque<Extreme>,
}

impl VoicedPeaks {
    pub(super) fn new() -> Self {
        Self {
            last: [f32::NAN; 2],
            recent: [f32::NAN; 2],
            first: f32::NAN,
            count: 0,
            lowest: f32::INFINITY,
            highest: f32::NEG_INFINITY,
            moments: Moments::default(),
            // 55 to 1000 Hz are 12 to 62.2 semitones.
            histogram: Histogram::new(0.0, 63.0, 0.02),
            extremes: std::collections::VecDeque::with_capacity(EXTREMES),
        }
    }

    /// Takes the next frame, NaN where unvoiced.
    pub(super) fn push(&mut self, next: f32) {
        if let Some(value) = smoothed(self.last, next) {
            self.add(value);
        }
        self.last = [self.last[1], next];
    }

    fn add(&mut self, value: f32) {
        self.moments.add(f64::from(value));
        self.histogram.add(value);
        (self.lowest, self.highest) = (self.lowest.min(value), self.highest.max(value));
        let [before, middle] = self.recent;
        if self.count == 0 {
            self.first = value;
        }
        // The second value and the last but one are no extremes; the first three frames make none.
        if self.count >= 3 {
            let (high, low) = (middle > before && middle > value, middle < before && middle < value);
            if high || low {
                if self.extremes.len() == EXTREMES {
                    self.extremes.pop_front();
                }
                self.extremes.push_back(Extreme { high, value: middle, at: self.count - 1 });
            }
        }
        self.recent = [middle, value];
        self.count += 1;
    }

    /// Mean, normalised deviation, 20th, 50th and 80th percentile and range, mean and deviation of rising and falling slopes.
    pub(super) fn values(&self, row: &mut Row) {
        let newest = smoothed(self.last, f32::NAN);
        let mut moments = self.moments;
        newest.into_iter().for_each(|value| moments.add(f64::from(value)));
        row.extend([moments.mean(), moments.stddev_norm()]);
        let percentiles = [0.2, 0.5, 0.8].map(|q| self.histogram.quantile_with(q, newest));
        row.extend(percentiles);
        row.extend([percentiles[2] - percentiles[0]]);
        let last = newest.unwrap_or(self.recent[1]);
        let count = self.count + u64::from(newest.is_some());
        for slopes in self.slopes(last, count) {
            row.extend([slopes.mean(), slopes.stddev()]);
        }
    }

    /// Rising and falling slopes, semitones a second.
    fn slopes(&self, last: f32, count: u64) -> [Moments; 2] {
        let kept = self.prominent();
        let (mut rising, mut falling) = (Moments::default(), Moments::default());
        if count < 2 {
            return [rising, falling];
        }
        let mut from = Extreme { high: false, value: self.first, at: 0 };
        for (i, extreme) in kept.iter().enumerate() {
            let frames = extreme.at.saturating_sub(from.at);
            if frames > 0 && (i == 0 || from.high != extreme.high) {
                let slope = f64::from(extreme.value - from.value) * 100.0 / frames as f64;
                if extreme.high { rising.add(slope) } else { falling.add(-slope) }
            }
            from = *extreme;
        }
        let frames = (count - 1).saturating_sub(from.at);
        if frames > 0 {
            let slope = f64::from(last - from.value) * 100.0 / frames as f64;
            // The last stretch keeps its sign among the falling ones.
            if from.high { falling.add(slope) } else { rising.add(slope) }
        }
        [rising, falling]
    }

    /// The extremes that stand out.
    fn prominent(&self) -> Vec<Extreme> {
        let least = THRESHOLD * (self.highest - self.lowest);
        let mut kept: Vec<Extreme> = Vec::with_capacity(self.extremes.len());
        let (mut last, mut last_low) = (self.first, self.first);
        // Maxima that rise too little above what came before and above the last minimum go, small minima too.
        for extreme in &self.extremes {
            let step = (extreme.value - last).abs();
            if extreme.high {
                if step >= least || extreme.value - last_low >= least {
                    kept.push(*extreme);
                }
            } else {
                if step >= least {
                    last_low = extreme.value;
                }
                kept.push(*extreme);
            }
            last = extreme.value;
        }
        let mut last_high = self.first;
        kept.retain(|extreme| {
            if extreme.high {
                last_high = extreme.value;
            }
            extreme.high || last_high - extreme.value >= least
        });
        let mut alternating: Vec<Extreme> = Vec::with_capacity(kept.len());
        for extreme in kept {
            match alternating.last_mut() {
                Some(top) if top.high == extreme.high => {
                    if (extreme.value > top.value) == extreme.high {
                        *top = extreme;
                    }
                }
                _ => alternating.push(extreme),
            }
        }
        alternating
    }
}
