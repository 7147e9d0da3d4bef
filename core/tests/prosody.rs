//! Prosody against closed forms and against Praat.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::prosody::{Extractor, FEATURES, Functionals, Lld, VoiceJudge};

const RATE: f64 = 8000.0;

fn run(samples: &[f32]) -> (Vec<Lld>, Functionals) {
    run_in_pieces(samples, samples.len().max(1))
}

fn run_in_pieces(samples: &[f32], piece: usize) -> (Vec<Lld>, Functionals) {
    let mut llds = Vec::new();
    let mut extractor = Extractor::new();
    for part in samples.chunks(piece) {
        extractor.push(part, |lld| llds.push(*lld));
    }
    let functionals = extractor.finish(|lld| llds.push(*lld));
    (llds, functionals)
}

fn get(functionals: &Functionals, name: &str) -> f64 {
    functionals.get(name).unwrap_or_else(|| panic!("no feature {name}"))
}

/// A uniform random number in [-1, 1) (xorshift64*), the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// White noise with variance 1.
fn noise(samples: usize) -> Vec<f64> {
    let mut random = Random(7);
    (0..samples).map(|_| random.next() * 3f64.sqrt()).collect()
}

/// Sum of all harmonics below 3.4 kHz with amplitudes falling as 1/k and F0 given at each sample, variance 1.
fn voice(f0: impl Fn(f64) -> f64, seconds: f64) -> Vec<f64> {
    let mut phase = 0.0;
    let samples: Vec<f64> = (0..(seconds * RATE) as usize)
        .map(|n| {
            let f = f0(n as f64 / RATE);
            phase += std::f64::consts::TAU * f / RATE;
            (1..=(3400.0 / f) as u32).map(|k| (f64::from(k) * phase + f64::from(k * k)).sin() / f64::from(k)).sum()
        })
        .collect();
    let power = samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64;
    samples.iter().map(|x| x / power.sqrt()).collect()
}

fn to_f32(samples: impl IntoIterator<Item = f64>) -> Vec<f32> {
    samples.into_iter().map(|x| (0.1 * x) as f32).collect()
}

/// Frames whose widest window lies within the signal.
fn inner(llds: &[Lld]) -> &[Lld] {
    &llds[3..llds.len() - 3]
}

fn cents(a: f64, b: f64) -> f64 {
    1200.0 * (a / b).log2()
}

#[test]
fn the_period_of_a_pulse_train_is_found() {
    for period in [16, 20, 27, 40, 55, 80, 100] {
        let f0 = RATE / f64::from(period);
        let samples: Vec<f32> = (0..8000).map(|n| if n % period == 5 { 0.5 } else { 0.0 }).collect();
        let (llds, _) = run(&samples);
        for lld in inner(&llds) {
            assert!(cents(f64::from(lld.f0), f0).abs() < 1.0, "{f0} Hz at {} s: {}", lld.time, lld.f0);
        }
    }
}

#[test]
fn harmonic_sounds_of_any_f0_are_tracked_to_two_cents() {
    for f0 in [78.3, 101.7, 151.1, 213.9, 302.2, 411.3, 555.5] {
        let (llds, functionals) = run(&to_f32(voice(|_| f0, 1.0)));
        for lld in inner(&llds) {
            assert!(cents(f64::from(lld.f0), f0).abs() < 2.0, "{f0} Hz at {} s: {}", lld.time, lld.f0);
        }
        let semitones = 12.0 * (f0 / 27.5).log2();
        assert!((get(&functionals, "F0pitch_amean") - semitones).abs() < 0.02);
        assert!(get(&functionals, "F0pitch_stddev") < 0.03);
    }
}

