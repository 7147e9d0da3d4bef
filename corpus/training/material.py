#!/usr/bin/env python3
"""Renders the training texts with every voice of texts/voices.tsv, and collects recorded prompts, as 8 kHz FLAC.

usage: material.py CACHE [--kinds script,sentence,prompt] [--splits ...] [--engines ...] [--share F] [--jobs 2]

Layout: CACHE/SPLIT/VOICE/ID.flac (mono, 16 bit, active level -20 dBFS) and CACHE/SPLIT/VOICE/ID.json (text, clause
times); `material.py CACHE --list` writes CACHE/clips.tsv, one line a clip. What exists is kept, so a run that was
stopped goes on where it was; files appear whole or not at all.

A voice and a text belong to one split each, and only texts of a voice's own split are spoken by it: `learn` (the
bits), `score-train` and `score-test` (the score), `calibration` (false-alarm rates). See MATERIAL.md.
"""
from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile

import engines
from channel import active_rms

TEXTS = Path(__file__).parent / "texts"
SPLITS = ("learn", "score-train", "score-test", "calibration")
# Recorded prompts: voice -> (folder, file name ending). French, Italian and Russian are kept for reported sets.
PROMPTS = {"allison-en": ("/usr/share/asterisk/sounds/en_US_f_Allison", ".wav"),
           "allison-es": ("/usr/share/asterisk/sounds/es_MX_f_Allison", ".wav"),
           "jimenez-es": ("/usr/share/asterisk/sounds/es", ".gsm")}


def table(name):
    """Rows of texts/NAME as dictionaries."""
    with open(TEXTS / name, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def draw(*key):
    """A number in [0, 1) that depends on `key` alone."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, key)).encode()).digest()[:7], "big") / 2 ** 56


def settings(text):
    return dict(part.split("=", 1) for part in text.split(";") if part)


def save(path, y, note):
    """FLAC at an active level of -20 dBFS (peaks limited), and its note; whole or not at all."""
    y = y * (0.1 / max(active_rms(y), 1e-6))
    y = np.clip(y / max(1.0, float(np.abs(y).max()) / 0.99), -1, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    note["seconds"] = round(len(y) / engines.RATE, 3)
    part = path.with_suffix(f".part{os.getpid()}")
    path.with_suffix(".json").write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")
    soundfile.write(part, (y * 32767).astype("<i2"), engines.RATE, format="FLAC", subtype="PCM_16")
    os.replace(part, path)


def speech_tasks(arguments):
    """(path, engine, settings, lang, text, note) for every clip still to be spoken."""
    texts = [dict(r, kind="script") for r in table("scripts.tsv")] + [dict(r, kind="sentence") for r in table("sentences.tsv")]
    for voice in table("voices.tsv"):
        langs, split = voice["langs"].split(","), voice["split"]
        for row in texts:
            if row["split"] != split or row["lang"] not in langs or row["kind"] not in arguments.kinds:
                continue
            share = float(voice["share"]) * arguments.share
            if row["kind"] == "script" and voice["families"] != "-" and row["family"] not in voice["families"].split(","):
                continue  # a slow engine speaks a few families only
            if row["kind"] == "sentence" and draw(voice["name"], row["id"]) >= share:
                continue
            if split not in arguments.splits or (arguments.engines and voice["engine"] not in arguments.engines):
                continue
            path = Path(arguments.cache) / split / voice["name"] / f"{row['id']}.flac"
            if not path.exists():
                note = {"voice": voice["name"], "engine": voice["engine"], "lang": row["lang"], "kind": row["kind"],
                        "near_public": voice["near_public"], "text_id": row["id"], "family": row.get("family", ""), "text": row["text"]}
                yield path, voice["engine"], settings(voice["settings"]), row["lang"], row["text"], note


def speak(task):
    path, engine, params, lang, text, note = task
    if path.exists():  # another run was faster
        return None
    try:
        y, spans = engines.say(engine, params, lang, text)
    except engines.EngineError as e:
        return f"{path.parent.name}/{path.stem}: {e}"
    save(path, y, dict(note, clauses=spans))
    return None


def excluded_prompts():
    """Prompts (`VOICE/NAME`) that the public evaluation set's references hold: of no use here."""
    return set((TEXTS / "prompts-excluded.txt").read_text(encoding="utf-8").split())


def word_tasks(arguments):
    """Letters and syllables spoken by people, a language (so a speaker) to one split; strings of Mandarin words; music."""
    words = Path("/usr/share/klettres")
    for folder in sorted(words.iterdir()) if words.is_dir() else ():
        if folder.name not in ("fr", "it", "ru", "icons", "pics") and folder.is_dir():
            for source in sorted(folder.rglob("*.ogg"))[:80]:
                yield "word", f"kl-{folder.name}", "-".join(source.relative_to(folder).with_suffix("").parts), source, ("kl", folder.name)
    for source in sorted(Path(arguments.human).glob("*.flac")) if arguments.human else ():
        yield "word", "tan-zh", source.stem, source, ("tan", source.stem)
    for source in sorted(Path("/usr/share/games/etr/music").glob("*.ogg")):
        yield "music", "etr", source.stem, source, ("etr", source.stem)
    for source in sorted(Path("/usr/share/sounds/freedesktop/stereo").glob("*.oga")):
        yield "effect", "freedesktop", source.stem, source, ("fd", source.stem)


def recording_tasks(arguments):
    """Whatever people recorded: prompts, words, songs."""
    yield from prompt_tasks(arguments)
    for kind, voice, name, source, key in word_tasks(arguments):
        split = SPLITS[int(draw(*key) * 4)]
        path = Path(arguments.cache) / split / voice / f"{name}.flac"
        if split in arguments.splits and not path.exists():
            yield path, source, voice, kind


def prompt_tasks(arguments):
    """Recorded prompts of 0.8 s and more; each name belongs to one split, in all languages."""
    known = excluded_prompts()
    for voice, (folder, ending) in PROMPTS.items():
        for source in sorted(Path(folder).rglob(f"*{ending}")):
            name = str(source.relative_to(folder).with_suffix("")).replace("/", "--")
            split = SPLITS[int(draw("prompt", name) * 4)]
            path = Path(arguments.cache) / split / voice / f"{name}.flac"
            if split in arguments.splits and f"{voice}/{name}" not in known and not path.exists():
                yield path, source, voice, "prompt"


def copy_recording(task):
    path, source, voice, kind = task
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(source), "-ac", "1", "-ar", "8000", "-t", "120", "-f", "f32le", "-"], capture_output=True)
    y = engines.trim(np.frombuffer(run.stdout, "<f4"))
    if len(y) >= (0.8 if kind == "prompt" else 0.25) * engines.RATE:
        save(path, y, {"voice": voice, "engine": "human", "lang": voice[-2:], "kind": kind, "near_public": "speaker" if "allison" in voice else "no",
                       "text_id": path.stem, "family": "", "text": ""})


