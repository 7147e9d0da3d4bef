#!/usr/bin/env python3
"""Makes the short call recordings in `samples/` from the renderings and `sample-sources/`.

    python3 corpus/make_samples.py            all of them, and samples.tsv
    python3 corpus/make_samples.py --check    make them in memory and compare with what lies there

Each call is put together as it sounds to someone who records it: the ring tone that the caller hears, the callee's
word, then the robot (or a person), through a telephone channel that no rendering went through. Onsets are exact by
construction: the delay of each codec is measured by cross-correlation and taken out. Noise and losses come from seeds,
so with the same releases of numpy, ffmpeg and its codec libraries the files are the same to the byte.

Wants Python 3.10 or newer, numpy, and ffmpeg with libgsm, libopencore-amrnb, libmp3lame and libvorbis.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import manifest
from build import run_ffmpeg
from manifest import RENDERINGS, ROOT, SAMPLE_RATE, CorpusError

SAMPLES = ROOT / "samples"
SOURCES = ROOT / "sample-sources"
COLUMNS = ["file", "script", "rendering", "channel", "script_onset", "script_end", "handover", "condition", "what",
           "licence"]
OURS, TAN = "MIT OR Apache-2.0", "CC-BY-SA-3.0"

SPEECH_RMS = 10 ** (-24 / 20)  # of full scale, over active speech: a usual level on a digital trunk
LINE_NOISE_RMS = 10 ** (-66 / 20)  # an idle line is never digitally silent

# Call-progress tones, ITU-T E.180 Supplement 2: (frequencies in Hz, seconds on, seconds off).
RING_CHINA = ((450,), 1.0, 4.0)
RING_NORTH_AMERICA = ((440, 480), 2.0, 4.0)
BUSY_CHINA = ((450,), 0.35, 0.35)


# ---- signals: float64 arrays at 8 kHz, full scale 1 ----

def seconds(duration: float) -> np.ndarray:
    """Nothing, for so long."""
    return np.zeros(round(duration * SAMPLE_RATE))


def tone(kind: tuple, duration: float, level_db: float = -22.0) -> np.ndarray:
    """A call-progress tone for `duration` seconds, starting with its first burst."""
    frequencies, on, off = kind
    time = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
    wave = sum(np.sin(2 * np.pi * f * time) for f in frequencies) / len(frequencies)
    return 10 ** (level_db / 20) * np.sqrt(2) * wave * (time % (on + off) < on)


def read(path: Path) -> np.ndarray:
    raw = run_ffmpeg(["-i", str(path), "-f", "s16le", "-ac", "1", "-ar", str(SAMPLE_RATE), "-"])
    return np.frombuffer(raw, "<i2") / 32768


def speech(path: Path, gain_db: float = 0.0) -> np.ndarray:
    """A clean clip brought to `SPEECH_RMS` (measured where it is active), then `gain_db`."""
    clip = read(path)
    return clip * (SPEECH_RMS / active_rms(clip)) * 10 ** (gain_db / 20)


def rendering(name: str, gain_db: float = 0.0) -> np.ndarray:
    return speech(RENDERINGS / f"{name}.flac", gain_db)


def source(name: str, gain_db: float = 0.0) -> np.ndarray:
    return speech(SOURCES / f"{name}.flac", gain_db)


def active_rms(x: np.ndarray) -> float:
    """RMS over the 20 ms blocks within 30 dB of the loudest."""
    power = (x[:len(x) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1)
    return float(np.sqrt(power[power > power.max() * 1e-3].mean()))


# ---- the channel ----

def noise_at(x: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    """Adds street-like noise (falling 3 dB an octave, swelling slowly) `snr_db` below the active speech."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(len(x)))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE), 50.0))
    noise = np.fft.irfft(spectrum, len(x))
    swell = 1 + 0.4 * np.sin(2 * np.pi * 0.23 * np.arange(len(x)) / SAMPLE_RATE + rng.uniform(0, 6))
    noise *= swell
    return x + noise * SPEECH_RMS * 10 ** (-snr_db / 20) / np.sqrt((noise ** 2).mean())