#[test]
fn vibrato_is_followed() {
    // 180 Hz ± 50 cents at 5 Hz: what a mean over a 40 ms window leaves of it is within 3 cents of the truth.
    let f0 = |t: f64| 180.0 * (50.0 / 1200.0 * (std::f64::consts::TAU * 5.0 * t).sin()).exp2();
    let (llds, functionals) = run(&to_f32(voice(f0, 4.0)));
    for lld in inner(&llds) {
        let error = cents(f64::from(lld.f0), f0(lld.time));
        assert!(error.abs() < 6.0, "{} s: {error} cents", lld.time);
    }
    // A sine's deviation from its mean is amplitude / √2.
    let deviation = get(&functionals, "F0pitch_stddev");
    assert!((deviation - 0.5 / 2f64.sqrt()).abs() < 0.03, "{deviation} semitones");
}

#[test]
fn the_harmonics_to_noise_ratio_is_that_of_the_mixture() {
    for snr in [5.0, 10.0, 20.0, 30.0] {
        let tone = voice(|_| 200.0, 3.0);
        let gain = 10f64.powf(-snr / 20.0);
        let mixture = tone.iter().zip(noise(tone.len())).map(|(tone, noise)| tone + gain * noise);
        let (llds, functionals) = run(&to_f32(mixture));
        let hnr = get(&functionals, "HNRpitch_amean");
        // A maximum of a noisy function is biased upwards, more so the noisier it is.
        assert!((-0.5..1.0).contains(&(hnr - snr)), "{snr} dB came out as {hnr} dB");
        assert!(inner(&llds).iter().all(Lld::voiced));
    }
}

#[test]
fn silence_and_noise_have_no_f0() {
    let silence = vec![0.0f32; 16_000];
    let white = to_f32(noise(16_000));
    // Constant values are silence with an offset, as a codec may leave it.
    let offset = vec![0.001f32; 16_000];
    for (samples, name, constant) in [(&silence, "silence", 1.0), (&white, "noise", 0.0), (&offset, "offset", 1.0)] {
        let (llds, functionals) = run(samples);
        let voiced = llds.iter().filter(|lld| lld.voiced()).count();
        assert!(voiced * 100 <= llds.len(), "{name}: {voiced} of {} frames voiced", llds.len());
        assert_eq!(get(&functionals, "digitalSilenceShare"), constant, "{name}");
    }
    let (_, functionals) = run(&silence);
    assert!(get(&functionals, "F0semitoneFrom27.5Hz_sma3nz_amean").is_nan());
    assert!(get(&functionals, "equivalentSoundLevel_dBp").is_nan());
    assert_eq!(get(&functionals, "speechSec"), 0.0);
    assert_eq!(get(&functionals, "VoicedSegmentsPerSec"), 0.0);
}

#[test]
fn the_level_is_the_mean_square() {
    let sine: Vec<f32> = (0..8000).map(|n| (std::f64::consts::TAU * 0.05 * f64::from(n)).sin() as f32).collect();
    let (llds, functionals) = run(&sine);
    assert!((get(&functionals, "equivalentSoundLevel_dBp") + 3.0103).abs() < 0.001);
    assert!(inner(&llds).iter().all(|lld| (lld.level + 3.0103).abs() < 0.01));
}

