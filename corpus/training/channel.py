"""Telephone-channel simulation for training and development sets.

What a clip meets between the bot's player and the callee's ear: codecs, noise, loss, jitter, speed, clipping, rooms.
Audio is float32 in [-1, 1], mono, 8 kHz. Every stage is a pure function of (samples, parameters, seed). Codecs and
the tempo filter are real programs (ffmpeg); they take a list of clips, so that one process serves hundreds of clips.

Time alignment matters for training on clean/degraded pairs, so `codec` and `tempo` remove the delay of the coder
(measured once per codec with a chirp) and `jitter_slips` can return the map from output to input samples.

`CONDITIONS` names ready-made chains, applied by `apply`.
"""
from __future__ import annotations

import functools
import subprocess

import numpy as np
from scipy import signal

RATE = 8000
_GAP = RATE // 4  # silence between clips in one coder run, so that no clip's tail is coded into the next

# name -> (ffmpeg encoder arguments, container)
CODECS = {
    "alaw": (["-c:a", "pcm_alaw"], "wav"),
    "ulaw": (["-c:a", "pcm_mulaw"], "wav"),
    "g726_32": (["-c:a", "g726", "-b:a", "32k"], "wav"),
    "g726_24": (["-c:a", "g726", "-b:a", "24k"], "wav"),
    "g722": (["-ar", "16000", "-c:a", "g722"], "wav"),
    "gsm": (["-c:a", "libgsm_ms"], "wav"),
    "amr475": (["-c:a", "libopencore_amrnb", "-b:a", "4.75k"], "amr"),
    "amr59": (["-c:a", "libopencore_amrnb", "-b:a", "5.9k"], "amr"),
    "amr795": (["-c:a", "libopencore_amrnb", "-b:a", "7.95k"], "amr"),
    "amr122": (["-c:a", "libopencore_amrnb", "-b:a", "12.2k"], "amr"),
    "g723": (["-c:a", "g723_1", "-b:a", "6300"], "wav"),
    "opus6": (["-c:a", "libopus", "-b:a", "6k", "-application", "voip"], "ogg"),
    "opus8": (["-c:a", "libopus", "-b:a", "8k", "-application", "voip"], "ogg"),
    "opus16": (["-c:a", "libopus", "-b:a", "16k", "-application", "voip"], "ogg"),
    "speex8": (["-c:a", "libspeex", "-b:a", "8k"], "ogg"),
    "mp3_16": (["-c:a", "libmp3lame", "-b:a", "16k"], "mp3"),
}


# ---- level -----------------------------------------------------------------------------------------------------

def active_rms(x):
    """RMS over 20 ms frames within 30 dB of the loudest one: the speech level, whatever the pauses."""
    n = len(x) // 160
    if n == 0:
        return float(np.sqrt(np.mean(np.square(x)) + 1e-12))
    e = np.square(x[: n * 160].reshape(n, 160)).mean(1)
    return float(np.sqrt(e[e >= e.max() * 1e-3].mean() + 1e-12))


def to_level(x, dbfs):
    """Scaled so that the active level is `dbfs` (0 dBFS = RMS 1)."""
    return (x * (10 ** (dbfs / 20) / active_rms(x))).astype(np.float32)


def overdrive(x, db):
    """Amplified until the peak is `db` above full scale, then clipped hard."""
    peak = max(float(np.abs(x).max()), 1e-6)
    return np.clip(x / peak * 10 ** (db / 20), -1, 1).astype(np.float32)


def band(x, low=300, high=3400, order=4):
    """Telephone band-pass (Butterworth)."""
    sos = signal.butter(order, [low, min(high, RATE / 2 - 50)], "bandpass", fs=RATE, output="sos")
    return signal.sosfilt(sos, x).astype(np.float32)


def tilt(x, db_per_octave):
    """Spectral tilt about 1 kHz: a handset that is too dull or too bright."""
    n = len(x)
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 50)
    gain = 10 ** (np.clip(db_per_octave * np.log2(f / 1000), -18, 18) / 20)
    return np.fft.irfft(np.fft.rfft(x) * gain, n).astype(np.float32)


