#!/usr/bin/env python3
"""Fits the false-alarm model to chance matches, and checks it on others.

usage: calibrate.py INDEX_SECONDS FIT.jsonl REPORT.jsonl

FIT.jsonl: `callprint scan --index SET.cpi negatives/fit --all --max-far 1000 --format json > FIT.jsonl`, the speech made by `negatives.py`. No script
of the index plays in it, so every match is one by chance. Their scores above some level are taken as exponential (the tail of the best local
alignment's score: Karlin & Altschul, PNAS 87, 1990; a generalised Pareto tail of shape 0, Pickands, Annals of Statistics 3, 1975): the decay is
one over their mean excess, its error from the jackknife over files, since matches of one segment come together.
Prints the constants of `core/src/index/calibrate.rs`, and for stated rates how many chance matches an hour REPORT.jsonl has.
"""
from __future__ import annotations

import json
import sys

import numpy as np

STATED = (10, 3, 1, 0.3, 0.1, 0.03, 0.01)
TAIL = 150  # matches that the fit looks at


def read(path):
    """Scores of the matches of each file, and hours in all."""
    files, seconds = [], 0.0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            report = json.loads(line)
            seconds += report["seconds"]
            # Matches of one place are one false alarm.
            kept = []
            for m in sorted(report["matches"], key=lambda m: -m["score"]):
                if all(m["query_start"] > k["query_end"] or m["query_end"] < k["query_start"] for k in kept):
                    kept.append(m)
            files.append(np.array([m["score"] for m in kept]))
    return files, seconds / 3600


def fit(files, hours, level):
    """(rate above score 0 an hour, decay)."""
    above = np.concatenate(files)
    above = above[above >= level]
    decay = 1 / (above - level).mean()
    return len(above) / hours * np.exp(decay * level), decay


def main(index_seconds, fit_path, report_path):
    files, hours = read(fit_path)
    ordered = np.sort(np.concatenate(files))[::-1]
    level = ordered[min(TAIL, len(ordered) - 1)]
    rate, decay = fit(files, hours, level)
    n = len(files)
    leave = np.array([fit(files[:i] + files[i + 1:], hours * (n - 1) / n, level) for i in range(n)])
    error = np.sqrt((n - 1) * leave.var(0))
    print(f"fit: {hours:.1f} h, {len(ordered)} matches, tail above {level:.2f}, highest {ordered[:5].round(2)}")
    print(f"const RATE: f64 = {rate / float(index_seconds):.3e}; // {rate:.3f} an hour (+- {error[0]:.3f}) for {index_seconds} s")
    print(f"const DECAY: f64 = {decay:.3f}; // +- {error[1]:.3f}")
    for path in (fit_path, report_path):
        files, hours = read(path)
        scores = np.concatenate(files)
        print(f"{path}: {hours:.1f} h, highest {np.sort(scores)[::-1][:5].round(2)}")
        for stated in STATED:
            threshold = np.log(rate / stated) / decay
            found = (scores >= threshold).sum()
            print(f"  stated {stated:5} an hour (score {threshold:5.2f}): {found} in {hours:.1f} h, {found / hours:.3f} an hour, {found / hours / stated:.2f} x")


if __name__ == "__main__":
    main(*sys.argv[1:])
