#!/usr/bin/env python3
"""Checks the machine-voice model on a human source and an engine that nothing was fitted on.

usage: voice_check.py segments CHECK [--any]      # CHECK/audio/*.flac and CHECK/segments.tsv
       callprint features CHECK/audio -o CHECK/features.csv
       voice_check.py measure OUT CHECK               # OUT is what voice.py and voice_fit.py work on

- Human: the dialogue of the adventure game "Beneath a Steel Sky" (Debian package beneath-a-steel-sky; British actors, 8-bit PCM at
  11 kHz). Its index does not say who speaks. So a segment is made of six lines among the 25 before and after one that are within 2.5
  semitones of it: those that sound most like it (mean cepstrum), which is one speaker, but too even a one; or with `--any` six drawn by
  chance, which may be two speakers. What is true of one speaker is between.
- Machine: SVOX Pico (hidden Markov models; Python package ttspico), two English voices, a Spanish and a German one.

Both go through the same chains as the segments of `voice.py`, G.711 only. `measure` compares them with what `voice.py` made, then takes them as
further folds.
"""
from __future__ import annotations

import argparse
import csv
import json
import struct
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

import channel
import conditions
import engines
import sounds
import voice
from material import table

SKY = Path("/usr/share/scummvm/beneath-a-steel-sky")
# Numbers of the files that hold speech, and the length of a file's header.
SPEECH, HEADER = range(50000, 57344), 22
PICO = {"en-GB": "en", "en-US": "en", "es-ES": "es", "de-DE": "de"}
CHAINS, SHARES = ("alaw", "ulaw", "alaw_n20"), (0.45, 0.36, 0.19)
HUMAN, MACHINE, NEAR, LINES, APART = 240, 60, 25, 6, 2.5


class Bits:
    """Bits of 16-bit little-endian words, least significant first, between bytes that are read as they are."""

    def __init__(self, data):
        self.data, self.at, self.count = data, 0, 16
        self.buffer = self.word()

    def word(self):
        return int.from_bytes(self.data[self.at:self.at + 2], "little")

    def take(self, n):
        value = self.buffer & (1 << n) - 1
        self.buffer >>= n
        self.count -= n
        if self.count < 16:
            self.at += 2
            self.buffer |= self.word() << self.count
            self.count += 16
        return value

    def copy(self, n):
        part = self.data[self.at:self.at + n]
        self.at += n
        self.count -= 16
        self.buffer = self.buffer & (1 << self.count) - 1 | self.word() << self.count
        self.count += 16
        return part


def codes(bits):
    """A table of prefix codes: [(code as it is read, length, value)]."""
    lengths = [bits.take(4) for _ in range(bits.take(5))]
    found, code = [], 0
    for length in range(1, 17):
        for value, own in enumerate(lengths):
            if own == length:
                found.append((int(f"{code:0{length}b}"[::-1], 2), length, value))
                code += 1
        code <<= 1
    return found


def number(bits, known):
    for code, length, value in known:
        if bits.buffer & (1 << length) - 1 == code:
            bits.take(length)
            return value if value < 2 else 1 << (value - 1) | bits.take(value - 1)
    raise ValueError("no such code")


def unpacked(data):
    """What ProPack's method 1 ("RNC", R. Northen) has packed: literals and copies, in blocks with three tables of codes."""
    size, out, bits = struct.unpack(">I", data[4:8])[0], bytearray(), Bits(data[18:])
    bits.take(2)
    while len(out) < size:
        literal, distance, length = codes(bits), codes(bits), codes(bits)
        for left in range(bits.take(16), 0, -1):
            if n := number(bits, literal):
                out += bits.copy(n)
            if left > 1:
                back, n = number(bits, distance) + 1, number(bits, length) + 2
                for _ in range(n):
                    out.append(out[-back])
    return bytes(out)


def levelled(y):
    y = y * (0.1 / max(channel.active_rms(y), 1e-6))
    return np.clip(y / max(1.0, float(np.abs(y).max()) / 0.99), -1, 1).astype(np.float32)


