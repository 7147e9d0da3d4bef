#!/usr/bin/env python3
"""Fits the machine-voice model, and measures it on engines and speakers that it did not see.

usage: voice.py segments CACHE OUT [--count 60] [--seed 1]      # OUT/*.flac and OUT/segments.tsv
       callprint features OUT/audio -o OUT/features.csv
       voice.py fit OUT [--model core/src/prosody/machine_model.rs] [--report FILE.json]

A segment is 7 s of one voice: clips one after the other with pauses drawn alike for both classes, some cut into words
(much of the human speech is words). Both classes then go through the same chains: a codec of the kind that recordings
are kept in, room noise (so that no class has digital silence), a telephone codec, a level. `benches/reports/machine_voice.md` is
the model card.
"""
from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

import channel
import conditions
import sounds

RATE = 8000
SECONDS = 7.0
# Telephone chains; `n` adds noise at 20 dB. A half of the segments goes through G.711.
CHAINS = {"alaw": [("codec", "alaw")], "ulaw": [("codec", "ulaw")], "alaw_n20": [("noise", ("pink", "babble", "environment"), 20), ("codec", "alaw")],
          "gsm": [("codec", "gsm")], "amr122": [("codec", "amr122")], "amr475": [("codec", "amr475")], "opus8": [("codec", "opus8")], "g726_24": [("codec", "g726_24")]}
WEIGHTS = [0.25, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05]
KEPT_IN = ("pcm", "pcm", "gsm", "opus16", "mp3_16", "speex8")
G711 = ("alaw", "ulaw", "alaw_n20")
# The model's features: how much voice and spectrum move from one period or frame to the next. Wider sets (rhythm, spread of the cepstrum, runs
# of voicing) tell sentences from word lists and speakers from each other, and are worse on speakers that they have not seen.
MODEL = ("jitterPitch", "shimmerPitch", "F0step", "F0bend", "flux")
FLUENT = ("allison", "jimenez-es", "tan-zh")  # speakers with more than letters: what is reported is against these
CHANNEL_ONLY = ("equivalentSoundLevel", "level_percentile", "digital", "slopeUV0", "slopeUV500", "alphaRatio4k_amean", "hammarberg4k_amean")


def engine_of(voice, engine):
    """The engine a voice counts to: formant and Klatt synthesis of espeak-ng are one, festival's methods are not."""
    if engine == "festival":
        return {"fe-ked": "diphone", "fe-lj": "diphone", "fe-mv": "diphone", "fe-ona": "hmm"}.get(voice, "diphone")
    return engine


def speaker_of(voice):
    """Allison speaks English and Spanish prompts: one speaker."""
    return "allison" if voice.startswith("allison") else voice


def clips(cache):
    """voice -> (engine, machine, paths), of all splits."""
    found = {}
    for note in sorted(Path(cache).glob("*/*/*.json")):
        info = json.loads(note.read_text(encoding="utf-8"))
        if info.get("kind") in ("music", "effect") or note.parts[-3] in ("broad", "models"):
            continue
        entry = found.setdefault(info["voice"], (info["engine"], info["engine"] != "human", []))
        if note.with_suffix(".flac").exists():
            entry[2].append(note.with_suffix(".flac"))
    return found


def pieces(y, rng):
    """Cut into words of 0.4-1 s at quiet places, as recorded word lists are."""
    out, at = [], 0
    while at + int(0.4 * RATE) < len(y):
        end = at + int(rng.uniform(0.4, 1.0) * RATE)
        window = y[max(end - 800, at):end + 800]
        if len(window) > 400:
            energy = np.convolve(np.square(window), np.ones(160), "same")
            end = max(end - 800, at) + int(np.argmin(energy))
        out.append(y[at:max(end, at + int(0.3 * RATE))])
        at = max(end, at + int(0.3 * RATE))
    return out


def segment(paths, rng, words):
    parts, total = [], 0
    while total < SECONDS * RATE:
        y = soundfile.read(paths[int(rng.integers(len(paths)))], dtype="float32")[0]
        y = y[int(rng.integers(max(1, len(y) - int(4 * RATE)))):][: int(4 * RATE)] if len(y) > 6 * RATE else y
        for piece in pieces(y, rng) if words else [y]:
            parts += [piece, np.zeros(int(rng.uniform(0.1, 0.45) * RATE), np.float32)]
            total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[: int(SECONDS * RATE)].astype(np.float32)


