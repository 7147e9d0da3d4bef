#!/usr/bin/env python3
"""Fits the false-alarm model to chance matches, and checks it on others.

usage: calibrate.py FIT.jsonl REPORT.jsonl [RENDERING ...]

FIT.jsonl: `callprint scan --index SET.cpi negatives/fit --max-far 10 --format json > FIT.jsonl`, the speech made by `negatives.py`. No script
of the index plays in it, so every match is one by chance. RENDERING: those that turn out to play in it all the same (a prompt that is in the
collection twice); matches of them are left out.

A score is a log-likelihood ratio in nats, so that chance matches should become rarer by e with each (Markov's inequality: of what is not there at most
exp(-s) reaches s). Above KNEE they do, or faster; below, words that speakers of the index say elsewhere do not come more often the less sure a
match is. The rate at the knee is a count; the decay below it is the likeliest for the scores from LOWEST to the knee (an exponential cut off at
both ends). Prints both beside the constants SHARED and LOW_DECAY of `core/src/index/calibrate.rs`, and how many chance matches there are for the rates that
these state. Ten or twenty matches decide, most of them on a few prompts, so collections differ by more than counting says: pool them
(`benches/README.md` has three). CHANCE, which grows with the index, is `chance.py`'s.
"""
from __future__ import annotations

import json
import sys

import numpy as np

KNEE, SHARED, LOW_DECAY = 1.5, 0.12, 0.5
STATED = (1, 0.3, 0.1, 0.03, 0.01)
LOWEST = -2.5


def read(path, without):
    """Scores of the matches, highest first, and hours in all."""
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


def decay_below(scores):
    """The likeliest decay of scores between LOWEST and KNEE, 1/nat."""
    excess, width = scores[(scores >= LOWEST) & (scores < KNEE)] - LOWEST, KNEE - LOWEST
    decays = np.linspace(0.01, 2, 200)
    return decays[np.argmax(len(excess) * np.log(decays / -np.expm1(-decays * width)) - decays * excess.sum())]


def score_at(rate):
    """The score at which so many matches on shared words come an hour."""
    return KNEE - np.log(rate / SHARED) / (LOW_DECAY if rate > SHARED else 1.0)


def main(fit_path, report_path, *without):
    scores, hours = read(fit_path, without)
    print(f"fit: {hours:.1f} h, highest {scores[:8].round(2)}")
    for level in (LOWEST, -1, 0, KNEE, 2.5):
        print(f"  {level:4} or higher: {(scores >= level).sum()}")
    print(f"SHARED {SHARED} an hour of score {KNEE} or higher; here {(scores >= KNEE).sum() / hours:.2f}")
    print(f"LOW_DECAY {LOW_DECAY}; here {decay_below(scores):.2f}")
    for path in (fit_path, report_path):
        scores, hours = read(path, without)
        print(f"{path}: {hours:.1f} h, highest {scores[:8].round(2)}")
        for stated in STATED:
            found = int((scores >= score_at(stated)).sum())
            print(f"  stated {stated:5} an hour (score {score_at(stated):5.2f}): expected {stated * hours:.1f}, found {found}, {found / hours / stated:.2f} x")


if __name__ == "__main__":
    main(*sys.argv[1:])