def sky():
    """(number, line) of the game, in order."""
    index, disk = (SKY / "sky.dnr").read_bytes(), (SKY / "sky.dsk").read_bytes()
    for at in range(4, len(index), 8):
        name, offset, size = (int.from_bytes(index[at + a:at + b], "little") for a, b in ((0, 2), (2, 5), (5, 8)))
        offset, size = (offset & 0x7FFFFF) << 4 * (offset >> 23), size & 0x3FFFFF
        data = disk[offset + HEADER:offset + size]
        if name in SPEECH and data[:3] == b"RNC":
            y = (np.frombuffer(unpacked(data), np.uint8).astype(np.float32) - 128) / 128
            y = engines.trim(signal.resample_poly(y, 320, 441).astype(np.float32))
            if len(y) >= 0.8 * engines.RATE and np.abs(y).max() > 0.02:
                yield name, levelled(y)


def sound_of(y):
    """Median F0 (semitones, NaN without voice) by autocorrelation, and the mean cepstrum of the louder frames."""
    lags, found = np.arange(400), []
    for i in range(0, len(y) - 400, 160):
        x = y[i:i + 400] - y[i:i + 400].mean()
        if x.std() >= 0.02:
            r = np.correlate(x, x, "full")[399:] * 400 / (400 - lags)
            k = 20 + int(np.argmax(r[20:107]))
            found += [8000 / k] if r[k] > 0.6 * r[0] else []
    frames = np.lib.stride_tricks.sliding_window_view(y, 256)[::128] * np.hanning(256)
    levels = np.log(np.abs(np.fft.rfft(frames)) ** 2 + 1e-6)
    loud = levels.mean(1) > np.quantile(levels.mean(1), 0.4)
    return 12 * np.log2(np.median(found)) if len(found) > 5 else np.nan, np.fft.irfft(levels[loud].mean(0))[1:13]


def alike(rng, lines, folder, any_of_them):
    """Lists of paths, one a segment: lines of one speaker."""
    known = [(name, *sound_of(y)) for name, y in lines]
    known = [k for k in known if np.isfinite(k[1])]
    f0, cepstra = np.array([k[1] for k in known]), np.array([k[2] for k in known])
    cepstra /= cepstra.std(0)
    for seed in rng.permutation(len(known)):
        near = np.flatnonzero((np.abs(np.arange(len(known)) - seed) <= NEAR) & (np.abs(f0 - f0[seed]) < APART))
        order = rng.permutation(len(near)) if any_of_them else np.argsort(np.square(cepstra[near] - cepstra[seed]).sum(1))
        nearest = near[order][:LINES]
        if len(nearest) == LINES:
            yield f"sky-{known[seed][0] // 64}", [folder / f"{known[k][0]}.flac" for k in nearest]


def pico(folder):
    """voice -> paths."""
    import ttspico

    found = {}
    for code, lang in PICO.items():
        engine = ttspico.TtsEngine(code)
        for row in [r for r in table("sentences.tsv") if r["lang"] == lang]:
            y = np.frombuffer(engine.speak(row["text"]), "<i2").astype(np.float32) / 32768
            path = folder / f"{code}-{row['id']}.flac"
            soundfile.write(path, levelled(engines.trim(engines.to_rate(y, 16000))), engines.RATE)
            found.setdefault(f"pico-{code}", []).append(path)
    return found