def make(arguments):
    rng, rows, audio = np.random.default_rng(arguments.seed), [], []
    found = clips(arguments.cache)
    per_engine = defaultdict(list)
    for voice, (engine, machine, paths) in found.items():
        if sum(soundfile.info(p).frames for p in paths) >= 15 * RATE:
            per_engine[engine_of(voice, engine) if machine else speaker_of(voice)].append((voice, engine, machine, paths))
    for group, voices in sorted(per_engine.items()):
        machine = voices[0][2]
        count = arguments.count * 4 if machine else arguments.count * (4 if group in ("allison", "jimenez-es", "tan-zh") else 1)
        for i in range(count):
            voice, engine, machine, paths = voices[i % len(voices)]
            rows.append([voice, group, int(machine)])
            audio.append(segment(paths, rng, machine and rng.random() < 0.4))
    kept = [KEPT_IN[int(k)] for k in rng.integers(len(KEPT_IN), size=len(rows))]
    audio = conditions._grouped(lambda c, k: channel.codec(c, k) if k != "pcm" else c, audio, kept)
    audio = [y + sounds.room(len(y), int(rng.integers(2 ** 31)), rng.uniform(-62, -45)) for y in audio]
    chains = [list(CHAINS)[int(k)] for k in rng.choice(len(CHAINS), size=len(rows), p=WEIGHTS)]
    speech = [soundfile.read(p, dtype="float32")[0] for _, _, p in list(found.values())[:6] for p in p[:10]]
    conditions.CONDITIONS.update(CHAINS)
    out = Path(arguments.out) / "audio"
    out.mkdir(parents=True, exist_ok=True)
    for chain in CHAINS:
        some = [i for i, c in enumerate(chains) if c == chain]
        done = conditions.run(chain, [audio[i] for i in some], [arguments.seed * 7919 + i for i in some], [1.0] * len(some), {"speech": speech, "songs": []})
        for i, y in zip(some, done):
            soundfile.write(out / f"s{i:05d}.flac", (np.clip(y, -1, 1) * 32767).astype("<i2"), RATE, format="FLAC", subtype="PCM_16")
    with open(Path(arguments.out) / "segments.tsv", "w", encoding="utf-8", newline="") as f:
        table = csv.writer(f, delimiter="\t", lineterminator="\n")
        table.writerow("id voice group machine chain kept".split())
        table.writerows([f"s{i:05d}", *row, chain, k] for i, (row, chain, k) in enumerate(zip(rows, chains, kept)))
    print(f"{len(rows)} segments", file=sys.stderr)


# ---- fitting -----------------------------------------------------------------------------------------------------

def load(out):
    labels = {r["id"]: r for r in csv.DictReader(open(Path(out) / "segments.tsv", encoding="utf-8"), delimiter="\t")}
    rows = list(csv.DictReader(open(Path(out) / "features.csv", encoding="utf-8")))
    names = list(rows[0])[4:]
    x = np.array([[float(r[n]) if r[n] not in ("", "nan", "NaN") else np.nan for n in names] for r in rows])
    info = [labels[Path(r["file"]).stem] for r in rows]
    return names, x, info


def fold_of(info):
    """Human speakers in folds: the three with much speech alone, the many with letters in four."""
    groups = sorted({r["group"] for r in info if r["machine"] == "0"})
    large = [g for g in groups if g in FLUENT]
    folds = {g: i for i, g in enumerate(large)}
    folds |= {g: len(large) + i % 4 for i, g in enumerate(g for g in groups if g not in large)}
    return folds, len(large) + 4


class Model:
    """Standardise, limit to 3 deviations, undefined to the mean, logistic regression; engines and speakers weigh the same."""

    def __init__(self, x, y, groups, strength):
        from sklearn.linear_model import LogisticRegression

        self.mean, self.deviation = np.nanmean(x, 0), np.nanstd(x, 0) + 1e-9
        counts = defaultdict(int)
        for g in groups:
            counts[g] += 1
        large = {"allison": 3.0, "jimenez-es": 3.0, "tan-zh": 2.0}
        weight = np.array([large.get(g, 1.0) / counts[g] for g in groups])
        for c in (0, 1):
            weight[y == c] /= weight[y == c].sum()
        self.fit = LogisticRegression(C=strength, max_iter=2000).fit(self.scaled(x), y, sample_weight=weight * len(y) / 2)

    def scaled(self, x):
        z = np.clip((x - self.mean) / self.deviation, -3, 3)
        return np.where(np.isnan(z), 0, z)

    def score(self, x):
        return self.fit.decision_function(self.scaled(x))