#[test]
fn phrases_pauses_and_syllables_are_counted() {
    // Six phrases of 2 s with 8 syllables, five pauses of .5 s, faint noise throughout, 1 s of it before and after.
    let tone = voice(|t| 150.0 + 10.0 * (3.0 * t).sin(), 12.0);
    let mut speech = vec![0.0; 8000];
    for (number, phrase) in tone.chunks(16_000).enumerate() {
        if number > 0 {
            speech.extend([0.0; 4000]);
        }
        // Four humps a second, 12 dB deep.
        let envelope = |n: usize| 0.625 - 0.375 * (std::f64::consts::TAU * 4.0 * n as f64 / RATE).cos();
        speech.extend(phrase.iter().enumerate().map(|(n, x)| x * envelope(n)));
    }
    speech.extend([0.0; 8000]);
    let samples = to_f32(speech.iter().zip(noise(speech.len())).map(|(speech, noise)| speech + 0.003 * noise));
    let (_, functionals) = run(&samples);
    let near = |name: &str, value: f64, tolerance: f64| {
        let found = get(&functionals, name);
        assert!((found - value).abs() <= tolerance, "{name}: {found} for {value}");
    };
    near("speechSec", 12.0, 0.2);
    near("pausesPerMin", 5.0 * 60.0 / 14.5, 0.3);
    near("pauseLengthSec_amean", 0.5, 0.03);
    near("pauseLengthSec_stddevNorm", 0.0, 0.05);
    near("speechRate", 48.0 / 14.5, 0.1);
    near("articulationRate", 4.0, 0.1);
    near("voicedRunsPerSec", 6.0 / 16.5, 1e-9);
    near("voicedRunSec_amean", 2.0, 0.05);
    near("voicedShare", 12.0 / 16.5, 0.02);
    near("digitalSilenceShare", 0.0, 0.0);
}

#[test]
fn digital_gaps_are_counted_by_the_minute() {
    // In ten seconds of noise four gaps of 100 ms, and one of 30 ms, which is too short to be one.
    let mut samples = to_f32(noise(80_000));
    for (second, hops) in [(1, 10), (3, 10), (4, 3), (6, 10), (8, 10)] {
        samples[second * 8000..second * 8000 + hops * 80].fill(0.0);
    }
    let (_, functionals) = run(&samples);
    assert!((get(&functionals, "digitalGapsPerMin") - 24.0).abs() < 1e-9, "{}", get(&functionals, "digitalGapsPerMin"));
    let share = get(&functionals, "digitalSilenceShare");
    assert!((share - 0.043).abs() < 0.006, "a hop may end one sample late: {share}");
}

#[test]
fn levels_are_told_by_their_quantiles_and_the_floor_by_its_steadiness() {
    // A tone that rises by 40 dB in even steps: nine tenths of them lie between the quantiles.
    let seconds = 8.0;
    let rise = |n: usize| 10f64.powf((40.0 * n as f64 / (seconds * RATE) - 60.0) / 20.0);
    let tone = voice(|_| 200.0, seconds);
    let (_, functionals) = run(&tone.iter().enumerate().map(|(n, x)| (x * rise(n)) as f32).collect::<Vec<_>>());
    let range = get(&functionals, "level_pctlrange5-95");
    assert!((range - 36.0).abs() < 0.5, "{range} dB");

    // Phrases with pauses of a steady noise; what comes before the first is no pause, and 20 dB lower.
    let mut speech = vec![0.0; 8000];
    for phrase in tone.chunks(16_000) {
        speech.extend(phrase);
        speech.extend([0.0; 6000]);
    }
    let floor = |n: usize| if n < 8000 { 0.0005 } else { 0.005 };
    let call = speech.iter().zip(noise(speech.len())).enumerate().map(|(n, (x, noise))| x + floor(n) * noise);
    let (_, functionals) = run(&to_f32(call));
    let deviation = get(&functionals, "pauseLevel_stddev");
    assert!(deviation < 1.0, "{deviation} dB");
}

#[test]
fn slow_changes_of_timbre_spread_the_cepstrum_and_hardly_its_steps() {
    // The harmonics of a voice at 125 Hz fall by 3 to 12 dB an octave, more and more.
    let seconds = 4.0;
    let samples = (0..(seconds * RATE) as usize).map(|n| {
        let t = n as f64 / RATE;
        let fall = 0.5 + 1.5 * t / seconds;
        let harmonic = |k: f64| (std::f64::consts::TAU * 125.0 * k * t + k * k).sin() * k.powf(-fall);
        (1..=27).map(|k| harmonic(f64::from(k))).sum::<f64>()
    });
    // A faint noise before it, which tells speech from what goes on for ever.
    let (_, functionals) = run(&to_f32(noise(8000).into_iter().map(|x| 0.003 * x).chain(samples)));
    let (spread, step) = (get(&functionals, "lfcc1_stddev"), get(&functionals, "lfcc1step_stddev"));
    assert!(spread > 0.5 && step < 0.1 * spread, "{spread} dB, step by step {step} dB");
}

