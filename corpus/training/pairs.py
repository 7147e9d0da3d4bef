"""Clean and degraded log-mel bands in step: what the learned parts are trained on.

usage: pairs.py CACHE --splits broad,learn --name learn [--rounds 8] [--seed 1] [--jobs 2]

Round 0 is each clip as a reference is captured (unchanged, A-law, mu-law or GSM); each further round sends every clip through a
telephone channel drawn at random: level, tilt, overdrive, room, noise at -3 to 20 dB, one or two codecs, packet loss, a
playback speed up to 3 % off. A list of named conditions would teach that list; drawn parameters teach the family.

Writes CACHE/pairs/NAME-K.npz: `bands` (int16, frames of all clips x 24, 1/256 octave), `counts` (frames per clip), `start`
(samples by which the degraded clip begins later), `speed` (how much faster it plays), `snr` (dB, 99 without noise), `voice`, `text` (id).
"""
from __future__ import annotations

import argparse
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile

import channel
import frontend
from learn import BANDS, FLOOR, HIGH, LOW, mel_edges, to_int16

LONGEST = 10.0
CODECS = ("alaw", "ulaw", "gsm", "amr122", "amr475", "amr59", "amr795", "opus8", "opus6", "opus16", "g726_32", "g726_24", "g723", "speex8", "mp3_16")
# Voices that reported sets speak with.
LEFT_OUT = {"allison-en", "allison-es"}


def clips(cache, splits):
    """(voice, text id, samples) of every clip of at least 1.2 s, in a fixed order."""
    out = []
    for split in splits:
        for path in sorted((cache / split).glob("*/*.flac")):
            if path.parent.name not in LEFT_OUT | {"etr", "freedesktop"} and soundfile.info(path).duration >= 1.2:
                out.append((path.parent.name, path.stem, soundfile.read(path, dtype="float32")[0][: int(LONGEST * channel.RATE)]))
    return out


def draw_chain(rng):
    """One random channel as a dictionary of its parameters."""
    c = {"level": -42 if rng.random() < 0.05 else rng.uniform(-34, -16), "codec": [str(rng.choice(CODECS))], "snr": 99.0,
         "speed": 1.0 if rng.random() < 0.6 else 1 + rng.uniform(-0.03, 0.03), "start": int(rng.integers(-40, 40))}
    if rng.random() < 0.2:
        c["codec"].append(str(rng.choice(CODECS)))
    if rng.random() < 0.15:
        c["tilt"] = rng.uniform(-6, 6)
    if rng.random() < 0.07:
        c["overdrive"] = rng.uniform(3, 18)
    if rng.random() < 0.22:
        c["room"] = (rng.uniform(0.1, 0.7), rng.uniform(-3, 6))
    if rng.random() < 0.6:
        c["snr"] = rng.uniform(-3, 20)
        kinds = ("white", "pink", "brown", "babble", "voice", "music", "environment", "babble", "environment")
        c["noise"] = str(rng.choice(kinds))
    if rng.random() < 0.18:
        c["loss"] = (rng.uniform(0.02, 0.2), float(rng.choice([1, 2, 3])), str(rng.choice(["fade", "gap", "repeat"])))
    return c


def degrade(audio, chains, seed, speech):
    """All clips through their chains; the codecs run over all clips that share one."""
    out = []
    for i, (x, c) in enumerate(zip(audio, chains)):
        s = int(np.random.SeedSequence([seed, i]).generate_state(1)[0])
        if c["speed"] != 1:
            x = channel.speed(x, c["speed"])
        if "room" in c:
            x = channel.reverberate(x, *c["room"], s)
        x = channel.band(x, high=np.random.default_rng(s).uniform(3200, 3800))
        if "noise" in c:
            x = channel.mix(x, channel.noise(len(x), c["noise"], s, speech), c["snr"])
        if "tilt" in c:
            x = channel.tilt(x, c["tilt"])
        x = channel.overdrive(x, c["overdrive"]) if "overdrive" in c else channel.to_level(x, c["level"])
        out.append(np.clip(x, -1, 1))
    for stage in (0, 1):
        for name in CODECS:
            which = [i for i, c in enumerate(chains) if len(c["codec"]) > stage and c["codec"][stage] == name]
            if which:
                for i, y in zip(which, channel.codec([out[i] for i in which], name)):
                    out[i] = y
    for i, c in enumerate(chains):
        if "loss" in c:
            out[i] = channel.packet_loss(out[i], c["loss"][0], c["loss"][1], seed + i, c["loss"][2])
    return out


