#!/usr/bin/env python3
"""Further voices for the texts that train the wording encoder: one text by many speakers.

usage: wording_speech.py CACHE [--jobs 2]: writes CACHE/wording-SPLIT/VOICE/ID.flac and .json as `material.py` does; what exists is kept.

Voices stand in texts/wording-voices.tsv: those of split `train` speak the scripts and sentences of splits `learn` and `score-train`, those of
split `test` the ones of `score-test`. Mandarin by espeak-ng must be `cmn-latn-pinyin` here: as packaged by Debian, `cmn` reads the letters
and tone figures of the pinyin out in English, which is no harm where recordings are recognised, and useless where words are.
"""
from __future__ import annotations

import argparse
from multiprocessing import Pool
from pathlib import Path

from material import settings, speak, table


# Whose texts the voices of a split speak.
TEXTS = {"train": ("learn", "score-train"), "test": ("score-test",)}


def tasks(cache):
    """Clips still to be spoken, as `material.speak` takes them."""
    texts = [dict(r, kind="script") for r in table("scripts.tsv")] + [dict(r, kind="sentence") for r in table("sentences.tsv")]
    for voice in table("wording-voices.tsv"):
        for row in texts:
            path = cache / f"wording-{voice['split']}" / voice["name"] / f"{row['id']}.flac"
            if row["split"] in TEXTS[voice["split"]] and row["lang"] in voice["langs"].split(",") and not path.exists():
                note = {"voice": voice["name"], "engine": voice["engine"], "lang": row["lang"], "kind": row["kind"], "text_id": row["id"],
                        "family": row.get("family", ""), "text": row["text"]}
                yield path, voice["engine"], settings(voice["settings"]), row["lang"], row["text"], note


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    with Pool(arguments.jobs) as pool:
        for failure in pool.imap_unordered(speak, list(tasks(arguments.cache)), 4):
            if failure:
                print(failure, flush=True)


if __name__ == "__main__":
    main()