# ---- codecs and tempo through ffmpeg ---------------------------------------------------------------------------

def _ffmpeg(arguments, data):
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", *arguments], input=data, capture_output=True)
    if run.returncode:
        raise RuntimeError(f"ffmpeg {' '.join(arguments)}: {run.stderr.decode()[:400]}")
    return run.stdout


def load(path, rate=RATE):
    """Any file ffmpeg reads, as mono float32 at `rate`."""
    raw = _ffmpeg(["-i", str(path), "-ac", "1", "-ar", str(rate), "-f", "f32le", "-"], None)
    return np.frombuffer(raw, "<f4").copy()


def _code(x, name):
    encode, box = CODECS[name]
    pcm = (np.clip(x, -1, 1) * 32767).astype("<i2").tobytes()
    source = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    coded = _ffmpeg([*source, *encode, "-f", box, "-"], pcm)
    raw = _ffmpeg(["-f", box, "-i", "-", "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"], coded)
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768


def _join(clips):
    """All clips in one signal with gaps; returns it and each clip's start."""
    starts, parts, at = [], [np.zeros(_GAP, np.float32)], _GAP
    for c in clips:
        starts.append(at)
        parts += [c, np.zeros(_GAP, np.float32)]
        at += len(c) + _GAP
    return np.concatenate(parts).astype(np.float32), starts


def _cut(x, start, length):
    y = x[max(start, 0):start + length]
    return np.pad(y, (0, length - len(y))).astype(np.float32)


@functools.lru_cache(maxsize=None)
def codec_delay(name):
    """Samples by which coder and decoder delay the signal, from the 10 ms energy envelope of bursts (± 1 ms)."""
    rng = np.random.default_rng(1)
    t = np.arange(RATE * 6) / RATE
    gate = np.repeat(rng.random(75) < 0.5, 640)[: len(t)]
    x = (0.3 * signal.chirp(t % 2, 400, 2, 2800) * gate).astype(np.float32)
    y = _code(x, name)
    def envelope(v):
        v = np.pad(v, (0, max(0, len(t) + 1600 - len(v))))[: len(t) + 1600]
        return np.convolve(np.abs(v), np.ones(80) / 80, "same")[::8]
    a, b = envelope(x), envelope(y)
    lags = np.arange(-20, 200)
    r = [float(np.dot(a[100:-400] - a.mean(), np.roll(b, -k)[100:-400])) for k in lags]
    return int(lags[int(np.argmax(r))]) * 8


def codec(clips, name):
    """The clips through one codec, delay removed; lengths are kept. A name such as "gsm+amr475" is a tandem."""
    for one in name.split("+"):
        if one == "pcm":
            continue
        x, starts = _join(clips)
        y, delay = _code(x, one), codec_delay(one)
        clips = [_cut(y, s + delay, len(c)) for s, c in zip(starts, clips)]
    return clips


def tempo(clips, factor):
    """Tempo changed by `factor` (> 1 is faster), pitch kept (ffmpeg's WSOLA)."""
    x, starts = _join(clips)
    arguments = ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-af", f"atempo={factor:.6f}", "-f", "f32le", "-"]
    y = np.frombuffer(_ffmpeg(arguments, x.astype("<f4").tobytes()), "<f4")
    return [_cut(y, int(round(s / factor)), int(round(len(c) / factor))) for s, c in zip(starts, clips)]


def speed(x, factor):
    """Playback speed changed by `factor`: tempo and pitch together (band-limited: 4 x oversampled, then linear)."""
    n, up = int(round(len(x) / factor)), signal.resample_poly(x, 4, 1)
    return np.interp(np.arange(n) * (4 * factor), np.arange(len(up)), up).astype(np.float32)


def pitch(clips, semitones):
    """Pitch changed, tempo kept."""
    factor = 2 ** (semitones / 12)
    out = tempo([speed(c, factor) for c in clips], 1 / factor)
    return [_cut(y, 0, len(c)) for y, c in zip(out, clips)]


