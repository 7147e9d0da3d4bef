"""Fits the score: a logistic regression on properties of an alignment, from the program `evidence`.

usage: score.py EVIDENCE.jsonl [OTHER.jsonl]

EVIDENCE.jsonl: `cargo run --release -p benches --bin evidence -- devB > EVIDENCE.jsonl`, devB made by `devset.py`. Prints
the coefficients that stand in `core/src/index/score.rs`, and top-1, recall at no false alarm and at 1 % of the negatives,
cross-validated over families of scripts. OTHER.jsonl, from another set, is only measured, never fitted.

A negative whose audio agrees all along with a reference is the same recording under another name (prompt collections
hold the same words twice); such negatives are left out of the fit. Wants numpy and scikit-learn.
"""
from __future__ import annotations

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DISAGREEMENT, WEAK = 0.3, 0.35
DECIBELS = 3.0103 / 256


def script(rendering):
    return rendering.split("__")[0]


def longest_run(mask):
    best = run = 0
    for m in mask:
        run = run + 1 if m else 0
        best = max(best, run)
    return best


def properties(candidate):
    """The properties that `Properties` in score.rs has, of one candidate; None with fewer than six codes of sound."""
    agreement, flags = np.array(candidate["agreement"]), np.array(candidate["flags"])
    x = agreement[flags == 3]
    if len(x) < 6:
        return None
    level = np.array(candidate["level"])[flags == 3] * DECIBELS
    at = lambda share: np.sort(x)[min(len(x) - 1, int(share * len(x)))]
    gain, lacking = np.median(level[x >= at(0.7)]), level[x < DISAGREEMENT]
    return {
        "ln codes": np.log(len(x)), "agreement": x.mean(), "worst tenth": at(0.1), "weak share": (x < WEAK).mean(),
        "ln1p longest disagreement": np.log1p(longest_run(x < DISAGREEMENT)),
        "magnitude": np.sqrt((np.clip(x, 0, 1) ** 2).sum()),
        "missing level": np.clip(gain - lacking, 0, 15).sum() / 150,
        "ln1p script only": np.log1p((flags == 1).sum()), "ln1p query only": np.log1p((flags == 2).sum()),
    }


def is_duplicate(row):
    found = [properties(c) for c in row["candidates"]] if not row["truth"] else []
    return any(p and p["ln codes"] > np.log(15) and p["agreement"] > 0.6 and p["weak share"] < 0.03 for p in found)


def load(path):
    """Rows of the file, and per candidate: properties, truth, group for cross-validation, row."""
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    x, y, groups, owner = [], [], [], []
    for i, row in enumerate(rows):
        for candidate in row["candidates"]:
            if (p := properties(candidate)) is None:
                continue
            x.append(list(p.values()))
            y.append(bool(row["truth"]) and script(candidate["rendering"]) == script(row["truth"]))
            groups.append(script(row["truth"]).split("-")[0] if row["truth"] else f"negative {i % 7}")
            owner.append(i)
    return rows, np.array(x), np.array(y), np.array(groups), np.array(owner)


def report(name, rows, scores, y, owner, keep):
    positives, negatives, hits = [], [], 0
    for i, row in enumerate(rows):
        if not keep[i]:
            continue
        own = np.flatnonzero(owner == i)
        best = own[np.argmax(scores[own])] if len(own) else None
        value = scores[best] if best is not None else -np.inf
        if row["truth"]:
            hit = best is not None and y[best]
            hits += hit
            positives.append(value if hit else -np.inf)
        else:
            negatives.append(value)
    negatives = np.sort(negatives)[::-1]
    recall = [np.mean(np.array(positives) > t) for t in (negatives[0], negatives[int(len(negatives) * 0.01)])]
    print(f"{name}: top-1 {hits / len(positives):.3f}, R@0 {recall[0]:.3f}, R@1% {recall[1]:.3f}")


def model():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=3000))


def main(evidence, other=None):
    rows, x, y, groups, owner = load(evidence)
    keep = np.array([not is_duplicate(row) for row in rows])
    used = keep[owner]
    scores = np.full(len(y), -np.inf)
    for train, test in GroupKFold(5).split(x[used], y[used], groups[used]):
        fitted = model().fit(x[used][train], y[used][train])
        scores[np.flatnonzero(used)[test]] = fitted.decision_function(x[used][test])
    report("cross-validated", rows, scores, y, owner, keep)

    fitted = model().fit(x[used], y[used])
    scale, regression = fitted[0], fitted[1]
    weights = regression.coef_[0] / scale.scale_
    bias = regression.intercept_[0] - weights @ scale.mean_ + np.log((1 - y[used].mean()) / y[used].mean())
    names = list(properties({"agreement": [0.5] * 9, "flags": [3] * 9, "level": [0] * 9}))
    for name, weight in zip(names, weights):
        print(f"{weight:9.4f}  {name}")
    print(f"{bias:9.4f}  constant")
    if other:
        rows, x, y, _, owner = load(other)
        report("other set", rows, x @ weights + bias, y, owner, np.ones(len(rows), bool))


if __name__ == "__main__":
    main(*sys.argv[1:3])
