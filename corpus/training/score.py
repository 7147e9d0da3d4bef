"""Fits the score: a logistic regression on properties of an alignment, from the program `evidence`.

usage: score.py FIT.jsonl[,MORE.jsonl] [OTHER.jsonl ...]

FIT.jsonl: `cargo run --release -p benches --bin evidence -- devA > FIT.jsonl`, devA made by `devset.py`. Prints the coefficients that
stand in `core/src/index/score.rs`, and top-1, recall at no false alarm and at 1 % of the negatives, cross-validated over families of
scripts. OTHER.jsonl, from other sets, are only measured, never fitted.

A negative whose frames agree all along with a reference is the same recording under another name (prompt collections
hold the same words twice); such negatives are left out. Wants numpy and scikit-learn.
"""
from __future__ import annotations

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# Positions in `FEATURES` of score.rs.
MEAN, LOWEST, CODES = 9, 11, 0


def script(rendering):
    return rendering.split("__")[0]


def is_duplicate(row):
    """A negative prompt that is in the index under another name."""
    found = [c["whole"] for c in row["candidates"]] if not row["truth"] and row["kind"] in ("prompt", "digits") else []
    return any(p[CODES] > np.log(15) and p[MEAN] > 1.6 and p[LOWEST] > -0.5 for p in found)


class Evidence:
    """Candidates of a set's snippets: `x` properties, `y` right script, `owner` row, `group` for cross-validation."""

    def __init__(self, paths):
        self.rows, x, y, groups, owner = [], [], [], [], []
        for path in paths.split(","):
            with open(path, encoding="utf-8") as lines:
                self.rows += [json.loads(line) for line in lines]
        for i, row in enumerate(self.rows):
            for c in row["candidates"]:
                x.append(c["whole"])
                y.append(bool(row["truth"]) and script(c["rendering"]) == script(row["truth"]))
                groups.append(script(row["truth"]).split("-")[0] if row["truth"] else f"negative {i % 7}")
                owner.append(i)
        self.x, self.y, self.groups, self.owner = np.array(x), np.array(y), np.array(groups), np.array(owner)
        self.keep = np.array([not is_duplicate(row) for row in self.rows])
        self.used = self.keep[self.owner]


def report(name, e, scores, show=0):
    positives, negatives, hits = [], [], 0
    for i, row in enumerate(e.rows):
        if not e.keep[i]:
            continue
        own = np.flatnonzero(e.owner == i)
        best = own[np.argmax(scores[own])] if len(own) else None
        value = scores[best] if best is not None else -np.inf
        if row["truth"]:
            hit = best is not None and e.y[best]
            hits += hit
            positives.append((value if hit else -np.inf, i))
        else:
            negatives.append((value, i))
    ordered = sorted((v for v, _ in negatives), reverse=True)
    p = np.array([v for v, _ in positives])
    recall = [np.mean(p > t) for t in (ordered[0], ordered[int(len(ordered) * 0.01)])]
    print(f"{name}: {len(p)} and {len(ordered)}, top-1 {hits / len(p):.3f}, R@0 {recall[0]:.3f}, R@1% {recall[1]:.3f}")
    for v, i in sorted(negatives, reverse=True)[:show]:
        print(f"    {v:.2f} {e.rows[i]['id']} {e.rows[i]['kind']} {e.rows[i]['condition']} {e.rows[i]['seconds']}")


def model(c=0.3):
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000))


def main(fit, *others):
    e = Evidence(fit)
    scores = np.full(len(e.y), -np.inf)
    for train, test in GroupKFold(5).split(e.x[e.used], e.y[e.used], e.groups[e.used]):
        fitted = model().fit(e.x[e.used][train], e.y[e.used][train])
        scores[np.flatnonzero(e.used)[test]] = fitted.decision_function(e.x[e.used][test])
    report("cross-validated", e, scores)

    fitted = model().fit(e.x[e.used], e.y[e.used])
    scale, regression = fitted[0], fitted[1]
    weights = regression.coef_[0] / scale.scale_
    bias = regression.intercept_[0] - weights @ scale.mean_ + np.log((1 - e.y[e.used].mean()) / e.y[e.used].mean())
    print("const WEIGHTS: [f64; FEATURES.len()] = [", ", ".join(f"{w:.4f}" for w in weights), "];")
    print(f"const CONSTANT: f64 = {bias:.4f};")
    for path in others:
        o = Evidence(path)
        report(path, o, o.x @ weights + bias, 5)


if __name__ == "__main__":
    main(*sys.argv[1:])
