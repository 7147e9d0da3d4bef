"""Fits what pitches say of a match (`core/src/index/pitch.rs`): in how many frames the F0 of query and rendering agree, where the rendering plays and
where the same voice, or another, says the words again.

usage: pitch.py SET.jsonl NEGATIVES.jsonl

Both are written by `evidence SET --frames SET.frames > SET.jsonl`; SET has right matches (`devset.py`), NEGATIVES is speech by the index's voices that is in no
index, cut into pieces of 5 s, with the folder's `snippets.tsv` naming no references (`negatives.py`). Of SET the snippets of even number are fitted, those
of odd number and all of NEGATIVES that reach -2.74 nats (1 an hour) are printed as a check.
"""
from __future__ import annotations

import argparse
import json
import math

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln

NEAR, DEPENDENT, SHIFT_PRICE = 35.0, 6.0, 2.3        # as pitch.rs
LEAST = -6.0                                         # nats of a candidate that a fit may see


def candidates(path):
    """(snippet, whether right, condition, score, agreement, cents off what the speed asks for) of each candidate."""
    for line in open(path):
        snippet = json.loads(line)
        truth = (snippet["truth"] or "").split("__")[0]
        for c in snippet["candidates"]:
            right = snippet["kind"] == "positive" and c["rendering"].split("__")[0] == truth
            off = np.array([x for x in c["pitch"] or () if x is not None], float) - 1200 * math.log2(c["playback"])
            yield snippet["id"], snippet["kind"], right, snippet["condition"], c["by_itself"], c["whole"][1], np.sort((off + 600) % 1200 - 600)


def counts(off):
    """Frames, those that agree at the pitch that the speed asks for, and at the best other one, in units of independent frames."""
    best = max(np.searchsorted(off, off + 2 * NEAR, side="right") - np.arange(len(off)), default=0)
    return np.array([len(off), (abs(off) <= NEAR).sum(), best]) / DEPENDENT


def likelihood(agreeing, frames, a, b):
    return betaln(agreeing + a, frames - agreeing + b) - betaln(a, b)


def fit(rows, column):
    """Shapes of the beta-binomial that makes the counts likeliest."""
    frames, agreeing = rows[:, 0], rows[:, column]
    return np.exp(minimize(lambda t: -likelihood(agreeing, frames, *np.exp(t)).sum(), [0, 0], method="Nelder-Mead").x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set")
    parser.add_argument("negatives")
    arguments = parser.parse_args()
    right, right_as_recorded, wrong, check, again = [], [], [], [], []
    for path in (arguments.set, arguments.negatives):
        for name, kind, is_right, condition, score, agreement, off in candidates(path):
            if score < LEAST:
                continue
            row, fitted = counts(off), path == arguments.negatives or int(name[1:]) % 2 == 0
            # The same audio under another name, or in another script of the voice, is no words said again.
            same_audio = agreement > 0.75 and row[2] > 0.85 * row[0]
            if is_right:
                (right if fitted else check).append(row)
                if fitted and not condition.startswith(("pitch", "tempo")):
                    right_as_recorded.append(row)
            elif not same_audio and (kind == "positive" or path == arguments.negatives):
                if fitted:
                    wrong.append(row)
                if path == arguments.negatives and score > -2.74:
                    again.append(row)
    right, right_as_recorded, wrong = map(np.array, (right, right_as_recorded, wrong))
    shapes = {"EXPECTED": (fit(right_as_recorded, 1), fit(wrong, 1)), "SHIFTED": (fit(right, 2), fit(wrong, 2))}
    for name, pair in shapes.items():
        print(name, *(f"({a:.1f}, {b:.1f})" for a, b in pair))

    def ratio(rows):
        each = [likelihood(rows[:, i], rows[:, 0], *t) - likelihood(rows[:, i], rows[:, 0], *f) for i, (t, f) in enumerate(shapes.values(), 1)]
        return np.maximum(each[0], each[1] - SHIFT_PRICE)

    for what, rows in (("right, not fitted", check), ("false at 1 an hour", again)):
        if rows:
            print(f"{what}: {len(rows)}, quantiles .02 .05 .25 .5 .75:", np.quantile(ratio(np.array(rows)), [0.02, 0.05, 0.25, 0.5, 0.75]).round(2))


if __name__ == "__main__":
    main()
