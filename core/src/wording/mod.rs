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
    index::{BAND_UNIT, Index, Stats, script_of},
    signal::Activity,
};
use encoder::{Embedding, encoder};
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
/// Scripts that an answer is compared with at least, with fewer the best of them says too little about what strangers' words can reach:
/// the missing ones are made of the renderings' own sounds in another order. Against one script each (58 of the corpus) 113 of 174 recordings
/// of single words were taken for it, and 112 of 755 other scripts by another voice, at .1 an hour; now none and 8, all 25 right ones still are.
const COMPARED: usize = 40;
/// Aligned frames of a block that strangers are put together from (0.32 s): a syllable or two.
const BLOCK: usize = 8;

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
    /// What else is said in the renderings' voices, so that it is no lead to come nearer to a small index than silence does: its own sounds
    /// in another order.
    strangers: Vec<Transposed>,
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
        let Stats { scripts, renderings, .. } = index.stats();
        let wanted = COMPARED.saturating_sub(scripts);
        let (mut known, mut strangers) = (Vec::with_capacity(renderings), Vec::new());
        for (i, rendering) in index.renderings().enumerate() {
            let frames = thinned(&encoder().embed(&index.rendering_bands(i)));
            known.push(Known { id: rendering.id.to_owned(), frames: Transposed::new(&frames) });
            let seeds = (i..wanted).step_by(renderings);
            strangers.extend(seeds.map(|seed| Transposed::new(&shuffled(&frames, seed as u32))));
        }
        Self { known, strangers }
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
        let mut other = 0.0f64;
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
        for stranger in &self.strangers {
            for (tempo, query) in &queries {
                other = other.max(f64::from(local::best(query, stranger, &mut rows).score * weight(*tempo)));
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

/// The frames in another order, by blocks: what a stranger says in the same voice, channel and pauses. `seed` chooses the order.
fn shuffled(frames: &[Embedding], seed: u32) -> Vec<Embedding> {
    let mut blocks: Vec<&[Embedding]> = frames.chunks(BLOCK).collect();
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    // Fisher & Yates, with a linear congruence.
    for last in (1..blocks.len()).rev() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        blocks.swap(last, (state >> 8) as usize % (last + 1));
    }
    blocks.concat()
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
