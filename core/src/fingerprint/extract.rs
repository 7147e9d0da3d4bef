//! Codes from a stream: bands → patches → values → signs, at several assumed speeds at once.
//!
//! A query that is played faster by a factor f has its frequencies raised by f and its time shortened by f. Instead of
//! resampling the audio for each f, the bands' edges are scaled and the band values interpolated in time, so all speeds
//! share one FFT. Each speed then runs through the same integer arithmetic.
//!
//! Cost per code: B * K * P + 128 * B * K multiply-adds of 16 bits.

use smallvec::SmallVec;

use super::{
    code::SoftCode,
    kernel::{kernel, padded, project, temporal},
    model::{Model, model},
    pitch::{Pitch, PitchTrack},
};
use crate::{
    prosody::F0Tracker,
    signal::{Activity, ActivityGate, FRAME_SECONDS, Framer, HOP_SECONDS, MelBank, Spectrum, TONE_FRAMES, ToneReach},
    simd::wide,
};

/// Assumed playback speeds of a query, 5 % apart. A code tolerates about ±3 %, so nothing between them is lost, and scripts are found
/// that play up to 11 % off.
pub const SPEEDS: [f64; 5] = [0.907, 0.952, 1.0, 1.05, 1.1025];

/// Bands of a frame.
pub const BANDS: usize = 24;

/// Levels of a patch's frames; on the stack, with room to spare.
type Levels = SmallVec<[i16; 64]>;

/// The log power of a frame's bands, 1/256 octave.
pub type Bands = [i16; BANDS];

/// Frames from one stored code to the next (40 ms).
pub const CODE_HOP: usize = 4;

/// Frames of a patch that must hold sound near the peak level for its code to count.
const SOUND_FRAMES: usize = 10;
/// How far below the recent peak a frame may lie to count as sound, 1/256 octave of power (30 dB).
pub(crate) const SOUND_DEPTH: i16 = 2551;
/// Frames over which the level is smoothed before its steadiness is judged (80 ms): a noise evens out, syllables do not.
const SMOOTHED_FRAMES: usize = 8;
/// Mean absolute deviation of the smoothed level over a patch under which it is a steady noise, 1/256 octave of power
/// (0.45 dB). White noise has 6 to 35, pink noise 9 to 43 with 1 % over 38; a voice in white noise as strong as itself has
/// less than 25 in 1 % of its patches and less than 53 in 5 %.
const STEADY_DEVIATION: i32 = 38;
/// Frames beside tones that a patch needs to be taken for a voice: on fewer a steady noise cannot be told.
const BESIDE_TONES: usize = 20;

/// A code of the stream at one assumed speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryFrame {
    /// Index into [`SPEEDS`].
    pub speed: usize,
    /// Number of the patch's first frame on the time axis of this speed (10 ms of the script each).
    pub frame: u32,
    /// The code and its reliabilities.
    pub soft: SoftCode,
    /// Log power in the middle of the patch, 1/256 octave.
    pub level: i16,
    /// Whether the patch holds sound that can be a voice, as far as a match is concerned: next to a tone it may be the line's noise.
    pub active: bool,
    /// Whether it holds sound that can be a voice beside any tone; told at speed 1 only.
    pub voice: bool,
}

impl QueryFrame {
    /// Time of the middle of the patch in the stream, s.
    pub fn time(&self) -> f64 {
        stream_time(f64::from(self.frame), self.speed)
    }
}

/// Whether a frame is sound that speech would not drown: neither silence, nor a tone, nor far below the recent peak.
fn is_heard(activity: &Activity) -> bool {
    is_loud(activity) && !activity.tone
}

/// Whether a frame is not far below the recent peak, tone or not.
pub(crate) fn is_loud(activity: &Activity) -> bool {
    !activity.silent && activity.below_peak < SOUND_DEPTH
}

/// Time in the stream of the middle of the patch that starts at `frame` on the time axis of speed `speed`, s.
pub(crate) fn stream_time(frame: f64, speed: usize) -> f64 {
    (frame + 0.5 * (model().patch as f64 - 1.0)) * HOP_SECONDS / SPEEDS[speed] + 0.5 * FRAME_SECONDS
}

/// Turns a stream of 8 kHz samples into codes at each of the [`SPEEDS`]. Results do not depend on how the samples are cut
/// into pushes.
#[derive(Debug)]
pub struct Extractor {
    framer: Framer,
    gate: ActivityGate,
    lanes: Vec<Lane>,
    /// Where it is wanted.
    pitch: Option<PitchTrack>,
}

