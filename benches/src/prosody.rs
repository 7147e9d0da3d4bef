//! Prosody side by side with its peers: setting them up, running them, comparing.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use callprint::{
    audio::{find_audio, read_channels_8k},
    prosody::{Extractor, F0Tracker, Functionals},
};
use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use crate::stats::{correlation, quantile};

/// Debian packages of recorded prompts, one voice each.
const PROMPTS: [&str; 2] = ["asterisk-core-sounds-en-wav", "asterisk-core-sounds-it-wav"];
/// Clips that openSMILE analyses, over all voices.
const EGEMAPS_CLIPS: usize = 100;
/// Least length of these, s: functionals of a word say little.
const EGEMAPS_SECONDS: f64 = 3.0;
/// Clips that librosa's pYIN is timed on.
const PYIN_CLIPS: usize = 4;
/// Beyond this ratio of frequencies an F0 is a gross error (the usual 20 %).
const GROSS: f64 = 0.2;
/// Rounds of timing ours; the fastest counts, as a busy machine only ever slows.
const ROUNDS: usize = 5;

/// What to measure on.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of recordings, a voice each; empty for Debian's prompts.
    pub folders: Vec<PathBuf>,
    /// Audio used of each voice at most, s.
    pub seconds: f64,
    /// Where to write all functionals.
    pub dump: Option<PathBuf>,
}

/// F0 of one voice, or all, against Praat.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct F0Agreement {
    /// Audio compared, minutes.
    pub minutes: f64,
    /// Of the frames that both call voiced, the share more than 20 % apart.
    pub gross_error: f64,
    /// Median distance of the others, cents.
    pub median_cents: f64,
    /// Share of frames in which only one says voiced.
    pub voicing_disagreement: f64,
}

/// The result; field names are the keys of `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Measures {
    /// Worst voice's share of gross errors.
    pub f0_gross_error: f64,
    /// Worst voice's median distance, cents.
    pub f0_median_cents: f64,
    /// Worst voice's share of voicing decisions that differ.
    pub voicing_disagreement: f64,
    /// Mean of the correlations with openSMILE.
    pub egemaps_correlation: f64,
    /// Whole feature set, x real time over openSMILE's.
    pub speed_ratio_opensmile: f64,
    /// F0 alone, x real time over Praat's.
    pub speed_ratio_praat_f0: f64,
    /// F0 by voice.
    pub by_voice: BTreeMap<String, F0Agreement>,
    /// Correlation of each functional over the clips.
    pub egemaps: BTreeMap<String, f64>,
    /// Clips that it rests on.
    pub egemaps_clips: usize,
    /// x real time on one thread.
    pub speeds: BTreeMap<String, f64>,
    /// Versions of the peers.
    pub versions: BTreeMap<String, String>,
}

struct Clip {
    voice: String,
    samples: Vec<f32>,
}

#[derive(Debug, Deserialize)]
struct Peers {
    clips: Vec<PeerClip>,
    speeds: BTreeMap<String, Option<f64>>,
    versions: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct PeerClip {
    praat_first: f64,
    praat_f0: Vec<f64>,
    egemaps: Option<BTreeMap<String, f64>>,
}

/// Sets the peers up, runs all and compares.
///
/// # Errors
/// Where the peers cannot be installed or run, or there is no audio.
pub fn measure(options: &Options) -> Result<Measures> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/prosody-peers");
    fs::create_dir_all(&home).with_context(|| format!("{}", home.display()))?;
    let python = environment(&home)?;
    let folders = if options.folders.is_empty() { prompts(&home)? } else { options.folders.clone() };
    let mut clips = Vec::new();
    for folder in &folders {
        clips.extend(read_voice(folder, options.seconds)?);
    }
    let marked = egemaps_clips(&clips);
    let peers = run_peers(&home, &python, &clips, &marked)?;
    ensure!(peers.clips.len() == clips.len(), "the peers answered for {} of {} clips", peers.clips.len(), clips.len());

    let by_voice = compare_f0(&clips, &peers.clips)?;
    let ours: Vec<Functionals> = marked.iter().map(|&i| functionals(&clips[i].samples)).collect();
    let theirs: Vec<&BTreeMap<String, f64>> = marked.iter().filter_map(|&i| peers.clips[i].egemaps.as_ref()).collect();
    if let Some(path) = &options.dump {
        write_dump(path, &ours, &theirs)?;
    }
    let egemaps = compare_functionals(&ours, &theirs);
    let mut speeds: BTreeMap<String, f64> =
        peers.speeds.iter().filter_map(|(name, speed)| Some((name.clone(), (*speed)?))).collect();
    let (whole, f0) = our_speeds(&clips);
    speeds.insert("callprint".to_owned(), whole);
    speeds.insert("callprint_f0".to_owned(), f0);
    let worst = |value: fn(&F0Agreement) -> f64| by_voice.values().map(value).fold(f64::NAN, f64::max);
    let ratio = |ours: f64, name: &str| speeds.get(name).map_or(f64::NAN, |theirs| ours / theirs);
    Ok(Measures {
        f0_gross_error: worst(|v| v.gross_error),
        f0_median_cents: worst(|v| v.median_cents),
        voicing_disagreement: worst(|v| v.voicing_disagreement),
        egemaps_correlation: egemaps.values().sum::<f64>() / egemaps.len() as f64,
        speed_ratio_opensmile: ratio(whole, "opensmile"),
        speed_ratio_praat_f0: ratio(f0, "praat_f0"),
        by_voice,
        egemaps_clips: ours.len(),
        egemaps,
        speeds,
        versions: peers.versions,
    })
}

