//! The F0 path through the candidates: least cost, with a lag.
//!
//! Costs as in eGeMAPSv02 (after Luengo et al. 2007): a candidate costs 2 (-ln voicing + 4 if that is below .7) and up to 2
//! for lying outside 100-350 Hz; "unvoiced" costs 8 where some candidate has a voicing of .7; a change of F0 costs 10 |r| + 10 |r - r'|
//! with r the logarithm of the ratio and r' that of the transition looked at before; a change between voiced and unvoiced 10,
//! staying unvoiced 1. (r' and the 1 follow the program rather than the idea; so do the results.)

use super::subharmonic::{CANDIDATES, Candidate};

/// Frames that a decision waits for.
pub(super) const LAG: usize = 48;
const STATES: usize = CANDIDATES + 1;
const UNVOICED: usize = CANDIDATES;
const RING: usize = LAG + 1;
const CUTOFF: f32 = 0.7;

/// The search.
#[derive(Debug)]
pub(super) struct Path {
    candidates: [[Candidate; CANDIDATES]; RING],
    /// Logarithms of the newest candidates' frequencies.
    logarithms: [f64; CANDIDATES],
    back: [[u8; STATES]; RING],
    costs: [f64; STATES],
    last_change: f64,
    taken: u64,
}

impl Path {
    pub(super) fn new() -> Self {
        let candidates = [[Candidate::default(); CANDIDATES]; RING];
        Self {
            candidates,
            logarithms: [0.0; CANDIDATES],
            back: [[0; STATES]; RING],
            costs: [0.0; STATES],
            last_change: 1.0,
            taken: 0,
        }
    }

    /// Takes in the next frame; at most `LAG + 1` may wait for their decision.
    pub(super) fn push(&mut self, candidates: &[Candidate; CANDIDATES]) {
        let slot = (self.taken % RING as u64) as usize;
        let mut costs = [0.0; STATES];
        let now = candidates.map(logarithm);
        let before = std::mem::replace(&mut self.logarithms, now);
        if self.taken > 0 {
            let known = self.costs;
            for (to, cost) in costs.iter_mut().enumerate() {
                let mut best = (f64::INFINITY, 0);
                for (from, known) in known.iter().enumerate() {
                    let total = known + self.transition(before.get(from), now.get(to));
                    if total < best.0 {
                        best = (total, from);
                    }
                }
                (*cost, self.back[slot][to]) = (best.0, best.1 as u8);
            }
        }
        for (state, cost) in costs.iter_mut().enumerate() {
            *cost += local(state, candidates);
        }
        // Only differences count.
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        self.costs = costs.map(|cost| cost - least);
        self.candidates[slot] = *candidates;
        self.taken += 1;
    }

    /// F0 (Hz, 0 unvoiced) of the frame `behind` frames from the newest (1 is the newest) on the best path.
    pub(super) fn decide(&self, behind: usize) -> f32 {
        let mut state = 0;
        for (other, cost) in self.costs.iter().enumerate() {
            if *cost < self.costs[state] {
                state = other;
            }
        }
        let mut slot = ((self.taken - 1) % RING as u64) as usize;
        for _ in 1..behind {
            state = usize::from(self.back[slot][state]);
            slot = if slot == 0 { RING - 1 } else { slot - 1 };
        }
        self.candidates[slot].get(state).map_or(0.0, |candidate| candidate.hertz)
    }

    /// Cost of going from a candidate (its log frequency, `None` for unvoiced) to another.
    fn transition(&mut self, from: Option<&f64>, to: Option<&f64>) -> f64 {
        match (from, to) {
            (Some(from), Some(to)) if from.is_finite() && to.is_finite() => {
                let change = to - from;
                let cost = 10.0 * change.abs() + 10.0 * (change - self.last_change).abs();
                self.last_change = change;
                cost
            }
            // No candidate there.
            (Some(_), Some(_)) => 999.0,
            (None, None) => 1.0,
            _ => {
                self.last_change = 0.0;
                10.0
            }
        }
    }
}

fn logarithm(candidate: Candidate) -> f64 {
    f64::from(candidate.hertz).ln()
}

fn local(state: usize, candidates: &[Candidate; CANDIDATES]) -> f64 {
    let Some(candidate) = candidates.get(state) else {
        debug_assert_eq!(state, UNVOICED);
        return if candidates.iter().any(|c| c.voicing >= CUTOFF) { 8.0 } else { 0.0 };
    };
    let below = if candidate.voicing < CUTOFF { 4.0 } else { 0.0 };
    2.0 * (below - f64::from(candidate.voicing.clamp(0.01, 1.0)).ln()) + out_of_range(f64::from(candidate.hertz))
}

fn out_of_range(hertz: f64) -> f64 {
    match hertz {
        f if f <= 0.0 => 2.0,
        f if f < 100.0 => 1.0 - f / 100.0,
        f if f < 350.0 => 0.0,
        f if f < 600.0 => (f - 350.0) / 250.0,
        _ => 1.2,
    }
}
