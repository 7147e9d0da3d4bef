#!/usr/bin/env python3
"""Fits when a candidate's codes promise nothing, so that its frames need not be heard.

usage: promise.py FIT.jsonl,FIT.jsonl… CHECK.jsonl,…   (files of the program `evidence`, without --frames)

Logistic regression, on the properties of all its codes, of whether a candidate reaches a score of 0 nats by itself; better
agreement never counts against it, so that what the fit has not seen cannot turn it round. The limit is where one candidate in a thousand that does would be passed over, less a margin. Prints what stands in
`core/src/index/score.rs` as `PROMISE`.
"""
from __future__ import annotations

import json
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

SCORE = 0.0
MISSED = 0.001
# Log-odds that the limit is lowered by, for channels and voices that the fit does not know.
MARGIN = 1.0

# Signs that weights may have, property by property (as `FEATURES` names them); 0: any.
SIGNS = (0, 1, 1, -1, -1, 1, -1, -1, -1)


def regression(x, y):
    """Weights and constant; both classes weigh alike."""
    share = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean())) / len(y)

    def loss(w):
        odds = x @ w[:-1] + w[-1]
        error = share * (expit(odds) - y)
        return share @ (np.logaddexp(0, odds) - y * odds) + 1e-5 * w[:-1] @ w[:-1], np.append(error @ x + 2e-5 * w[:-1], error.sum())

    bounds = [((0 if s > 0 else None), (0 if s < 0 else None)) for s in SIGNS] + [(None, None)]
    w = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    return w[:-1], w[-1]


def candidates(paths):
    """Properties and own scores of all candidates."""
    rows = [c for path in paths.split(",") for line in open(path, encoding="utf-8") for c in json.loads(line)["candidates"]]
    score = np.array([np.nan if c["by_itself"] is None else c["by_itself"] for c in rows])
    return np.array([c["whole"] for c in rows]), np.nan_to_num(score, nan=-99.0)


def main():
    x, score = candidates(sys.argv[1])
    mean, deviation = x.mean(0), x.std(0)
    weights, constant = regression((x - mean) / deviation, score >= SCORE)
    weights /= deviation
    constant -= mean @ weights
    limit = np.quantile((x @ weights + constant)[score >= SCORE], MISSED) - MARGIN
    weights, constant = np.round(weights, 2), np.round(constant - limit, 2)
    print("weights", weights.tolist(), "constant", constant)
    for name, (x, score) in (("fit", (x, score)), ("check", candidates(sys.argv[2]))):
        heard = x @ weights + constant >= 0
        for least in (-2, 0, 2, 4):
            print(name, f"heard {heard.mean():.3f} of {len(x)}; passed over of those above {least}: {(~heard & (score >= least)).sum()} of {(score >= least).sum()}")


if __name__ == "__main__":
    main()
