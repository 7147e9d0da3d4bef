"""Compares fingerprints: front ends, patches, projections, code lengths and rates, all on the same pairs and the same search.

usage: explore.py CACHE OUT [--only REGEX] [--table]

Learns each variant on clean and degraded patches of splits `broad` and `learn` (`pairs.py`'s random channels, audio kept in CACHE/pairs), and
measures it on `score-train` and `score-test`: bit errors and agreements of patches (`net.separation`), and a search.
There queries of 1.5, 2 and 3 s of degraded speech slide over the clean clips of their own voice and of another one. An
alignment's score is the mean agreement of its codes, query codes each 10 ms against stored ones each 40 ms, along the
query's speed as an alignment follows it. A query is found if the best clip is its own and scores above all but 1 % of
the negatives: these are the best scores of other texts, of all queries but those of which another text of the voice
repeats more than half.

OUT/NAME.npz keeps what a variant measures (existing ones are not made again); the table goes to OUT/table.md, with 95 % intervals of a
bootstrap over clips, and the differences to the variants `shipped` and `base`, drawn alike. Same material, same table. Wants JAX and optax as `net.py` does.
"""
from __future__ import annotations

import argparse
import dataclasses
import functools
import re
from pathlib import Path

import numpy as np
import scipy.signal

import boxes
import frontend
import learn
import material
import net
import pairs
import similarity

SEED, TRAIN_ROUNDS, TEST_ROUNDS, LENGTHS = 1, 4, 2, (1.5, 2.0, 3.0)
LONGEST_QUERY = int(max(LENGTHS) * frontend.RATE)
REPEATED = 0.5      # share of a query that other texts of its voice say, too: then it is no negative
LONGEST_PATCH, REFERENCE_PATCH = 64, 40     # all variants learn from patches about the same centres
PER_VOICE = 16                              # clips of a voice of `learn`; of a test voice all
CLASSES = ("clean", "6-12", "2-6", "-3-2")


@dataclasses.dataclass(frozen=True)
class Front:
    """What a patch is. `kind`: log, trend (log less its causal mean) or pcen; `rate`: of that mean, a frame."""

    kind: str = "log"
    bands: int = 24
    patch: int = 40
    functions: int = 10          # 0: none, the patch itself
    span_band: int = 768
    span_patch: int = 1792
    rate: float = 0.025
    alpha: float = 0.98
    delta: float = 2.0
    root: float = 0.5

    def frames(self, sums):
        """What is kept of the bands' powers (frames, bands): int16."""
        if self.kind == "pcen":     # Wang, Getreuer, Hughes, Lyon & Saurous, "Trainable frontend ...", ICASSP 2017
            gain = (sums / smoothed(sums, self.rate) ** self.alpha + self.delta) ** self.root
            return np.clip(400 * (gain - self.delta ** self.root), -32768, 32767).astype(np.int16)
        level = 256 * np.log2(sums)
        if self.kind == "trend":
            level = level - smoothed(level, self.rate)
        return np.round(level).astype(np.int16)

    def features(self, bands, at):
        """Stage 1 of the patches at `at`: int16 (n, bands * functions)."""
        basis, shift = 2 * np.eye(self.patch), 1
        if self.functions:
            basis, shift = learn.integer_basis(self.functions, self.patch), 7 if self.patch <= 40 else 8
        patches = np.lib.stride_tricks.sliding_window_view(bands, self.patch, axis=0)
        return frontend.stage1(patches[at], basis, shift, self.span_band, self.span_patch).astype(np.int16)

    @property
    def width(self):
        return self.bands * (self.functions or self.patch)


def smoothed(v, rate):
    """First-order mean over time, from the first frame on."""
    start = (1 - rate) * v[:1]
    return scipy.signal.lfilter([rate], [1, rate - 1], v, axis=0, zi=start)[0]


# ---- material --------------------------------------------------------------------------------------------------

