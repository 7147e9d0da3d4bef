#!/usr/bin/env python3
"""Hours of telephone speech that no index holds and nothing was fitted on, to fit and to check false-alarm rates.

usage: negatives.py CACHE OUT --index SET/refs [--hours 20] [--file-minutes 30] [--jobs 1]

OUT/fit/NNN.flac and OUT/report/NNN.flac, alike in kind but of disjoint voices where there are enough, and of different
sentences; OUT/negatives.tsv has a line a segment: file, start, seconds, voice, lang, source, condition. A segment is
15-60 s of one voice with natural pauses, sent through one telephone condition; half a second of line noise between.
SET: `devset.py CACHE SET --split calibration`, whose references are the index to search. Six tenths of the speech are by voices of that
index, which say other things: a campaign's voice is sold to many, and a stranger of the voice is what is taken for a script.
Speech: sentences of texts/patterns.tsv by espeak-ng in hundreds of settings and by the index's own voices (`own`), the `calibration` sentences
of CACHE (other engines; each used in a few segments at other speeds and in other channels), and recorded prompts.
"""
from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile

import conditions
import engines
import sounds
from devset import read, reference_name
from material import draw, settings, table

RATE = 8000
# espeak-ng variants that no other split uses, halves for fitting and reporting.
VARIANTS = {"fit": ("aunty", "quincy", "klatt4", "zac", "steph", "travis", "Alex", "Annie", "Denis", "Gene", "iven2", "max", "Mike", "pablo", "victor"),
            "report": ("Andrea", "klatt5", "Alicia", "shelby", "sandro", "belinda", "david", "ed", "Hugo", "Jacky", "Lee", "Marco", "michel", "norbert", "robert")}
LANGS = {"zh": (("cmn",), 0.5), "en": (("en-029", "en-gb-x-gbcwmd", "en-gb", "en-us"), 0.22), "es": (("es", "es-419"), 0.14), "de": (("de",), 0.14)}
SHARES = {"pattern": 0.40, "own": 0.40, "clips": 0.11, "prompts": 0.09}
# Channels met in the field, most often the mild ones; noise, speed and loss in a third of the segments.
CHANNELS = ["alaw", "ulaw_quiet", "gsm", "amr122", "amr475", "g726_24", "opus16", "speex8", "tandem", "gsm", "alaw", "alaw", "opus8_loss5", "gsm_n10",
            "alaw_n5", "babble10", "speed4_gsm", "slips", "room", "pitch1", "overdrive", "loss10_gap", "bright_amr475"]


class Writer:
    """Sentences from the patterns of one split and language, by a seeded stream."""

    def __init__(self, split):
        self._patterns, self._slots = {}, {}
        for r in table("patterns.tsv"):
            if r["split"] == split:
                self._patterns.setdefault(r["lang"], []).append(r["pattern"])
        for r in table("slots.tsv"):
            self._slots[r["lang"], r["slot"]] = r["values"].split("|")

    def sentence(self, lang, rng):
        pattern = self._patterns[lang][int(rng.integers(len(self._patterns[lang])))]

        def fill(m):
            values = self._slots[lang, m[1]]
            return values[int(rng.integers(len(values)))]
        text = re.sub(r"\{(\w+)\}", fill, pattern)
        return text[0].upper() + text[1:]


def crowd_voice(half, lang, rng):
    """espeak-ng settings of a made-up speaker of one half."""
    accent, variant = (str(rng.choice(x)) for x in (LANGS[lang][0], VARIANTS[half]))
    return {"voice": f"{accent}+{variant}", "pitch": str(int(rng.integers(25, 70))), "rate": str(int(rng.integers(135, 200)))}


def stretched_voice(half, rng):
    """hibari settings: one speaker, made larger (for fitting) or smaller (for reporting)."""
    formant = rng.uniform(0.84, 0.99) if half == "fit" else rng.uniform(1.01, 1.18)
    return {"formant": f"{formant:.3f}", "speed": f"{rng.uniform(0.85, 1.15):.2f}"}


def own_voice(half, rng):
    """(engine, settings, lang) of a voice of the index that is quick to speak; each belongs to one half."""
    mine = [r for r in table("voices.tsv") if r["split"] == "calibration" and r["engine"] in ("espeak", "hibari") and r["langs"] in LANGS]
    mine = sorted(mine, key=lambda r: r["name"])[half == "report"::2]
    row = mine[int(rng.integers(len(mine)))]
    return row["engine"], settings(row["settings"]), row["langs"]