impl Default for Extractor {
    fn default() -> Self {
        Self::new()
    }
}

impl Extractor {
    /// An extractor at the start of a stream, at all [`SPEEDS`].
    pub fn new() -> Self {
        Self { pitch: Some(PitchTrack::new()), ..Self::with_lanes(0..SPEEDS.len(), 1) }
    }

    /// An extractor at the start of a stream, at speed 1 only, as renderings are coded: a fifth of the cost of
    /// [`new`](Self::new).
    pub fn reference() -> Self {
        Self::at_speed_1(1)
    }

    fn at_speed_1(hop: usize) -> Self {
        Self::with_lanes(SPEEDS.iter().position(|&s| s == 1.0), hop)
    }

    /// With a code every `hop` frames at each of `speeds`.
    fn with_lanes(speeds: impl IntoIterator<Item = usize>, hop: usize) -> Self {
        let lanes = speeds.into_iter().map(|s| Lane::new(model(), s, hop as u32)).collect();
        Self { framer: Framer::new(), gate: ActivityGate::new(), lanes, pitch: None }
    }

    /// Forgets the stream; the next sample begins another. Keeps the memory.
    pub fn reset(&mut self) {
        self.framer.reset();
        self.gate.reset();
        if let Some(pitch) = &mut self.pitch {
            pitch.reset();
        }
        for lane in &mut self.lanes {
            lane.last = None;
            lane.position = 0;
            (lane.patch.pushed, lane.patch.tone) = (0, false);
            lane.patch.reach = ToneReach::default();
            // What a patch holds is overwritten before the first code is made of it.
        }
    }

    /// Takes samples in [-1, 1]; hands each frame's activity to `on_frame` and each code to `on_code`, in order of time.
    pub fn push(&mut self, samples: &[f32], on_frame: impl FnMut(Activity), on_code: impl FnMut(QueryFrame)) {
        self.push_to(samples, &mut Closures { on_frame, on_code });
    }

    /// Takes samples in [-1, 1]; tells `listener` of everything that comes of them, in order of time.
    pub fn push_to(&mut self, samples: &[f32], listener: &mut impl Listener) {
        let Self { framer, gate, lanes, pitch } = self;
        if let Some(pitch) = pitch {
            pitch.push(samples, |pitch| listener.pitch(pitch));
        }
        framer.push(samples, |power| {
            let activity = gate.push(power);
            listener.frame(activity);
            for lane in lanes.iter_mut() {
                lane.push(power, activity, listener);
            }
        });
    }
}

/// Takes what an [`Extractor`] makes.
pub trait Listener {
    /// A frame of the stream, each 10 ms.
    fn frame(&mut self, _activity: Activity) {}

    /// A frame's bands on the time axis of assumed speed number `speed`.
    fn bands(&mut self, _speed: usize, _bands: &Bands) {}

    /// The pitch of a frame of 10 ms centred at its middle, as of [`F0Tracker`](crate::prosody::F0Tracker): one after the other, up to
    /// 0.1 s behind the stream.
    fn pitch(&mut self, _pitch: Pitch) {}

    /// A code at one assumed speed. It comes after the bands of its patch's last frame.
    fn code(&mut self, _code: QueryFrame) {}
}

/// A listener to activities and codes alone.
struct Closures<F, C> {
    on_frame: F,
    on_code: C,
}

impl<F: FnMut(Activity), C: FnMut(QueryFrame)> Listener for Closures<F, C> {
    fn frame(&mut self, activity: Activity) {
        (self.on_frame)(activity);
    }

    fn code(&mut self, code: QueryFrame) {
        (self.on_code)(code);
    }
}

/// What an index keeps of a rendering.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// A code every [`CODE_HOP`] frames.
    pub codes: Vec<QueryFrame>,
    /// The bands of every frame.
    pub bands: Vec<Bands>,
    /// The pitch of every 10 ms.
    pub pitch: Vec<Pitch>,
}

impl Listener for Reference {
    fn bands(&mut self, _speed: usize, bands: &Bands) {
        self.bands.push(*bands);
    }

    fn code(&mut self, code: QueryFrame) {
        if (code.frame as usize).is_multiple_of(CODE_HOP) {
            self.codes.push(code);
        }
    }
}