#[test]
fn formants_are_the_resonances_of_the_vowel() {
    // Pulses at 100 Hz through resonances 80 Hz wide.
    let resonances = [600.0, 1400.0, 2500.0];
    let mut samples: Vec<f64> = (0..16_000).map(|n| if n % 80 == 0 { 1.0 } else { 0.0 }).collect();
    for hertz in resonances {
        let radius = (-std::f64::consts::PI * 80.0 / RATE).exp();
        let turn = 2.0 * radius * (std::f64::consts::TAU * hertz / RATE).cos();
        for n in 2..samples.len() {
            samples[n] += turn * samples[n - 1] - radius * radius * samples[n - 2];
        }
    }
    let (_, functionals) = run(&to_f32(samples.iter().map(|x| 0.05 * x)));
    // Not the third: order 10 has poles to spare for what lies before it.
    for (number, hertz) in (1..).zip(&resonances[..2]) {
        let [mean, deviation] = ["amean", "stddev"].map(|what| get(&functionals, &format!("formant{number}_{what}")));
        assert!((mean - hertz).abs() < 30.0 && deviation < 30.0, "{hertz} Hz: {mean} Hz, deviation {deviation} Hz");
    }
}

#[test]
fn the_results_do_not_depend_on_the_pieces() {
    let mut samples = to_f32(voice(|t| 120.0 + 60.0 * t, 3.3));
    samples.extend(to_f32(noise(4001)));
    samples.extend(vec![0.0; 1234]);
    let (llds, functionals) = run(&samples);
    let bits = |functionals: &Functionals| functionals.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let lld_bits = |llds: &[Lld]| llds.iter().flat_map(|lld| lld.values().map(f32::to_bits)).collect::<Vec<_>>();
    for piece in [1, 7, 80, 160, 333, 4096, 20_000] {
        let (other, others) = run_in_pieces(&samples, piece);
        assert_eq!(lld_bits(&other), lld_bits(&llds), "pieces of {piece}");
        assert_eq!(bits(&others), bits(&functionals), "pieces of {piece}");
    }
}

#[test]
fn any_number_of_any_samples_is_defined() {
    for count in [0, 1, 79, 80, 81, 4000] {
        for value in [0.0, 1.0, f32::NAN, f32::INFINITY, f32::MIN, f32::MAX, 1e-40] {
            let (llds, functionals) = run(&vec![value; count]);
            assert_eq!(llds.len(), count.div_ceil(80), "{count} samples of {value}");
            assert_eq!(functionals.values().len(), FEATURES.len());
            assert_eq!(functionals.seconds(), count as f64 / RATE);
            assert!(functionals.values().iter().all(|value| !value.is_infinite()));
            for (number, lld) in llds.iter().enumerate() {
                assert!((lld.time - (number as f64 + 0.5) * 0.01).abs() < 1e-9);
                assert!(lld.f0.is_finite() && lld.level.is_finite() && (0.0..=1.0).contains(&lld.voicing));
            }
        }
    }
}

#[test]
fn functionals_can_be_asked_at_any_time() {
    let samples = to_f32(voice(|_| 200.0, 2.0));
    let mut extractor = Extractor::new();
    assert!(get(&extractor.functionals(), "F0semitoneFrom27.5Hz_sma3nz_amean").is_nan());
    extractor.push(&samples, |_| {});
    let semitones = 12.0 * (200.0f64 / 27.5).log2();
    assert!((get(&extractor.functionals(), "F0pitch_amean") - semitones).abs() < 0.02);
}

#[test]
fn the_names_are_unique() {
    let mut names: Vec<&str> = FEATURES.iter().map(|feature| feature.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FEATURES.len());
}

