//! Functionals: one value a feature for a segment.

use super::{FEATURES, catalog::COUNT, turns::TURNS};

/// One value for each of [`FEATURES`] over a segment of audio; NaN where a feature is not defined (the mean F0 of silence).
#[derive(Debug, Clone, PartialEq)]
pub struct Functionals {
    seconds: f64,
    values: [f64; COUNT],
}

impl Functionals {
    /// Length of the segment, s.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The values in the order of [`FEATURES`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Fills in the turn-taking, the last columns of [`FEATURES`].
    pub(super) fn set_turns(&mut self, values: [f64; TURNS]) {
        self.values[COUNT - TURNS..]
            .copy_from_slice(&values.map(|value| if value.is_finite() { value } else { f64::NAN }));
    }

    /// Names and values in the order of [`FEATURES`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        FEATURES.iter().map(|feature| feature.name).zip(self.values.iter().copied())
    }

    /// The value of a feature; `None` for a name that is not in [`FEATURES`].
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }
}

/// Takes the values in the order of [`FEATURES`].
#[derive(Debug)]
pub(super) struct Row {
    values: [f64; COUNT],
    filled: usize,
}

impl Row {
    pub(super) fn new() -> Self {
        Self { values: [f64::NAN; COUNT], filled: 0 }
    }

    /// Adds values; those that are not finite (0 / 0 without frames, log 0 of silence) become NaN.
    pub(super) fn extend(&mut self, values: impl IntoIterator<Item = f64>) {
        for value in values {
            debug_assert!(self.filled < COUNT, "more values than FEATURES");
            if let Some(slot) = self.values.get_mut(self.filled) {
                *slot = if value.is_finite() { value } else { f64::NAN };
            }
            self.filled += 1;
        }
    }

    pub(super) fn finish(self, seconds: f64) -> Functionals {
        debug_assert_eq!(self.filled, COUNT, "a value for each of FEATURES");
        Functionals { seconds, values: self.values }
    }
}
