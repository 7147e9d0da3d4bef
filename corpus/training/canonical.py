"""Fits the canonical variates under which large indexes file their codes (core/src/index/canonical.rs).

usage: canonical.py CACHE OUT.bin [--name learn]

Reads the clean and degraded bands that `pairs.py` made, CACHE/pairs/NAME-*.npz, and makes of them the 128 values of codes
in step: of the clean ones as an index restores them from its bands, of the degraded ones as a query has them, up to 10 ms off. Of the
degraded clips those with 22 to 45 % wrong bits count: cleaner ones are found anyway. Canonical correlation analysis (Hotelling, "Relations between
two sets of variates", Biometrika 28, 1936) finds the directions along which the values of both correlate most; the best 64 are kept, and
each counts by its correlation to the power of 1.5.

Prints the correlations, and for voices left out (one in five) how well codes correlate by their values, and by these variates.
"""
from __future__ import annotations

import argparse
import os
import struct
import zlib
from pathlib import Path

import numpy as np

import frontend
from learn import LEFT_OUT, active_positions, features
from material import draw
from pairs import read_round

VARIATES, EMPHASIS = 64, 1.5
SPREAD = 40.0           # of the strongest variates, of at most 127
WRONG = (0.22, 0.45)   # share of wrong bits in a clip
HOP = 4                 # frames from one stored code to the next
STEP, TOP = 256, 15     # stored bands: 3 dB, so many steps under the highest
MODEL = Path(__file__).parents[2] / "core/src/fingerprint/model.bin"


def coarse(bands):
    """Bands as an index stores and restores them: two frames together, in steps of 3 dB, of which there are 16."""
    sums = bands[: len(bands) // 2 * 2].reshape(-1, 2, bands.shape[1]).astype(int).sum(1)
    steps = np.clip((sums - sums.max() + STEP) // (2 * STEP) + TOP, 0, TOP)
    return np.repeat(steps * STEP, 2, 0).astype(np.int16)


def values(bands, at, model):
    """Soft values of the patches that begin at frames `at`, (n, 128)."""
    exact = features(bands, at, model) @ model.projection.T.astype(float) - model.threshold
    return frontend.soft8(exact.astype(int), model).astype(float)


def restored(bands, at, model):
    """(values as an index restores them, signs that it stores)."""
    signs = values(bands, at, model) > 0
    again = values(coarse(bands), at, model)
    return np.where((again > 0) == signs, again, 0), signs


def pairs(cache, name, model, seed=1):
    """(noisy values, clean values, voice of each pair)."""
    rng, length = np.random.default_rng(seed), model.basis.shape[1]
    rounds = sorted((cache / "pairs").glob(f"{name}-*.npz"), key=lambda p: int(p.stem.rsplit("-", 1)[1]))
    clean, noisy, voices, before = [], [], [], None
    for path in rounds:
        z = read_round(path)
        clips = z["bands"]
        if before is None:      # round 0: references
            where = [active_positions(b, length, 1) for b in clips]
            where = [at[at % HOP == 0] for at in where]
            before = [restored(b, at, model) if len(at) else None for b, at in zip(clips, where)]
            continue
        for bands, start, speed, voice, at, known in zip(clips, z["start"], z["speed"], z["voice"], where, before):
            if known is None or voice in LEFT_OUT:
                continue
            there = (at + length / 2) / speed - length / 2 + start / frontend.HOP
            there = np.round(there + rng.uniform(-1, 1, len(at))).astype(int)
            inside = (there >= 0) & (there <= len(bands) - length)
            if inside.sum() < 5:
                continue
            found = values(bands, there[inside], model)
            wrong = ((found > 0) != known[1][inside]).mean()
            if WRONG[0] <= wrong <= WRONG[1]:
                noisy.append(found)
                clean.append(known[0][inside])
                voices.append(np.full(inside.sum(), voice))
    return np.concatenate(noisy), np.concatenate(clean), np.concatenate(voices)


def whitening(v):
    """A matrix that gives (n, d) values unit covariance about zero."""
    spread, directions = np.linalg.eigh(v.T @ v / len(v))
    return directions / np.sqrt(spread)


def fit(noisy, clean):
    """Weights for both, (128, VARIATES) each, and the correlations along all directions."""
    first, second = whitening(noisy), whitening(clean)
    u, correlations, v = np.linalg.svd((noisy @ first).T @ (clean @ second) / len(noisy))
    # Which way a pair of directions points is chance.
    turn = np.sign(u[np.abs(u).argmax(0), np.arange(u.shape[1])])
    u, v = u * turn, v.T * turn
    counts = correlations[:VARIATES] ** EMPHASIS
    return first @ u[:, :VARIATES] * counts, second @ v[:, :VARIATES] * counts, correlations


def quantise(query, stored, clean):
    """8-bit weights, the largest of each set 127, and a shift that gives the strongest variates a spread of about SPREAD."""
    query, stored = (np.round(w * 127 / np.abs(w).max()).astype(np.int8) for w in (query, stored))
    spread = (clean @ stored[:, :4].astype(float)).std()
    return query, stored, int(np.round(np.log2(spread / SPREAD)))


def to_bytes(query, stored, shift):
    """The file; its layout is in core/src/index/canonical.rs."""
    body = struct.pack("<4sHHHH", b"CPCV", 1, VARIATES, len(query), shift) + query.T.tobytes() + stored.T.tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


def alike(a, b):
    """Correlation of each pair of rows: mean, and the tenth and nine tenths."""
    each = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-9)
    return np.round([each.mean(), *np.quantile(each, [0.1, 0.9])], 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="learn")
    a = parser.parse_args()
    model = frontend.Model.from_bytes(MODEL.read_bytes())
    noisy, clean, voices = pairs(a.cache, a.name, model)
    held = np.array([draw("canonical", v) < 0.2 for v in voices])
    print(len(noisy), "pairs,", ((noisy > 0) != (clean > 0)).mean().round(3), "wrong bits,", len(set(voices)), "voices,", len(set(voices[held])), "left out")
    for name, part in (("half", ~held), ("all", np.ones(len(held), bool))):
        query, stored, correlations = fit(noisy[part], clean[part])
        query, stored, shift = quantise(query, stored, clean[part])
        if name == "half":
            print("left out, by values", alike(noisy[held], clean[held]), "by variates", alike(noisy[held] @ query.astype(float), clean[held] @ stored.astype(float)))
    print("correlations", correlations[::9].round(3), "shift", shift)
    part = a.out.with_suffix(".part")
    part.write_bytes(to_bytes(query, stored, shift))
    os.replace(part, a.out)


if __name__ == "__main__":
    main()
