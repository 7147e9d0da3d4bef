"""Learns the fingerprint network: stage-1 features of a patch -> hidden layer -> values whose signs are the code.

usage: net.py CACHE OUT [--train learn] [--test test] [--hidden 192] [--epochs 12] [--seed 1]

Contrastive (InfoNCE; van den Oord, Li & Vinyals 2018; for audio fingerprints Chang et al., "Neural audio fingerprint for high-specific audio
retrieval", ICASSP 2021): a degraded patch must agree more with its own clean patch than with the other patches of its batch, which
come from the same few voices and clips. The agreement is the one that the matcher computes: signs of the clean side (straight-through
estimator; Bengio, Leonard & Courville 2013) against soft values of the degraded side. Wants `pairs.py`'s files; JAX and optax.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import frontend
from learn import active_positions, integer_basis
from pairs import read_round

PATCH, FUNCTIONS, SHIFT1, SPAN_BAND, SPAN_PATCH = 40, 10, 7, 768, 1792


def stage1(bands, at, basis):
    patches = np.lib.stride_tricks.sliding_window_view(bands, basis.shape[1], axis=0)[at]
    return frontend.stage1(patches, basis, SHIFT1, SPAN_BAND, SPAN_PATCH).astype(np.int16)


def moved(at, start, speed, length):
    """First frames of the degraded patches that belong to the clean ones at `at`."""
    centre = 80 * (at + (length - 1) / 2) + 128
    return (centre / speed + start - 128) / 80 - (length - 1) / 2


def features(cache, name, rounds, step, seed, basis=None):
    """clean (n, B*K) int16, degraded (rounds, n, B*K) int16, clip number, voice number, snr (rounds, n)."""
    basis = integer_basis(FUNCTIONS, PATCH) if basis is None else basis
    rng, length = np.random.default_rng(seed), basis.shape[1]
    clean = read_round(cache / "pairs" / f"{name}-0.npz")
    where = []
    for b in clean["bands"]:
        at = active_positions(b, length, step)
        where.append(np.clip(at + rng.integers(0, step, len(at)), 0, max(0, len(b) - length)) if len(at) else at)
    keep = [i for i, at in enumerate(where) if len(at) >= 4]
    x = np.concatenate([stage1(clean["bands"][i], where[i], basis) for i in keep])
    clip = np.concatenate([np.full(len(where[i]), i) for i in keep])
    _, voices = np.unique(clean["voice"], return_inverse=True)
    out, snr, kind = [], [], []
    for k in rounds:
        z = read_round(cache / "pairs" / f"{name}-{k}.npz")
        rows = []
        for i in keep:
            to = moved(where[i], z["start"][i], z["speed"][i], length)
            to = np.round(to).astype(int) + rng.choice([-1, 0, 1], len(to), p=[0.1, 0.8, 0.1])
            rows.append(stage1(z["bands"][i], np.clip(to, 0, len(z["bands"][i]) - length), basis))
        out.append(np.concatenate(rows))
        snr.append(z["snr"][clip])
        kind.append(z["room"][clip])
    return x, np.stack(out), clip, voices[clip], np.stack(snr), np.stack(kind)


# ---- network ---------------------------------------------------------------------------------------------------

def init(key, width, hidden, bits):
    k1, k2, k3 = jax.random.split(key, 3)
    he = lambda k, a, b: jax.random.normal(k, (a, b)) * np.sqrt(2 / a)
    if hidden == 0:
        return {"w2": he(k2, width, bits) / np.sqrt(2), "b2": jnp.zeros(bits), "tau": jnp.array(3.0)}
    return {"w1": he(k1, width, hidden), "b1": jnp.zeros(hidden), "w2": he(k2, hidden, bits), "b2": jnp.zeros(bits), "tau": jnp.array(3.0)}


def forward(p, x):
    h = jax.nn.relu(x @ p["w1"] + p["b1"]) if "w1" in p else x
    return h @ p["w2"] + p["b2"]


def agreement(a, b):
    """(n, m) agreements of hard clean values `a` with soft values `b`."""
    return b @ a.T / (jnp.abs(b).sum(1, keepdims=True) + 1e-6)


def normal(z, scale):
    """Soft values as the matcher has them: one scale for all bits, clipped at 3.4 deviations."""
    return jnp.clip(z / scale, -3.4, 3.4)


def loss(p, clean, noisy, weights):
    pull_weight, spread_weight = weights
    z, q = forward(p, clean), forward(p, noisy)
    scale = jax.lax.stop_gradient(z.std() + 1e-6)
    t = jnp.tanh(2 * z / scale)
    hard = t + jax.lax.stop_gradient(jnp.sign(z) - t)
    a = agreement(hard, normal(q, scale))
    logits = jnp.exp(p["tau"]) * a
    nce = -jnp.mean(jnp.diagonal(jax.nn.log_softmax(logits, 1))) - jnp.mean(jnp.diagonal(jax.nn.log_softmax(logits, 0)))
    balance = jnp.mean(t.mean(0) ** 2)
    c = (t - t.mean(0)).T @ (t - t.mean(0)) / len(t)
    d = jnp.sqrt(jnp.diagonal(c) + 1e-6)
    c = c / d[:, None] / d[None]
    spread = jnp.mean((c - jnp.diag(jnp.diagonal(c))) ** 2)
    pull = 1 - jnp.mean(jnp.diagonal(a))
    level = jnp.mean((jnp.log(z.std(0) / scale + 1e-6)) ** 2)
    return nce + balance + spread_weight * spread + pull_weight * pull + 0.3 * level, (nce, jnp.mean(jnp.diagonal(a)), spread)


def batches(clip, voice, size, rng):
    """Index arrays: 1/8 of the voices' clips at a time, so that negatives are of like sound."""
    by_clip = {c: np.flatnonzero(clip == c) for c in np.unique(clip)}
    order = sorted(by_clip, key=lambda c: (voice[by_clip[c][0]], rng.random()))
    groups = [np.concatenate([by_clip[c] for c in order[i:i + 3]]) for i in range(0, len(order), 3)]
    rng.shuffle(groups)
    rows = np.concatenate([rng.permutation(g)[:40] for g in groups])
    return [rows[i:i + size] for i in range(0, len(rows) - size + 1, size)]


