//! The same words by another voice: which script is being said, whoever says it.
//!
//! A fingerprint recognises a recording; a campaign that is rendered again, by another voice or engine, is new to it. Here
//! the sounds of the words are compared: each 20 ms of both sides becomes a vector that hardly depends on the speaker (`encoder`), and
//! the stretch in which query and rendering say the same is found by dynamic programming (`local`). All that is needed of a
//! rendering is in the index, its bands; nothing else is stored.
//!
//! ```
//! use callprint::{Index, index::IndexBuilder, wording::Wording};
//!
//! let index = Index::from_bytes(IndexBuilder::new().to_bytes()?)?;
//! assert!(Wording::new(&index).search(&[0.0; 16_000]).is_none());
//! # Ok::<_, callprint::Error>(())
//! ```
//!
//! Good for: a hint that an unknown robot says a known script. Whoever looks at it can add the recording to the index.
//! Not for: live calls (nothing is announced while it is said), large indexes (every rendering is compared in full), or a
//! decision within the first words: ten seconds tell surely, three often not. Figures are in `benches/README.md`.

mod encoder;
mod local;
mod stream;

use crate::{
    fingerprint::{BANDS, Bands, Extractor, Listener, QueryFrame},
    index::{BAND_UNIT, Index, script_of},
    signal::Activity,
};
use encoder::{AUDIBLE, Embedding, encoder, highest};
use local::{End, Rows, Transposed};
pub use stream::{WordingReport, WordingStream};

/// Time of a frame of bands, and of what the encoder makes of it, s.
const BAND_FRAME: f64 = 0.02;
/// Frames that the encoder makes for each that is aligned: a sound of speech lasts several.
const THINNED: usize = 2;
/// Time of an aligned frame, s.
const FRAME: f64 = BAND_FRAME * THINNED as f64;
/// How much faster than the rendering the query may be said; around each, steps of the alignment allow for more.
const TEMPI: [f64; 5] = [0.55, 0.74, 1.0, 1.35, 1.8];
/// What a stranger's words may reach a second of sound, if the stranger's is the voice of the rendering. It stands for another script ...
const STRANGER: f64 = 12.0;
/// ... where the index has fewer than this: against 40 scripts the best stranger of another voice reaches 8.2 to 9.7 in 10 s.
const MANY: usize = 10;

/// Level of a band under which there is no sound, 12 dB each: 12 dB over the power that is added to all bands.
const LEAST_LEVEL: f32 = 4.0;

/// Wrong answers of score 0 or higher per hour of calls, if their tail went on down to there ...
const WRONG: f64 = 407.0;
/// ... and the increase of score that makes them rarer by e: above a score of 10 on 1.6 h of development calls, half of them by robots
/// whose script is unknown, against 204 renderings. On 1.6 h more, of other scripts and voices, this foretells 80, 20, 10 and 4 of
/// score 6, 10, 12 and 15 or higher; there are 84, 22, 8 and none.
const RARER: f64 = 2.9;

/// Least rate of wrong answers that is stated, per hour, however high the score. The fit rests on 1.6 h of calls and was checked on 1.6 h
/// more, in which no rate under about 1 an hour can be seen: what lies below is its line drawn on, and so far it is taken for true.
pub const LEAST_RATE: f64 = 1e-3;

/// Expected wrong answers of `score` or higher per hour of calls that say no known script; [`LEAST_RATE`] means that or fewer.
///
/// A score is a lead over all other scripts, so this hardly depends on how many there are. It was fitted on strangers: a script that
/// shares whole sentences with a known one is told as that more often. Rates under 1 an hour are extrapolated: the few hours of calls
/// behind the fit hold none that are as good, and it does not state less than [`LEAST_RATE`].
pub fn false_alarms_per_hour(score: f64) -> f64 {
    // Not `max`, which would take NaN for a rate.
    (WRONG * (-score / RARER).exp()).clamp(LEAST_RATE, f64::INFINITY)
}

/// A rendering that says what the query says.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SameWords {
    /// Script id, the part of the rendering's name before `__`.
    pub script: String,
    /// Name of the script's rendering that comes nearest.
    pub rendering: String,
    /// Channel of the recording in which it was heard, from 0.
    pub channel: usize,
    /// How much more speaks for this script than for any other: cosines of aligned frames of 20 ms above the neutral one, summed up,
    /// less the same of the best other script. It grows with what is said.
    pub score: f64,
    /// Expected wrong answers of this score or higher per hour of calls that say no known script, at least [`LEAST_RATE`]; see
    /// [`false_alarms_per_hour`].
    pub false_alarms_per_hour: f64,
    /// Start in the query, s.
    pub query_start: f64,
    /// End in the query, s.
    pub query_end: f64,
    /// Start in the rendering, s.
    pub script_start: f64,
    /// End in the rendering, s.
    pub script_end: f64,
}

