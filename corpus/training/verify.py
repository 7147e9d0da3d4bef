"""Learns the verifier: is this stretch of query, frame by frame, the aligned stretch of reference?

usage: verify.py CACHE OUT [--train learn] [--test test] [--steps 9000] [--seed 2]

Codes say where a rendering may play; they blur 0.4 s. The verifier looks at the log bands of both sides along the path, every 20 ms,
and gives the log-likelihood ratio of "same audio" per frame (a small temporal convolution; logistic loss). It is what hears that a
sibling script leaves the shared greeting, and that a noisy true match does not: noise adds energy, another word also removes it
(the idea of missing-data recognition; Cooke, Green, Josifovski & Vizinho, "Robust automatic speech recognition with missing and
unreliable acoustic data", Speech Communication 34, 2001).

Training windows: a reference (3 dB steps, as the index stores it) and its degraded recording, with the small errors of a path; in half of them
the reference is replaced from some frame on, or up to it, by other speech, mostly of the same voice, at the offset where it fits best.
Wants `pairs.py`'s files; JAX and optax.
"""
from __future__ import annotations

import argparse
import struct
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from net import load

BANDS, UNIT = 24, 1024.0          # inputs are in units of 1024/256 octaves: 12 dB
STEP_3DB, LEVELS = 256, 16
LENGTHS = (64, 96, 150, 250)      # frames of 20 ms in a training window


def pairs_of_frames(bands):
    """Mean of frames 2t and 2t + 1: (n // 2, B) float32, 1/256 octave."""
    n = len(bands) // 2 * 2
    return bands[:n].astype(np.float32).reshape(-1, 2, bands.shape[1]).mean(1)


def store(bands):
    """The reference as the index holds it: 3 dB steps under the clip's highest band, 0..15."""
    x = pairs_of_frames(bands)
    return np.clip(np.round((x - x.max()) / STEP_3DB) + LEVELS - 1, 0, LEVELS - 1).astype(np.float32)


def rank(x, share):
    """The element of axis 1 at `share` of its length, by order: no interpolation, so that it is easy to repeat."""
    return np.sort(x, 1)[:, int(share * (x.shape[1] - 1))]


CHANNELS = 6


def inputs(r, q):
    """What the network sees of each cell: (windows, T, B, 6), from stored steps r and 1/256 octaves q, both (windows, T, B).

    Levels relative to each side's peak; their difference when the mean colour of the channel is taken out; that difference when the
    query's noise floor is counted in; and how far each side stands above its floor. All but the first two are blind to the voice.
    """
    r, q = r * (STEP_3DB / UNIT), q / UNIT
    r = r - rank(r.max(2), 0.95)[:, None, None]
    q = q - rank(q.max(2), 0.95)[:, None, None]
    floor_q, floor_r, top_r = rank(q, 0.1)[:, None], rank(r, 0.1)[:, None], rank(r, 0.9)[:, None]
    strong = r > top_r - 1.25
    offset = np.nanmedian(np.where(strong, q - r, np.nan), 1)[:, None]
    d = q - r - offset
    x = q - np.maximum(r + offset, floor_q)
    out = np.stack([np.clip(r, -3, 1), np.clip(q, -3, 1), np.clip(d, -2, 2), np.clip(x, -2, 2), np.clip(q - floor_q, -1, 3), np.clip(r - floor_r, -1, 3)], 3)
    return out.astype(np.float32)


# ---- windows ---------------------------------------------------------------------------------------------------