impl Reference {
    /// Codes, bands and pitch at speed 1, from 8 kHz samples in [-1, 1].
    pub fn of(samples: &[f32]) -> Self {
        let mut reference = Self::without_pitch(samples);
        let mut tracker = F0Tracker::new();
        let pitch = &mut reference.pitch;
        tracker.push(samples, |f0| pitch.push(Pitch::of(f0.hertz)));
        tracker.finish(|f0| pitch.push(Pitch::of(f0.hertz)));
        reference
    }

    fn without_pitch(samples: &[f32]) -> Self {
        let mut reference = Self::default();
        Extractor::at_speed_1(CODE_HOP).push_to(samples, &mut reference);
        reference
    }
}

/// The codes of a rendering: every [`CODE_HOP`] frames at speed 1, from 8 kHz samples in [-1, 1].
pub fn reference_codes(samples: &[f32]) -> Vec<QueryFrame> {
    Reference::without_pitch(samples).codes
}

/// One assumed speed: its bank, its time axis, its patch.
#[derive(Debug)]
struct Lane {
    model: &'static Model,
    speed: usize,
    /// Frames from one code to the next.
    hop: u32,
    bank: MelBank,
    /// Bands of the frame before, to interpolate from.
    last: Option<(Bands, Activity)>,
    bands: Bands,
    /// Position of the next interpolated frame after `last`, in frames of the stream, Q16.
    position: u64,
    step: u64,
    patch: Patch,
}

impl Lane {
    fn new(model: &'static Model, speed: usize, hop: u32) -> Self {
        let factor = SPEEDS[speed];
        Self {
            model,
            speed,
            hop,
            bank: MelBank::new(&model.edges, model.floor as f32, factor),
            last: None,
            bands: [0; BANDS],
            position: 0,
            step: (65536.0 / factor + 0.5).floor() as u64,
            patch: Patch::new(model),
        }
    }

    /// Takes the next frame of the stream; interpolated frames between it and the one before may complete codes.
    fn push(&mut self, power: &Spectrum, activity: Activity, listener: &mut impl Listener) {
        self.bank.apply(power, &mut self.bands);
        let Some((last, before)) = &mut self.last else {
            self.last = Some((self.bands, activity));
            return;
        };
        let mut mixed = [0i16; BANDS];
        while self.position <= 65536 {
            let fraction = (self.position >> 8) as i32;
            mix(last, &self.bands, fraction, &mut mixed);
            let nearest = if fraction < 128 { *before } else { activity };
            listener.bands(self.speed, &mixed);
            if let Some(frame) = self.patch.push(&mixed, nearest)
                && frame.is_multiple_of(self.hop)
            {
                listener.code(self.patch.code(self.model, self.speed, frame));
            }
            self.position += self.step;
        }
        self.position -= 65536;
        *last = self.bands;
        *before = activity;
    }
}

/// The last P frames of a lane, each kept twice so that a window of P is always contiguous.
#[derive(Debug)]
struct Patch {
    frames: usize,
    /// Bands of a frame, with what they are padded by.
    width: usize,
    bands: Vec<i16>,
    /// Levels of the frames, whether each is sound near the peak level, whether it is near that, tone or not, and whether a sure tone
    /// reaches it; in no order of time.
    levels: Vec<i16>,
    sounds: Vec<bool>,
    loud: Vec<bool>,
    tones: Vec<bool>,
    /// Whether the last frame was part of a tone, and how far that reaches.
    tone: bool,
    reach: ToneReach,
    pushed: u32,
    floors: Vec<i16>,
    features: Vec<i16>,
}

impl Patch {
    fn new(model: &Model) -> Self {
        let (width, frames) = (padded(model.bands()), model.patch);
        Self {
            frames,
            width,
            bands: vec![0; width * 2 * frames],
            levels: vec![0; frames],
            sounds: vec![false; frames],
            loud: vec![false; frames],
            tones: vec![false; frames],
            tone: false,
            reach: ToneReach::default(),
            pushed: 0,
            floors: vec![0; width],
            features: vec![0; kernel().features()],
        }
    }

