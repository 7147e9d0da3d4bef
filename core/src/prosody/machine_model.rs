//! Constants of the machine-voice model, written by `corpus/training/voice.py`. Do not edit.

use super::machine::Term;

const fn term(feature: usize, mean: f64, deviation: f64, weight: f64) -> Term {
    Term { feature, mean, deviation, weight }
}

/// Features, their scale and weight.
#[rustfmt::skip]
pub(super) const TERMS: [Term; 22] = [
    term(32, 1.678405e-2, 5.307267e-3, -4.566292e-1), // jitterPitch_amean
    term(33, 1.714661e-2, 6.325966e-3, -3.756065e-1), // jitterPitch_stddev
    term(34, 1.479317, 5.726180e-1, 4.433579e-1), // shimmerPitch_amean
    term(35, 1.063669, 3.627658e-1, 7.889285e-1), // shimmerPitch_stddev
    term(59, 2.689794e-1, 8.385229e-2, 4.123461e-1), // F0step_amean
    term(60, 1.131419, 3.099536e-1, 8.009781e-2), // F0step_stddevNorm
    term(61, 2.068736e-1, 7.034043e-2, -7.689482e-1), // F0bend_amean
    term(62, 1.516430, 3.985262e-1, -1.748514e-1), // F0bend_stddevNorm
    term(73, 2.343579, 3.915216e-1, 7.957945e-1), // flux_amean
    term(74, 5.771438e-1, 9.596619e-2, -7.316712e-1), // flux_stddevNorm
    term(103, 7.043983e-1, 1.550927e-1, 1.278841), // lfcc1step_stddev
    term(104, 5.672207e-1, 1.033960e-1, 2.699654e-1), // lfcc2step_stddev
    term(105, 5.341544e-1, 1.103124e-1, 4.995732e-1), // lfcc3step_stddev
    term(106, 4.672075e-1, 8.671116e-2, 2.099283e-1), // lfcc4step_stddev
    term(107, 4.152635e-1, 6.727263e-2, -2.017368e-2), // lfcc5step_stddev
    term(108, 3.971942e-1, 6.427948e-2, 9.217500e-2), // lfcc6step_stddev
    term(109, 3.689172e-1, 5.941868e-2, 2.559469e-1), // lfcc7step_stddev
    term(110, 3.398891e-1, 4.852976e-2, 1.635499e-1), // lfcc8step_stddev
    term(111, 3.157908e-1, 4.098674e-2, -9.302955e-2), // lfcc9step_stddev
    term(112, 2.886109e-1, 3.825327e-2, -3.446872e-2), // lfcc10step_stddev
    term(113, 2.683598e-1, 3.264546e-2, -2.519147e-1), // lfcc11step_stddev
    term(114, 2.553682e-1, 3.244422e-2, -3.388375e-1), // lfcc12step_stddev
];
/// Log-odds of an average voice.
pub(super) const BIAS: f64 = -8.558436e-2;
/// Slope and offset from raw to calibrated log-odds.
pub(super) const CALIBRATION: (f64, f64) = (9.184489e-1, -4.533432e-1);
/// Probabilities between which nothing is said.
pub(super) const ABSTAIN: (f64, f64) = (0.418, 0.582);