def write_list(cache):
    """CACHE/clips.tsv: path split voice engine lang kind text_id family near_public seconds."""
    keys = ["voice", "engine", "lang", "kind", "text_id", "family", "near_public", "seconds"]
    excluded = excluded_prompts()
    out = ["path\tsplit\t" + "\t".join(keys)]
    for path in sorted(Path(cache).glob("*/*/*.flac")):
        # What broad.py made has no note.
        if f"{path.parent.name}/{path.stem}" in excluded or not path.with_suffix(".json").exists():
            continue
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        out.append("\t".join([str(path.relative_to(cache)), path.parts[-3]] + [str(note[k]) for k in keys]))
    part = Path(cache) / "clips.tsv.part"
    part.write_text("\n".join(out) + "\n", encoding="utf-8")
    os.replace(part, Path(cache) / "clips.tsv")
    return len(out) - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache")
    parser.add_argument("--kinds", default="script,sentence,prompt", type=lambda s: s.split(","))
    parser.add_argument("--splits", default=",".join(SPLITS), type=lambda s: s.split(","))
    parser.add_argument("--engines", default="", type=lambda s: [e for e in s.split(",") if e])
    parser.add_argument("--share", default=1.0, type=float, help="scales the share of sentences each voice speaks")
    parser.add_argument("--human", default="", help="folder of recorded Mandarin words (FLAC), if there is one")
    parser.add_argument("--jobs", default=2, type=int)
    parser.add_argument("--list", action="store_true", help="only write clips.tsv")
    arguments = parser.parse_args()
    failed = 0
    if not arguments.list:
        os.nice(5)
        os.environ.setdefault("KOKORO_JA_CACHE", str(Path(arguments.cache) / "models"))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        engines.unpack()
        with Pool(arguments.jobs) as pool:
            for i, error in enumerate(pool.imap_unordered(speak, speech_tasks(arguments), chunksize=4)):
                if error:
                    failed += 1
                    print(error, file=sys.stderr)
                if i % 500 == 499:
                    print(f"{i + 1} clips", file=sys.stderr)
            if "prompt" in arguments.kinds:
                list(pool.imap_unordered(copy_recording, recording_tasks(arguments), chunksize=16))
    print(f"{write_list(arguments.cache)} clips in {arguments.cache}/clips.tsv, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