/// The environment's interpreter; made on first use.
fn environment(home: &Path) -> Result<PathBuf> {
    let (venv, wanted) = (home.join("venv"), include_str!("../peers/requirements-prosody.txt"));
    let (python, done) = (venv.join("bin/python"), venv.join("installed.txt"));
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("prosody-peers: installing openSMILE, Praat and librosa into {}", venv.display());
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let list = home.join("requirements.txt");
    fs::write(&list, wanted)?;
    call(Command::new(&python).args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"]).arg(&list))?;
    fs::write(&done, wanted)?;
    Ok(python)
}

/// Folders of the prompts: downloaded and unpacked, not installed.
fn prompts(home: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for package in PROMPTS {
        let to = home.join(package);
        let sounds = to.join("usr/share/asterisk/sounds");
        if !sounds.is_dir() {
            eprintln!("prosody-peers: fetching {package}");
            let fetched = tempfile::tempdir_in(home)?;
            call(Command::new("apt-get").args(["download", "-q", package]).current_dir(fetched.path()))
                .context("Debian's prompts cannot be had here; name folders of recordings by --audio")?;
            let file = fs::read_dir(fetched.path())?.next().context("apt-get download left no file")??.path();
            call(Command::new("dpkg-deb").arg("-x").arg(file).arg(&to))?;
        }
        for folder in fs::read_dir(&sounds)? {
            folders.push(folder?.path());
        }
    }
    folders.sort();
    Ok(folders)
}

fn call(command: &mut Command) -> Result<()> {
    let output =
        command.output().with_context(|| format!("{} cannot be run", command.get_program().to_string_lossy()))?;
    if !output.status.success() {
        bail!("{:?} failed: {}", command, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The recordings of a voice of 0.5 s and more, up to `seconds` of audio.
fn read_voice(folder: &Path, seconds: f64) -> Result<Vec<Clip>> {
    let voice = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let (mut clips, mut total) = (Vec::new(), 0.0);
    for path in find_audio(folder)? {
        let mut samples = read_channels_8k(&path, 600.0)?.into_iter().next().unwrap_or_default();
        // With 79 samples beyond whole hops, Praat puts its frames 25, 35, … ms from the start, where ours are.
        if samples.len() < 4080 || total >= seconds {
            continue;
        }
        samples.truncate(samples.len() / 80 * 80 - 1);
        total += samples.len() as f64 / 8000.0;
        clips.push(Clip { voice: voice.clone(), samples });
    }
    ensure!(!clips.is_empty(), "{}: no recordings of half a second and more", folder.display());
    Ok(clips)
}

/// Numbers of the clips for openSMILE: long enough, evenly over all.
fn egemaps_clips(clips: &[Clip]) -> Vec<usize> {
    let long: Vec<usize> =
        (0..clips.len()).filter(|&i| clips[i].samples.len() as f64 / 8000.0 >= EGEMAPS_SECONDS).collect();
    let count = EGEMAPS_CLIPS.min(long.len());
    (0..count).map(|i| long[i * long.len() / count]).collect()
}

fn run_peers(home: &Path, python: &Path, clips: &[Clip], marked: &[usize]) -> Result<Peers> {
    let work = tempfile::tempdir_in(home)?;
    let mut list = String::new();
    for (i, clip) in clips.iter().enumerate() {
        let path = work.path().join(format!("{i}.wav"));
        fs::write(&path, wav(&clip.samples))?;
        let place = marked.iter().position(|&m| m == i);
        let egemaps = if place.is_some() { "\tegemaps" } else { "" };
        let pyin = if place.is_some_and(|place| place < PYIN_CLIPS) { "\tpyin" } else { "" };
        writeln!(list, "{}{egemaps}{pyin}", path.display())?;
    }
    let (list_path, out) = (work.path().join("list.tsv"), work.path().join("out.json"));
    fs::write(&list_path, list)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/prosody.py");
    // One thread each, as ours.
    let mut command = Command::new(python);
    command
        .args([&script, &list_path, &out])
        .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"].map(|name| (name, "1")));
    call(&mut command)?;
    Ok(serde_json::from_slice(&fs::read(&out)?)?)
}

/// A mono 16-bit WAV file at 8 kHz.
fn wav(samples: &[f32]) -> Vec<u8> {
    let data = samples.len() as u32 * 2;
    let mut bytes = Vec::with_capacity(44 + data as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    for field in [16u32, 1 | 1 << 16, 8000, 16000, 2 | 16 << 16] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(data.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|x| ((x * 32768.0).round().clamp(-32768.0, 32767.0) as i16).to_le_bytes()));
    bytes
}

fn functionals(samples: &[f32]) -> Functionals {
    let mut extractor = Extractor::new();
    extractor.push(samples, |_| ());
    extractor.finish(|_| ())
}

#[derive(Default)]
struct Counts {
    frames: usize,
    differ: usize,
    both: usize,
    gross: usize,
    cents: Vec<f64>,
}

fn compare_f0(clips: &[Clip], peers: &[PeerClip]) -> Result<BTreeMap<String, F0Agreement>> {
    let mut by_voice: BTreeMap<String, Counts> = BTreeMap::new();
    for (clip, peer) in clips.iter().zip(peers) {
        let mut hertz = Vec::new();
        let mut tracker = F0Tracker::new();
        tracker.push(&clip.samples, |f0| hertz.push(f64::from(f0.hertz)));
        tracker.finish(|f0| hertz.push(f64::from(f0.hertz)));
        let first = (peer.praat_first - 0.005) / 0.01;
        ensure!((first - first.round()).abs() < 0.02, "Praat's first frame is at {} s", peer.praat_first);
        let counts = by_voice.entry(clip.voice.clone()).or_default();
        for (&theirs, &ours) in peer.praat_f0.iter().zip(&hertz[first.round() as usize..]) {
            counts.frames += 1;
            counts.differ += usize::from((theirs > 0.0) != (ours > 0.0));
            if theirs > 0.0 && ours > 0.0 {
                counts.both += 1;
                if (ours / theirs - 1.0).abs() > GROSS {
                    counts.gross += 1;
                } else {
                    counts.cents.push(1200.0 * (ours / theirs).log2().abs());
                }
            }
        }
    }
    let agreement = |counts: Counts| F0Agreement {
        minutes: counts.frames as f64 / 6000.0,
        gross_error: counts.gross as f64 / counts.both.max(1) as f64,
        median_cents: quantile(&counts.cents, 0.5).unwrap_or(f64::NAN),
        voicing_disagreement: counts.differ as f64 / counts.frames.max(1) as f64,
    };
    Ok(by_voice.into_iter().map(|(voice, counts)| (voice, agreement(counts))).collect())
}

fn compare_functionals(ours: &[Functionals], theirs: &[&BTreeMap<String, f64>]) -> BTreeMap<String, f64> {
    let Some(first) = theirs.first() else { return BTreeMap::new() };
    let mut correlations = BTreeMap::new();
    for name in first.keys() {
        let pairs: Vec<(f64, f64)> = ours
            .iter()
            .zip(theirs)
            .filter_map(|(ours, theirs)| Some((ours.get(name)?, *theirs.get(name)?)))
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .collect();
        if let Some(r) = correlation(&pairs) {
            correlations.insert(name.clone(), r);
        }
    }
    correlations
}

fn write_dump(path: &Path, ours: &[Functionals], theirs: &[&BTreeMap<String, f64>]) -> Result<()> {
    let mut text = String::from("clip\tname\tours\topensmile\n");
    for (clip, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        for (name, value) in ours.iter() {
            if let Some(their) = theirs.get(name) {
                writeln!(text, "{clip}\t{name}\t{value}\t{their}")?;
            }
        }
    }
    fs::write(path, text).with_context(|| format!("{}", path.display()))
}

/// x real time of the whole set and of F0 alone.
fn our_speeds(clips: &[Clip]) -> (f64, f64) {
    let seconds: f64 = clips.iter().map(|clip| clip.samples.len() as f64 / 8000.0).sum();
    let best = |work: &dyn Fn(&[f32])| {
        let time = |_| {
            let begin = ProcessTime::now();
            clips.iter().for_each(|clip| work(&clip.samples));
            begin.elapsed().as_secs_f64()
        };
        seconds / (0..ROUNDS).map(time).fold(f64::INFINITY, f64::min)
    };
    let whole = best(&|samples| {
        std::hint::black_box(functionals(samples));
    });
    let f0 = best(&|samples| {
        let mut tracker = F0Tracker::new();
        tracker.push(samples, |f0| {
            std::hint::black_box(f0);
        });
        tracker.finish(|f0| {
            std::hint::black_box(f0);
        });
    });
    (whole, f0)
}