def make(arguments):
    rng, out = np.random.default_rng(arguments.seed), Path(arguments.check)
    folder = out / "clips"
    for part in (folder, out / "audio"):
        part.mkdir(parents=True, exist_ok=True)
    machines = pico(folder)
    lines = list(sky())
    for name, y in lines:
        soundfile.write(folder / f"{name}.flac", y, engines.RATE)
    plan = [(group, group, 0, paths) for (group, paths), _ in zip(alike(rng, lines, folder, arguments.any), range(HUMAN))]
    plan += [(name, "pico", 1, paths) for name, paths in machines.items() for _ in range(MACHINE)]
    audio = [voice.segment(list(rng.permutation(paths)), rng, rng.random() < 0.25) for *_, paths in plan]
    kept = [voice.KEPT_IN[int(k)] for k in rng.integers(len(voice.KEPT_IN), size=len(plan))]
    audio = conditions._grouped(lambda c, k: voice.kept_in(c, k), audio, kept)
    audio = [y + sounds.room(len(y), int(rng.integers(2 ** 31)), rng.uniform(-62, -45)) for y in audio]
    chains = [CHAINS[int(k)] for k in rng.choice(len(CHAINS), size=len(plan), p=SHARES)]
    conditions.CONDITIONS.update(voice.CHAINS)
    for chain in CHAINS:
        some = [i for i, c in enumerate(chains) if c == chain]
        babble = {"speech": [y for _, y in lines[::50]], "songs": []}
        for i, y in zip(some, conditions.run(chain, [audio[i] for i in some], [arguments.seed * 7919 + i for i in some], [1.0] * len(some), babble)):
            soundfile.write(out / "audio" / f"s{i:05d}.flac", (np.clip(y, -1, 1) * 32767).astype("<i2"), engines.RATE, format="FLAC", subtype="PCM_16")
    with open(out / "segments.tsv", "w", encoding="utf-8", newline="") as f:
        rows = csv.writer(f, delimiter="\t", lineterminator="\n")
        rows.writerow("id voice group machine chain kept".split())
        rows.writerows([f"s{i:05d}", name, group, machine, c, k] for i, ((name, group, machine, _), c, k) in enumerate(zip(plan, chains, kept)))


def joined(data, check):
    """`data` with the new source and engine."""
    for name in ("x", "y", "group", "voice", "chain", "fluent", "fitted", "g711"):
        setattr(data, name, np.concatenate([getattr(data, name), getattr(check, name)]))
    data.source = np.concatenate([data.source, np.where(check.y == 1, "pico", "sky")])
    data.engines, data.sources = sorted({*data.engines, "pico"}), sorted({*data.sources, "sky"})
    return data


def measure(arguments):
    import voice_fit as fit

    data, check = fit.Data(arguments.out), fit.Data(arguments.check)
    assert data.names == check.names, "features of one version"
    human, machine = check.y == 0, check.y == 1
    fluent = sorted(set(data.source[data.fluent]))

    def model(without, use):
        train = (data.source != without) & data.fitted
        return fit.Linear().fit(data.x[train][:, use], data.y[train], data.weights(train))

    def scores(of, rows, known, use):
        return known.score(of.x[rows][:, use])

    result = {}
    for name, starts in (("now", fit.MODEL), ("before", fit.BEFORE)):
        use = data.columns(*starts)
        whole = model("", use)
        by_engine, by_source = {}, {}
        for engine in data.engines:
            known = model(engine, use)
            by_engine[engine] = fit.eer(scores(check, human, known, use), scores(data, (data.source == engine) & data.g711, known, use))
        for source in fluent:
            known = model(source, use)
            by_source[source] = fit.eer(scores(data, (data.source == source) & data.g711 & data.fluent, known, use), scores(check, machine, known, use))
        result[name] = {"new source against new engine": fit.eer(scores(check, human, whole, use), scores(check, machine, whole, use)),
                        "new source against engines left out": [float(np.mean(list(by_engine.values()))), by_engine],
                        "new engine against sources left out": [float(np.mean(list(by_source.values()))), by_source]}
    data = joined(data, check)
    for name, starts in (("now", fit.MODEL), ("before", fit.BEFORE)):
        report = fit.measure(data, data.columns(*starts))[0]
        result[name]["as further folds"] = {key: report[key] for key in ("g711", "g711_words", "by_engine", "called_machine_by_source")}
    print(json.dumps(result, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("segments")
    one.add_argument("check")
    one.add_argument("--any", action="store_true", help="lines of about the same pitch, however they sound")
    one.add_argument("--seed", type=int, default=5)
    one.set_defaults(run=make)
    other = commands.add_parser("measure")
    other.add_argument("out")
    other.add_argument("check")
    other.set_defaults(run=measure)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
