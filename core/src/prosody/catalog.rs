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
const PAUSES: &str = "de Jong & Bosker 2013";
const SYLLABLES: &str = "de Jong & Wempe 2009";
const BOERSMA: &str = "Boersma 1993";
const OWN: &str = "callprint";

/// The columns of [`Functionals`](super::Functionals), in order.
pub const FEATURES: &[Feature] = &[
    feature(
        "F0semitoneFrom27.5Hz_sma3nz_amean",
        "semitone",
        "mean of 12 log2(F0 / 27.5 Hz) over voiced frames, smoothed over 3 voiced neighbours",
        EGEMAPS,
    ),
    feature("F0semitoneFrom27.5Hz_sma3nz_stddevNorm", "1", "its standard deviation / mean", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_percentile20.0", "semitone", "its 20th percentile", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_percentile50.0", "semitone", "its median", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_percentile80.0", "semitone", "its 80th percentile", EGEMAPS),
    feature("F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2", "semitone", "80th less 20th percentile", EGEMAPS),
    feature("VoicedSegmentsPerSec", "1/s", "runs of voiced frames / length", EGEMAPS),
    feature("MeanVoicedSegmentLengthSec", "s", "mean length of runs of voiced frames", EGEMAPS),
    feature("StddevVoicedSegmentLengthSec", "s", "standard deviation of these lengths", EGEMAPS),
    feature("MeanUnvoicedSegmentLength", "s", "mean length of runs of unvoiced frames", EGEMAPS),
    feature("StddevUnvoicedSegmentLength", "s", "standard deviation of these lengths", EGEMAPS),
    feature("equivalentSoundLevel_dBp", "dB", "10 log10 of the mean square, re full scale 1", EGEMAPS),
    feature("voicedShare", "1", "voiced frames / frames", OWN),
    feature("voicing_amean", "1", "mean over voiced frames of the normalised autocorrelation r at the period", BOERSMA),
    feature("HNRpitch_amean", "dB", "mean over voiced frames of 10 log10(r / (1 - r))", BOERSMA),
    feature("HNRpitch_stddev", "dB", "standard deviation of it", BOERSMA),
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
    feature("digitalSilenceShare", "1", "share of 10 ms hops in which no sample differs from the next", OWN),
];