/// F0 of five voices against Praat (`data/praat_pitch.py` says how the contours were made).
///
/// The bounds are those of the design: gross errors (> 20 %) at most .3 % of the frames that both call voiced, median
/// difference at most 13 cents, at most 6 % of all frames voiced for one and unvoiced for the other.
#[cfg(feature = "decode")]
#[test]
fn f0_agrees_with_praat() {
    let golden = include_str!("data/praat-pitch.tsv");
    let (mut frames, mut disagreements, mut gross) = (0, 0, 0);
    let mut differences = Vec::new();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let clip = cells.next().unwrap();
        let first: f64 = cells.next().unwrap().parse().unwrap();
        let path = format!("{}/../corpus/renderings/{clip}.flac", env!("CARGO_MANIFEST_DIR"));
        let samples = callprint::audio::read_channels_8k(path, 60.0).unwrap().remove(0);
        let (llds, _) = run(&samples);
        for (number, praat) in cells.next().unwrap().split(' ').enumerate() {
            let praat: f64 = praat.parse().unwrap();
            // Our frame whose centre is nearest; at most 5 ms away.
            let ours = ((first + number as f64 * 0.01) / 0.01 - 0.5).round() as usize;
            let ours = f64::from(llds[ours.min(llds.len() - 1)].f0);
            frames += 1;
            disagreements += usize::from((praat > 0.0) != (ours > 0.0));
            if praat > 0.0 && ours > 0.0 {
                gross += usize::from((ours / praat - 1.0).abs() > 0.2);
                differences.push(cents(ours, praat).abs());
            }
        }
    }
    assert!(frames > 1500, "{frames} frames");
    assert!(gross * 1000 <= 3 * differences.len(), "{gross} gross errors in {}", differences.len());
    assert!(disagreements * 100 <= 6 * frames, "{disagreements} voicing disagreements in {frames}");
    differences.sort_by(f64::total_cmp);
    let median = differences[differences.len() / 2];
    assert!(median <= 13.0, "median difference {median} cents");
    eprintln!(
        "{frames} frames, {gross} gross of {}, median {median:.2} cents, {disagreements} voicing",
        differences.len()
    );
}

/// Whole renderings of the corpus by five engines: nearly all are taken for machines, and what each feature says adds up.
#[cfg(feature = "decode")]
#[test]
fn synthetic_voices_are_called_machines() {
    let clips = ["fs2", "taco", "joe", "hib", "slt"];
    let scripts = ["debt-01", "debt-01", "card-01", "card-01", "card-01"];
    let mut machines = 0;
    for (voice, script) in clips.iter().zip(scripts) {
        let path = format!("{}/../corpus/renderings/{script}__{voice}.flac", env!("CARGO_MANIFEST_DIR"));
        let samples = callprint::audio::read_channels_8k(path, 60.0).unwrap().remove(0);
        let mut judge = VoiceJudge::new();
        samples.chunks(999).for_each(|part| judge.push(part));
        let verdict = judge.machine_voice();
        assert!(verdict.seconds > 4.0, "{voice}: {} s of speech", verdict.seconds);
        machines += usize::from(verdict.probability.is_some_and(|probability| probability > 0.5));
        let why = judge.why();
        assert!(!why.is_empty() && why.windows(2).all(|pair| pair[0].log_odds.abs() >= pair[1].log_odds.abs()));
        let mut again = VoiceJudge::new();
        again.push(&samples);
        assert_eq!(again.machine_voice(), verdict, "{voice}: in one piece");
    }
    assert!(machines >= 4, "{machines} of {} called machines", clips.len());
}

