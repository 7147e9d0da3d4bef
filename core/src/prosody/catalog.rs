//! The names, units, formulas and sources of `TtsProsodyV1`: the one place where a column is defined.

/// Name and version of the feature set. A change of any value of an existing column makes a new version.
pub const FEATURE_SET: &str = "TtsProsodyV1";

/// What one column of the functionals means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Column name; the same as in eGeMAPSv02 where it is the same quantity.
    pub name: &'static str,
    /// Unit, `1` for a ratio.
    pub unit: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// Publication or set that defines it.
    pub source: &'static str,
}

const fn feature(name: &'static str, unit: &'static str, formula: &'static str, source: &'static str) -> Feature {
    Feature { name, unit, formula, source }
}

const EGEMAPS: &str = "eGeMAPSv02 (Eyben et al. 2016)";
const EGEMAPS_BAND: &str = "eGeMAPSv02 (Eyben et al. 2016), upper band to 4 instead of 5 kHz";
const PAUSES: &str = "de Jong & Bosker 2013";
const SYLLABLES: &str = "de Jong & Wempe 2009";
const BOERSMA: &str = "Boersma 1993";
const TITZE: &str = "waveform matching, Titze & Liang 1993";
const NPVI: &str = "Grabe & Low 2002";
const MODULATION: &str = "Greenberg & Kingsbury 1997";
const LFCC: &str = "Zhou et al. 2011";
const FORMANT: &str = "Atal & Hanauer 1971, Makhoul 1975";
const BREATH: &str = "after Ruinskiy & Lavner 2007";
const LEVINA: &str = "Levina & Bickel 2004";
const CODES: &str = "codes of Haitsma & Kalker 2002";
const TURN_TAKING: &str = "Heldner & Edlund 2010";
const OWN: &str = "callprint";

/// A column of a cepstral coefficient.
macro_rules! cepstral {
    (mean $k:literal) => {
        feature(
            concat!("lfcc", $k, "_amean"),
            "dB",
            concat!("mean over speech of linear-frequency cepstral coefficient ", $k, " (20 bands, 200-3600 Hz)"),
            LFCC,
        )
    };
    (spread $k:literal) => {
        feature(
            concat!("lfcc", $k, "_stddev"),
            "dB",
            concat!("standard deviation over speech of coefficient ", $k),
            LFCC,
        )
    };
    (change $k:literal) => {
        feature(
            concat!("lfcc", $k, "step_stddev"),
            "dB",
            concat!("standard deviation of the change of coefficient ", $k, " between neighbouring frames of speech"),
            LFCC,
        )
    };
}

/// Number of [`FEATURES`].
pub(crate) const COUNT: usize = 141;