class Windows:
    """Random training windows from one name's pairs."""

    def __init__(self, cache, name, rounds, seed):
        clean = load(cache / "pairs" / f"{name}-0.npz")
        self.reference = [store(b) if len(b) > 1 else np.zeros((0, BANDS), np.float32) for b in clean["bands"]]
        self.rounds = [load(cache / "pairs" / f"{name}-{k}.npz") for k in rounds]
        voices = clean["voice"]
        # Siblings of a family share phrases: they are no other speech.
        families = np.array([f"{i}" if t.isdigit() or t.startswith("s-") else t.split("-")[0] for i, t in enumerate(clean["text"])])
        self.same = [np.flatnonzero((voices == v) & (families != f)) for v, f in zip(voices, families)]
        self.far = [families != f for f in families]
        self.rng = np.random.default_rng(seed)
        self.usable = np.array([i for i, r in enumerate(self.reference) if len(r) >= 50 and len(self.same[i]) > 0])
        self.order = []

    def _path(self, first, count, start, speed):
        """Query frames (10 ms, fractional) of reference frames `first`..: the true line, with the errors of a path."""
        rng = self.rng
        centre = 80 * (2 * (first + np.arange(count)) + 0.5) + 128
        line = (centre / speed + start - 128) / 80
        wander = np.cumsum(rng.choice([-1, 0, 1], count, p=[0.03, 0.94, 0.03])) * (rng.random() < 0.5)
        wander = wander - np.round(wander.mean()) if np.ptp(wander) else wander
        return line + np.clip(wander, -2, 2) + rng.uniform(-0.7, 0.7)

    def _query(self, bands, line):
        """Mean of the two 10 ms frames about each (fractional) position."""
        low = np.clip(np.floor(line).astype(int), 0, len(bands) - 1)
        return (bands[low].astype(np.float32) + bands[np.minimum(low + 1, len(bands) - 1)]) / 2

    def _other(self, i, q, count):
        """Reference frames of another place that fit `q` (count, B) best of a few dozen offsets."""
        rng = self.rng
        pool = self.same[i] if rng.random() < 0.75 else self.usable
        for _ in range(20):
            j = int(rng.choice(pool))
            if self.far[i][j] and len(self.reference[j]) > count:
                break
        else:
            return None
        r = self.reference[j]
        starts = rng.integers(0, len(r) - count + 1, 12)
        starts = np.unique(np.clip(np.concatenate([starts + k for k in (-2, -1, 0, 1, 2)]), 0, len(r) - count)) if rng.random() < 0.7 else starts[:1]
        best, chosen = -np.inf, starts[0]
        qc = q - q.mean(0)
        for s in starts:
            rc = r[s:s + count]
            fit = float(((rc - rc.mean(0)) * qc).sum() / np.sqrt(((rc - rc.mean(0)) ** 2).sum() + 1))
            if fit > best:
                best, chosen = fit, s
        return r[chosen:chosen + count]

    def draw(self, count, size):
        """(r, q, label) with label (count, size): 1 same, 0 other."""
        out_r, out_q, out_y = [], [], []
        rng = self.rng
        while len(out_r) < count:
            i = int(rng.choice(self.usable))
            k = int(rng.integers(len(self.rounds)))
            z, r = self.rounds[k], self.reference[i]
            n = min(size, len(r))
            if n < min(size, 50):
                continue
            first = int(rng.integers(0, len(r) - n + 1))
            line = self._path(first, n, z["start"][i], z["speed"][i])
            q, rr, y = self._query(z["bands"][i], line), r[first:first + n].copy(), np.ones(n, np.float32)
            if rng.random() < 0.62:
                kind = rng.random()
                a, b = (0, n) if kind < 0.3 else sorted(rng.integers(0, n + 1, 2)) if kind < 0.5 else (int(rng.integers(0, n)), n) if kind < 0.8 else (0, int(rng.integers(1, n + 1)))
                if b - a >= 6:
                    other = self._other(i, q[a:b], b - a)
                    if other is None:
                        continue
                    rr[a:b], y[a:b] = other, 0
            if n < size:   # short clips: repeat what there is, so that statistics stay those of the clip
                extra = size - n
                rr, q, y = (np.concatenate([v, v[:extra]]) if extra <= n else np.resize(v, (size, *v.shape[1:])) for v in (rr, q, y))
            out_r.append(rr), out_q.append(q), out_y.append(y)
        return np.stack(out_r), np.stack(out_q), np.stack(out_y)


def shift(r, q, rng):
    """Both sides moved by some bands, edges repeated: other voices than there are."""
    k = int(rng.integers(-5, 6))
    at = np.clip(np.arange(BANDS) + k, 0, BANDS - 1)
    return r[:, :, at], q[:, :, at]


# ---- network ---------------------------------------------------------------------------------------------------

def init(key, h1=12, h2=12):
    ks = jax.random.split(key, 3)
    g = lambda k, shape, fan: jax.random.normal(k, shape) * np.sqrt(2 / fan)
    return {"w1": g(ks[0], (5, 3, CHANNELS, h1), 15 * CHANNELS), "b1": jnp.zeros(h1),
            "w2": g(ks[1], (5, 3, h1, h2), 15 * h1), "b2": jnp.zeros(h2), "w3": g(ks[2], (h2,), h2) / 4, "b3": jnp.zeros(())}