def rounds(cache, name, splits, count, per_voice, seed):
    """[{audio, voice, text, start, speed, snr, room}]: the clips as references are captured, then through `count` channels."""
    paths = [cache / "pairs" / f"{name}-{k}.npz" for k in range(count + 1)]
    if not all(p.exists() for p in paths):
        clips, taken, keep = pairs.clips(cache, splits), {}, []
        for i in np.random.default_rng(seed).permutation(len(clips)):
            taken[clips[i][0]] = taken.get(clips[i][0], 0) + 1
            if len(clips[i][2]) >= 3.2 * frontend.RATE and taken[clips[i][0]] <= per_voice:
                keep.append(i)
        voice, text, audio = ([clips[i][j] for i in sorted(keep)] for j in range(3))
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        for k, path in enumerate(paths):
            chains, made = pairs.send(audio, k, seed)
            about = {key: np.array([c[key] for c in chains]) for key in ("start", "speed", "snr")}
            np.savez(path, audio=np.concatenate([learn.to_int16(x) for x in made]), counts=[len(x) for x in made], voice=voice, text=text,
                     room=np.array(["room" in c for c in chains]), **about)
    out = []
    for path in paths:
        with np.load(path) as z:
            parts = np.split(z["audio"].astype(np.float32) / 32767, np.cumsum(z["counts"])[:-1])
            out.append({k: z[k] for k in ("voice", "text", "start", "speed", "snr", "room")} | {"audio": parts})
    return out


