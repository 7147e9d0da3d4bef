#!/usr/bin/env python3
"""Fits the network that tells where a person takes over from a machine whose script is not known.

usage: change_fit.py TRAIN.jsonl[,…] TEST.jsonl[,…] [--model core/src/prosody/change/model.rs]

The files are what the program `changes` prints of a development set's calls. An onset from 0.35 s before a hand-over to 0.75 s after it
is one, all others are none; those nearer than 1.5 s are left out. Measures are standardised, limited to 3 deviations, what is not defined
counts as the mean; one hidden layer, weight decay. The threshold is chosen on the training calls, each judged by a network that has not seen
it: as low as lets FALSE of the calls without a hand-over through, calls that one person gives to another not counted. The tests say
how it does on other scripts, voices and people.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPClassifier

HIDDEN, DECAY, NETS, FOLDS, FALSE = 12, 10.0, 5, 5, 0.015
LIMIT = 3.0
# As in core/src/prosody/change/mod.rs, s.
AFTER, NEAR, REST = 3.0, 2.5, 10.0
PER_SECOND, LEAST_MACHINE = 0.4, -0.764
TOLERANCE = 1.5


def load(files):
    return [json.loads(line) for f in files.split(",") for line in open(f, encoding="utf-8")]


def rows(calls):
    """Measures, class, whether it counts, number of the call."""
    x, y, keep, of = [], [], [], []
    for i, call in enumerate(calls):
        for c in call["candidates"]:
            d = None if call["handover"] is None else c["at"] - call["handover"]
            x.append([np.nan if v is None else v for v in c["measures"]])
            y.append(d is not None and -0.35 <= d <= 0.75)
            keep.append(d is None or y[-1] or abs(d) > TOLERANCE)
            of.append(i)
    return np.array(x, float), np.array(y), np.array(keep), np.array(of)


class Net:
    def __init__(self, x, y, seed=0):
        self.mean, self.deviation = np.nanmean(x, 0), np.nanstd(x, 0) + 1e-9
        nets = [MLPClassifier((HIDDEN,), activation="tanh", alpha=DECAY, solver="lbfgs", max_iter=500, random_state=seed + i).fit(self.scaled(x), y) for i in range(NETS)]
        # The one that fits best, weights included: the others are worse minima of the same sum.
        self.net = min(nets, key=lambda net: net.loss_)

    def scaled(self, x):
        z = np.clip((x - self.mean) / self.deviation, -LIMIT, LIMIT)
        return np.where(np.isnan(z), 0, z)

    def log_odds(self, x):
        (w, v), (b, c) = self.net.coefs_, self.net.intercepts_
        return (np.tanh(self.scaled(x) @ w + b) @ v + c)[:, 0]


def from_machine(odds, x, names):
    """The odds, lowest where the voice before is taken for a person's, or nothing is known of it."""
    return np.where(x[:, names.index("machineBefore")] > LEAST_MACHINE, odds, -np.inf)


def changes(at, odds, threshold):
    """What the program tells of a call's onsets."""
    told, pending, first, out = None, None, None, []

    def tell(now):
        nonlocal told, pending
        if pending is not None and now > min(at[pending] + AFTER + NEAR, at[first] + AFTER + 2 * NEAR) + 1e-6:
            told = at[pending]
            out.append((told, odds[pending]))
            pending = None

    for k in range(len(at)):
        tell(at[k] + AFTER)
        if odds[k] < threshold or (told is not None and at[k] < told + REST):
            continue
        if pending is None:
            pending = first = k
        elif odds[k] - odds[pending] > PER_SECOND * (at[k] - at[pending]):
            pending = k
    tell(np.inf)
    return [t for t, _ in out]


