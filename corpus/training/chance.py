#!/usr/bin/env python3
"""Bounds the rate of accidental matches in a large index of real speech: the constant CHANCE of `core/src/index/calibrate.rs`.

usage: chance.py segments NEGATIVES OUT
       callprint index build -o chance.cpi OUT
       callprint scan --index chance.cpi NEGATIVES/report/00?.flac --max-far 50 --format json > chance.jsonl
       chance.py measure NEGATIVES chance.jsonl

NEGATIVES: made by `negatives.py`. All segments of its fitting half but recorded prompts become an index, 18 h of 40; the reporting half is
searched. Both halves have sentences by the same patterns, in voices of one synthesiser, and those match, rightly: so only segments of another
language count, in which nothing is the same but by accident. Of n accidents in so many hours and seconds of index the upper bound (95 %) is
printed; with none it is 3 (the "rule of three").
"""
from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000
# Scores down to here are searched for; what is rarer than e a nat above it is bounded by what there is.
LEAST = -3.0


def read(negatives):
    """file -> its segments, in order."""
    found = defaultdict(list)
    with open(Path(negatives) / "negatives.tsv", encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            found[row["file"]].append(row)
    return found


def indexed(files):
    """name -> segment, of what is to be an index."""
    return {f"{Path(file).stem}-{i:02d}": row for file, rows in files.items() if file.startswith("fit/") for i, row in enumerate(rows) if row["source"] != "prompts"}


def segments(negatives, out):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for name, row in indexed(read(negatives)).items():
        start, count = (int(float(row[key]) * RATE) for key in ("start", "seconds"))
        y, _ = soundfile.read(Path(negatives) / row["file"], start=start, frames=count, dtype="int16")
        soundfile.write(out / f"{name}.flac", y, RATE)


def measure(negatives, scan):
    files = read(negatives)
    references = indexed(files)
    seconds = defaultdict(float)
    for row in references.values():
        seconds[row["lang"]] += float(row["seconds"])
    exposure, same, accidents = 0.0, 0, []
    with open(scan, encoding="utf-8") as lines:
        for report in map(json.loads, lines):
            rows = files["/".join(Path(report["file"]).parts[-2:])]
            for row in rows:
                exposure += float(row["seconds"]) / 3600 * (sum(seconds.values()) - seconds[row["lang"]])
            for match in report["matches"]:
                heard = [row for row in rows if float(row["start"]) - 1 <= match["query_start"]][-1]
                if heard["lang"] == references[match["script"]]["lang"]:
                    same += 1
                elif match["score"] >= LEAST:
                    accidents.append(match["score"])
    # Near the bound of a Poisson count.
    bound = len(accidents) + 2 * np.sqrt(len(accidents) + 1) + 1
    print(f"{exposure:.3g} hours and seconds of index in another language; {same} matches in the same; accidents {np.round(sorted(accidents)[::-1], 2)}")
    print(f"CHANCE at most {bound * np.exp(LEAST) / exposure:.1e} an hour and second of index of score 0 or higher")


if __name__ == "__main__":
    {"segments": segments, "measure": measure}[sys.argv[1]](*sys.argv[2:])