def train(data, hidden, bits, epochs, seed, weights=(0.0, 20.0), size=1024, rate=2e-3, log=print):
    clean, noisy, clip, voice, _, _ = data
    scale = clean[:: max(1, len(clean) // 50000)].astype(np.float32).std(0) + 1
    params = init(jax.random.PRNGKey(seed), clean.shape[1], hidden, bits)
    rng = np.random.default_rng(seed)
    steps = epochs * max(1, len(batches(clip, voice, size, rng)))
    schedule = optax.warmup_cosine_decay_schedule(0, rate, 200, steps, rate * 0.01)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-4))
    state = optimiser.init(params)

    @jax.jit
    def update(params, state, a, b):
        (value, parts), grads = jax.value_and_grad(loss, has_aux=True)(params, a, b, weights)
        change, state = optimiser.update(grads, state, params)
        return optax.apply_updates(params, change), state, (value, *parts)

    for epoch in range(epochs):
        total = []
        for rows in batches(clip, voice, size, rng):
            k = rng.integers(len(noisy), size=len(rows))
            params, state, said = update(params, state, clean[rows] / scale, noisy[k, rows] / scale)
            total.append(said)
        if epoch % 5 == 4 or epoch == epochs - 1:
            log(f"epoch {epoch + 1}: " + " ".join(f"{float(v):.4f}" for v in np.mean(np.array(total), 0)), flush=True)
    first = "w1" if hidden else "w2"
    params[first] = params[first] / scale[:, None]
    return jax.tree.map(np.asarray, params)