    /// Takes a frame; says the number of the patch's first frame once P are there.
    fn push(&mut self, bands: &[i16], activity: Activity) -> Option<u32> {
        let at = self.pushed as usize % self.frames;
        for copy in [at, at + self.frames] {
            self.bands[copy * self.width..][..bands.len()].copy_from_slice(bands);
        }
        self.levels[at] = activity.level;
        self.sounds[at] = is_heard(&activity);
        let begins = activity.tone && !self.tone;
        self.tone = activity.tone;
        if begins {
            // What made it a tone were the frames before.
            for back in 1..TONE_FRAMES.min(self.frames) {
                self.sounds[(at + self.frames - back) % self.frames] = false;
            }
        }
        let (reached, before) = self.reach.push(&activity);
        (self.loud[at], self.tones[at]) = (is_loud(&activity), reached);
        for back in 1..=before.min(self.frames - 1) {
            self.tones[(at + self.frames - back) % self.frames] = true;
        }
        self.pushed += 1;
        self.pushed.checked_sub(self.frames as u32)
    }

    fn code(&mut self, model: &Model, speed: usize, frame: u32) -> QueryFrame {
        self.temporal(model);
        let (values, code) = project(kernel(), &self.features);
        let oldest = self.pushed as usize % self.frames;
        let level = self.levels[(oldest + self.frames / 2) % self.frames];
        let sound = self.sounds.iter().filter(|&&s| s).count() >= SOUND_FRAMES;
        // One lane is enough to tell.
        let loud = SPEEDS[speed] == 1.0
            && self.loud.iter().zip(&self.tones).filter(|&(&loud, &tone)| loud && !tone).count() >= SOUND_FRAMES;
        let levels = |tones: bool| -> Levels {
            let order = (oldest..self.frames).chain(0..oldest);
            order.filter(|&i| tones || !self.tones[i]).map(|i| self.levels[i]).collect()
        };
        let moves = (sound || loud) && !is_steady(&levels(true));
        let voice = if self.tones.contains(&true) {
            let beside = levels(false);
            loud && beside.len() >= BESIDE_TONES && !is_steady(&beside)
        } else {
            loud && moves
        };
        let active = sound && moves;
        QueryFrame { speed, frame, soft: SoftCode::new(values, code), level, active, voice }
    }

    /// First stage: the temporal functions of each band.
    fn temporal(&mut self, model: &Model) {
        let at = self.pushed as usize % self.frames;
        let window = &self.bands[at * self.width..][..self.frames * self.width];
        raise_valleys(model, window, &mut self.floors);
        temporal(kernel(), window, &self.floors, &mut self.features);
    }
}

/// Finds what each band of a patch is raised to before the first stage. Valleys deeper than the model keeps are filled: noise and coders
/// fill them anyway, so what lies in them says nothing.
pub(super) fn raise_valleys(model: &Model, window: &[i16], floors: &mut [i16]) {
    highest(window, floors);
    let tops = &mut floors[..model.bands()];
    let lowest = tops.iter().copied().max().unwrap_or(0).saturating_sub(model.span_patch);
    for top in tops {
        *top = lowest.max(top.saturating_sub(model.span_band));
    }
}

wide! {
    /// The highest value of each band over the frames.
    fn highest(frames: &[i16], tops: &mut [i16]) {
        tops.fill(i16::MIN);
        for frame in frames.chunks_exact(tops.len()) {
            for (top, &value) in tops.iter_mut().zip(frame) {
                *top = value.max(*top);
            }
        }
    }
}

/// Whether levels in order of time are those of a steady noise.
fn is_steady(levels: &[i16]) -> bool {
    let level = |i: usize| i32::from(levels[i]);
    let smoothed = levels.len().saturating_sub(SMOOTHED_FRAMES) + 1;
    let sums = || {
        let mut sum: i32 = (0..SMOOTHED_FRAMES.min(levels.len())).map(level).sum();
        (0..smoothed).map(move |i| {
            if i > 0 {
                sum += level(i + SMOOTHED_FRAMES - 1) - level(i - 1);
            }
            sum
        })
    };
    let mean = sums().sum::<i32>() / smoothed as i32;
    sums().map(|s| (s - mean).abs()).sum::<i32>() < STEADY_DEVIATION * (SMOOTHED_FRAMES * smoothed) as i32
}

wide! {
    /// Bands between two frames, `fraction` of 256 parts from the first to the second.
    fn mix(a: &[i16], b: &[i16], fraction: i32, mixed: &mut [i16]) {
        for ((m, &a), &b) in mixed.iter_mut().zip(a).zip(b) {
            *m = ((i32::from(a) * (256 - fraction) + i32::from(b) * fraction + 128) >> 8) as i16;
        }
    }
}
