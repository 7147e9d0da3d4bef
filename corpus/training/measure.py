"""Measures a model on clips of voices and texts that it was not learned from.

usage: measure.py CACHE MODEL [--seed 2] [--clips 60]

Prints, over patches of active speech in CACHE/score-test: the share of ones per bit, the spread of the bit error rate
(BER) between unrelated codes and the effective number of bits 1 / (4 variance), the cost of a time shift, the mean BER
per condition at the best of the query's four phases (index codes each 40 ms, query codes each 10 ms), and, for short
snippets, how often the true place scores above every place in other voices' speech.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import frontend
import learn

CONDITIONS = ("alaw", "gsm", "amr122", "amr475", "opus8_loss5", "gsm_n10", "amr475_n10", "alaw_n5", "alaw_n0", "alaw_white5",
              "alaw_babble5", "doubletalk5", "overdrive", "tandem", "room", "loss10_gap")
STEP = 4        # frames between codes of an index


def bit_statistics(codes, rng):
    """(lowest share of ones, highest, mean BER of unrelated codes, its deviation, effective bits)."""
    share = codes.mean(0)
    i, j = rng.integers(0, len(codes), (2, 200_000))
    ber = (codes[i] != codes[j]).mean(1)
    return share.min(), share.max(), ber.mean(), ber.std(), 0.25 / ber.var()


def phase_ber(reference, query, at):
    """Mean over positions of the BER at the best of the query's frames within 20 ms of the reference's."""
    at = at[(at >= 2) & (at + 2 < len(query))]
    errors = [((query[at + k] > 0) != (reference[at] > 0)).mean(1) for k in (-2, -1, 0, 1, 2)]
    return float(np.min(errors, 0).mean())


def snippet_scores(query, codes, rows):
    """Correlation of soft query codes (n, D) with index codes (N, D) in +-1 at every alignment: (4, N - n/4 + 1)."""
    out = []
    for phase in range(STEP):
        m = query[phase::STEP][:rows] @ codes.T
        out.append(sum(m[a, a:a + m.shape[1] - rows + 1] for a in range(rows)))
    return np.array(out)


def retrieval(references, queries, voices, model, seconds, count, seed):
    """Share of snippets whose true place (+-80 ms) outscores all of other voices' speech, and the mean z-scores of both."""
    codes = np.concatenate([np.where(r[::STEP] > 0, 1, -1) for r in references]).astype(np.float32)
    lengths = [len(r[::STEP]) for r in references]
    first, owner = np.cumsum([0, *lengths]), np.repeat(np.arange(len(references)), lengths)
    rng, rows = np.random.default_rng(seed), int(seconds * 100 - model.basis.shape[1]) // STEP
    long_enough = [i for i, r in enumerate(references) if len(r) > rows * STEP + 20]
    won, true_z, false_z = [], [], []
    for _ in range(count):
        i = long_enough[int(rng.integers(len(long_enough)))]
        at = int(rng.integers(4, min(len(references[i]), len(queries[i])) - rows * STEP - 4))
        soft = queries[i][at:at + rows * STEP].astype(np.float32)
        score = snippet_scores(soft, codes, rows)
        score = (score - score.mean()) / score.std()
        place = first[i] + at // STEP
        true_z.append(score[:, max(place - 2, 0):place + 3].max())
        other = voices[owner[: score.shape[1]]] != voices[i]
        false_z.append(score[:, other].max())
        won.append(true_z[-1] > false_z[-1])
    return float(np.mean(won)), float(np.mean(true_z)), float(np.mean(false_z))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    a = parser.parse_args()
    model = frontend.Model.from_bytes(a.model.read_bytes())
    splits = ("score-test",)
    pairs = learn.make_pairs(a.cache, "test", splits, CONDITIONS, a.seed, a.jobs)
    every = np.array([v for v, _ in learn.clips(a.cache, splits)])
    pick = np.sort(np.random.default_rng(a.seed).permutation(len(every))[: a.clips])
    values = {c: [frontend.values(pairs[c][i], model) for i in pick] for c in pairs}
    active = [learn.active_positions(pairs[None][i], model.basis.shape[1], STEP) for i in pick]
    clean = np.concatenate([v[at] > 0 for v, at in zip(values[None], active)])
    print("ones %.3f-%.3f, unrelated BER %.3f +- %.4f, effective bits %.0f" % bit_statistics(clean, np.random.default_rng(3)))
    for k in (1, 2):
        same = [((v[at] > 0) != (v[np.minimum(at + k, len(v) - 1)] > 0)).mean() for v, at in zip(values[None], active) if len(at)]
        print(f"shift {10 * k} ms: BER {np.mean(same):.3f}")
    for c in CONDITIONS:
        ber = [phase_ber(r, q, at) for r, q, at in zip(values[None], values[c], active) if len(at) > 2]
        shares = [retrieval(values[None], values[c], every[pick], model, s, 60, a.seed) for s in (1.0, 1.5)]
        print(f"{c:13s} BER {np.mean(ber):.3f}; first at 1.0 s {shares[0][0]:.2f} (z {shares[0][1]:.1f} against {shares[0][2]:.1f}), "
              f"at 1.5 s {shares[1][0]:.2f} (z {shares[1][1]:.1f} against {shares[1][2]:.1f})", flush=True)


if __name__ == "__main__":
    main()