def conv(x, w):
    return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def forward(p, x):
    """Log-likelihood ratios of the frames, (windows, T): one function of a cell's surroundings, the same for all bands, summed over them."""
    h = jax.nn.relu(conv(x, p["w1"]) + p["b1"])
    h = jax.nn.relu(conv(h, p["w2"]) + p["b2"])
    return (h @ p["w3"] + p["b3"]).mean(2)


def loss(p, x, y):
    z = forward(p, x)
    # Frames within 60 ms of a change of label are nobody's.
    edge = jnp.abs(y - jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 7), (1, 1), "SAME")) + jnp.abs(y - -jax.lax.reduce_window(-y, -jnp.inf, jax.lax.max, (1, 7), (1, 1), "SAME"))
    keep = (edge == 0).astype(jnp.float32)
    bce = optax.sigmoid_binary_cross_entropy(z, y) * keep
    # The mean of half a second matters more than a frame: also train the smoothed log-likelihood ratio.
    n = 25
    smooth = lambda v: jax.lax.reduce_window(v, 0.0, jax.lax.add, (1, n), (1, 8), "VALID")
    pure = (smooth(y) == n) | (smooth(y) == 0)
    group = optax.sigmoid_binary_cross_entropy(smooth(z) * 0.15, (smooth(y) > 0).astype(jnp.float32)) * pure
    return bce.sum() / keep.sum() + group.sum() / jnp.maximum(pure.sum(), 1) + 1e-4 * (z ** 2).mean()


def measure(p, windows, log=print):
    fwd = jax.jit(forward)
    for size in (64, 150):
        r, q, y = windows.draw(400, size)
        z = np.asarray(fwd(p, inputs(r, q)))
        frame = ((z > 0) == (y > 0.5)).mean()
        line = f"T {size}: frame accuracy {frame:.3f}"
        for n in (15, 25, 50):
            c = lambda v: np.cumsum(np.pad(v, ((0, 0), (1, 0))), 1)
            s, t = (c(z)[:, n:] - c(z)[:, :-n])[:, ::7], (c(y)[:, n:] - c(y)[:, :-n])[:, ::7]
            good, bad = s[t == n], s[t == 0]
            eer = min((max((good < v).mean(), (bad >= v).mean())) for v in np.quantile(np.concatenate([good, bad]), np.linspace(0.01, 0.99, 199)))
            line += f"; {n * 20} ms: EER {eer:.3f}, recall at 1 % {(good > np.quantile(bad, .99)).mean():.3f}"
        log(line, flush=True)


def write(p, path):
    """The file that is embedded in the library; its layout is in `Network::from_bytes` of core/src/index/verify.rs."""
    body = struct.pack("<4sHHHH", b"CPVF", 1, len(p["b1"]), len(p["b2"]), 0)
    body += b"".join(np.ascontiguousarray(p[k], "<f4").tobytes() for k in ("w1", "b1", "w2", "b2", "w3", "b3"))
    path.write_bytes(body + struct.pack("<I", zlib.crc32(body)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", default="learn")
    parser.add_argument("--test", default="test")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--hidden", default="12,12", type=lambda s: [int(v) for v in s.split(",")])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="verify")
    a = parser.parse_args()
    windows = Windows(a.cache, a.train, range(1, a.rounds + 1), a.seed)
    p = init(jax.random.PRNGKey(a.seed), *a.hidden)
    schedule = optax.warmup_cosine_decay_schedule(0, 3e-3, 200, a.steps, 3e-5)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=3e-4))
    state = optimiser.init(p)

    @jax.jit
    def update(p, state, x, y):
        value, grads = jax.value_and_grad(loss)(p, x, y)
        change, state = optimiser.update(grads, state, p)
        return optax.apply_updates(p, change), state, value

    said = []
    for step in range(a.steps):
        size = LENGTHS[step % len(LENGTHS)]
        r, q, y = windows.draw(int(3200 / size), size)
        p, state, value = update(p, state, inputs(*shift(r, q, windows.rng)), y)
        said.append(float(value))
        if step % 500 == 499:
            print(f"step {step + 1}: loss {np.mean(said[-500:]):.4f}", flush=True)
            if step % 2000 == 1999:
                measure(p, Windows(a.cache, a.test, (1, 2), 77))
                np.savez(a.out / f"{a.name}.npz", **jax.tree.map(np.asarray, p))
    measure(p, Windows(a.cache, a.test, (1, 2), 77))
    np.savez(a.out / f"{a.name}.npz", **jax.tree.map(np.asarray, p))
    write(p, a.out / f"{a.name}.bin")


if __name__ == "__main__":
    main()