/// Formants of five voices against Praat (`data/praat_formants.py` says how the values were made).
///
/// Praat's window and recursion are others, and a frame in which two resonances are close may lose one to either program: so medians,
/// and the share that is far off.
#[cfg(feature = "decode")]
#[test]
fn formants_agree_with_praat() {
    let golden = include_str!("data/praat-formants.tsv");
    let mut differences: [Vec<f64>; 3] = Default::default();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let clip = cells.next().unwrap();
        let path = format!("{}/../corpus/renderings/{clip}.flac", env!("CARGO_MANIFEST_DIR"));
        let samples = callprint::audio::read_channels_8k(path, 60.0).unwrap().remove(0);
        let (llds, _) = run(&samples);
        for cell in cells {
            let numbers: Vec<f64> = cell.split(' ').map(|number| number.parse().unwrap()).collect();
            let lld = &llds[numbers[0] as usize];
            for ((ours, praat), differences) in lld.formants.iter().zip(&numbers[1..]).zip(&mut differences) {
                if lld.voiced() {
                    differences.push((f64::from(*ours) / praat - 1.0).abs());
                }
            }
        }
    }
    for (number, differences) in differences.iter_mut().enumerate() {
        assert!(differences.len() > 800, "{} frames", differences.len());
        differences.sort_by(f64::total_cmp);
        let (median, upper) = (differences[differences.len() / 2], differences[differences.len() * 4 / 5]);
        assert!(median < 0.02, "formant {}: median difference {median}", number + 1);
        assert!(upper < 0.08, "formant {}: a fifth is {upper} and more off", number + 1);
    }
}

/// A recorded prompt that plays again, softer and with other noise, is known; within itself it does not repeat.
#[cfg(feature = "decode")]
#[test]
fn a_replayed_prompt_is_told_from_a_new_one() {
    let read = |clip: &str| {
        let path = format!("{}/../corpus/renderings/{clip}.flac", env!("CARGO_MANIFEST_DIR"));
        callprint::audio::read_channels_8k(path, 60.0).unwrap().remove(0)
    };
    let play = |first: &[f32], second: &[f32]| {
        let silence = [0.0; 8123];
        let sound = first.iter().copied().chain(silence).chain(second.iter().map(|x| 0.7 * x)).chain(silence);
        let mut random = Random(5);
        run(&sound.map(|x| x + 0.001 * random.next() as f32).collect::<Vec<_>>()).1
    };
    let (prompt, other) = (read("debt-01__taco"), read("card-01__joe"));
    let (again, new) = (play(&prompt, &prompt), play(&prompt, &other));
    assert!(get(&again, "repeatedPhraseShare") > 0.9, "{}", get(&again, "repeatedPhraseShare"));
    assert!(get(&again, "phraseDistance_amean") < 0.2, "{}", get(&again, "phraseDistance_amean"));
    assert_eq!(get(&new, "repeatedPhraseShare"), 0.0);
    assert!(get(&new, "phraseDistance_amean") > 0.4, "{}", get(&new, "phraseDistance_amean"));
}

#[test]
fn soft_noise_before_phrases_counts_as_breath() {
    // Four phrases of 1 s, before each but the first .3 s of noise 30 dB below them.
    let tone = voice(|t| 150.0 + 20.0 * (5.0 * t).sin(), 4.0);
    let mut speech = vec![0.0; 8000];
    let mut breath = Random(3);
    for (number, phrase) in tone.chunks(8000).enumerate() {
        let gain = if number == 0 { 0.0 } else { 0.03 * 3f64.sqrt() };
        speech.extend([0.0; 1600]);
        speech.extend((0..2400).map(|_| gain * breath.next()));
        speech.extend([0.0; 400]);
        speech.extend(phrase);
    }
    speech.extend([0.0; 8000]);
    let samples = to_f32(speech.iter().zip(noise(speech.len())).map(|(x, noise)| x + 0.001 * noise));
    let (_, functionals) = run(&samples);
    let seconds = functionals.seconds();
    let count = get(&functionals, "breathsPerMin") * seconds / 60.0;
    assert!((count - 3.0).abs() < 0.1, "{count} breaths");
    assert!((get(&functionals, "breathSec_amean") - 0.3).abs() < 0.04);
}