/// The renderings of an index as sequences of sounds.
#[derive(Debug)]
pub struct Wording {
    known: Vec<Known>,
    scripts: usize,
}

/// A rendering.
#[derive(Debug)]
struct Known {
    id: String,
    frames: Transposed,
}

impl Wording {
    /// Reads the renderings of `index`: 20 kB for 12 s of each.
    pub fn new(index: &Index) -> Self {
        let known = |(i, rendering): (usize, crate::index::Rendering<'_>)| {
            let frames = thinned(&encoder().embed(&index.rendering_bands(i)));
            Known { id: rendering.id.to_owned(), frames: Transposed::new(&frames) }
        };
        Self { known: index.renderings().enumerate().map(known).collect(), scripts: index.stats().scripts }
    }

    /// The script whose words the query says more than any other's; none where nothing leads.
    ///
    /// `samples`: one channel at 8 kHz in [-1, 1], 3 to 20 s of it. Longer audio is for [`Wording::scan`].
    pub fn search(&self, samples: &[f32]) -> Option<SameWords> {
        let bands = bands_of(samples);
        if bands.iter().flatten().all(|&level| level < LEAST_LEVEL) {
            return None;
        }
        let query = thinned(&encoder().embed(&bands));
        let queries = TEMPI.map(|tempo| (tempo, at_tempo(&query, tempo)));
        let mut rows = Rows::default();
        // The best rendering, the end of its best alignment at its best tempo, and the best sum of any other script.
        let mut best: Option<(f64, &Known, usize, End)> = None;
        let mut other = if self.scripts < MANY { STRANGER * audible(&bands) as f64 * BAND_FRAME } else { 0.0 };
        for known in &self.known {
            for (i, (tempo, query)) in queries.iter().enumerate() {
                let end = local::best(query, &known.frames, &mut rows);
                let sum = f64::from(end.score * weight(*tempo));
                let rival = best.filter(|b| script_of(&b.1.id) != script_of(&known.id)).map(|b| b.0);
                if best.is_none_or(|b| sum > b.0) {
                    other = other.max(rival.unwrap_or(0.0));
                    best = Some((sum, known, i, end));
                } else if rival.is_some() {
                    other = other.max(sum);
                }
            }
        }
        let (sum, known, i, end) = best.filter(|b| b.0 > other)?;
        let (tempo, query) = &queries[i];
        let begin = local::beginning(query, &known.frames, end, &mut rows);
        let seconds = |frame: usize| frame as f64 * FRAME;
        Some(SameWords {
            script: script_of(&known.id).to_owned(),
            rendering: known.id.clone(),
            channel: 0,
            score: sum - other,
            false_alarms_per_hour: false_alarms_per_hour(sum - other),
            query_start: seconds(begin.0) * tempo,
            query_end: seconds(end.query + 1) * tempo,
            script_start: seconds(begin.1),
            script_end: seconds(end.reference + 1),
        })
    }
}

/// Frames that hold sound, as far as their own loud ones tell.
fn audible(bands: &[[f32; BANDS]]) -> usize {
    let loud = bands.iter().map(highest).fold(f32::NEG_INFINITY, f32::max);
    bands.iter().filter(|frame| highest(frame) > loud + AUDIBLE).count()
}

/// The log bands of `samples` each 20 ms, in units of 12 dB.
fn bands_of(samples: &[f32]) -> Vec<[f32; BANDS]> {
    /// Keeps the bands, nothing else.
    #[derive(Default)]
    struct Collector(Vec<Bands>);
    impl Listener for Collector {
        fn frame(&mut self, _: Activity) {}
        fn bands(&mut self, _: usize, bands: &Bands) {
            self.0.push(*bands);
        }
        fn code(&mut self, _: QueryFrame) {}
    }
    let mut collector = Collector::default();
    Extractor::reference().push_to(samples, &mut collector);
    let mean = |pair: &[Bands; 2]| {
        std::array::from_fn(|b| (f32::from(pair[0][b]) + f32::from(pair[1][b])) / (2.0 * BAND_UNIT))
    };
    collector.0.as_chunks::<2>().0.iter().map(mean).collect()
}

/// Every so many of the frames.
fn thinned(frames: &[Embedding]) -> Vec<Embedding> {
    frames.iter().step_by(THINNED).copied().collect()
}

/// The encoder's frames that an aligned frame at a tempo stands for.
fn weight(tempo: f64) -> f32 {
    tempo as f32 * THINNED as f32
}

/// The frames as if said at another tempo: some are left out, or repeated.
fn at_tempo(frames: &[Embedding], tempo: f64) -> Vec<Embedding> {
    let count = (frames.len() as f64 / tempo) as usize;
    (0..count).filter_map(|i| frames.get((i as f64 * tempo) as usize).copied()).collect()
}
