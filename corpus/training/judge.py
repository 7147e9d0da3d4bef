"""Learns the judge: does this rendering play here? One log-likelihood ratio for a whole alignment, and one for each of its frames.

usage: judge.py FIT.jsonl[,MORE.jsonl] TEST.jsonl OUT [--steps 8000] [--seed 4] [--pack]

FIT.jsonl and TEST.jsonl: `evidence SET --candidates 6 --frames SET.frames > SET.jsonl`; sets made by `devset.py`, TEST of other scripts and voices.
The frames lie beside each (`.frames`).

Three parts, trained as one: a convolution over time and bands, the same for all bands, sees how a cell (20 ms x band) of the query
differs from the rendering's; a convolution over time sees the means of its outputs over the bands, and how well the codes agree; and a small
perceptron sees the frames' means and extremes over the alignment, and the properties of its codes. The examples are what the search itself
brought up, so the wrong ones are the hardest that the set holds: the same voice, the same greeting, the offset that fits best.
Frames learn from the same alignments, some of them spliced of a right and a wrong one.
Wants JAX and optax; a GPU helps.
"""
from __future__ import annotations

import argparse
import json
import struct
import time
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

BANDS, CHANNELS = 24, 6
RECORD = 38                        # bytes of a frame, see `evidence`
PROPERTIES = 9                     # of codes, as `FEATURES` of score.rs
LONG_PART = 60                     # codes from which a part is judged by itself (score.rs)
BUCKETS = (80, 112, 160, 256, 420)
SHORT = 15                         # frames in 0.3 s


def script(rendering):
    return rendering.split("__")[0]


class Examples:
    """Alignments of a set, with what is right; `keep`: wrong candidates a snippet."""

    COLUMNS = ("start", "end", "label", "row", "part", "props", "part_codes", "old")

    def __init__(self, paths, keep, thin=False):
        if paths.endswith(".npz"):
            self._load(paths)
        else:
            self._read(paths, keep, thin)
        # Where a wrong script says all of the query, too (or a prompt is in the index under another name), nothing can tell it from the
        # right one: learning it by heart would only teach which phrases the training set shares. score.rs allows for it.
        shared = (self.label == 0) & (self.props[:, 0, 1] > 0.5) & (self.props[:, 0, 3] < 0.08)
        for name in self.COLUMNS:
            setattr(self, name, getattr(self, name)[~shared])
        self.length = self.end - self.start
        print(f"{paths}: {len(self.label)} alignments, {shared.sum()} left out for being shared as a whole", flush=True)
        by_row = {}
        for i, r in enumerate(self.row):
            by_row.setdefault(int(r), []).append(i)
        # For each right alignment a wrong one of the same snippet, to splice; or any other.
        self.mate = np.array([next((j for j in by_row[int(r)] if not self.label[j]), -1) if y else -1 for r, y in zip(self.row, self.label)])

    def _load(self, paths):
        parts, self.rows, frames = [], [], 0
        for path in paths.split(","):
            with np.load(path, allow_pickle=False) as z:
                part = {name: z[name] for name in self.COLUMNS} | {"frames": z["frames"].T}
                rows = json.loads(str(z["rows"]))
            for name in ("start", "end"):
                part[name] = part[name] + frames
            part["row"] = part["row"] + len(self.rows)
            frames += len(part["frames"])
            self.rows += rows
            parts.append(part)
        for name in (*self.COLUMNS, "frames"):
            setattr(self, name, np.concatenate([part[name] for part in parts]))

    def save(self, path):
        """One file with only the frames that are used; `--pack`, to carry to another machine."""
        used = np.concatenate([np.arange(a, b) for a, b in zip(self.start, self.end)])
        end = np.cumsum(self.length)
        columns = {name: getattr(self, name) for name in self.COLUMNS} | {"start": end - self.length, "end": end}
        np.savez(path, frames=np.ascontiguousarray(self.frames[used].T), rows=json.dumps(self.rows), **columns)

    def _read(self, paths, keep, thin):
        frames, self.rows, ex, rng = [], [], [], np.random.default_rng(5)
        base = 0
        for path in paths.split(","):
            raw = np.fromfile(Path(path).with_suffix(".frames"), np.uint8).reshape(-1, RECORD)
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    wrong = 0
                    for c in row["candidates"]:
                        right = bool(row["truth"]) and script(c["rendering"]) == script(row["truth"])
                        wrong += not right
                        (a, b), part = c["frames"], c["part_frames"]
                        # Most wrong ones are hopeless: of these some suffice.
                        easy = thin and not right and c["score"] < -10 and rng.random() < 0.75
                        if (not right and wrong > keep) or easy or b - a < 20 or b - a > BUCKETS[-1] or part[1] - part[0] < 10:
                            continue
                        ex.append((base + a, base + b, part[0], part[1], right, len(self.rows), c["whole"], c["part"], c["part_codes"], c["score"]))
                    self.rows.append({k: row[k] for k in ("id", "kind", "condition", "seconds", "truth")})
            base += len(raw)
            frames.append(raw)
        self.frames = np.concatenate(frames)
        column = lambda i, kind: np.array([e[i] for e in ex], kind)
        self.start, self.end, self.label, self.row = column(0, int), column(1, int), column(4, np.float32), column(5, int)
        self.part = np.stack([column(2, int), column(3, int)], 1)
        self.props = np.stack([np.array([e[6] for e in ex], np.float32), np.array([e[7] for e in ex], np.float32)], 1)
        self.part_codes, self.old = column(8, int), column(9, float)

    def unpack(self, i, size):
        """(size, 24) of both sides in units of 12 dB, agreement, flags; zeros past the end."""
        raw = self.frames[self.start[i]:self.end[i]]
        r = np.zeros((size, BANDS), np.float32)
        q = np.zeros((size, BANDS), np.float32)
        more = np.zeros((size, 3), np.float32)
        n = len(raw)
        r[:n, 0::2], r[:n, 1::2] = (raw[:, :12] & 15) / 4, (raw[:, :12] >> 4) / 4
        q[:n] = raw[:, 12:36] / 8
        more[:n, 0] = raw[:, 36].view(np.int8) / 100
        more[:n, 1], more[:n, 2] = raw[:, 37] & 1, raw[:, 37] >> 1
        return r, q, more


