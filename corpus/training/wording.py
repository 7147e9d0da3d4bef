#!/usr/bin/env python3
"""Learns the wording encoder: bands of 20 ms to vectors that say what is said, whoever says it.

usage: wording.py CACHE OUT [--splits wording-train,score-train,learn] [--rounds 2] [--stages 500,500,1700,2600] [--seed 1]

Reads CACHE/pairs/wording-K.npz: `pairs.py CACHE --splits ... --name wording --rounds 2`, round 0 as captured, the others through random
telephone channels; and the clause times beside the clips. Two voices that say the same text are aligned clause by clause with dynamic
programming, first by their cepstra, later by what the network makes of them. The network (`core/src/wording/encoder.rs`) learns to
tell the frame that corresponds from all others of the batch (InfoNCE, both ways), where the other frames are of the same voices, too, so
that the voice is of no help. Sides are taken from any round and their bands moved by up to 10 %, as a longer or shorter throat moves them.
The first stages learn from round 0 alone: in noise from the beginning nothing is found to align by.

Writes OUT.npz after each stage and OUT.bin, the file that the library embeds. Wants JAX, optax and numba.
"""
from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numba
import numpy as np
import optax

from pairs import read_round

BANDS, CONTEXT, WIDTH, OUT = 24, 7, 96, 16
TAPS = ((0, 1, 2, 3, 4), (0, 2, 4), (0, 3, 6))
FLOOR, AUDIBLE = -3.0, -2.0            # under the loud frames, in units of 12 dB
BATCH, POINTS, REACH = 96, 16, (40, 84)  # pairs of stretches, frames compared in each, frames of either side
PAIRS = 2500                           # pairs of clips aligned for a stage


def frames20(bands, phase=0):
    """Bands of 20 ms from those of 10 ms, beginning with frame `phase`."""
    bands = bands[phase:]
    n = len(bands) // 2
    return bands[: 2 * n].reshape(n, 2, BANDS).astype(np.float32).mean(1)


def normalised(bands):
    """What the network sees: bands under the loud frames in units of 12 dB, less their mean over the audible ones."""
    x = bands / 1024.0
    y = np.maximum(x - np.sort(x.max(1))[int(0.95 * (len(x) - 1))], FLOOR)
    audible = y.max(1) > AUDIBLE
    return y - (y[audible] if audible.sum() > 5 else y).mean(0)


def cepstra(bands):
    """Twelve cepstral coefficients and their slopes, each of variance 1 over the clip."""
    t = (np.arange(BANDS) + 0.5) / BANDS
    c = normalised(bands) @ np.array([np.cos(np.pi * k * t) for k in range(1, 13)]).T
    c = np.concatenate([c, 2 * np.gradient(c, axis=0)], 1)
    return (c / (c.std(0) + 1e-6)).astype(np.float32)


@numba.njit(cache=True, fastmath=True)
def warp_path(a, b):
    """For each row of `a` the row of `b` that corresponds, and the mean cost: dynamic time warping near the diagonal."""
    n, m = len(a), len(b)
    total, step = np.full((n, m), 1e18), np.zeros((n, m), np.int8)
    down, right = (1.1, 0.7) if n <= m else (0.7, 1.1)
    for i in range(n):
        for j in range(m):
            if abs(i * m - j * n) > 0.2 * n * m + 5 * max(n, m):
                continue
            cost = 0.0
            for k in range(a.shape[1]):
                cost += (a[i, k] - b[j, k]) ** 2
            if i == 0 and j == 0:
                total[i, j] = cost
            if i > 0 and j > 0 and total[i - 1, j - 1] + cost < total[i, j]:
                total[i, j], step[i, j] = total[i - 1, j - 1] + cost, 1
            if i > 0 and total[i - 1, j] + down * cost < total[i, j]:
                total[i, j], step[i, j] = total[i - 1, j] + down * cost, 2
            if j > 0 and total[i, j - 1] + right * cost < total[i, j]:
                total[i, j], step[i, j] = total[i, j - 1] + right * cost, 3
    path, i, j = np.zeros(n, np.int32), n - 1, m - 1
    while True:
        path[i] = j
        if step[i, j] == 0:
            return path, total[n - 1, m - 1] / (n + m)
        i, j = i - (step[i, j] != 3), j - (step[i, j] != 2)


# ---- network ---------------------------------------------------------------------------------------------------