def score(calls, odds, of, threshold):
    """kind -> calls without a hand-over, of them with one told, with one, of them told near it, told elsewhere."""
    table = defaultdict(lambda: np.zeros(5, int))
    for i, call in enumerate(calls):
        told = changes([c["at"] for c in call["candidates"]], odds[of == i], threshold)
        near = [call["handover"] is not None and abs(t - call["handover"]) <= TOLERANCE for t in told]
        has = call["handover"] is not None
        table[call["kind"]] += [not has, not has and bool(told), has, any(near), has and not all(near)]
    return table


def false_share(table, without=("transfer",)):
    some = [row for kind, row in table.items() if kind not in without]
    return sum(row[1] for row in some) / max(sum(row[0] for row in some), 1)


def show(name, table):
    total = sum(table.values())
    kinds = ", ".join(f"{kind} {row[1]} of {row[0]}" for kind, row in sorted(table.items()) if row[0])
    print(f"{name}: {total[3]} of {total[2]} told ({total[3] / max(total[2], 1):.3f}), elsewhere {total[4]}; false: {kinds}")


def write_model(path, net, threshold, names):
    number = lambda v: f"{float(v):.5f}"
    array = lambda values: "[" + ", ".join(number(v) for v in values) + "]"
    (w, v), (b, c) = net.net.coefs_, net.net.intercepts_
    scales = "".join(f"    ({number(m)}, {number(d)}), // {name}\n" for name, m, d in zip(names, net.mean, net.deviation))
    text = f"""//! Constants of the network that judges a change of voice, written by `corpus/training/change_fit.py`. Do not edit.

use super::measures::MEASURES;

/// Units of the hidden layer.
pub(super) const HIDDEN: usize = {HIDDEN};
/// Standardised measures are limited to this.
pub(super) const LIMIT: f32 = {LIMIT:.1};
/// Log-odds from which a change is told.
pub(super) const THRESHOLD: f32 = {number(threshold)};
/// Mean and deviation of the measures over the training set.
#[rustfmt::skip]
pub(super) const SCALES: [(f32, f32); MEASURES] = [
{scales}];
/// Weights of the measures, a line for each hidden unit.
#[rustfmt::skip]
pub(super) const WEIGHTS: [[f32; MEASURES]; HIDDEN] = [
{"".join(f"    {array(unit)},{chr(10)}" for unit in w.T)}];
/// Biases of the hidden units.
#[rustfmt::skip]
pub(super) const BIASES: [f32; HIDDEN] = {array(b)};
/// Weights of the hidden units.
#[rustfmt::skip]
pub(super) const OUTPUT: [f32; HIDDEN] = {array(v[:, 0])};
/// Bias of the log-odds.
pub(super) const BIAS: f32 = {number(c[0])};
"""
    part = Path(f"{path}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--model")
    a = parser.parse_args()
    calls = load(a.train)
    x, y, keep, of = rows(calls)
    fold = np.arange(len(calls)) // 6 % FOLDS
    odds, names = np.zeros(len(y)), calls[0]["names"]
    for f in range(FOLDS):
        out = fold[of] == f
        odds[out] = Net(x[~out & keep], y[~out & keep]).log_odds(x[out])
    odds = from_machine(odds, x, names)
    grid = np.arange(-4, 3, 0.05)
    threshold = next((t for t in grid if false_share(score(calls, odds, of, t)) <= FALSE), grid[-1])
    print(f"threshold {threshold:.2f}; {len(y)} onsets, {y.sum()} hand-overs", file=sys.stderr)
    for t in (threshold - 0.5, threshold, threshold + 0.5):
        show(f"not seen, {t:.2f}", score(calls, odds, of, t))
    net = Net(x[keep], y[keep])
    for file in a.test.split(","):
        some = load(file)
        x, _, _, of = rows(some)
        for t in (threshold - 0.5, threshold, threshold + 0.5):
            show(f"{Path(file).stem}, {t:.2f}", score(some, from_machine(net.log_odds(x), x, names), of, t))
    if a.model:
        write_model(a.model, net, threshold, names)


if __name__ == "__main__":
    main()