def ranked(x, mask, n, share):
    """The element of axis 1 at `share` of the length `n`, by order."""
    ordered = jnp.sort(jnp.where(mask, x, jnp.inf), 1)
    at = jnp.floor(share * (n - 1)).astype(int)
    return jnp.take_along_axis(ordered, at.reshape(-1, *[1] * (x.ndim - 1)), 1)


def inputs(r, q, n):
    """What the network sees of each cell, (examples, T, B, 6): as `inputs` of core/src/index/verify.rs."""
    size = r.shape[1]
    mask = jnp.arange(size)[None] < n[:, None]
    r = r - ranked(r.max(2), mask, n, 0.95)[:, :, None]
    q = q - ranked(q.max(2), mask, n, 0.95)[:, :, None]
    m = mask[:, :, None]
    floor_q, floor_r, top_r = ranked(q, m, n, 0.1), ranked(r, m, n, 0.1), ranked(r, m, n, 0.9)
    strong = m & (r > top_r - 1.25)
    count = strong.sum(1, keepdims=True)
    gaps = jnp.sort(jnp.where(strong, q - r, jnp.inf), 1)
    take = lambda k: jnp.take_along_axis(gaps, jnp.clip(k, 0, size - 1), 1)
    offset = (take((count - 1) // 2) + take(count // 2)) / 2
    d = q - r - offset
    x = q - jnp.maximum(r + offset, floor_q)
    out = jnp.stack([jnp.clip(r, -3, 1), jnp.clip(q, -3, 1), jnp.clip(d, -2, 2), jnp.clip(x, -2, 2), jnp.clip(q - floor_q, -1, 3), jnp.clip(r - floor_r, -1, 3)], 3)
    return jnp.where(mask[:, :, None, None], out, 0.0), mask


def init(key, h1, h2, d, hidden):
    ks = jax.random.split(key, 8)
    g = lambda k, shape, fan: jax.random.normal(k, shape) * np.sqrt(2 / fan)
    pooled = 3 * d + PROPERTIES
    return {"w1": g(ks[0], (5, 3, CHANNELS, h1), 15 * CHANNELS), "b1": jnp.zeros(h1),
            "w2": g(ks[1], (5, 3, h1, h2), 15 * h1), "b2": jnp.zeros(h2),
            "t1": g(ks[2], (7, h2 + 3, d), 7 * (h2 + 3)), "c1": jnp.zeros(d),
            "t2": g(ks[3], (7, d, d), 7 * d), "c2": jnp.zeros(d),
            "w3": g(ks[4], (d,), d) / 4, "b3": jnp.zeros(()),
            "p1": g(ks[5], (pooled, hidden), pooled), "q1": jnp.zeros(hidden),
            "p2": g(ks[6], (hidden,), hidden) / 4, "q2": jnp.zeros(()), "skip": jnp.zeros(pooled)}


def conv2(x, w):
    return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def conv1(x, w):
    return jax.lax.conv_general_dilated(x, w, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))


def frames_of(p, x, more, mask):
    """(examples, T, d): what the judge makes of each frame."""
    m4, m3 = mask[:, :, None, None], mask[:, :, None]
    h = jax.nn.relu(conv2(x, p["w1"]) + p["b1"]) * m4
    h = (jax.nn.relu(conv2(h, p["w2"]) + p["b2"])).mean(2)
    h = jnp.concatenate([h, more], 2) * m3
    h = jax.nn.relu(conv1(h, p["t1"]) + p["c1"]) * m3
    return jax.nn.relu(conv1(h, p["t2"]) + p["c2"]) * m3


def pool(h, more, first, end):
    """Means over all frames of [first, end) and over those with sound on both sides, and the highest mean over 0.3 s."""
    at = jnp.arange(h.shape[1])[None]
    inside = ((at >= first[:, None]) & (at < end[:, None])).astype(h.dtype)[:, :, None]
    both = inside * (more[:, :, 1:2] * more[:, :, 2:3])
    mean = (h * inside).sum(1) / jnp.maximum(inside.sum(1), 1)
    active = (h * both).sum(1) / jnp.maximum(both.sum(1), 1)
    total = jnp.cumsum(jnp.pad(h, ((0, 0), (1, 0), (0, 0))), 1)
    windows = (total[:, SHORT:] - total[:, :-SHORT]) / SHORT
    w = jnp.arange(windows.shape[1])[None]
    within = (w >= first[:, None]) & (w + SHORT <= end[:, None])
    highest = jnp.where(within[:, :, None], windows, 0.0).max(1)
    # Shorter than 0.3 s: its mean.
    highest = jnp.where((end - first < SHORT)[:, None], mean, highest)
    return jnp.concatenate([mean, active, highest], 1)


def head(p, pooled, props):
    v = jnp.concatenate([pooled, props], 1)
    return jax.nn.relu(v @ p["p1"] + p["q1"]) @ p["p2"] + p["q2"] + v @ p["skip"]


def judge(p, batch):
    """(whole, part, frames): log-likelihood ratios."""
    x, mask = inputs(batch["r"], batch["q"], batch["n"])
    h = frames_of(p, x, batch["more"], mask)
    z = h @ p["w3"] + p["b3"]
    zero = jnp.zeros_like(batch["n"])
    whole = head(p, pool(h, batch["more"], zero, batch["n"]), batch["props"][:, 0])
    part = head(p, pool(h, batch["more"], batch["part"][:, 0], batch["part"][:, 1]), batch["props"][:, 1])
    return whole, part, z, mask


def bce(z, y):
    return optax.sigmoid_binary_cross_entropy(z, y)


def loss(p, batch):
    whole, part, z, mask = judge(p, batch)
    y = batch["y"]
    is_seq = batch["sequence"]
    long = (batch["long"] > 0) * is_seq
    seq = (bce(whole, y) * is_seq).sum() / jnp.maximum(is_seq.sum(), 1) + 0.5 * (bce(part, y) * long).sum() / jnp.maximum(is_seq.sum(), 1)
    f = batch["frame_weight"] * mask
    frame = (bce(z, batch["frame_y"]) * f).sum() / jnp.maximum(f.sum(), 1)
    return seq + 0.5 * frame + 1e-4 * (whole ** 2).mean() + 1e-4 * (z ** 2).mean()


class Batches:
    def __init__(self, e, seed, mean, scale):
        self.e, self.rng = e, np.random.default_rng(seed)
        self.bucket = np.searchsorted(BUCKETS, e.length)
        self.groups = [np.flatnonzero(self.bucket == b) for b in range(len(BUCKETS))]
        frames = np.array([len(g) * BUCKETS[b] for b, g in enumerate(self.groups)], float)
        self.share = frames / frames.sum()
        self.mean, self.scale = mean, scale

    def arrays(self, which, size, augment):
        e, rng = self.e, self.rng
        r, q, more = (np.stack(v) for v in zip(*[e.unpack(i, size) for i in which]))
        n = e.length[which].copy()
        y = e.label[which].copy()
        frame_y = np.repeat(y[:, None], size, 1)
        sequence = np.ones(len(which), np.float32)
        # Wrong alignments hold what siblings truly share: frames whose codes agree say nothing.
        weight = np.where((y[:, None] == 0) & (more[:, :, 0] > 0.55), 0.0, 1.0).astype(np.float32)
        if augment:
            for k, i in enumerate(which):
                j = e.mate[i]
                if y[k] and j >= 0 and rng.random() < 0.4:
                    m = min(n[k], e.length[j])
                    length = int(rng.integers(8, max(9, m)))
                    at = 0 if rng.random() < 0.3 else m - length if rng.random() < 0.5 else int(rng.integers(0, m - length + 1))
                    ro, qo, mo = e.unpack(j, e.length[j])
                    span = slice(at, at + length)
                    r[k, span], q[k, span], more[k, span] = ro[span], qo[span], mo[span]
                    frame_y[k, span] = 0
                    weight[k, span] = np.where(mo[span, 0] > 0.55, 0.0, 1.0)
                    weight[k, max(0, at - 3):at + 3] = 0
                    weight[k, max(0, at + length - 3):at + length + 3] = 0
                    sequence[k] = 0
            shift = int(rng.integers(-4, 5))
            bands = np.clip(np.arange(BANDS) + shift, 0, BANDS - 1)
            r, q = r[:, :, bands], q[:, :, bands]
        props = (e.props[which] - self.mean) / self.scale
        if augment and rng.random() < 0.25:
            props = props * 0
        return {"r": r, "q": q, "more": more, "n": n, "y": y, "frame_y": frame_y, "frame_weight": weight, "sequence": sequence, "props": props.astype(np.float32),
                "part": e.part[which], "long": (e.part_codes[which] >= LONG_PART).astype(np.float32)}

    def draw(self, frames):
        b = int(self.rng.choice(len(BUCKETS), p=self.share))
        which = self.rng.choice(self.groups[b], max(8, frames // BUCKETS[b] // 8 * 8))
        return self.arrays(which, BUCKETS[b], True)


def scores_of(p, batches, forward):
    e = batches.e
    whole, part = np.full(len(e.label), -np.inf), np.full(len(e.label), -np.inf)
    for b, group in enumerate(batches.groups):
        for at in range(0, len(group), 256):
            which = group[at:at + 256]
            padded = np.concatenate([which, np.repeat(which[-1:], 256 - len(which))])
            w, t = forward(p, {k: jnp.asarray(v) for k, v in batches.arrays(padded, BUCKETS[b], False).items()})
            whole[which], part[which] = np.asarray(w)[:len(which)], np.asarray(t)[:len(which)]
    return whole, part


def report(name, e, scores):
    """Top-1, recall at no false alarm and at 1 % of the negatives, of the best candidates by `scores`."""
    best = {}
    for i, r in enumerate(e.row):
        if int(r) not in best or scores[i] > scores[best[int(r)]]:
            best[int(r)] = i
    good, bad, hits, by = [], [], 0, {}
    for k, row in enumerate(e.rows):
        i = best.get(k)
        if row["truth"]:
            hit = i is not None and e.label[i] > 0
            hits += hit
            good.append(scores[i] if hit else -np.inf)
            by.setdefault(row["condition"], []).append(good[-1])
        else:
            bad.append(scores[i] if i is not None else -np.inf)
    bad, good = np.sort(bad)[::-1], np.array(good)
    at1 = bad[len(bad) // 100]
    wrong = sorted((float(np.mean(np.array(v) > at1)), k) for k, v in by.items())[:5]
    print(f"{name}: top-1 {hits / len(good):.4f} R@0 {np.mean(good > bad[0]):.4f} R@0.1% {np.mean(good > bad[len(bad) // 1000]):.4f} R@1% {np.mean(good > at1):.4f}; worst {wrong}", flush=True)


def combined(e, whole, part):
    return np.where(e.part_codes >= LONG_PART, np.maximum(whole, part - 1), whole)


def write(p, mean, scale, temperature, path):
    """The file that is embedded in the library; its layout is in `Network::from_bytes` of core/src/index/verify.rs."""
    sizes = [len(p["b1"]), len(p["b2"]), len(p["c1"]), len(p["q1"])]
    body = struct.pack("<4s5H2x", b"CPVF", 2, *sizes)
    flat = [p["w1"], p["b1"], p["w2"], p["b2"], p["t1"], p["c1"], p["t2"], p["c2"], p["w3"], p["b3"],
            p["p1"], p["q1"], p["p2"] * temperature, p["q2"] * temperature, p["skip"] * temperature, mean, scale]
    body += b"".join(np.ascontiguousarray(v, "<f4").tobytes() for v in flat)
    Path(path).write_bytes(body + struct.pack("<I", zlib.crc32(body)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fit")
    parser.add_argument("test")
    parser.add_argument("out", type=Path)
    parser.add_argument("--keep", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=16000, help="frames in a step")
    parser.add_argument("--hidden", default="12,12,24,32", type=lambda s: [int(v) for v in s.split(",")])
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--pack", action="store_true", help="only write fit.npz and test.npz beside OUT, which can stand for FIT and TEST")
    a = parser.parse_args()
    fit, test = Examples(a.fit, a.keep, thin=True), Examples(a.test, 4)
    if a.pack:
        fit.save(a.out.with_name("fit.npz"))
        test.save(a.out.with_name("test.npz"))
        return
    flat = fit.props.reshape(-1, PROPERTIES)
    mean, scale = flat.mean(0), flat.std(0) + 1e-3
    print(f"{len(fit.label)} alignments ({int(fit.label.sum())} right), {len(fit.frames)} frames; test {len(test.label)}", flush=True)
    batches, tests = Batches(fit, a.seed, mean, scale), Batches(test, 0, mean, scale)
    p = init(jax.random.PRNGKey(a.seed), *a.hidden)
    schedule = optax.warmup_cosine_decay_schedule(0, a.rate, 200, a.steps, a.rate / 100)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=a.decay))
    state, averaged = optimiser.init(p), p

    @jax.jit
    def update(p, state, averaged, batch):
        value, grads = jax.value_and_grad(loss)(p, batch)
        change, state = optimiser.update(grads, state, p)
        p = optax.apply_updates(p, change)
        return p, state, value, jax.tree.map(lambda old, new: old + (new - old) * 0.002, averaged, p)

    forward = jax.jit(lambda p, batch: judge(p, batch)[:2])
    report("as shipped", test, test.old)
    said, begun = [], time.time()
    for step in range(a.steps):
        p, state, value, averaged = update(p, state, averaged, batches.draw(a.batch))
        said.append(value)
        if (step + 1) % max(1, a.steps // 4) == 0 or step + 1 == a.steps:
            whole, part = scores_of(averaged, tests, forward)
            print(f"step {step + 1}, {time.time() - begun:.0f} s: loss {np.mean([float(v) for v in said[-400:]]):.4f}", flush=True)
            report("  test", test, combined(test, whole, part))
    p = averaged  # steadier than the last step's (Polyak & Juditsky 1992)
    whole, part = scores_of(p, tests, forward)
    # The scale at which the scores are likelihood ratios for other voices than those learned from.
    y, prior = test.label, np.log(test.label.mean() / (1 - test.label.mean()))
    options = np.linspace(0.3, 2.0, 69)
    fits = [np.mean(np.logaddexp(0, np.where(y > 0, -1, 1) * (t * whole))) for t in options]
    temperature = float(options[int(np.argmin(fits))])
    print(f"temperature {temperature:.3f}, prior {prior:.2f}; cross-entropy {min(fits):.4f}", flush=True)
    host = {k: np.asarray(v) for k, v in p.items()}
    host["q2"] = host["q2"] - prior / temperature
    np.savez(a.out.with_suffix(".npz"), mean=mean, scale=scale, temperature=temperature, **host)
    write(host, mean, scale, temperature, a.out.with_suffix(".bin"))
    np.savez(a.out.with_name(a.out.stem + "-scores.npz"), whole=whole, part=part)


if __name__ == "__main__":
    main()