def lossy(x: np.ndarray, rate: float, burst: float, seed: int) -> np.ndarray:
    """Loses 20 ms packets in bursts (Gilbert's two-state model) and conceals each by a fading repeat of the last."""
    rng = np.random.default_rng(seed)
    packets = x[:len(x) // 160 * 160].reshape(-1, 160).copy()
    leave = 1 / burst
    enter = leave * rate / (1 - rate)
    lost = False
    for i in range(1, len(packets)):
        lost = rng.random() >= leave if lost else rng.random() < enter
        if lost:
            packets[i] = packets[i - 1] * 0.75
    return packets.ravel()


def faster(x: np.ndarray, ratio: float) -> np.ndarray:
    """Plays faster by `ratio`, tempo and pitch together, as a wrong clock does."""
    rate = round(SAMPLE_RATE * ratio)
    raw = run_ffmpeg(["-f", "f64le", "-ar", str(rate), "-ac", "1", "-i", "-", "-af",
                      f"aresample={SAMPLE_RATE}:resampler=soxr", "-f", "f64le", "-"], x.astype("<f8").tobytes())
    return np.frombuffer(raw, "<f8")


def through(x: np.ndarray, *codec: str, suffix: str) -> np.ndarray:
    """Encodes and decodes with ffmpeg, then shifts by the codec's delay."""
    with tempfile.TemporaryDirectory() as folder:
        coded = Path(folder, f"coded.{suffix}")
        coded.write_bytes(b"")
        run_ffmpeg(["-y", "-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "-", *codec, str(coded)],
                   to_pcm(x))
        y = read(coded)
    y = np.concatenate([y, np.zeros(max(0, len(x) - len(y)) + SAMPLE_RATE)])
    delay = delay_of(x, y)
    if not 0 <= delay < SAMPLE_RATE // 4:
        raise CorpusError(f"{suffix}: a codec delay of {delay} samples can't be right")
    return y[delay:delay + len(x)]


def delay_of(x: np.ndarray, y: np.ndarray) -> int:
    """By how many samples `y` lags `x`: the peak of their cross-correlation."""
    size = 1 << (len(x) + len(y)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(x, size)), size)
    lag = int(np.argmax(correlation))
    return lag if lag < size // 2 else lag - size


def gsm(x: np.ndarray) -> np.ndarray:
    return through(x, "-c:a", "libgsm", suffix="gsm")


def amr475(x: np.ndarray) -> np.ndarray:
    return through(x, "-c:a", "libopencore_amrnb", "-b:a", "4750", suffix="amr")


def alaw(x: np.ndarray) -> np.ndarray:
    return through(x, "-c:a", "pcm_alaw", suffix="wav")


def to_pcm(x: np.ndarray) -> bytes:
    if np.abs(x).max() >= 1:
        raise CorpusError("a sample would clip")
    return np.round(x * 32767).astype("<i2").tobytes()


# ---- the calls ----

@dataclass(frozen=True)
class Call:
    """One sample: its audio (a row a channel) and what is true of it. Times in seconds; None where there is none."""

    file: str
    audio: np.ndarray
    what: str
    condition: str
    licence: str = OURS
    script: str = "-"
    rendering: str = "-"
    channel: int = 0
    onset: float | None = None
    end: float | None = None
    handover: float | None = None
    codec: tuple[str, ...] = ("-c:a", "pcm_s16le")

    def row(self) -> dict[str, str]:
        def time(value):
            return "-" if value is None else f"{value:.2f}"
        return {"file": self.file, "script": self.script, "rendering": self.rendering, "channel": str(self.channel),
                "script_onset": time(self.onset), "script_end": time(self.end), "handover": time(self.handover),
                "condition": self.condition, "what": self.what, "licence": self.licence}

    def encoded(self) -> bytes:
        audio = np.atleast_2d(self.audio)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, self.file)
            run_ffmpeg(["-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", str(len(audio)), "-i", "-",
                        "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", *self.codec,
                        str(path)], to_pcm(audio.T.ravel()))
            return path.read_bytes()


def line(*parts: np.ndarray, seed: int) -> tuple[np.ndarray, list[float]]:
    """The parts one after the other over the line's own noise, and where each starts (s)."""
    starts = np.cumsum([0] + [len(p) for p in parts[:-1]]) / SAMPLE_RATE
    x = np.concatenate(parts)
    return x + LINE_NOISE_RMS * np.random.default_rng(seed).standard_normal(len(x)), [float(s) for s in starts]


def robot(file: str, stem: str, what: str, condition: str, audio: np.ndarray, onset: float, length: float,
          **more) -> Call:
    """A call in which `stem` (script__rendering) is heard from `onset` for `length` seconds."""
    script, _, voice = stem.partition("__")
    return Call(file, audio, what, condition, script=script, rendering=voice, onset=onset, end=onset + length, **more)


def dental() -> Call:
    said = rendering("dental-01__taco")
    x, at = line(tone(RING_CHINA, 2.4), source("callee-wei"), seconds(0.7), said, seconds(0.6), seed=1)
    return robot("dental-gsm.wav", "dental-01__taco", "ring, callee, dental-implant robot", "GSM full rate", gsm(x),
                 at[3], len(said) / SAMPLE_RATE)


def loan() -> Call:
    said = rendering("loan-02__fs2", -4)
    x, at = line(seconds(1.1), source("callee-nawei", -3), seconds(0.5), said, seconds(1.0), seed=2)
    return robot("loan-amr.flac", "loan-02__fs2", "callee, bank-loan robot, 4 dB quieter", "AMR 4.75 kbit/s",
                 amr475(x), at[3], len(said) / SAMPLE_RATE, codec=("-c:a", "flac"))


def settle() -> Call:
    said = rendering("settle-01__fs2high", 4)  # 4 dB above the usual level, which the noise is set against
    x, at = line(seconds(0.8), said, seconds(0.9), seed=3)
    return robot("settle-alaw-noise.wav", "settle-01__fs2high", "residency robot in street noise",
                 "A-law, noise 10 dB below the speech", alaw(noise_at(x, 6, 3)), at[1], len(said) / SAMPLE_RATE,
                 codec=("-c:a", "pcm_alaw"))