def initial(key):
    sizes = [(BANDS * len(TAPS[0]), WIDTH), (WIDTH * len(TAPS[1]), WIDTH), (WIDTH * len(TAPS[2]), WIDTH), (WIDTH, OUT)]
    p = {"t": jnp.array(2.3)}
    for i, (k, (rows, columns)) in enumerate(zip(jax.random.split(key, 4), sizes), 1):
        p[f"w{i}"] = jax.random.normal(k, (rows, columns)) * np.sqrt((2 if i < 4 else 0.5) / rows)
        p[f"b{i}"] = jnp.zeros(columns)
    return p


def network(p, x, lib=jnp):
    """(..., n + 2 CONTEXT, BANDS) to unit vectors (..., n, OUT)."""
    for i, taps in enumerate(TAPS, 1):
        n = x.shape[-2] - taps[-1]
        x = lib.maximum(lib.concatenate([x[..., t:t + n, :] for t in taps], -1) @ p[f"w{i}"] + p[f"b{i}"], 0)
    y = x @ p["w4"] + p["b4"]
    return y / lib.sqrt((y * y).sum(-1, keepdims=True) + 1e-6)


def embedded(p, bands):
    """A clip's vectors, in NumPy, which compiles nothing for each length."""
    x = np.pad(normalised(bands), ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    return network({k: np.asarray(v) for k, v in p.items()}, x, np).astype(np.float32)


def loss(p, xa, xb, at_a, at_b, text, valid):
    a, b = network(p, xa), network(p, xb)
    rows = jnp.arange(len(text))[:, None]
    a, b = a[rows, at_a].reshape(-1, OUT), b[rows, at_b].reshape(-1, OUT)
    text, pair, valid = jnp.repeat(text, POINTS), jnp.repeat(rows.ravel(), POINTS), valid.reshape(-1)
    logits, own = a @ b.T * jnp.exp(p["t"]), jnp.eye(len(text), dtype=bool)
    # Another pair of the same text may hold the very sound.
    same = (text[:, None] == text) & (pair[:, None] != pair)
    forth = jnp.where((same | ~valid[None]) & ~own, -1e9, logits)
    back = jnp.where((same | ~valid[:, None]) & ~own, -1e9, logits)
    nats = -jnp.diag(jax.nn.log_softmax(forth, 1)) - jnp.diag(jax.nn.log_softmax(back, 0))
    found = forth.argmax(1) == jnp.arange(len(text))
    return (nats * valid).sum() / valid.sum(), (found * valid).sum() / valid.sum()


# ---- examples --------------------------------------------------------------------------------------------------

class Speech:
    """All clips in all rounds, and which texts several voices say."""

    def __init__(self, cache, splits, rounds):
        self.rounds = []
        for k in range(rounds + 1):
            z = read_round(cache / "pairs" / f"wording-{k}.npz")
            self.rounds.append((z["bands"], z["start"], z["speed"]))
            self.voice, self.text = z["voice"], z["text"]
        self.clean = [frames20(b) for b in self.rounds[0][0]]
        self.clauses, by_text = [], {}
        for i, (voice, text) in enumerate(zip(self.voice, self.text)):
            note = next(p for s in splits if (p := cache / s / voice / f"{text}.json").exists())
            spans = json.loads(note.read_text(encoding="utf-8")).get("clauses", [])
            self.clauses.append([(int(50 * a), int(50 * b) - 1) for a, b in spans])
            by_text.setdefault(text, []).append(i)
        self.texts = [clips for clips in by_text.values() if len(set(self.voice[clips])) > 1]

    def aligned(self, rng, features):
        """Clauses by two voices: (clip, other clip, first frame, frame of the other for each frame)."""
        found = []
        for _ in range(PAIRS):
            i, j = rng.choice(self.texts[rng.integers(len(self.texts))], 2, replace=False)
            for (a0, a1), (b0, b1) in zip(self.clauses[i], self.clauses[j]):
                if self.voice[i] != self.voice[j] and a1 <= len(features[i]) and b1 <= len(features[j]) and min(a1 - a0, b1 - b0) >= 25:
                    path, cost = warp_path(features[i][a0:a1], features[j][b0:b1])
                    found.append((cost, (i, j, a0, path + b0)))
        limit = np.quantile([cost for cost, _ in found], 0.9)
        return [clause for cost, clause in found if cost < limit]

    def side(self, rng, clip, at, reach, rounds):
        """A stretch of a clip in some round that holds frames `at`: inputs, where in it they are, which really."""
        bands, start, speed = self.rounds[int(rng.integers(rounds + 1))]
        phase = int(rng.integers(2))
        frame = np.round((at * 160 + 40) / speed[clip] / 80 + start[clip] / 80 - 0.5).astype(int)
        at, x = (frame - phase) // 2, frames20(bands[clip], phase)
        low, length = int(at.min()), int(rng.integers(75, 400))
        first = max(0, low - int(rng.integers(0, length - reach + 1)) if length > reach else low)
        x = normalised(x[first:min(len(x), max(first + length, low + reach))])
        if rng.random() < 0.7:
            move = np.clip(np.arange(BANDS) * (1 + 0.1 * rng.uniform(-1, 1)), 0, BANDS - 1)
            below = np.floor(move).astype(int)
            x = x[:, below] * (1 - move % 1) + x[:, np.minimum(below + 1, BANDS - 1)] * (move % 1)
        taken = np.clip(low - first - CONTEXT + np.arange(reach + 2 * CONTEXT), 0, len(x) - 1)
        inside = at - low
        return x[taken], np.clip(inside, 0, reach - 1), (inside >= 0) & (inside < reach) & (at - first < len(x))

    def batch(self, rng, clauses, rounds):
        x = [np.zeros((BATCH, reach + 2 * CONTEXT, BANDS), np.float32) for reach in REACH]
        where = [np.zeros((BATCH, POINTS), int) for _ in REACH]
        text, valid = np.zeros(BATCH, int), np.zeros((BATCH, POINTS), bool)
        for q in range(BATCH):
            i, j, first, path = clauses[rng.integers(len(clauses))]
            begin = int(rng.integers(max(1, len(path) - REACH[0])))
            at = begin + np.sort(rng.choice(REACH[0], POINTS, replace=False))
            own = np.minimum(at, len(path) - 1)
            sides = [self.side(rng, clip, frames, reach, rounds) for clip, frames, reach in ((i, own + first, REACH[0]), (j, path[own], REACH[1]))]
            for k, (inputs, inside, _) in enumerate(sides):
                x[k][q], where[k][q] = inputs, inside
            loud = self.clean[i].max(1)
            text[q] = zlib.crc32(str(self.text[i]).encode()) % 1000003
            valid[q] = (at < len(path)) & sides[0][2] & sides[1][2] & (loud > loud.max() - 2.2 * 1024)[own + first]
        return *x, *where, text, valid


def save(p, out):
    np.savez(out.with_suffix(".npz"), **p)
    data = b"CPWE\x01\0\0\0" + b"".join(np.asarray(p[f"{k}{i}"], "<f4").tobytes() for i in (1, 2, 3, 4) for k in "wb")
    out.with_suffix(".bin").write_bytes(data + zlib.crc32(data).to_bytes(4, "little"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--splits", default="wording-train,score-train,learn", type=lambda s: s.split(","))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stages", default="500,500,1700,2600", type=lambda s: [int(n) for n in s.split(",")])
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    speech, rng = Speech(a.cache, a.splits, a.rounds), np.random.default_rng(a.seed)
    p, features = initial(jax.random.PRNGKey(a.seed)), [cepstra(c) for c in speech.clean]
    for stage, steps in enumerate(a.stages):
        clauses, rounds = speech.aligned(rng, features), 0 if stage < 2 else a.rounds
        rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(2e-3, steps, 0.02), weight_decay=1e-3))
        state = rule.init(p)

        @jax.jit
        def step(p, state, *examples, rule=rule):
            (nats, found), slope = jax.value_and_grad(loss, has_aux=True)(p, *examples)
            change, state = rule.update(slope, state, p)
            return optax.apply_updates(p, change), state, nats, found
        log = []
        for n in range(steps):
            p, state, *figures = step(p, state, *speech.batch(rng, clauses, rounds))
            log.append([float(f) for f in figures])
            if n % 100 == 99:
                print(f"stage {stage}, step {n + 1}: {np.mean(log[-100:], 0).round(3)} (nats, share found)", flush=True)
        save(p, a.out)
        features = [embedded(p, c) for c in speech.clean]


if __name__ == "__main__":
    main()