/// The columns of [`Functionals`](super::Functionals), in order; the first 30 are those of eGeMAPSv02 that make sense in the
/// telephone band.
pub const FEATURES: &[Feature; COUNT] = &[
    feature(
        "F0semitoneFrom27.5Hz_sma3nz_amean",
        "semitone",
        "mean of 12 log2(F0 / 27.5 Hz) over voiced frames, smoothed over 3 voiced neighbours; F0 by subharmonic summation",
        EGEMAPS,
    ),
    feature("F0semitoneFrom27.5Hz_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_percentile20.0", "semitone", "its 20th percentile", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_percentile50.0", "semitone", "its median", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_percentile80.0", "semitone", "its 80th percentile", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2", "semitone", "80th less 20th percentile", EGEMAPS),
    feature(
        "F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope",
        "semitone/s",
        "mean slope of rising stretches of the voiced frames between turning points of a tenth of the range",
        EGEMAPS,
    ),
    feature(
        "F0semitoneFrom27.5Hz_sma3nz_stddevRisingSlope",
        "semitone/s",
        "standard deviation of these slopes",
        EGEMAPS,
    ),
    feature(
        "F0semitoneFrom27.5Hz_sma3nz_meanFallingSlope",
        "semitone/s",
        "mean magnitude of the slope of falling stretches",
        EGEMAPS,
    ),
    feature(
        "F0semitoneFrom27.5Hz_sma3nz_stddevFallingSlope",
        "semitone/s",
        "standard deviation of these slopes",
        EGEMAPS,
    ),
    feature(
        "jitterLocal_sma3nz_amean",
        "1",
        "mean over voiced frames, smoothed over 3, of the difference of two neighbouring periods over their mean (waveform matching)",
        EGEMAPS,
    ),
    feature("jitterLocal_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature(
        "shimmerLocaldB_sma3nz_amean",
        "dB",
        "mean over voiced frames, smoothed over 3, of the difference in peak-to-peak height of neighbouring periods",
        EGEMAPS,
    ),
    feature("shimmerLocaldB_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature(
        "HNRdBACF_sma3nz_amean",
        "dB",
        "mean over voiced frames, smoothed over 3, of 10 log10(a / (a0 - a)), a the autocorrelation of the 60 ms window at its peak nearest to the period",
        EGEMAPS,
    ),
    feature("HNRdBACF_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature(
        "logRelF0-H1-H2_sma3nz_amean",
        "dB",
        "mean over voiced frames, smoothed over 3, of the level of the first harmonic less that of the second",
        EGEMAPS,
    ),
    feature("logRelF0-H1-H2_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature(
        "slopeV0-500_sma3nz_amean",
        "dB/Hz",
        "mean over voiced frames, smoothed over 3, of the least-squares slope of the level over frequency, 0-500 Hz",
        EGEMAPS,
    ),
    feature("slopeV0-500_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature(
        "slopeV500-1500_sma3nz_amean",
        "dB/Hz",
        "mean over voiced frames, smoothed over 3, of the least-squares slope of the level over frequency, 500-1500 Hz",
        EGEMAPS,
    ),
    feature("slopeV500-1500_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature("slopeUV0-500_sma3nz_amean", "dB/Hz", "the same slope over unvoiced frames, 0-500 Hz", EGEMAPS),
    feature("slopeUV500-1500_sma3nz_amean", "dB/Hz", "the same slope over unvoiced frames, 500-1500 Hz", EGEMAPS),
    feature("VoicedSegmentsPerSec", "1/s", "runs of voiced frames / length", EGEMAPS),
    feature("MeanVoicedSegmentLengthSec", "s", "mean length of runs of voiced frames", EGEMAPS),
    feature("StddevVoicedSegmentLengthSec", "s", "standard deviation of these lengths", EGEMAPS),
    feature("MeanUnvoicedSegmentLength", "s", "mean length of runs of unvoiced frames", EGEMAPS),
    feature("StddevUnvoicedSegmentLength", "s", "standard deviation of these lengths", EGEMAPS),
    feature("equivalentSoundLevel_dBp", "dB", "10 log10 of the mean square, re full scale 1", EGEMAPS),
    feature(
        "F0pitch_amean",
        "semitone",
        "mean over voiced frames, smoothed over 3, of 12 log2(F0 / 27.5 Hz), F0 by Boersma's autocorrelation",
        BOERSMA,
    ),
    feature("F0pitch_stddev", "semitone", "its standard deviation", BOERSMA),
    feature(
        "jitterPitch_amean",
        "1",
        "mean over voiced frames, smoothed over 3, of the difference of two neighbouring periods over their mean",
        TITZE,
    ),
    feature("jitterPitch_stddev", "1", "its standard deviation", TITZE),
    feature(
        "shimmerPitch_amean",
        "dB",
        "mean over voiced frames, smoothed over 3, of the difference in peak-to-peak height of neighbouring periods",
        TITZE,
    ),
    feature("shimmerPitch_stddev", "dB", "its standard deviation", TITZE),
    feature(
        "HNRpitch_amean",
        "dB",
        "mean over voiced frames, smoothed over 3, of 10 log10(r / (1 - r)), r the normalised autocorrelation at the period",
        BOERSMA,
    ),
    feature("HNRpitch_stddev", "dB", "its standard deviation", BOERSMA),
    feature(
        "H1-H2pitch_amean",
        "dB",
        "mean over voiced frames, smoothed over 3, of the level of the first harmonic less that of the second",
        OWN,
    ),
    feature("H1-H2pitch_stddev", "dB", "its standard deviation", OWN),
    feature("voicedRunsPerSec", "1/s", "runs of frames with F0pitch / length", BOERSMA),
    feature("voicedRunSec_amean", "s", "mean length of runs of voiced frames", BOERSMA),
    feature("voicedRunSec_stddev", "s", "standard deviation of these lengths", BOERSMA),
    feature("unvoicedRunSec_amean", "s", "mean length of runs of unvoiced frames", BOERSMA),
    feature("unvoicedRunSec_stddev", "s", "standard deviation of these lengths", BOERSMA),
    feature("voicedShare", "1", "voiced frames / frames", OWN),
    feature("voicing_amean", "1", "mean over voiced frames of the normalised autocorrelation at the period", BOERSMA),
    feature("level_percentile50.0", "dB", "median level of the frames that hold speech, re full scale 1", OWN),
    feature(
        "level_pctlrange5-95",
        "dB",
        "95th less 5th percentile of the level of all frames that are not digital silence",
        OWN,
    ),
    feature(
        "speechSec",
        "s",
        "length of speech: frames above the speech threshold and gaps too short for a pause",
        PAUSES,
    ),
    feature(
        "pausesPerMin",
        "1/min",
        "pauses of 0.25 s and more between speech, a minute from first to last speech",
        PAUSES,
    ),
    feature("pauseLengthSec_amean", "s", "mean length of these pauses", PAUSES),
    feature(
        "pauseLengthSec_stddevNorm",
        "1",
        "standard deviation / mean of these lengths: near 0 for a machine's regular pauses",
        OWN,
    ),
    feature("speechRate", "1/s", "syllable nuclei a second from first to last speech", SYLLABLES),
    feature("articulationRate", "1/s", "syllable nuclei a second of speech", SYLLABLES),
    feature(
        "nPVI",
        "1",
        "100 x mean of |d1 - d2| / ((d1 + d2) / 2) over neighbouring intervals of syllable nuclei",
        NPVI,
    ),
    feature("digitalSilenceShare", "1", "share of 10 ms hops in which no sample differs from the next", OWN),
    feature("digitalGapsPerMin", "1/min", "runs of 50 ms and more of such hops, a minute", OWN),
    feature(
        "pauseLevel_stddev",
        "dB",
        "standard deviation of the level in pauses, digital silence aside: how steady the noise floor is",
        OWN,
    ),
    feature(
        "F0step_amean",
        "semitone",
        "mean of |difference of F0 between neighbouring voiced frames| (jumps of half an octave aside)",
        OWN,
    ),
    feature("F0step_stddevNorm", "1", "its standard deviation / mean", OWN),
    feature(
        "F0bend_amean",
        "semitone",
        "mean of |difference of neighbouring differences| of F0: its micro-variation",
        OWN,
    ),
    feature("F0bend_stddevNorm", "1", "its standard deviation / mean", OWN),
    feature(
        "F0modulation_1.5Hz",
        "1",
        "share of the power of the F0 contour near 1.5 Hz (resonators as wide as their frequency)",
        MODULATION,
    ),
    feature(
        "F0modulation_3Hz",
        "1",
        "share of the power of the F0 contour near 3 Hz (resonators as wide as their frequency)",
        MODULATION,
    ),
    feature(
        "F0modulation_6Hz",
        "1",
        "share of the power of the F0 contour near 6 Hz (resonators as wide as their frequency)",
        MODULATION,
    ),
    feature(
        "F0modulation_12Hz",
        "1",
        "share of the power of the F0 contour near 12 Hz (resonators as wide as their frequency)",
        MODULATION,
    ),
    feature("levelStep_amean", "dB", "mean of |difference of the level between neighbouring frames of speech|", OWN),
    feature("levelStep_stddevNorm", "1", "its standard deviation / mean", OWN),
    feature("levelModulation_1.5Hz", "1", "share of the power of the level contour near 1.5 Hz", MODULATION),
    feature("levelModulation_3Hz", "1", "share of the power of the level contour near 3 Hz", MODULATION),
    feature("levelModulation_6Hz", "1", "share of the power of the level contour near 6 Hz", MODULATION),
    feature("levelModulation_12Hz", "1", "share of the power of the level contour near 12 Hz", MODULATION),
    feature("flux_amean", "dB", "mean over speech of the mean |change of 20 bands between neighbouring frames|", OWN),
    feature("flux_stddevNorm", "1", "its standard deviation / mean", OWN),
    feature("alphaRatio4k_amean", "dB", "mean over speech of the energy 50-1000 Hz over that of 1-4 kHz", EGEMAPS_BAND),
    feature("alphaRatio4k_stddev", "dB", "its standard deviation", OWN),
    feature(
        "hammarberg4k_amean",
        "dB",
        "mean over speech of the highest level below 2 kHz less the highest from 2 to 4 kHz",
        EGEMAPS_BAND,
    ),
    feature("hammarberg4k_stddev", "dB", "its standard deviation", OWN),
    cepstral!(mean "1"),
    cepstral!(mean "2"),
    cepstral!(mean "3"),
    cepstral!(mean "4"),
    cepstral!(mean "5"),
    cepstral!(mean "6"),
    cepstral!(mean "7"),
    cepstral!(mean "8"),
    cepstral!(mean "9"),
    cepstral!(mean "10"),
    cepstral!(mean "11"),
    cepstral!(mean "12"),
    cepstral!(spread "1"),
    cepstral!(spread "2"),
    cepstral!(spread "3"),
    cepstral!(spread "4"),
    cepstral!(spread "5"),
    cepstral!(spread "6"),
    cepstral!(spread "7"),
    cepstral!(spread "8"),
    cepstral!(spread "9"),
    cepstral!(spread "10"),
    cepstral!(spread "11"),
    cepstral!(spread "12"),
    cepstral!(change "1"),
    cepstral!(change "2"),
    cepstral!(change "3"),
    cepstral!(change "4"),
    cepstral!(change "5"),
    cepstral!(change "6"),
    cepstral!(change "7"),
    cepstral!(change "8"),
    cepstral!(change "9"),
    cepstral!(change "10"),
    cepstral!(change "11"),
    cepstral!(change "12"),
    feature(
        "formant1_amean",
        "Hz",
        "mean over voiced frames, smoothed over 3, of the lowest resonance of linear prediction of order 10",
        FORMANT,
    ),
    feature("formant1_stddev", "Hz", "its standard deviation", FORMANT),
    feature("formant2_amean", "Hz", "the same of the second lowest resonance", FORMANT),
    feature("formant2_stddev", "Hz", "its standard deviation", FORMANT),
    feature("formant3_amean", "Hz", "the same of the third lowest resonance", FORMANT),
    feature("formant3_stddev", "Hz", "its standard deviation", FORMANT),
    feature(
        "breathsPerMin",
        "1/min",
        "runs of 0.1-0.8 s of soft, bright, unvoiced noise (18 dB below loud speech, 5 dB above the floor, alpha ratio below 3 dB), a minute",
        BREATH,
    ),
    feature("breathSec_amean", "s", "mean length of these runs", BREATH),
    feature(
        "repeatedPhraseShare",
        "1",
        "share of the time in phrases (0.6 s and more) that differ from an earlier one as long in less than 33 % of the bits of their codes",
        CODES,
    ),
    feature(
        "phraseDistance_amean",
        "1",
        "mean over phrases of the least share of bits in which one differs from an earlier one as long",
        CODES,
    ),
    feature(
        "lfccGrowth_20ms",
        "1",
        "ln of the mean square change of a cepstral coefficient between frames of speech 20 ms apart over that 10 ms apart, mean over coefficients 1-8",
        OWN,
    ),
    feature("lfccGrowth_40ms", "1", "the same of 40 over 20 ms", OWN),
    feature("lfccGrowth_80ms", "1", "the same of 80 over 40 ms", OWN),
    feature("lfccGrowth_160ms", "1", "the same of 160 over 80 ms", OWN),
    feature(
        "lfccRecurrence",
        "1",
        "mean ln of the cepstral distance of every second voiced frame to the nearest at least 40 voiced frames away, less half ln of the total variance",
        OWN,
    ),
    feature(
        "lfccReturn_80ms",
        "1",
        "correlation of the change of cepstral coefficients 1-8 between neighbouring frames of speech with that 80 ms later",
        OWN,
    ),
    feature(
        "lfccDimension",
        "1",
        "1 / mean of ln(T10 / Tj), j = 1 to 9: Tj the cepstral distance of every second frame of speech to its jth nearest at least 40 frames away",
        LEVINA,
    ),
    feature(
        "F0runRise_lnStddev",
        "1",
        "ln of the standard deviation (semitones) of the change of F0 along the least-squares line of a run of 80-640 ms of voiced frames",
        OWN,
    ),
    feature(
        "F0runResidual_lnPercentile50.0",
        "1",
        "ln of the median over these runs of the root mean square deviation (semitones) of F0 from the least-squares cubic",
        OWN,
    ),
    feature(
        "levelRunEnd_lnStddev",
        "1",
        "ln of the standard deviation (dB) over these runs of the mean level of the last 30 ms less that of the run",
        OWN,
    ),
    feature("jitterPitch_lnPercentile90.0", "1", "ln of the 90th percentile of the jitter of voiced frames", TITZE),
    feature(
        "responseLatencySec_amean",
        "s",
        "two channels only: mean time from the end of the other's speech to the start of this one's answer (at most 5 s)",
        TURN_TAKING,
    ),
    feature("responseLatencySec_stddev", "s", "its standard deviation: small for a machine", TURN_TAKING),
    feature(
        "overlapShare",
        "1",
        "two channels only: frames in which both speak / frames in which this one speaks",
        TURN_TAKING,
    ),
    feature(
        "yieldLatencySec_amean",
        "s",
        "two channels only: where the other talks over this one for 0.3 s and more, mean time until this one stops, if within 2 s",
        OWN,
    ),
    feature("goesOnShare", "1", "share of these interruptions after which this one goes on for 2 s and more", OWN),
];