def separation(hard, soft, clip, voice, snr, room):
    """Bit errors and agreements by noise level, and how far unrelated speech of one voice stays away.

    hard: signs of the clean patches (n, bits); soft: the degraded ones' values, an array like it for each row of `snr`. Returns the unrelated
    agreements and {level: (BER, mean agreement, its deviation, d', share above the 99.9 % quantile of unrelated ones)}.
    """
    rng = np.random.default_rng(5)
    groups = {"clean": (snr == 99) & ~room, "room": (snr == 99) & room, "12-20": (snr < 20) & (snr > 12), "6-12": (snr <= 12) & (snr > 6),
              "2-6": (snr <= 6) & (snr > 2), "-3-2": snr <= 2}
    a, ber, un = [], [], []
    for v in soft:
        weight = np.abs(v).sum(1)
        a.append((hard * v).sum(1) / weight)
        ber.append((hard * v < 0).mean(1))
        # another place of the same voice
        other = np.concatenate([rng.permutation(np.flatnonzero(voice == w)) for w in np.unique(voice)])
        order = np.concatenate([np.flatnonzero(voice == w) for w in np.unique(voice)])
        un.append(((hard[other] * v[order]).sum(1) / weight[order])[clip[other] != clip[order]])
    a, ber, un = np.stack(a), np.stack(ber), np.concatenate(un)
    return un, {name: (ber[m].mean(), a[m].mean(), a[m].std(), (a[m].mean() - un.mean()) / np.sqrt((a[m].var() + un.var()) / 2),
                       (a[m] > np.quantile(un, .999)).mean()) for name, m in groups.items() if m.any()}


def measure(values, data, threshold, soft_scale, log=print):
    """Prints what `separation` finds and the balance of the bits. `values`: x -> (n, bits)."""
    clean, noisy, *about = data
    hard = np.sign(values(clean) - threshold)
    un, levels = separation(hard, (np.clip((values(y) - threshold) / soft_scale, -3.4, 3.4) for y in noisy), *about)
    log(f"unrelated, same voice: {un.mean():+.3f} ± {un.std():.3f}, 99.9 % {np.quantile(un, .999):.3f}; "
        f"balance {np.abs((hard > 0).mean(0) - .5).max():.3f}")
    for name, (ber, mean, deviation, d, above) in levels.items():
        log(f"  {name:6} BER {ber:.3f}  agreement {mean:.3f} ± {deviation:.3f}  d' {d:.2f}  above 99.9 % {above:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", default="learn")
    parser.add_argument("--test", default="test")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--step", type=int, default=8)
    parser.add_argument("--hidden", default="192")
    parser.add_argument("--bits", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--weights", default="0,20", help="of pull (agreement of pairs) and spread (correlation of bits)")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    held = features(a.cache, a.test, (1, 2), 12, 5)
    v1 = frontend.Model.from_bytes((Path(__file__).parents[2] / "core/src/fingerprint/model.bin").read_bytes())
    linear = lambda x: x.astype(np.float64) @ v1.projection.T.astype(np.float64)
    z = linear(held[0])
    print("checked-in model", len(held[0]), "patches")
    if v1.projection.shape[1] == held[0].shape[1]:
        measure(linear, held, v1.threshold, (z - v1.threshold).std())
    data = features(a.cache, a.train, range(1, a.rounds + 1), a.step, 4)
    print("training patches", data[0].shape, "x", len(data[1]), flush=True)
    for hidden in map(int, a.hidden.split(",")):
        p = train(data, hidden, a.bits, a.epochs, a.seed, tuple(map(float, a.weights.split(","))))
        values = lambda x: np.asarray(forward(p, x.astype(np.float32)))
        z = values(data[0][::5])
        threshold = np.median(z, 0)
        print("hidden", hidden, "weights", a.weights, "tau", float(np.exp(p["tau"])))
        measure(values, held, threshold, (z - threshold).std())
        np.savez(a.out / f"net-{hidden}-{a.bits}.npz", threshold=threshold, scale=(z - threshold).std(), **p)


if __name__ == "__main__":
    main()
