#!/usr/bin/env python3
"""Fits the false-alarm model to chance matches, and checks it on others.

usage: calibrate.py FIT.jsonl REPORT.jsonl [RENDERING ...]

FIT.jsonl: `callprint scan --index SET.cpi negatives/fit --max-far 5.7 --format json > FIT.jsonl`, the speech made by `negatives.py`. No script
of the index plays in it, so every match is one by chance. RENDERING: those that turn out to play in it all the same (a prompt that is in the
collection twice); matches of them are left out.

A score is a log-likelihood ratio in nats, so that chance matches should become rarer by e with each (Markov's inequality: of what is not there at most
exp(-s) reaches s); the decay that the scores above a level have by themselves (one over their mean excess, an exponential tail: Pickands, Annals of
Statistics 3, 1975) is printed beside with its error. Prints the constant SHARED of `core/src/index/calibrate.rs`, and for stated rates how many
chance matches REPORT.jsonl has. CHANCE, which grows with the index, is `chance.py`'s.
"""
from __future__ import annotations

import json
import sys

import numpy as np

STATED = (1, 0.3, 0.1, 0.03, 0.01)
LEVELS = (-2, -1)


def read(path, without):
    """Scores of the matches, and hours in all."""
    scores, seconds = [], 0.0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            report = json.loads(line)
            seconds += report["seconds"]
            # Matches of one place are one false alarm.
            kept = []
            for m in sorted(report["matches"], key=lambda m: -m["score"]):
                if m["rendering"] not in without and all(m["query_start"] > k["query_end"] or m["query_end"] < k["query_start"] for k in kept):
                    kept.append(m)
            scores += [m["score"] for m in kept]
    return np.sort(scores)[::-1], seconds / 3600


def main(fit_path, report_path, *without):
    scores, hours = read(fit_path, without)
    print(f"fit: {hours:.1f} h, highest {scores[:8].round(2)}")
    for level in LEVELS:
        above = scores[scores >= level]
        decay = 1 / (above - level).mean()
        print(f"  above {level}: {len(above)}; their own decay {decay:.2f} +- {decay / len(above) ** 0.5:.2f} a nat")
    # The rate that is stated as 0.1 an hour should be that.
    expected = max(1, round(0.1 * hours))
    rate = 0.1 * np.exp(scores[expected - 1 : expected + 1].mean())
    print(f"SHARED {rate:.2f} an hour of score 0 or higher; from the counts above {level} it would be {len(above) / hours * np.exp(level):.2f}")
    for path in (fit_path, report_path):
        scores, hours = read(path, without)
        print(f"{path}: {hours:.1f} h, highest {scores[:8].round(2)}")
        for stated in STATED:
            found = int((scores >= np.log(rate / stated)).sum())
            print(f"  stated {stated:5} an hour (score {np.log(rate / stated):5.2f}): expected {stated * hours:.1f}, found {found}, {found / hours / stated:.2f} x")


if __name__ == "__main__":
    main(*sys.argv[1:])