def band_sums(x, bands=BANDS):
    """Power of every band in every frame, above the floor: float32 (frames, bands)."""
    v = np.lib.stride_tricks.sliding_window_view(to_int16(x), frontend.FRAME)[:: frontend.HOP].astype(np.float32)
    power = np.abs(np.fft.rfft(v * frontend._HANN, axis=1)[:, :128]) ** 2
    return power @ frontend.band_weights(mel_edges(bands, LOW, HIGH)).T + FLOOR


def bands_of(x):
    """Log-mel bands as `frontend.log_bands` makes them, by a library's FFT: off by a unit now and then, ten times faster."""
    return np.round(256 * np.log2(band_sums(x))).astype(np.int16)


def send(audio, number, seed):
    """(chains, clips) of round `number`: 0 is how a reference is captured, any other a random channel for each clip."""
    rng = np.random.default_rng([seed, number])
    if number == 0:
        chains = [{"codec": [str(rng.choice(["pcm", "alaw", "ulaw", "gsm"]))], "snr": 99.0, "speed": 1.0, "start": 0} for _ in audio]
        made = [channel.to_level(channel.band(x, low=200, high=3700), rng.uniform(-26, -18)) for x in audio]
        for codec in ("alaw", "ulaw", "gsm"):
            which = [i for i, c in enumerate(chains) if c["codec"][0] == codec]
            for i, y in zip(which, channel.codec([made[i] for i in which], codec)):
                made[i] = y
    else:
        chains = [draw_chain(rng) for _ in audio]
        speech = [audio[i] for i in rng.permutation(len(audio))[:60]]
        made = degrade(audio, chains, seed * 1000 + number, speech)
        made = [np.concatenate([np.zeros(c["start"], np.float32), x]) if c["start"] >= 0 else x[-c["start"]:] for x, c in zip(made, chains)]
    return chains, made


def make_round(job):
    cache, splits, name, number, seed = job
    path = cache / "pairs" / f"{name}-{number}.npz"
    if path.exists():
        return path
    material = clips(cache, splits)
    voices, texts, audio = ([m[i] for m in material] for i in range(3))
    chains, made = send(audio, number, seed)
    bands = [bands_of(x) for x in made]
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {key: np.array([c[key] for c in chains]) for key in ("start", "speed", "snr")}
    np.savez(path.with_suffix(".part.npz"), bands=np.concatenate(bands), counts=[len(b) for b in bands], voice=np.array(voices), text=np.array(texts),
             noise=np.array([c.get("noise", "") for c in chains]), room=np.array(["room" in c for c in chains]), **about)
    path.with_suffix(".part.npz").rename(path)
    return path


def read_round(path):
    """What `make_round` wrote, by name; the bands a list of one array a clip."""
    with np.load(path) as z:
        return {k: z[k] for k in z.files} | {"bands": np.split(z["bands"], np.cumsum(z["counts"])[:-1])}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--splits", default="broad,learn", type=lambda s: s.split(","))
    parser.add_argument("--name", default="learn")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    a = parser.parse_args()
    with Pool(a.jobs) as pool:
        for path in pool.imap(make_round, [(a.cache, a.splits, a.name, k, a.seed) for k in range(a.rounds + 1)], 1):
            print("wrote", path, flush=True)


if __name__ == "__main__":
    main()
