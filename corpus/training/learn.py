"""Learns the fingerprint's constants: clean/degraded pairs, discriminant analysis, balanced integer weights.

usage: learn.py CACHE OUT [--name model-v2] [--seed 1] [--jobs 2]

Reads CACHE/broad (broad.py) and CACHE/learn (material.py), degrades every clip by each of `PAIRS` (channel.py; audio in
step with the clean clip, at a random phase of the 10 ms grid), and keeps the integer log-mel bands in CACHE/pairs.
Then, over patches of active speech, with y = stage 1 of `frontend.py` (B * K whole numbers):

  S_t = covariance of clean y;  S_w = weighted mean over conditions of E[(y_degraded - y_clean)(...)^T]

The generalised eigenvectors of S_t against S_w (linear discriminant analysis, Fisher 1936; used so for audio
fingerprints by Burges, Platt & Jana, "Distortion discriminant analysis", IEEE Trans. SAP 11(3), 2003) are cut to the
best `m`, scaled to equal total variance, and turned by a random orthonormal D-frame, so that all bits are about equally
good and balanced. Rows are rounded to 16 bits so that no sum can leave 32 bits; the threshold is the median.

Writes OUT/NAME.bin, OUT/golden.json of the same number, and prints the report of `measure.py`. Same material, same
seed, same file.
"""
from __future__ import annotations

import argparse
import json
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import scipy.linalg
import soundfile

import channel
import frontend

# condition -> (weight, chain in channel.py's terms). "speed": factor; phases and +-10 ms shifts are drawn for all.
PAIRS = {
    "alaw": (1, [("codec", "alaw")]), "gsm": (1, [("codec", "gsm")]), "amr122": (1, [("codec", "amr122")]),
    "amr475": (1, [("codec", "amr475")]), "opus8_loss5": (1, channel.CONDITIONS["opus8_loss5"]),
    "gsm_n10": (1, channel.CONDITIONS["gsm_n10"]), "amr475_n10": (1, channel.CONDITIONS["amr475_n10"]),
    "alaw_n5": (1, channel.CONDITIONS["alaw_n5"]), "amr59_n5": (1, channel.CONDITIONS["amr59_n5"]),
    "alaw_n0": (1.5, channel.CONDITIONS["alaw_n0"]), "alaw_white5": (1, channel.CONDITIONS["alaw_white5"]),
    "alaw_babble5": (1, channel.CONDITIONS["alaw_babble5"]), "doubletalk5": (1, channel.CONDITIONS["doubletalk5"]),
    "overdrive": (1, channel.CONDITIONS["overdrive"]), "tandem": (1, channel.CONDITIONS["tandem"]),
    "room": (1.5, channel.CONDITIONS["room"]), "loss10_gap": (1, channel.CONDITIONS["loss10_gap"]),
    "speed+2": (0.5, [("codec", "alaw")]), "speed-2": (0.5, [("codec", "alaw")]),
}
LONGEST = 10.0          # s of a clip that are used
BANDS, LOW, HIGH, FLOOR = 24, 200.0, 3500.0, 4096
ACTIVE = 8.3 * 256      # a patch is active when its mean loudest band is within this (25 dB) of the clip's highest


def mel_edges(bands, low, high):
    """Band edges in Hz, even on the mel scale 1127 ln(1 + f / 700)."""
    m = np.linspace(1127 * np.log1p(low / 700), 1127 * np.log1p(high / 700), bands + 2)
    return 700 * np.expm1(m / 1127)


# ---- pairs -----------------------------------------------------------------------------------------------------

# Voices that reported sets speak with; material.py has other texts by them.
LEFT_OUT = {"allison-en", "allison-es", "zt-le1"}


def clips(cache, splits):
    """(voice, float32 samples) of every clip of at least 3 s in CACHE/SPLIT/VOICE/*.flac, in a fixed order."""
    out = []
    for split in splits:
        for path in sorted((cache / split).glob("*/*.flac")):
            if path.parent.name not in LEFT_OUT and soundfile.info(path).duration >= 3:
                out.append((path.parent.name, soundfile.read(path, dtype="float32")[0][: int(LONGEST * channel.RATE)]))
    return out