def warranty() -> Call:
    said = rendering("warranty-01__joe")
    x, at = line(tone(RING_NORTH_AMERICA, 2.9), source("callee-hello"), seconds(0.6), said, seconds(0.7), seed=4)
    return robot("warranty-loss.wav", "warranty-01__joe", "North American ring, callee, auto-warranty robot",
                 "mu-law, 6 % of packets lost in bursts and concealed", lossy(x, 0.06, 2.0, 4), at[3],
                 len(said) / SAMPLE_RATE, codec=("-c:a", "pcm_mulaw"))


def solar() -> Call:
    ratio = 1.04
    said = faster(rendering("solar-11__hib"), ratio)
    x, at = line(seconds(0.9), source("callee-hello-who"), seconds(0.5), said, seconds(0.8), seed=5)
    return robot("solar-fast.mp3", "solar-11__hib", "callee, solar robot played 4 % fast",
                 "speed +4 % (tempo and pitch), MP3 24 kbit/s", x, at[3], len(said) / SAMPLE_RATE,
                 codec=("-c:a", "libmp3lame", "-b:a", "24k"))


def insure() -> Call:
    """Two channels, as call centres record: 0 the caller (robot), 1 the callee."""
    said = rendering("insure-01__taco")
    caller, at = line(seconds(2.2), said, seconds(3.4), seed=6)
    callee, _ = line(seconds(0.7), source("callee-wei"), seconds(at[1] + len(said) / SAMPLE_RATE - 1.3),
                     source("callee-no-thanks"), seed=7)
    size = max(len(caller), len(callee))
    pair = np.stack([np.pad(c, (0, size - len(c))) for c in (alaw(caller), gsm(callee))])
    return robot("insure-stereo.wav", "insure-01__taco", "two channels: 0 insurance robot, 1 callee",
                 "A-law (0), GSM full rate (1)", pair, at[1], len(said) / SAMPLE_RATE)


def handover() -> Call:
    """The robot is cut off in mid-sentence and a person takes over."""
    said = rendering("dental-11__fs2")[:round(7.3 * SAMPLE_RATE)]
    x, at = line(seconds(0.6), source("callee-nawei"), seconds(0.5), said, seconds(0.9), source("human-words-1"),
                 seed=8)
    return robot("dental-handover.flac", "dental-11__fs2", "callee, robot cut off after 7.3 s, then a person speaks",
                 "GSM full rate", gsm(x), at[3], 7.3, handover=at[5], licence=TAN, codec=("-c:a", "flac"))


def hangup() -> Call:
    said = rendering("estate-01__fs2")[:round(5.2 * SAMPLE_RATE)]
    x, at = line(tone(RING_CHINA, 1.9), source("callee-wei"), seconds(0.6), said, seconds(0.3), tone(BUSY_CHINA, 3.5),
                 seed=9)
    return robot("estate-hangup.wav", "estate-01__fs2", "ring, callee hangs up on the real-estate robot, busy tone",
                 "A-law", alaw(x), at[3], 5.2, codec=("-c:a", "pcm_alaw"))


def unknown() -> Call:
    x, _ = line(tone(RING_CHINA, 2.1), source("callee-nawei"), seconds(0.6), source("unknown-robot"), seconds(0.5),
                seed=10)
    return Call("unknown-robot.ogg", amr475(x), "ring, callee, robot with a script that the corpus lacks",
                "AMR 4.75 kbit/s, Vorbis", codec=("-c:a", "libvorbis", "-q:a", "2"))


def human() -> Call:
    x, _ = line(tone(RING_CHINA, 6.8), source("human-words-2"), seconds(0.4), seed=11)
    return Call("human.flac", gsm(x), "ring, then a person saying Mandarin words: must match nothing", "GSM full rate",
                licence=TAN, codec=("-c:a", "flac"))


CALLS = (dental, loan, settle, warranty, solar, insure, handover, hangup, unknown, human)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args(argv).check
    try:
        SAMPLES.mkdir(exist_ok=True)
        calls = sorted((make() for make in CALLS), key=lambda call: call.file)
        differing = []
        for call in calls:
            data, path = call.encoded(), SAMPLES / call.file
            if not check:
                manifest.write_atomically(path, data)
            elif not path.exists() or path.read_bytes() != data:
                differing.append(call.file)
            print(f"{call.file}\t{np.atleast_2d(call.audio).shape[1] / SAMPLE_RATE:.2f} s\t{len(data)} bytes")
        if not check:
            manifest.write_table(SAMPLES / "samples.tsv", COLUMNS, [call.row() for call in calls])
    except (CorpusError, OSError) as error:
        print(f"make_samples.py: {error}", file=sys.stderr)
        return 1
    if differing:
        print(f"make_samples.py: differ from a fresh run: {' '.join(differing)}", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
