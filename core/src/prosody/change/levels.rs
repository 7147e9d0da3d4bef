//! What is speech next to what surrounds it.
//!
//! A person who takes over may speak more softly than the machine, and over a line with more noise. So the level from which a frame
//! counts as speech is taken from the [`WINDOW`] around it alone: 22 dB below its loud frames, or 6 dB above its quiet ones where
//! there is more noise than that.

/// Frames that are looked ahead.
pub(super) const AHEAD: usize = 100;
/// Frames (10 ms) whose levels count.
const WINDOW: usize = 260;
/// Bins of 1 dB from [`LOWEST`].
const BINS: usize = 112;
const LOWEST: f32 = -100.0;
/// Fewer levels say nothing.
const LEAST_COUNT: u16 = 30;
/// Quiet and loud frames: shares of the levels that are lower.
const QUIET: f32 = 0.08;
const LOUD: f32 = 0.95;
/// Where both are nearer than that, nothing is told apart, dB.
const LEAST_RANGE: f32 = 8.0;
const BELOW_LOUD: f32 = 22.0;
const ABOVE_QUIET: f32 = 6.0;
/// In noise speech reaches at least so near the loud frames, dB.
const NOISY: f32 = 10.0;
/// Nothing below is speech, dB re full scale.
const LEAST_LEVEL: f32 = -62.0;

/// Levels of the frames up to [`AHEAD`] beyond the one that is judged.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    /// Bins of the last frames; -1 for what does not count.
    ring: [i8; WINDOW],
    counts: [u16; BINS],
    taken: u64,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self { ring: [-1; WINDOW], counts: [0; BINS], taken: 0 }
    }

    /// Takes the next level, dB re full scale; `None` for a tone or digital silence, which do not count.
    pub(super) fn push(&mut self, level: Option<f32>) {
        let slot = &mut self.ring[(self.taken % WINDOW as u64) as usize];
        if let Some(count) = usize::try_from(*slot).ok().and_then(|bin| self.counts.get_mut(bin)) {
            *count -= 1;
        }
        *slot = level.map_or(-1, |level| (level - LOWEST).clamp(0.0, (BINS - 1) as f32) as i8);
        if let Some(count) = usize::try_from(*slot).ok().and_then(|bin| self.counts.get_mut(bin)) {
            *count += 1;
        }
        self.taken += 1;
    }

    /// The level above which the frame [`AHEAD`] before the newest is speech, dB; infinite where nothing is.
    pub(super) fn threshold(&self) -> f32 {
        let total: u16 = self.counts.iter().sum();
        let (quiet, loud) = (self.quantile(QUIET, total), self.quantile(LOUD, total));
        if total < LEAST_COUNT || loud - quiet < LEAST_RANGE {
            return f32::INFINITY;
        }
        (loud - BELOW_LOUD).max((quiet + ABOVE_QUIET).min(loud - NOISY)).max(LEAST_LEVEL)
    }

    /// The level below which a share of the levels lies, to the middle of its bin.
    fn quantile(&self, share: f32, total: u16) -> f32 {
        let mut rank = (share * f32::from(total)) as u16;
        for (bin, &count) in self.counts.iter().enumerate() {
            if rank < count {
                return LOWEST + bin as f32 + 0.5;
            }
            rank -= count;
        }
        LOWEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the frames between `from` and `to` that are speech.
    fn share(levels: impl Fn(usize) -> f32, from: usize, to: usize) -> f64 {
        let (mut window, mut speech) = (Levels::new(), 0);
        for frame in 0..to + AHEAD {
            window.push(Some(levels(frame)));
            if let Some(judged) = frame.checked_sub(AHEAD).filter(|judged| (from..to).contains(judged)) {
                speech += usize::from(levels(judged) > window.threshold());
            }
        }
        speech as f64 / (to - from) as f64
    }

    #[test]
    fn a_soft_voice_after_a_loud_one_is_speech() {
        // Syllables of 0.2 s with pauses of 0.1 s at -15 dB, from 6 s on at -40.
        let level = |frame: usize| match (frame % 30 < 20, frame < 600) {
            (false, _) => -70.0,
            (true, true) => -15.0,
            (true, false) => -40.0,
        };
        assert!((share(level, 200, 500) - 2.0 / 3.0).abs() < 0.01);
        assert!((share(level, 800, 1100) - 2.0 / 3.0).abs() < 0.01);
    }

    #[test]
    fn pauses_over_a_noisy_line_are_none() {
        let level = |frame: usize| if frame % 30 < 20 { -20.0 } else { -33.0 };
        assert!((share(level, 200, 800) - 2.0 / 3.0).abs() < 0.01);
    }

    #[test]
    fn steady_noise_is_not_speech() {
        assert_eq!(share(|frame| -30.0 + (frame % 5) as f32, 0, 900), 0.0);
    }
}