def eer(human, machine):
    thresholds = np.sort(np.concatenate([human, machine]))
    miss = np.searchsorted(np.sort(machine), thresholds) / len(machine)
    false = 1 - np.searchsorted(np.sort(human), thresholds) / len(human)
    i = int(np.argmin(np.abs(miss - false)))
    return float((miss[i] + false[i]) / 2)


def interval(human, machine, human_groups, machine_groups, rounds=300):
    """95 % interval of the EER, drawing speakers and voices, not segments, with replacement."""
    rng, values = np.random.default_rng(3), []
    by_human, by_machine = [[np.flatnonzero(g == k) for k in np.unique(g)] for g in (human_groups, machine_groups)]
    for _ in range(rounds):
        h = np.concatenate([by_human[i] for i in rng.integers(len(by_human), size=len(by_human))])
        m = np.concatenate([by_machine[i] for i in rng.integers(len(by_machine), size=len(by_machine))])
        values.append(eer(human[h], machine[m]))
    return [float(np.quantile(values, q)) for q in (0.025, 0.975)]


def unseen(x, y, groups, folds, count, engines, strength, shuffle=None):
    """Scores of every segment by models that saw neither its engine nor its speaker."""
    rng = np.random.default_rng(5)
    fold = np.array([folds.get(g, int(rng.integers(count))) for g in groups])
    scores = np.full((len(engines), len(y)), np.nan)
    labels = y if shuffle is None else shuffle
    for e, engine in enumerate(engines):
        for k in range(count):
            human_out = (y == 0) & (fold == k)
            engine_out = groups == engine
            train = ~human_out & ~engine_out
            model = Model(x[train], labels[train], groups[train], strength)
            test = human_out | (engine_out & (fold == k))
            scores[e, test] = model.score(x[test])
    return scores


def fit(arguments):
    from sklearn.linear_model import LogisticRegression

    names, x, info = load(arguments.out)
    y = np.array([int(r["machine"]) for r in info])
    groups = np.array([r["group"] for r in info])
    voices = np.array([speaker_of(r["voice"]) for r in info])
    g711 = np.array([r["chain"] in G711 for r in info])
    use = [i for i, n in enumerate(names) if n.startswith(MODEL) or (n.startswith("lfcc") and "step" in n)]
    fluent = np.isin(groups, FLUENT)
    folds, count = fold_of(info)
    engines = sorted(set(groups[y == 1]))
    result = {"segments": len(y), "machine": int(y.sum()), "engines": engines, "human_groups": sorted(set(groups[y == 0])), "features": [names[i] for i in use]}
    best = None
    for strength in arguments.strengths:
        scores = unseen(x[:, use], y, groups, folds, count, engines, strength)
        rates = [eer(s[fluent & g711], s[(groups == e) & g711]) for e, s in zip(engines, scores)]
        print(f"C {strength}: EER after G.711 {np.mean(rates):.3f}  " + " ".join(f"{e} {r:.3f}" for e, r in zip(engines, rates)), file=sys.stderr)
        if best is None or np.mean(rates) < best[0]:
            best = (float(np.mean(rates)), strength, scores)
    _, strength, scores = best
    result["strength"] = strength
    # All scores together: each engine's segments by the models without it, each human's by the mean of its models.
    pooled = np.where(y == 1, np.nanmean(np.where((groups[None, :] == np.array(engines)[:, None]) | (y == 0)[None, :], scores, np.nan), 0), np.nanmean(scores, 0))
    every = np.ones(len(y), bool)
    for name, keep, human in (("g711", g711, fluent), ("all_channels", every, fluent), ("g711_against_letters", g711, (y == 0) & ~fluent)):
        h, m = keep & human, keep & (y == 1)
        result[name] = {"eer": eer(pooled[h], pooled[m]), "interval95": interval(pooled[h], pooled[m], groups[h], voices[m]),
                        "by_engine": {e: eer(scores[i][h], scores[i][keep & (groups == e)]) for i, e in enumerate(engines)},
                        "false_by_speaker_at_eer": {}}
        limit = np.quantile(pooled[h], 1 - result[name]["eer"])
        result[name]["false_by_speaker_at_eer"] = {g: float((pooled[h & (groups == g)] > limit).mean()) for g in sorted(set(groups[h]))}
    result["by_chain"] = {c: eer(pooled[fluent & k], pooled[(y == 1) & k]) for c in CHAINS for k in [np.array([r["chain"] == c for r in info])]}
    # Calibrated on fluent speech: half of the weight on the three speakers alike, half on the engines alike.
    known = fluent | (y == 1)
    share = np.array([0.5 / (3 if f else len(engines)) / (groups == g).sum() for g, f in zip(groups, fluent)])
    line = LogisticRegression(C=1e6).fit(pooled[known, None], y[known], sample_weight=share[known] * known.sum())
    slope, offset = float(line.coef_[0][0]), float(line.intercept_[0])
    p = 1 / (1 + np.exp(-(slope * pooled + offset)))
    width = float(np.quantile(np.abs(p - 0.5)[known], 0.1))
    sure = np.abs(p - 0.5) >= width
    right = ((p > 0.5) == (y == 1))
    balanced = lambda keep: float(np.mean([right[keep & (groups == g)].mean() for g in FLUENT]) / 2 + np.mean([right[keep & (groups == g)].mean() for g in engines]) / 2)
    result |= {"calibration": [slope, offset], "abstain": [0.5 - width, 0.5 + width], "accuracy": balanced(np.ones(len(y), bool)), "accuracy_10_percent_abstained": balanced(sure)}
    result["calibration_plot"] = [[float(np.average(p[b], weights=share[b])), float(np.average(y[b], weights=share[b])), int(b.sum())] for a in np.linspace(0, 0.9, 10) for b in [known & (p >= a) & (p < a + 0.1 + 1e-9)] if b.sum()]
    shuffled = np.random.default_rng(11).permutation(y)
    guard = unseen(x[:, use], y, groups, folds, count, engines, strength, shuffled)
    only = [i for i, n in enumerate(names) if n.startswith(CHANNEL_ONLY) or (n.startswith("lfcc") and n.endswith("_amean"))]
    few = [i for i, n in enumerate(names) if n.startswith(("equivalentSoundLevel", "level_percentile", "digital"))]
    result["guards"] = {"shuffled_labels_eer": float(np.mean([eer(s[fluent], s[groups == e]) for e, s in zip(engines, guard)])),
                        "level_and_silence_eer": float(np.mean([eer(s[fluent], s[groups == e]) for e, s in zip(engines, unseen(x[:, few], y, groups, folds, count, engines, strength))])),
                        "colour_of_the_line_eer": float(np.mean([eer(s[fluent], s[groups == e]) for e, s in zip(engines, unseen(x[:, only], y, groups, folds, count, engines, strength))]))}
    final = Model(x[:, use], y, groups, strength)
    result["weights"] = {names[i]: float(w) for i, w in zip(use, final.fit.coef_[0])}
    if arguments.model:
        write_model(arguments.model, names, use, final, slope, offset, result["abstain"])
    text = json.dumps(result, indent=1)
    print(text) if not arguments.report else Path(arguments.report).write_text(text, encoding="utf-8")


