//! Contours smoothed as in eGeMAPS (`sma3nz`: mean over three frames, of those where there is a value), and their statistics.

use super::stats::Moments;

/// Moments of a contour that is not always there.
#[derive(Debug, Clone)]
pub(crate) struct Contour {
    /// The frame before last and the last; NaN where there is no value.
    last: [f32; 2],
    moments: Moments,
}

impl Default for Contour {
    fn default() -> Self {
        Self { last: [f32::NAN; 2], moments: Moments::default() }
    }
}

impl Contour {
    /// Takes the next frame's value, NaN for none.
    pub(crate) fn push(&mut self, next: f32) {
        if let Some(smooth) = smoothed(self.last, next) {
            self.moments.add(f64::from(smooth));
        }
        self.last = [self.last[1], next];
    }

    /// Moments of all values, the newest included.
    pub(crate) fn moments(&self) -> Moments {
        let mut moments = self.moments;
        if let Some(smooth) = smoothed(self.last, f32::NAN) {
            moments.add(f64::from(smooth));
        }
        moments
    }
}

/// The middle of three frames, smoothed.
pub(crate) fn smoothed([before, middle]: [f32; 2], next: f32) -> Option<f32> {
    if middle.is_nan() {
        return None;
    }
    let (mut sum, mut count) = (middle, 1.0);
    for neighbour in [before, next] {
        if !neighbour.is_nan() {
            sum += neighbour;
            count += 1.0;
        }
    }
    Some(sum / count)
}