# ---- noise -----------------------------------------------------------------------------------------------------

def coloured_noise(n, exponent, seed):
    """Gaussian noise with power ~ f^-exponent: 0 white, 1 pink, 2 brown."""
    rng = np.random.default_rng(seed)
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    spectrum = (rng.standard_normal(len(f)) + 1j * rng.standard_normal(len(f))) * f ** (-exponent / 2)
    y = np.fft.irfft(spectrum, n)
    return (y / (y.std() + 1e-12)).astype(np.float32)


def babble(n, speech, talkers, seed):
    """Several voices at once, each a random loop of one clip of `speech` at equal active level."""
    rng, y = np.random.default_rng(seed), np.zeros(n, np.float32)
    for _ in range(talkers):
        v = speech[int(rng.integers(len(speech)))]
        y += np.resize(np.roll(to_level(v, -26), int(rng.integers(len(v)))), n)
    return y


def music(n, seed):
    """A made-up piece: chords of decaying harmonic notes, a bass and a beat, 80-140 beats a minute."""
    rng, y = np.random.default_rng(seed), np.zeros(n + RATE * 2, np.float32)
    beat = int(RATE * 60 / rng.uniform(80, 140))
    root, scale = rng.uniform(110, 220), np.array([0, 2, 4, 5, 7, 9, 11, 12])
    t = np.arange(RATE * 2) / RATE
    hits = [coloured_noise(RATE // 8, 0, seed + k) * np.exp(-t[: RATE // 8] * 40) for k in (1, 2)]
    for i, at in enumerate(range(0, n, beat)):
        degree = int(rng.integers(7)) if i % 4 == 0 else degree
        for k in (0, 2, 4, int(rng.integers(8))):
            f = root * 2 ** ((scale[(degree + k) % 8] + 12 * (k > 4)) / 12)
            decay = np.exp(-t * rng.uniform(1.5, 5))
            note = sum(np.sin(2 * np.pi * f * h * t + rng.uniform(0, 6)) / h for h in range(1, 8) if f * h < 3800)
            y[at:at + len(t)] += (note * decay).astype(np.float32)
        hit = hits[i % 2]
        y[at:at + len(hit)] += 1.5 * hit
    return y[:n]


def environment(n, seed):
    """A made-up surrounding: one of street, engine, rain, wind, keys, crowd hum, siren, knocks."""
    rng, t = np.random.default_rng(seed), np.arange(n) / RATE
    def slow(lowest, highest, period):
        points = rng.uniform(lowest, highest, int(n / RATE / period) + 3)
        return np.interp(t / period, np.arange(len(points)), points)
    kind = int(rng.integers(8))
    if kind == 0:
        y = coloured_noise(n, 1.6, seed) * slow(0.2, 1.5, 1.3)
    elif kind == 1:
        f = np.cumsum(slow(25, 60, 0.8)) / RATE
        y = sum(np.sin(2 * np.pi * f * h + h) / h ** 0.7 for h in range(1, 24)) + 0.3 * coloured_noise(n, 1, seed)
    elif kind == 2:
        drops = (rng.random(n) < 0.01) * rng.exponential(1, n)
        y = signal.lfilter([1], [1, -0.6], drops * rng.choice([-1, 1], n)) + 0.1 * coloured_noise(n, 0, seed)
    elif kind == 3:
        y = coloured_noise(n, 2, seed) * slow(0, 2, 0.4) + 0.1 * coloured_noise(n, 1, seed)
    elif kind in (4, 7):
        y = 0.02 * coloured_noise(n, 1, seed)
        rate, ring = (6, 900) if kind == 4 else (2, 250)
        for at in rng.integers(0, max(n - 800, 1), max(1, int(n / RATE * rate))):
            size = min(800, n - at)
            burst = np.exp(-np.arange(size) / rng.uniform(20, 120)) * rng.uniform(0.3, 1)
            y[at:at + size] += burst * (rng.standard_normal(size) + np.sin(np.arange(size) * ring * rng.uniform(0.5, 3) / RATE * 6.28))
    elif kind == 5:
        y = band(coloured_noise(n, 0.6, seed), 200, 1800, 2) * slow(0.4, 1.2, 0.15)
    else:
        f = np.cumsum(900 + 400 * np.sin(2 * np.pi * t * rng.uniform(0.2, 2))) / RATE
        y = np.sin(2 * np.pi * f) + 0.4 * np.sin(4 * np.pi * f) + 0.5 * coloured_noise(n, 1, seed)
    return np.asarray(y, np.float32)


def noise(n, kind, seed, speech=()):
    """`white`, `pink`, `brown`, `music`, `environment`, `babble` (3-6 voices) or `voice` (one), from `speech` clips."""
    rng = np.random.default_rng(seed)
    if kind in ("babble", "voice"):
        return babble(n, speech, 1 if kind == "voice" else int(rng.integers(3, 7)), seed)
    if kind in ("music", "environment"):
        return {"music": music, "environment": environment}[kind](n, seed)
    return coloured_noise(n, {"white": 0, "pink": 1, "brown": 2}[kind], seed)


def mix(x, other, snr_db):
    """Adds `other` (looped to length) at `snr_db` below the active level of `x`."""
    o = np.resize(other, len(x))
    return (x + o * (active_rms(x) / max(active_rms(o), 1e-6) * 10 ** (-snr_db / 20))).astype(np.float32)


# ---- network and room --------------------------------------------------------------------------------------------

def packet_loss(x, rate, burst, seed, conceal="fade"):
    """Gilbert-Elliott loss of 20 ms packets: `rate` lost overall in bursts of mean length `burst` packets.

    conceal: "gap" leaves silence, "repeat" plays the last packet, "fade" the same, 3 dB quieter for each lost one.
    """
    rng, y = np.random.default_rng(seed), x.copy()
    leave, bad, run = 1 / burst, False, 0
    enter = rate * leave / max(1e-9, 1 - rate)
    for a in range(0, len(x) - 159, 160):
        bad = rng.random() < ((1 - leave) if bad else enter)
        run = run + 1 if bad else 0
        if bad:
            kept = {"gap": 0.0, "repeat": 1.0, "fade": 0.7 if run < 5 else 0.0}[conceal]
            y[a:a + 160] = y[a - 160:a] * kept if a else 0
    return y


def jitter_slips(x, per_second, seed, with_map=False):
    """A jitter buffer that drops or repeats 10 ms, `per_second` times a second; optionally the source sample of each."""
    rng, index, a = np.random.default_rng(seed), [], 0
    while a < len(x):
        b = min(a + 160, len(x))
        piece, r = np.arange(a, b), rng.random()
        if r < per_second / 100:
            piece = piece[80:]
        elif r < per_second / 50:
            piece = np.concatenate([piece, piece[-80:]])
        index.append(piece)
        a = b
    index = np.concatenate(index)
    return (x[index], index) if with_map else x[index]


def reverberate(x, rt60, direct_db, seed):
    """A room: direct sound, six early reflections and an exponential tail; `direct_db` is direct over reverberant."""
    rng, n = np.random.default_rng(seed), int(RATE * rt60)
    t = np.arange(n) / RATE
    tail = rng.standard_normal(n) * 10 ** (-3 * t / rt60) * (t > 0.004)
    for _ in range(6):
        at = int(rng.uniform(0.002, 0.04) * RATE)
        tail[min(at, n - 1)] += rng.choice([-1, 1]) * rng.uniform(2, 6)
    response = tail / np.sqrt(np.square(tail).sum()) * 10 ** (-direct_db / 20)
    response[0] += 1
    y = signal.fftconvolve(x, response)[: len(x)]
    return (y * (active_rms(x) / active_rms(y))).astype(np.float32)


# ---- named chains --------------------------------------------------------------------------------------------------

# name -> steps (function, parameters); "noise" draws its kind from a list, None = (white, babble, music, environment)
CONDITIONS = {
    "alaw": [("codec", "alaw")], "ulaw": [("codec", "ulaw")], "gsm": [("codec", "gsm")],
    "amr122": [("codec", "amr122")], "amr475": [("codec", "amr475")], "g723": [("codec", "g723")],
    "g726_24": [("codec", "g726_24")], "opus16": [("codec", "opus16")], "speex8": [("codec", "speex8")],
    "opus8_loss5": [("codec", "opus8"), ("loss", 0.05, 2, "fade")],
    "gsm_n10": [("noise", None, 10), ("codec", "gsm")],
    "amr475_n10": [("noise", None, 10), ("codec", "amr475")],
    "amr59_n5": [("noise", None, 5), ("codec", "amr59")],
    "alaw_n5": [("noise", None, 5), ("codec", "alaw")],
    "alaw_n0": [("noise", None, 0), ("codec", "alaw")],
    "alaw_white5": [("noise", "white", 5), ("codec", "alaw")],
    "alaw_babble5": [("noise", "babble", 5), ("codec", "alaw")],
    "doubletalk5": [("noise", "voice", 5), ("codec", "alaw")],
    "overdrive": [("overdrive", 12), ("codec", "alaw")],
    "tandem": [("codec", "gsm+g726_32+amr475")],
    "room": [("room", 0.25, 0.6, 0), ("codec", "speex8")],
    "loss10_gap": [("codec", "alaw"), ("loss", 0.10, 2, "gap")],
    "slips": [("slips", 1.0), ("codec", "alaw")],
    "speed3": [("speed", 0.03), ("codec", "alaw")], "speed6": [("speed", 0.06), ("codec", "alaw")],
    "speed10": [("speed", 0.10), ("codec", "alaw")],
    "tempo6": [("tempo", 0.06), ("codec", "gsm")], "pitch1": [("pitch", 1.0), ("codec", "alaw")],
}


def _each(step, clips, seeds, speech):
    kind, *p = step
    out = []
    for x, seed in zip(clips, seeds):
        rng = np.random.default_rng([seed, 77])
        if kind == "noise":
            choice = p[0] or ("white", "babble", "music", "environment")[int(rng.integers(4))]
            out.append(mix(x, noise(len(x), choice, seed, speech), p[1]))
        elif kind == "loss":
            out.append(packet_loss(x, p[0], p[1], seed, p[2]))
        elif kind == "slips":
            out.append(jitter_slips(x, p[0], seed))
        elif kind == "room":
            out.append(reverberate(x, rng.uniform(p[0], p[1]), p[2], seed))
        elif kind == "speed":
            out.append(speed(x, 1 + p[0] * rng.choice([-1, 1])))
        else:
            out.append({"overdrive": overdrive, "band": band, "tilt": tilt}[kind](x, *p))
    return out


def apply(condition, clips, seed, speech=(), level=(-32, -18)):
    """All clips through the chain `condition`: band-pass, random level, then its steps. Clips keep their order.

    seed: whole number; clip i uses (seed, i). speech: clips for babble, of voices other than those tested.
    Returns a list of clips; slips, speed and tempo change their length.
    """
    seeds = [int(np.random.SeedSequence([seed, i]).generate_state(1)[0]) for i in range(len(clips))]
    levels = [np.random.default_rng([s, 5]).uniform(*level) for s in seeds]
    clips = [to_level(band(c), v) for c, v in zip(clips, levels)]
    for step in CONDITIONS[condition]:
        if step[0] == "codec":
            clips = codec(clips, step[1])
        elif step[0] in ("tempo", "pitch"):
            half = [np.random.default_rng([s, 6]).random() < 0.5 for s in seeds]
            change = (lambda c, s: tempo(c, 1 + s * step[1])) if step[0] == "tempo" else (lambda c, s: pitch(c, s * step[1]))
            done = {}
            for sign in (True, False):
                which = [i for i, h in enumerate(half) if h == sign]
                if which:
                    done |= dict(zip(which, change([clips[i] for i in which], 1 if sign else -1)))
            clips = [done[i] for i in range(len(clips))]
        else:
            clips = _each(step, clips, seeds, speech)
    return clips