def to_int16(x):
    return np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)


def degrade(job):
    """Bands of all clips under one condition (None: clean), cached as one .npz. Returns its path."""
    cache, tag, splits, condition, number, seed = job
    path = cache / "pairs" / f"{tag}-{condition or 'clean'}.npz"
    if path.exists():
        return path
    audio = [x for _, x in clips(cache, splits)]
    rng = np.random.default_rng([seed, number])
    if condition is not None:
        chain = PAIRS[condition][1] if condition in PAIRS else channel.CONDITIONS[condition]
        talkers = [audio[i] for i in rng.permutation(len(audio))[:40]]
        if condition.startswith("speed"):
            audio = [channel.speed(x, 1 + float(condition[5:]) / 100) for x in audio]
        channel.CONDITIONS[f"_{condition}"] = chain
        audio = channel.apply(f"_{condition}", audio, seed * 1000 + number, talkers)
        # the query's 10 ms grid lies anywhere: start 40 samples before to 39 after the clean clip's first sample
        audio = [np.concatenate([np.zeros(40, np.float32), x])[int(rng.integers(80)):] for x in audio]
    edges = mel_edges(BANDS, LOW, HIGH)
    bands = [frontend.log_bands(to_int16(x), edges, FLOOR) for x in audio]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path.with_suffix(".part.npz"), bands=np.concatenate(bands), counts=[len(b) for b in bands])
    path.with_suffix(".part.npz").rename(path)
    return path


def read_bands(path):
    with np.load(path) as z:
        return np.split(z["bands"], np.cumsum(z["counts"])[:-1])


def make_pairs(cache, tag, splits, conditions, seed, jobs):
    """{condition or None: list of band arrays, one a clip}."""
    work = [(cache, tag, splits, c, i, seed) for i, c in enumerate([None, *conditions])]
    with Pool(jobs) as pool:
        paths = pool.map(degrade, work, 1)
    return {w[3]: read_bands(p) for w, p in zip(work, paths)}


# ---- statistics ------------------------------------------------------------------------------------------------

def integer_basis(count, length):
    """`count` cosines (DCT-II without the constant) over `length` frames in int8, each row with sum 0."""
    t, rows = (np.arange(length) + 0.5) / length, []
    for k in range(1, count + 1):
        exact = 127 * np.cos(np.pi * k * t)
        row = np.round(exact).astype(int)
        while row.sum():        # round the other way where it costs least
            sign = -np.sign(row.sum())
            row[np.argmax((exact - row) * sign)] += sign
        rows.append(row)
    return np.array(rows, np.int8)


def active_positions(bands, length, step):
    """First frames of patches of active speech, every `step` frames."""
    if len(bands) < length + 6:
        return np.zeros(0, int)
    loud = bands.max(1).astype(np.float64)
    mean = np.convolve(loud, np.ones(length) / length, "valid")
    at = np.arange(2, len(bands) - length - 3, step)
    return at[mean[at] > loud.max() - ACTIVE]


def features(bands, at, model):
    """Stage 1 at the positions `at`: (n, B * K) float64 of whole numbers."""
    patches = np.lib.stride_tricks.sliding_window_view(bands, model.basis.shape[1], axis=0)[at]
    return frontend.stage1(patches, model.basis, model.shift1, model.span_band, model.span_patch)