def segment(half, clips, writer, rng):
    """15-60 s of one voice: (samples, voice, lang, source)."""
    seconds, source = rng.uniform(15, 60), str(rng.choice(list(SHARES), p=list(SHARES.values())))
    if source == "own":
        engine, params, lang = own_voice(half, rng)
        voice = "/".join([engine, *params.values()])
        speak = lambda: engines.say(engine, params, lang, writer.sentence(lang, rng))[0]
    elif source == "pattern":
        lang = str(rng.choice(list(LANGS), p=[w for _, w in LANGS.values()]))
        engine, params = ("hibari", stretched_voice(half, rng)) if lang == "en" and rng.random() < 0.5 else ("espeak", crowd_voice(half, lang, rng))
        voice = "/".join([engine, *params.values()])
        speak = lambda: engines.say(engine, params, lang, writer.sentence(lang, rng))[0]
    else:
        voices = sorted({r["voice"] for r in clips if (r["engine"] == "human") == (source == "prompts")})
        voice = voices[int(rng.integers(len(voices)))]
        mine = [r for r in clips if r["voice"] == voice]
        lang = mine[0]["lang"]
        order = iter(rng.permutation(len(mine)))
        speak = lambda: read(mine[next(order)]["path"])
    parts, total = [], 0
    while total < seconds * RATE:
        try:
            y = speak()
        except StopIteration:  # the voice has said all it has
            break
        y = y * (0.1 / max(float(np.sqrt(np.mean(y ** 2))), 1e-6))
        parts += [y, np.zeros(int(rng.uniform(0.15, 1.2) * RATE), np.float32)]
        total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[: 60 * RATE].astype(np.float32), voice, lang, source


def make_file(task):
    """One file of segments; returns its rows of negatives.tsv."""
    cache, out, half, number, minutes, songs, speech, indexed = task
    path = Path(out) / half / f"{number:03d}.flac"
    listing = path.with_suffix(".tsv")
    if path.exists() and listing.exists():
        return listing.read_text(encoding="utf-8").splitlines()
    rng = np.random.default_rng([2026, half == "report", number])
    clips = calibration_clips(cache, half, indexed)
    pools = {"songs": [read(p)[: 60 * RATE] for p in songs], "speech": [read(p) for p in speech]}
    writer, made, total = Writer("calibration"), [], 0
    while total < minutes * 60 * RATE:
        y, *about = segment(half, clips, writer, rng)
        condition = CHANNELS[int(rng.integers(len(CHANNELS)))]
        made.append((y, about, condition, conditions.change(condition, rng)[1]))
        total += len(y)
    seeds = [int(v) for v in rng.integers(2 ** 31, size=len(made))]
    done = [None] * len(made)
    for condition in sorted({m[2] for m in made}):
        which = [i for i, m in enumerate(made) if m[2] == condition]
        results = conditions.run(condition, [made[i][0] for i in which], [seeds[i] for i in which], [made[i][3] for i in which], pools)
        for i, y in zip(which, results):
            done[i] = y
    parts, rows, at = [], [], 0
    for i, (y, (_, about, condition, _)) in enumerate(zip(done, made)):
        rows.append("\t".join([f"{half}/{path.name}", f"{at / RATE:.2f}", f"{len(y) / RATE:.2f}", about[0], about[1], about[2], condition]))
        parts += [y, sounds.room(RATE // 2, seeds[i], -60)]
        at += len(y) + RATE // 2
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    soundfile.write(part, (np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2"), RATE, format="FLAC", subtype="PCM_16")
    listing.write_text("\n".join(rows), encoding="utf-8")
    os.replace(part, path)
    return rows


def calibration_clips(cache, half, indexed):
    """The calibration clips of one half: synthetic and prompt voices in both, each clip in one (by its text).

    Without what the index holds, and without scripts, whose siblings in the index share some of their very audio."""
    with open(Path(cache) / "clips.tsv", encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f, delimiter="\t") if r["split"] == "calibration" and r["kind"] in ("sentence", "prompt", "word") and reference_name(r) not in indexed]
    mine = [dict(r, path=str(Path(cache) / r["path"])) for r in rows if (draw("half", r["text_id"]) < 0.5) == (half == "fit")]
    return [r for r in mine if r["engine"] != "espeak"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache")
    parser.add_argument("out", type=Path)
    parser.add_argument("--index", type=Path, required=True, help="folder of references that will be searched")
    parser.add_argument("--hours", type=float, default=20)
    parser.add_argument("--file-minutes", type=float, default=30)
    parser.add_argument("--jobs", type=int, default=1)
    a = parser.parse_args()
    os.nice(5)
    with open(Path(a.cache) / "clips.tsv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    full = lambda r: str(Path(a.cache) / r["path"])
    songs = [full(r) for r in rows if r["kind"] == "music" and r["split"] in ("calibration", "learn")]
    speech = [full(r) for r in rows if r["split"] == "calibration" and r["kind"] in ("sentence", "prompt")]
    speech = sorted(speech, key=lambda p: draw("babble", p))[:60]
    each = int(np.ceil(a.hours * 60 / a.file_minutes / 2))
    indexed = {p.stem for p in a.index.glob("*.flac")}
    tasks = [(a.cache, str(a.out), half, n, a.file_minutes, songs, speech, indexed) for n in range(each) for half in ("fit", "report")]
    lines = []
    with Pool(a.jobs) as pool:
        for done, some in enumerate(pool.imap(make_file, tasks)):
            lines += some
            print(f"{done + 1}/{len(tasks)} files", file=sys.stderr)
    header = "file\tstart\tseconds\tvoice\tlang\tsource\tcondition"
    (a.out / "negatives.tsv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
