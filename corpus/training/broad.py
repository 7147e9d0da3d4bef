"""Broad training material: many voices that say random words, for what the texts of `material.py` don't vary.

The projection needs speech of many kinds more than it needs sense, so about 100 espeak-ng voices (language + variant)
and a few festival ones speak word salads from `words.tsv`. Voices that `texts/voices.tsv` gives to another split than
`learn` are left out, as is plain `cmn` (no variant), which reported sets speak with.

usage: broad.py CACHE [--seed 11]: writes CACHE/broad/VOICE/N.flac, 8 kHz mono; what exists is kept.
"""
from __future__ import annotations

import argparse
import csv
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile

import engines
from channel import to_level

HERE = Path(__file__).parent
VARIANTS = ("f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 Alicia Andrea Andy Annie Denis Diogo Gene Jacky Lee Mario Michael adam "
            "anika aunty belinda benjamin boris caleb david edward grandma iven john klatt2 klatt4 linda max norbert pablo "
            "paul quincy robert sandro shelby steph travis victor zac").split()
# language -> number of voices; the mix leans to Mandarin, English and Spanish, the languages of most calls
ESPEAK = {"cmn": 30, "en-us": 8, "en-gb": 6, "es": 7, "de": 7, "pt": 5, "pl": 5, "nl": 4, "tr": 4, "hi": 4, "vi": 6, "cs": 2,
          "fi": 2}
FESTIVAL = {"hindi_NSK_diphone": "en", "suo_fi_lj_diphone": "fi", "ked_diphone": "en", "czech_dita": "cs"}


def _table(path):
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def salad(words, lang, rng, count):
    """`count` random words (for Chinese twice as many characters), with a comma now and then."""
    n, joint, comma = (2 * count, "", "，") if lang == "cmn" else (count, " ", ",")
    picked = [words[int(rng.integers(len(words)))] + (comma if rng.random() < 0.1 else "") for _ in range(n)]
    return joint.join(picked).rstrip(comma) + ("。" if lang == "cmn" else ".")


def _is_held_out(voice):
    """Whether texts/voices.tsv gives this espeak-ng or festival voice to a split that isn't `learn`."""
    name = voice.split(":", 1)[-1]
    rows = [r for r in _table(HERE / "texts" / "voices.tsv") if r["split"] != "learn"]
    return any(f"voice={name};" in "".join(f"{v};" for v in r.values() if v) for r in rows)


def tasks(seed):
    words = {r["lang"]: r["words"].split() for r in _table(HERE / "words.tsv")}
    out, k = [], 0
    for lang, voices in ESPEAK.items():
        for _ in range(voices):
            voice, k = f"{lang}+{VARIANTS[k % len(VARIANTS)]}", k + 1
            rng = np.random.default_rng([seed, k])
            for take in range(2):
                setting = {"voice": voice, "pitch": str(int(rng.integers(30, 70))), "rate": str(int(rng.integers(130, 200)))}
                out.append(("espeak", setting, lang, salad(words[lang.split("-")[0]], lang, rng, 24), take))
    for k, (voice, lang) in enumerate(FESTIVAL.items()):
        rng = np.random.default_rng([seed, 1000 + k])
        out += [("festival", {"voice": voice}, lang, salad(words[lang], lang, rng, 24), take) for take in range(3)]
    return [t for t in out if not _is_held_out(t[1]["voice"])]


def _speak(job):
    root, (engine, setting, lang, text, take) = job
    path = root / "broad" / f"{engine}-{setting['voice']}" / f"{take}.flac"
    if path.exists():
        return None
    try:
        y, _ = engines.say(engine, setting, lang, text)
    except engines.EngineError as e:
        return f"{path.parent.name}: {e}"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    soundfile.write(part, np.clip(to_level(y, -20), -1, 1), engines.RATE, format="FLAC", subtype="PCM_16")
    part.rename(path)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--jobs", type=int, default=2)
    a = parser.parse_args()
    with Pool(a.jobs) as pool:
        for problem in pool.imap_unordered(_speak, [(a.cache, t) for t in tasks(a.seed)], 4):
            if problem:
                print("left out", problem)


if __name__ == "__main__":
    main()
