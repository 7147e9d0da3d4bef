//! G.722 at 64 kbit/s: the lower half of its band, 0 to 4 kHz, at 8 kHz.
//!
//! G.722 splits 16 kHz speech by a pair of filters into two bands of 8 kHz and codes each by adaptive differential PCM: six
//! bits of every byte for the lower band, two for the upper. Everything in callprint works below 4 kHz, so the lower band
//! by itself is the wanted signal, and neither the upper one nor the synthesis filters are computed. Beside the edge at 4 kHz, where
//! the filters overlap, that is what decoding and resampling would give, at a fraction of the cost.
//!
//! Source: ITU-T Recommendation G.722, 7 kHz audio-coding within 64 kbit/s, 09/2012, section 4 (lower sub-band decoder,
//! blocks 2L to 4L) with the tables of section 6; own implementation. RTP sends it as payload type 9 with a clock of 8 kHz
//! although it samples at 16 (RFC 3551, section 4.5.2).

/// Outputs of the 6-bit quantiser (table 17's decision levels' middles), for codes 0 to 63.
const LEVELS_6: [i16; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360,
    -1040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9360, 8576, 7856, 7192, 6576,
    6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// Outputs of the 4-bit quantiser that drives the adaptation.
const LEVELS_4: [i16; 16] =
    [0, -20_456, -12_896, -8968, -6288, -4240, -2584, -1200, 20_456, 12_896, 8968, 6288, 4240, 2584, 1200, 0];
/// Multipliers of the logarithmic scale factor, by the magnitude of a code.
const SCALE_STEPS: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const MAGNITUDE: [u8; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];

/// 2048 x 2^(n/32): the fraction of the scale factor's exponent.
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// A decoder of the lower band: one byte, one sample at 8 kHz.
#[derive(Debug, Clone)]
pub(crate) struct G722Decoder {
    /// Step size and its logarithm.
    step: i32,
    log_step: i32,
    /// Poles: coefficients, past reconstructed and partially reconstructed signals.
    a: [i32; 2],
    past: [i32; 2],
    partial: [i32; 2],
    /// Zeros: coefficients and past differences.
    b: [i32; 6],
    differences: [i32; 6],
    /// The prediction of the next sample, and the zeros' part of it.
    prediction: i32,
    zeros: i32,
}

impl G722Decoder {
    pub(crate) fn new() -> Self {
        Self {
            step: 32,
            log_step: 0,
            a: [0; 2],
            past: [0; 2],
            partial: [0; 2],
            b: [0; 6],
            differences: [0; 6],
            prediction: 0,
            zeros: 0,
        }
    }

    /// Decodes one byte.
    pub(crate) fn sample(&mut self, byte: u8) -> i16 {
        let (fine, coarse) = (usize::from(byte & 0x3f), usize::from(byte >> 2 & 0x0f));
        let output = (self.prediction + ((self.step * i32::from(LEVELS_6[fine])) >> 15)).clamp(-16_384, 16_383);
        let difference = (self.step * i32::from(LEVELS_4[coarse])) >> 15;

        // Scale factor (blocks 3L).
        self.log_step = (((self.log_step * 127) >> 7) + SCALE_STEPS[usize::from(MAGNITUDE[coarse])]).clamp(0, 18_432);
        let (fraction, exponent) = ((self.log_step >> 6 & 31) as usize, 8 - (self.log_step >> 11));
        let power = if exponent < 0 { POWERS[fraction] << -exponent } else { POWERS[fraction] >> exponent };
        self.step = power << 2;

        self.predict(difference);
        // The filters' sum has twice the gain of one band.
        (output * 2) as i16
    }

    /// Adapts the predictor to the difference just decoded, and predicts the next sample (block 4).
    fn predict(&mut self, difference: i32) {
        let saturate = |value: i32| value.clamp(-32_768, 32_767);
        let reconstructed = saturate(self.prediction + difference);
        let partial = saturate(self.zeros + difference);

        // Poles, by the signs of the partial reconstructions.
        let same = |past: i32| (partial < 0) == (past < 0);
        let pull = saturate(self.a[0] * 4);
        let pull = if same(self.partial[0]) { saturate(-pull) } else { pull } >> 7;
        let kick = if same(self.partial[1]) { 128 } else { -128 };
        let second = (pull + kick + ((self.a[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let kick = if same(self.partial[0]) { 192 } else { -192 };
        let limit = 15_360 - second;
        let first = (kick + ((self.a[0] * 32_640) >> 15)).clamp(-limit, limit);
        self.a = [first, second];
        self.partial = [partial, self.partial[0]];

        // Zeros, by the signs of the differences.
        let kick = if difference == 0 { 0 } else { 128 };
        for (b, &past) in self.b.iter_mut().zip(&self.differences) {
            let kick = if (difference < 0) == (past < 0) { kick } else { -kick };
            *b = saturate(kick + ((*b * 32_640) >> 15));
        }
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;

        self.past = [reconstructed, self.past[0]];
        let poles = |past: i32, a: i32| (a * saturate(past + past)) >> 15;
        let poles = saturate(poles(self.past[0], self.a[0]) + poles(self.past[1], self.a[1]));
        let zeros = self.b.iter().zip(&self.differences).map(|(&b, &past)| (b * saturate(past + past)) >> 15).sum();
        self.zeros = saturate(zeros);
        self.prediction = saturate(poles + self.zeros);
    }
}
