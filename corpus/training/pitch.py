"""Fits what pitches say of a match (`core/src/index/pitch.rs`): in how many frames the F0 of query and rendering agree, where the rendering plays and
where the same voice, or another, says the words again.

usage: pitch.py cut NEGATIVES REFS PIECES
       pitch.py fit SET.jsonl PIECES.jsonl

`cut` makes a labelled folder of 5 s pieces of what `negatives.py` made: speech by voices of REFS, in which none of REFS plays. `fit` reads what the program
`evidence` says with `--frames` of a set with right matches (`devset.py`) and of the pieces. Of SET the snippets of even number are fitted; those of odd
number, and the pieces that reach -2.74 nats by bands and codes (1 an hour), are a check. Build `evidence` with `MOST` of pitch.rs at 0 for this.
"""
from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import soundfile
from scipy.optimize import minimize
from scipy.special import betaln

NEAR, DEPENDENT, SHIFT_PRICE = 35.0, 3.0, 2.3        # as pitch.rs
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


def cut(negatives, references, out):
    """Pieces of 5 s, each 3 s one, as a labelled folder."""
    (out / "snippets").mkdir(parents=True)
    (out / "refs").symlink_to(references.resolve())
    with open(out / "snippets.tsv", "w") as table:
        print("id", "ref", "condition", "seconds", "kind", sep="\t", file=table)
        for path in sorted(negatives.glob("**/*.flac")):
            samples, rate = soundfile.read(path, dtype="int16")
            for number, start in enumerate(range(0, len(samples) - 2 * rate, 3 * rate)):
                name = f"{path.stem}_{number:04}"
                soundfile.write(out / "snippets" / f"{name}.wav", samples[start : start + 5 * rate], rate)
                print(name, "-", "negative", "5.00", "negative", sep="\t", file=table)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    cutting, fitting = commands.add_parser("cut"), commands.add_parser("fit")
    for name in ("negatives", "references", "out"):
        cutting.add_argument(name, type=Path)
    for name in ("set", "negatives"):
        fitting.add_argument(name)
    arguments = parser.parse_args()
    if arguments.command == "cut":
        cut(arguments.negatives, arguments.references, arguments.out)
    else:
        fit_both(arguments)


def fit_both(arguments):
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
        print(name, *(f"({a:.2f}, {b:.2f})" for a, b in pair))

    def ratio(rows):
        each = [likelihood(rows[:, i], rows[:, 0], *t) - likelihood(rows[:, i], rows[:, 0], *f) for i, (t, f) in enumerate(shapes.values(), 1)]
        return np.maximum(each[0], each[1] - SHIFT_PRICE)

    for what, rows in (("right, not fitted", check), ("false at 1 an hour", again)):
        if rows:
            print(f"{what}: {len(rows)}, quantiles .02 .05 .25 .5 .75:", np.quantile(ratio(np.array(rows)), [0.02, 0.05, 0.25, 0.5, 0.75]).round(2))


if __name__ == "__main__":
    main()