class Material:
    """Rounds of a split, read when first wanted; hashable, so that what is made of it can be kept."""

    def __init__(self, *arguments):
        self.arguments = arguments

    @functools.cached_property
    def rounds(self):
        return rounds(*self.arguments)

    @functools.cached_property
    def centres(self):
        """Middle frames of active patches of each clean clip, the same for every variant."""
        out = []
        for i in range(len(self.rounds[0]["audio"])):
            bands = Front().frames(self.sums(0, i, learn.BANDS))
            at = learn.active_positions(bands, REFERENCE_PATCH, 8) + REFERENCE_PATCH // 2
            out.append(at[(at >= LONGEST_PATCH // 2 + 3) & (at < len(bands) - LONGEST_PATCH // 2 - 3)])
        return out

    @functools.cache     # noqa: B019
    def sums(self, k, i, bands, start=0, length=None):
        """Powers of the bands of clip `i` in round `k`, or of a cut-out of it; kept, since most variants want the same."""
        return pairs.band_sums(self.rounds[k]["audio"][i][start:][:length], bands).astype(np.float32)

    @functools.lru_cache(maxsize=3)     # noqa: B019  (both instances live as long as the program)
    def patches(self, front, shift):
        """Clean (n, F), degraded (rounds, n, F), clip, voice, snr, room, speed: degraded patches lie up to `shift` frames off."""
        rng, first, out = np.random.default_rng([SEED, 4]), self.rounds[0], []
        clip = np.concatenate([np.full(len(c), i) for i, c in enumerate(self.centres)])
        for k, z in enumerate(self.rounds):
            rows = []
            for i, at in enumerate(self.centres):
                bands = front.frames(self.sums(k, i, front.bands))
                at = at - front.patch // 2
                if k:
                    at = np.round(net.moved(at, z["start"][i], z["speed"][i], front.patch)).astype(int)
                    at = np.clip(at + rng.integers(-shift, shift + 1, len(at)), 0, len(bands) - front.patch)
                rows.append(front.features(bands, at))
            out.append(np.concatenate(rows).astype(np.float32))
        _, voices = np.unique(first["voice"], return_inverse=True)
        about = (np.stack([z[key][clip] for z in self.rounds[1:]]) for key in ("snr", "room", "speed"))
        return out[0], np.stack(out[1:]), clip, voices[clip], *about

    @functools.cached_property
    def family(self):
        """Of each clip: siblings share phrases, so what says one says the other."""
        table = {r["id"]: r["family"] for r in material.table("scripts.tsv")}
        return np.array([table.get(t, t) for t in self.rounds[0]["text"]])

    @functools.cached_property
    def queries(self):
        """(clip, round, first sample, speed) of a cut-out of 3 s from each clip and channel, from within speech on."""
        out = []
        for k, z in enumerate(self.rounds[1:], 1):
            for i, x in enumerate(z["audio"]):
                rng = np.random.default_rng([SEED, k, i])
                at = frontend.HOP * rng.choice(self.centres[i]) / z["speed"][i] + z["start"][i] + rng.integers(frontend.HOP)
                out.append((i, k, int(np.clip(at, 0, len(x) - LONGEST_QUERY)), float(z["speed"][i])))
        return out

    @functools.cached_property
    def repeated(self):
        """Seconds of each query's beginnings of `LENGTHS` that a clip of its voice and another family repeats: (queries, lengths)."""
        path = self.arguments[0] / "pairs" / f"{self.arguments[1]}-repeated.npy"
        if not path.exists():
            first, masks = self.rounds[0], []
            frames = [similarity.frames(x) for x in first["audio"]]
            for i, a in enumerate(frames):
                others = [b for j, b in enumerate(frames) if first["voice"][j] == first["voice"][i] and self.family[j] != self.family[i]]
                masks.append(repeats(a, np.concatenate([*others, np.zeros((32, a.shape[1]), np.float32)])))
            out = []
            for i, k, at, speed in self.queries:
                begin = (at - self.rounds[k]["start"][i]) * speed / frontend.HOP
                out.append([masks[i][int(max(begin, 0)):int(max(begin + 100 * s * speed, 0))].sum() / 100 for s in LENGTHS])
            np.save(path, out)
        return np.load(path)

    @functools.lru_cache(maxsize=1)     # noqa: B019
    def search(self, front):
        """Features of each clean clip's patches, each 2 frames, and of each query's, each frame."""
        stored, queries = [], []
        for i in range(len(self.family)):
            bands = front.frames(self.sums(0, i, front.bands))
            stored.append(front.features(bands, np.arange(0, len(bands) - front.patch + 1, 2)))
        for i, k, at, _ in self.queries:
            bands = front.frames(self.sums(k, i, front.bands, at, LONGEST_QUERY))
            queries.append(front.features(bands, np.arange(len(bands) - front.patch + 1)))
        return stored, queries


def repeats(a, b):
    """Mask of the frames of `a` in a run of 32 that `b` repeats, as `similarity.shared_frames` finds them, for a long `b`."""
    run = a @ b.T
    for step in (1, 2, 4, 8, 16):
        run = run[:-step, :-step] + run[step:, step:]
    mask = np.zeros(len(a), bool)
    for start in np.flatnonzero(run.max(1) >= similarity.THRESHOLD * 32):
        mask[start:start + 32] = True
    return mask


# ---- codes -----------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Codes:
    """Values of stored patches and of queries, centred; queries' in deviations."""

    reference: object
    query: object
    multiplications: float       # of one code, beyond the bands

    def hard(self, x):
        return np.where(self.reference(x.astype(np.float32)) > 0, 1, -1).astype(np.float32)

    def soft(self, x):
        return np.clip(self.query(x.astype(np.float32)), -3.4, 3.4).astype(np.float32)


def linear(matrix, front, clean, query=None, cost=None):
    """Codes of one matrix (F, bits), or of another one for queries; thresholds at the median, one scale for all bits."""
    matrix = matrix.astype(np.float32)
    threshold = np.median(clean @ matrix, 0)
    scale = (clean @ matrix - threshold).std()
    reference = lambda x: x @ matrix - threshold
    if cost is None:    # even and odd temporal functions need half of the patch each
        cost = front.bands * front.functions * front.patch / 2 + matrix.size
    return Codes(reference, query or (lambda x: reference(x) / scale), cost)


def spread(within):
    return within.reshape(-1, within.shape[-1]).T @ within.reshape(-1, within.shape[-1]) / (within.size / within.shape[-1])


def discriminant(data, front, bits, keep=None, shrink=1e-3, turn="random", total="clean", seed=SEED, steady=False):
    """Linear discriminants as `learn.py` makes them. `steady`: from pairs of equal speed alone."""
    clean, noisy, speed = data[0], data[1], data[6]
    within = (noisy - clean)[speed == 1] if steady else noisy - clean
    both = np.cov(clean.T) if total == "clean" else np.cov(np.concatenate([clean, *noisy]).T)
    keep = keep or (min(160, 2 * front.width // 3) if turn == "random" else bits)
    vectors, _ = learn.discriminants(both, spread(within).astype(float), keep, shrink)
    if turn == "random":
        return linear(learn.turned(vectors, bits, seed), front, clean)
    return linear(vectors @ rotation((clean - clean.mean(0)) @ vectors, seed), front, clean)


def rotation(v, seed, rounds_=50):
    """The rotation that moves the values least when they become signs: Gong & Lazebnik, "Iterative quantization", CVPR 2011."""
    turn = np.linalg.qr(np.random.default_rng([seed, 8]).standard_normal((v.shape[1],) * 2))[0]
    for _ in range(rounds_):
        left, _, right = np.linalg.svd(np.sign(v @ turn).T @ v)
        turn = (left @ right).T
    return turn


def principal(data, front, bits, turn="itq"):
    """Principal components of the clean patches, turned by ITQ or at random."""
    clean = data[0]
    vectors = np.linalg.eigh(np.cov(clean.T))[1][:, ::-1][:, :bits]
    if turn == "random":
        return linear(learn.turned(vectors, bits, SEED), front, clean)
    return linear(vectors @ rotation((clean - clean.mean(0)) @ vectors, SEED), front, clean)


def regressed(data, front, bits, target):
    """Stored codes as `base`; queries by another matrix, which predicts the clean patch's values or signs from the degraded patch."""
    clean, noisy = data[0], data[1].reshape(-1, data[1].shape[-1])
    base = discriminant(data, front, bits)
    wanted = base.query(clean) if target == "values" else base.hard(clean)
    wanted = np.tile(wanted, (len(data[1]), 1))
    x, mean = np.concatenate([noisy, clean]), noisy.mean(0)
    wanted = np.concatenate([wanted, wanted[:len(clean)]])
    square = spread(x - mean)
    square += 1e-3 * np.trace(square) / len(square) * np.eye(len(square), dtype=np.float32)
    matrix = np.linalg.solve(square, (x - mean).T @ wanted / len(x))
    offset = wanted.mean(0)
    scale = ((x - mean) @ matrix + offset).std()
    return Codes(base.reference, lambda y: ((y - mean) @ matrix + offset) / scale, base.multiplications)


def contrastive(data, front, bits, hidden=0, weights=(2.0, 3.0), epochs=300):
    """The network of `net.py`; linear without a hidden layer."""
    params = net.train(data[:6], hidden, bits, epochs, SEED, weights, log=lambda *a, **k: None)
    forward = lambda x: np.asarray(net.forward(params, x))
    z = forward(data[0])
    threshold = np.median(z, 0)
    scale = (z - threshold).std()
    reference = lambda x: forward(x) - threshold
    cost = front.bands * front.functions * front.patch / 2 + sum(params[w].size for w in ("w1", "w2") if w in params)
    return Codes(reference, lambda x: reference(x) / scale, cost)


def boosted(data, front, bits, matching_only):
    """Box filters by pairwise boosting, of the patch less each band's mean. Sums, no multiplications."""
    cube = boxes.candidates(front.bands, front.patch).reshape(front.bands, front.patch, -1)
    filters = (cube - cube.mean(1, keepdims=True)).reshape(-1, cube.shape[2])
    filters = filters[:, np.linalg.norm(filters, axis=0) > 0.1]
    filters /= np.linalg.norm(filters, axis=0)
    chosen = boxes.boost(data[0], data[1][0], data[3], filters, bits, SEED, matching_only)
    matrix = filters[:, chosen] / (data[0] @ filters[:, chosen]).std(0)     # one scale for all bits
    return linear(matrix, front, data[0], cost=0)


def shipped(data, front, bits):
    """The checked-in model."""
    path = Path(__file__).parents[2] / "core/src/fingerprint/model.bin"
    model = frontend.Model.from_bytes(path.read_bytes())
    matrix, clean = model.projection.T.astype(np.float32), data[0]
    scale = (clean @ matrix - model.threshold).std()
    reference = lambda x: x @ matrix - model.threshold
    return Codes(reference, lambda x: reference(x) / scale, front.width * front.patch / 2 + matrix.size)


@dataclasses.dataclass
class Variant:
    """A fingerprint to be measured: `step` is in frames between stored codes, `shift` what learning allows for."""

    what: str
    front: Front = Front()
    bits: int = 128
    step: int = 4
    shift: int = 1
    make: object = discriminant


def variants():
    """Name -> variant, in the table's order."""
    d, v, p = discriminant, Variant, functools.partial
    out = {"shipped": v("the checked-in model", make=shipped), "base": v("its method, learned on these pairs")}
    out |= {f"base-seed{s}": v(f"another random rotation ({s})", make=p(d, seed=s)) for s in (2, 3)}
    out |= {f"bits{b}-step{s}": v(f"{b} bits each {10 * s} ms", bits=b, step=s)
            for b, s in ((64, 2), (256, 8), (64, 4), (256, 4), (128, 2), (128, 8))}
    out["bits64-keep80"] = v("64 bits each 40 ms, of 80 directions", bits=64, make=p(d, keep=80))
    out["bits256-keep240"] = v("256 bits each 40 ms, of 240 directions", bits=256, make=p(d, keep=240))
    out["keep96"] = v("96 directions kept (160)", make=p(d, keep=96))
    out["shrink0.1"] = v("within-class shrinkage .1 (.001)", make=p(d, shrink=0.1))
    out["steady"] = v("within-class: no speeds", make=p(d, steady=True))
    out |= {f"shift{s}": v(f"within-class: shifts up to {10 * s} ms (10)", shift=s) for s in (0, 3)}
    out["cca"] = v("total of both sides (CCA with one projection)", make=p(d, total="both"))
    out["lda-itq"] = v("discriminants, 128 kept, ITQ rotation", make=p(d, turn="itq"))
    out["pca-itq"] = v("principal components, ITQ rotation", make=principal)
    out["pca-itq-64"] = v("the same, 64 bits", bits=64, make=principal)
    out["pca-random"] = v("principal components, random rotation", make=p(principal, turn="random"))
    out["query-values"] = v("queries by a matrix that predicts the clean values", make=p(regressed, target="values"))
    out["query-signs"] = v("queries by a matrix that predicts the clean signs", make=p(regressed, target="signs"))
    out["contrastive"] = v("linear, contrastive, pull 2, spread 3", make=contrastive)
    patch = Front(functions=0)
    out["boost-matching"] = v("box filters, pairwise boosting, weights of matching pairs", patch, make=p(boosted, matching_only=True))
    out["boost-all"] = v("box filters, pairwise boosting, weights of all pairs", patch, make=p(boosted, matching_only=False))
    out["unfilled"] = v("valleys not filled", Front(span_band=65535, span_patch=65535))
    out["filled-6-15dB"] = v("valleys filled to 6 and 15 dB (9 and 21)", Front(span_band=512, span_patch=1280))
    out["filled-12-30dB"] = v("valleys filled to 12 and 30 dB", Front(span_band=1024, span_patch=2560))
    out["trend-0.01-1.0"] = v("log less its mean over 1 s", Front("trend", rate=0.01))
    for s, a, d_, r in ((0.025, 0.98, 2.0, 0.5), (0.025, 0.8, 10.0, 0.25)):
        out[f"pcen-{s}-{a}-{d_}-{r}"] = v(f"PCEN, s {s}, alpha {a}, delta {d_}, r {r}", Front("pcen", 24, 40, 10, 65535, 65535, s, a, d_, r))
    out["pcen-pca-itq"] = v("the first PCEN, principal components, ITQ rotation", out["pcen-0.025-0.98-2.0-0.5"].front, make=principal)
    out |= {f"bands{b}x{k}": v(f"{b} bands x {k} functions", Front(bands=b, functions=k)) for b, k in ((16, 10), (33, 7), (33, 10))}
    out |= {f"patch{n}x{k}": v(f"patch of {n / 100} s, {k} functions", Front(patch=n, functions=k))
            for n, k in ((20, 5), (30, 8), (50, 12), (64, 16))}
    out["patch64x16-pca-itq"] = v("the same, principal components, ITQ rotation", Front(patch=64, functions=16), make=principal)
    return out


# ---- search ----------------------------------------------------------------------------------------------------

def alignments(query, speed, patch, stored, ends, step):
    """Best mean agreement of the query's beginnings of `LENGTHS` with each stored clip: (lengths, clips)."""
    frames = [int(1 + (t * frontend.RATE - frontend.FRAME) // frontend.HOP) - patch + 1 for t in LENGTHS]
    product, weight = query @ stored.T, np.abs(query).sum(1)
    starts = np.concatenate([[0], ends[:-1]])
    best = np.full((len(LENGTHS), len(ends)), -1.0)
    for phase in range(step):
        at = phase + np.round(np.arange(0, 400) * step / speed).astype(int)
        total, mass, row = np.zeros(len(stored), np.float32), 0.0, 0
        for t, limit in enumerate(frames):
            while at[row] < limit:
                total[:len(stored) - row] += product[at[row], row:]
                mass, row = mass + weight[at[row]], row + 1
            last = np.repeat(ends - row, ends - starts)
            inside = np.where(np.arange(len(stored)) <= last, total, -np.inf)
            best[t] = np.maximum(best[t], np.maximum.reduceat(inside, starts) / mass)
    return best


def search(test, codes, variant):
    """For each query and length: the best score among clips of its own voice and family, and among all others."""
    stored, queries = test.search(variant.front)
    voice, family, hop = test.rounds[0]["voice"], test.family, variant.step // 2
    names = np.random.default_rng(SEED).permutation(np.unique(voice))
    own, other = (np.zeros((len(queries), len(LENGTHS))) for _ in range(2))
    for group in np.array_split(names, len(names) // 2):
        which = np.flatnonzero(np.isin(voice, group))
        hard = [codes.hard(stored[i][::hop]) for i in which]
        ends, hard = np.cumsum([len(h) for h in hard]), np.concatenate(hard)
        for q, (i, _, _, speed) in enumerate(test.queries):
            if voice[i] in group:
                best = alignments(codes.soft(queries[q]), speed, variant.front.patch, hard, ends, variant.step)
                right = (voice[which] == voice[i]) & (family[which] == family[i])
                own[q], other[q] = best[:, right].max(1), best[:, ~right].max(1)
    return own, other


def measured(name, variant, train, test):
    """What is kept of a variant."""
    codes = variant.make(train.patches(variant.front, variant.shift), variant.front, variant.bits)
    clean, noisy, *about = test.patches(variant.front, 1)
    unrelated, levels = net.separation(codes.hard(clean), map(codes.soft, noisy), *about[:4])
    own, other = search(test, codes, variant)
    out = {"own": own, "other": other, "clip": [q[0] for q in test.queries], "new": test.repeated < REPEATED * np.array(LENGTHS),
           "multiplications": codes.multiplications, "unrelated": (unrelated.mean(), unrelated.std()),
           "ber": [levels[c][0] for c in CLASSES], "apart": [levels[c][3] for c in CLASSES]}
    print(name, "BER", np.round(out["ber"], 3), "d'", np.round(out["apart"], 2), "found", np.round(found(out), 3), flush=True)
    return out


# ---- table -----------------------------------------------------------------------------------------------------

def found(z, weight=None):
    """Top-1 and recall at 1 % false alarms at each length: (2, lengths). weight: of each query (bootstrap)."""
    weight, out = np.ones(len(z["own"])) if weight is None else weight, np.zeros((2, len(LENGTHS)))
    for t in range(len(LENGTHS)):
        own, other, new = z["own"][:, t], z["other"][:, t], z["new"][:, t]
        order = np.flatnonzero(new)[np.argsort(-other[new])]
        mass = np.cumsum(weight[order])
        threshold = other[order[np.searchsorted(mass, 0.01 * mass[-1], "right")]]
        first = own > other
        out[:, t] = first @ weight / weight.sum(), (first & (own > threshold)) @ weight / weight.sum()
    return out


def draws(clip, count=500):
    """Weights of the queries in `count` draws of clips with replacement."""
    rng, clips = np.random.default_rng(SEED), np.unique(clip)
    number = np.searchsorted(clips, clip)
    return [rng.multinomial(len(clips), np.full(len(clips), 1 / len(clips)))[number] for _ in range(count)]


def row(z, bases, weights):
    """Cells: bit errors, unrelated agreement, d', top-1, recall at 1 %, its mean, and how that differs from `bases`."""
    cell = lambda v, digits=3: " / ".join(f"{x:.{digits}f}".lstrip("0") for x in v)
    top, recall = found(z)
    mean = np.array([found(z, w)[1].mean() for w in weights])
    low, high = np.quantile(mean, (.025, .975))
    less = ["{:+.3f} [{:+.3f}, {:+.3f}]".format((mean - b).mean(), *np.quantile(mean - b, (.025, .975))) for b in bases]
    return [cell(z["ber"]), f"{z['unrelated'][0]:+.3f} ± {z['unrelated'][1]:.3f}", cell(z["apart"], 2), cell(top), cell(recall),
            f"{recall.mean():.3f} [{low:.3f}, {high:.3f}]", *less]


def write_table(out):
    names = [n for n in variants() if (out / f"{n}.npz").exists()]
    if not {"shipped", "base"} <= set(names):
        print("no table yet: it compares with `shipped` and `base`")
        return
    kept = {n: dict(np.load(out / f"{n}.npz")) for n in names}
    weights = draws(kept["base"]["clip"])
    bases = [np.array([found(kept[n], w)[1].mean() for w in weights]) for n in ("shipped", "base")]
    head = ["variant", "multiplications a code", f"bit errors {' / '.join(CLASSES)} dB", "unrelated agreement", "d' of these", "top-1 at 1.5 / 2 / 3 s",
            "R@1% at 1.5 / 2 / 3 s", "mean R@1%", "less the model in use", "less base"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for n in names:
        cost = float(kept[n]["multiplications"])
        lines.append("| " + " | ".join([variants()[n].what, f"{cost:,.0f}" if cost else "0", *row(kept[n], bases, weights)]) + " |")
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="variants whose name this expression matches")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the table of what there is")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    train = Material(a.cache, "explore-learn", ("broad", "learn"), TRAIN_ROUNDS, PER_VOICE, SEED)
    test = Material(a.cache, "explore-test", ("score-train", "score-test"), TEST_ROUNDS, 10 ** 6, SEED + 1)
    for name, variant in variants().items():
        path = a.out / f"{name}.npz"
        if not a.table and re.search(a.only, name) and not path.exists():
            np.savez(path, **measured(name, variant, train, test))
    write_table(a.out)


if __name__ == "__main__":
    main()