def scatters(pairs, model, step, shift, seed):
    """(total scatter, {condition: within scatter}, clean features) over active patches, `shift` in frames at most."""
    rng, length = np.random.default_rng([seed, 7]), model.basis.shape[1]
    where = [active_positions(b, length, step) for b in pairs[None]]
    clean = np.concatenate([features(b, at, model) for b, at in zip(pairs[None], where) if len(at)])
    within = {}
    for condition, clips_ in pairs.items():
        if condition is None:
            continue
        factor = 1 + float(condition[5:]) / 100 if condition.startswith("speed") else 1.0
        rows = []
        for bands, at in zip(clips_, where):
            if len(at) == 0:
                continue
            moved = (at + length / 2) / factor - length / 2 + rng.integers(-shift, shift + 1, len(at))
            rows.append(features(bands, np.clip(np.round(moved).astype(int), 0, len(bands) - length), model))
        d = np.concatenate(rows) - clean
        within[condition] = d.T @ d / len(d)
    return np.cov(clean.T), within, clean


def discriminants(total, within, keep, shrink):
    """(B * K, keep) best directions, of equal total variance, and the ratios of total to within-class variance."""
    w = within + shrink * np.trace(within) / len(within) * np.eye(len(within))
    ratio, vectors = scipy.linalg.eigh(total, w)
    ratio, vectors = ratio[::-1][:keep], vectors[:, ::-1][:, :keep]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(keep)])
    return vectors / np.sqrt(np.einsum("ij,ik,kj->j", vectors, total, vectors)), ratio


def turned(vectors, bits, seed):
    """The directions turned by random orthonormal frames into `bits` ones of about equal worth."""
    rng, keep = np.random.default_rng([seed, 8]), vectors.shape[1]
    turns = [np.linalg.qr(rng.standard_normal((keep, keep)))[0] for _ in range(-(-bits // keep))]
    return vectors @ np.concatenate(turns, 1)[:, :bits]


def quantise(model, matrix, clean):
    """Integer projection, thresholds at the median and the 8-bit soft scale, from float directions and clean features."""
    scale = 60000 / np.abs(matrix).sum(0).max()
    model.projection = np.round(matrix.T * scale).astype(np.int16)
    if np.abs(model.projection.astype(np.int64)).sum(1).max() > 65535:
        raise ValueError("a projection row could overflow 32 bits")
    v = clean @ model.projection.T.astype(np.float64)
    model.threshold = np.median(v, 0).astype(np.int32)
    model.shift2 = int(np.round(np.log2((v - model.threshold).std() / 40)))
    return model


def learn(pairs, settings, seed):
    """A `frontend.Model` from pairs and settings (see `SETTINGS`)."""
    s = settings
    empty = np.zeros((s["bits"], BANDS * s["functions"]), np.int16)
    model = frontend.Model(mel_edges(BANDS, LOW, HIGH), FLOOR, integer_basis(s["functions"], s["patch"]), empty,
                           np.zeros(s["bits"], np.int32), 7, 0, s["span_band"], s["span_patch"])
    total, within, clean = scatters(pairs, model, s["step"], s["shift"], seed)
    mean = sum(PAIRS[c][0] * w for c, w in within.items()) / sum(PAIRS[c][0] for c in within)
    vectors, ratio = discriminants(total, mean, s["keep"], s["shrink"])
    matrix = turned(vectors, s["bits"], seed)
    print("patches", len(clean), "variance ratios", np.round(ratio[[0, len(ratio) // 4, len(ratio) // 2, -1]], 2))
    return quantise(model, matrix, clean)


SETTINGS = {"patch": 40, "functions": 10, "bits": 128, "keep": 160, "shrink": 1e-3, "span_band": 768, "span_patch": 1792,
            "step": 6, "shift": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="model-v2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    a = parser.parse_args()
    pairs = make_pairs(a.cache, "learn", ("broad", "learn"), PAIRS, a.seed, a.jobs)
    model = learn(pairs, SETTINGS, a.seed)
    path = a.out / f"{a.name}.bin"
    path.with_suffix(".part").write_bytes(model.to_bytes())
    path.with_suffix(".part").rename(path)
    golden = json.dumps(frontend.golden(model))
    (a.out / f"{a.name.replace('model', 'golden')}.json").write_text(golden, encoding="utf-8")
    print("wrote", path, "crc", frontend.golden(model)["model_crc32"])


if __name__ == "__main__":
    main()