def write_model(path, names, use, model, slope, offset, abstain):
    number = lambda v: f"{float(v):.6e}".replace("e+00", "").replace("e-0", "e-").replace("e+0", "e")
    terms = "".join(f"    term({i}, {number(m)}, {number(d)}, {number(w)}), // {names[i]}\n" for i, m, d, w in zip(use, model.mean, model.deviation, model.fit.coef_[0]))
    text = f"""//! Constants of the machine-voice model, written by `corpus/training/voice.py`. Do not edit.

use super::machine::Term;

const fn term(feature: usize, mean: f64, deviation: f64, weight: f64) -> Term {{
    Term {{ feature, mean, deviation, weight }}
}}

/// Features, their scale and weight.
#[rustfmt::skip]
pub(super) const TERMS: [Term; {len(use)}] = [
{terms}];
/// Log-odds of an average voice.
pub(super) const BIAS: f64 = {number(model.fit.intercept_[0])};
/// Slope and offset from raw to calibrated log-odds.
pub(super) const CALIBRATION: (f64, f64) = ({number(slope)}, {number(offset)});
/// Probabilities between which nothing is said.
pub(super) const ABSTAIN: (f64, f64) = ({abstain[0]:.3f}, {abstain[1]:.3f});
"""
    part = Path(f"{path}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("segments")
    one.add_argument("cache")
    one.add_argument("out")
    one.add_argument("--count", type=int, default=60, help="segments of a small speaker; engines and large speakers get four times that")
    one.add_argument("--seed", type=int, default=1)
    one.set_defaults(run=make)
    two = commands.add_parser("fit")
    two.add_argument("out")
    two.add_argument("--strengths", default=[0.01, 0.03], type=lambda s: [float(v) for v in s.split(",")])
    two.add_argument("--model")
    two.add_argument("--report")
    two.set_defaults(run=fit)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
