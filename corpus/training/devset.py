#!/usr/bin/env python3
"""Makes a labelled development set, laid out like the sets that accuracy is reported on, from clips of `material.py`.

usage: devset.py CACHE OUT --split score-test --seed 2 [--positives 1000 --negatives 1500 --calls 150 --voices a,b]

OUT/refs/SCRIPT__VOICE.flac      what goes into the index: most scripts of each family, each voice, captured once through
                                 A-law, GSM or mu-law; and recorded prompts (`prompt-NAME.flac`)
OUT/snippets/, OUT/snippets.tsv  id ref condition seconds ref_offset speed kind
OUT/calls/, OUT/calls.tsv        id ref condition script_onset handover seconds kind
OUT/notes.tsv                    id source voice shared: the clip a snippet was cut from, and how many seconds of it the
                                 same voice also says in another indexed script of the family (near-identical audio)

Positives have at least 0.6 s that no sibling in the index shares. Of the sibling negatives (scripts of the same
families and voices that are not in the index, and other sentences), a half shares 0.4-1.3 s with an indexed clip.
"""
from __future__ import annotations

import argparse
import csv
import functools
import os
import sys
from pathlib import Path

import numpy as np
import soundfile

import channel
import conditions
import similarity
import sounds
from material import draw

RATE = 8000
SECONDS = (1.5, 2.0, 3.0, 5.0)
CALL_CONDITIONS = ("alaw", "gsm", "amr122", "amr475", "opus8_loss5", "tandem", "g726_24", "opus16", "ulaw_quiet")
CALL_KINDS = ("bot", "human", "bot", "other_bot", "human", "human")
VARIED_KINDS = ("bot", "human", "other_bot", "talk", "bot", "transfer")
KINDS = {"sibling": 0.45, "prompt": 0.27, "digits": 0.10, "music": 0.09, "tone": 0.09}


@functools.lru_cache(600)
def read(path):
    return soundfile.read(path, dtype="float32")[0]


def write(path, y):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (np.clip(y, -1, 1) * 32767).astype("<i2"), RATE, format="FLAC", subtype="PCM_16")


def write_table(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, delimiter="\t", lineterminator="\n")
        out.writerow(header.split())
        out.writerows(rows)


class Material:
    """The clips of one split, divided into what is indexed and what is not, and sounds for noise from other splits."""

    def __init__(self, cache, split, seed, voices, prompts, near_public):
        with open(Path(cache) / "clips.tsv", encoding="utf-8") as f:
            rows = list(csv.DictReader(f, delimiter="\t"))
        for r in rows:
            r["path"] = str(Path(cache) / r["path"])
        allowed = [r for r in rows if near_public or r["near_public"] == "no" or r["engine"] == "human"]
        mine = [r for r in allowed if r["split"] == split and (not voices or r["voice"] in voices or r["engine"] == "human")]
        scripts = [r for r in mine if r["kind"] == "script"]
        held = self._held_out({(r["family"], r["text_id"]) for r in scripts}, seed)
        self.indexed = [r for r in scripts if r["text_id"] not in held]
        self.siblings = [r for r in scripts if r["text_id"] in held]
        self.sentences = [r for r in mine if r["kind"] == "sentence"]
        spoken = sorted((r for r in mine if r["kind"] in ("prompt", "dialogue")), key=lambda r: draw(seed, r["path"]))
        long = [r for r in spoken if float(r["seconds"]) >= 1.2]
        self.indexed_prompts = long[: min(prompts, len(long) // 2)]
        chosen = {r["path"] for r in self.indexed_prompts}
        # A prompt of the index may be spoken again in another file (the same name in another language is another clip).
        self.prompts = [r for r in spoken if r["path"] not in chosen]
        self.words = [r for r in mine if r["kind"] == "word"]
        self.people = self._people(rows, mine, split, voices)
        self.songs = [r for r in mine if r["kind"] == "music"]
        others = [r for r in rows if r["split"] == "learn" and r["kind"] in ("script", "sentence", "prompt")]
        others.sort(key=lambda r: draw("babble", r["path"]))
        songs = [r for r in rows if r["split"] == "learn" and r["kind"] == "music"]
        self.pools = {"speech": [read(r["path"]) for r in others[:80]], "songs": [read(r["path"]) for r in songs]}
        self.pools["speech"] = self.pools["speech"] or [read(r["path"]) for r in self.prompts[:40]]

    @staticmethod
    def _people(rows, mine, split, voices):
        """Clips of each person who is heard often enough; roles of acted dialogue, all in `learn`, are shared out among the other splits."""
        shared = [r for r in rows if r["kind"] == "dialogue" and split == ("score-train", "score-test")[int(draw("role", r["voice"]) * 2)]]
        people = {}
        for r in [r for r in mine if r["kind"] in ("prompt", "word", "dialogue")] + shared * (not voices):
            people.setdefault(r["voice"], []).append(r)
        return [people[voice] for voice in sorted(people) if len(people[voice]) >= 6]

    @staticmethod
    def _held_out(pairs, seed):
        """One script of a family is left out of the index, two of one with six or more."""
        held = set()
        for family in sorted({f for f, _ in pairs}):
            ids = sorted((i for f, i in pairs if f == family), key=lambda i: draw(seed, "held", i))
            held |= set(ids[: 2 if len(ids) > 5 else 1 if len(ids) > 1 else 0])
        return held


def cut(y, n, rng, tries=30):
    """A start such that half of the `n` samples are active; None if the clip is too short or too quiet."""
    if len(y) < n:
        return None
    e = np.square(y[: len(y) // 160 * 160].reshape(-1, 160)).mean(1)
    active = e > e.max() * 1e-3
    for _ in range(tries):
        at = int(rng.integers(0, len(y) - n + 1))
        if active[at // 160: (at + n) // 160].mean() > 0.5:
            return at
    return None


def reference_name(row):
    """Name of a clip in the index."""
    return f"{row['text_id']}__{row['voice']}" if row["kind"] == "script" else f"prompt-{row['voice']}-{row['text_id']}".replace("__", "_")


class Snippets:
    """Draws positives and negatives, one by one, from a seeded stream; `render` sends them through their conditions."""

    def __init__(self, material, seed):
        self.m, self.rng, self.rows = material, np.random.default_rng([seed, 1]), []
        self.shared = similarity.SharedSpeech(material.indexed, read)
        common, further = list(conditions.COMMON), list(conditions.FURTHER)
        self.pattern = [c for pair in zip(common * 7, (further * 7)[: len(common) * 7]) for c in (pair[0], pair[0], pair[1])]

    def _plan(self, i):
        """Condition and length of the i-th snippet: all pairs in turn, two of three from the common conditions."""
        condition = self.pattern[i % len(self.pattern)]
        return condition, SECONDS[(i // 3 + i // len(self.pattern)) % 4], *conditions.change(condition, self.rng)

    def _add(self, clip, condition, seconds, factor, kind, ref, offset, row, shared):
        name = f"q{len(self.rows):05d}"
        label = [name, ref, condition, f"{seconds:.2f}", "nan" if offset is None else f"{offset:.2f}", f"{factor:.3f}", kind]
        self.rows.append((label, clip, factor, [name, row["text_id"], row["voice"], f"{shared:.2f}"]))

    def positives(self, count, prompts=0.0):
        done = tried = 0
        while done < count and tried < 40 * count:
            tried += 1
            condition, seconds, _, factor = self._plan(done)
            pool = self.m.indexed_prompts if prompts and self.rng.random() < prompts else self.m.indexed
            row = pool[int(self.rng.integers(len(pool)))]
            y, n = read(row["path"]), int(round(seconds * factor * RATE))
            at = cut(y, n, self.rng)
            if at is None:
                continue
            shared = self.shared.seconds(row, at / RATE, n / RATE)
            if n / RATE - shared < 0.6:
                continue
            self._add(y[at:at + n], condition, seconds, factor, "positive", reference_name(row), at / RATE, row, shared)
            done += 1

    def _sibling(self, n, hard, anywhere):
        pool = self.m.siblings if hard or self.rng.random() < 0.5 or not self.m.sentences else self.m.sentences
        row = pool[int(self.rng.integers(len(pool)))]
        y = read(row["path"])
        at = cut(y, n, self.rng)
        if at is None:
            return None
        shared = self.shared.seconds(row, at / RATE, n / RATE)
        if anywhere:
            return y[at:at + n], row, shared
        if n / RATE - shared < 0.5 or (hard and not 0.4 <= shared <= 1.3):
            return None
        return y[at:at + n], row, shared

    def _other(self, kind, n):
        seed = int(self.rng.integers(2 ** 31))
        if kind == "tone":
            return sounds.tone(n, seed), {"text_id": "-", "voice": "-"}, 0.0
        if kind == "music" and (not self.m.songs or self.rng.random() < 0.4):
            return channel.music(n, seed), {"text_id": "-", "voice": "-"}, 0.0
        if kind == "digits":
            return sounds.words(n, self.m.words or self.m.prompts, read, seed), {"text_id": "-", "voice": "-"}, 0.0
        pool = self.m.songs if kind == "music" else self.m.prompts
        row = pool[int(self.rng.integers(len(pool)))]
        y = read(row["path"])
        at = cut(y, n, self.rng)
        return None if at is None else (y[at:at + n], row, 0.0)

    def negatives(self, count, kinds=tuple(KINDS), anywhere=0.0):
        share = np.array([KINDS[k] for k in kinds])
        for i in range(count):
            condition, seconds, _, factor = self._plan(i)
            n = int(round(seconds * factor * RATE))
            kind = str(self.rng.choice(kinds, p=share / share.sum()))
            hard, found = kind == "sibling" and self.rng.random() < 0.5, None
            free = kind == "sibling" and anywhere > 0 and self.rng.random() < anywhere
            for attempt in range(400):
                found = self._sibling(n, hard and attempt < 200 and not free, free) if kind == "sibling" else self._other(kind, n)
                if found:
                    break
            if not found:
                raise SystemExit(f"no {kind} negative of {seconds} s can be cut from this material")
            clip, row, shared = found
            self._add(clip, condition, seconds, factor, kind, "-", None, row, shared)

    def render(self, out, seed):
        for number, condition in enumerate(conditions.CONDITIONS):
            some = [(i, r) for i, r in enumerate(self.rows) if r[0][2] == condition]
            if some:
                done = conditions.run(condition, [r[1] for _, r in some], [seed * 1000003 + i for i, _ in some], [r[2] for _, r in some], self.m.pools)
                for (_, r), y in zip(some, done):
                    n = int(float(r[0][3]) * RATE)
                    write(out / "snippets" / f"{r[0][0]}.flac", np.pad(y[:n], (0, max(0, n - len(y)))))
        write_table(out / "snippets.tsv", "id ref condition seconds ref_offset speed kind", [r[0] for r in self.rows])
        write_table(out / "notes.tsv", "id source voice shared", [r[3] for r in self.rows])


def make_refs(material, out, seed):
    """Captures every indexed clip once, through a codec and at a level of its own."""
    named = [(reference_name(r), r) for r in material.indexed + material.indexed_prompts]
    for number, codec in enumerate(("alaw", "gsm", "ulaw")):
        some = [(i, n, r) for i, (n, r) in enumerate(named) if int(draw(seed, "capture", n) * 3) == number]
        conditions.CONDITIONS["capture"] = [("codec", codec)]
        done = conditions.run("capture", [read(r["path"]) for _, _, r in some], [seed * 7919 + i for i, _, _ in some], [1.0] * len(some), material.pools, (-26, -20))
        for (_, n, _), y in zip(some, done):
            write(out / "refs" / f"{n}.flac", y)
    conditions.CONDITIONS.pop("capture")
    return len(named)


def _person(material, seconds, rng):
    """A person talking, in a room of their own: prompts and words with pauses, over a quiet background."""
    pool, parts, total = material.prompts + material.words, [], 0
    while total < seconds * RATE:
        y = read(pool[int(rng.integers(len(pool)))]["path"])[: 6 * RATE]
        parts += [y, np.zeros(int(rng.uniform(0.2, 0.9) * RATE), np.float32)]
        total += len(parts[-2]) + len(parts[-1])
    y = np.concatenate(parts)[: int(seconds * RATE)]
    return y + sounds.room(len(y), int(rng.integers(2 ** 31)), -50)


def make_call(material, kind, rng, interrupted=0):
    """(samples, ref, onset, handover): see the set's header for the kinds."""
    opening = [sounds.ringing(rng) if rng.random() < 0.6 else np.zeros(int(rng.uniform(0.5, 2.5) * RATE), np.float32)]
    words = material.words or material.prompts
    opening += [read(words[int(rng.integers(len(words)))]["path"])[: int(1.2 * RATE)], np.zeros(int(rng.uniform(0.3, 1.2) * RATE), np.float32)]
    opening = np.concatenate(opening)
    opening = opening + sounds.room(len(opening), int(rng.integers(2 ** 31)), -55)
    if kind == "human":
        return np.concatenate([opening, _person(material, rng.uniform(5, 18), rng)]), "-", None, None
    pool = material.indexed if kind == "bot" else material.siblings
    row = pool[int(rng.integers(len(pool)))]
    y, handover = read(row["path"]), None
    parts = [opening, y]
    if rng.random() < 0.35:
        parts[1] = y[: int(len(y) * rng.uniform(0.45, 0.95))]
        gap = np.zeros(int(rng.uniform(0.3, 1.5) * RATE), np.float32)
        if interrupted and rng.random() < interrupted:
            # Who was called speaks; the machine stops, and the line is silent until a person is there.
            word = read(words[int(rng.integers(len(words)))]["path"])[: int(1.2 * RATE)]
            over = min(int(rng.uniform(0.1, 0.4) * RATE), len(word), len(parts[1]))
            parts[1] = np.concatenate([parts[1][: len(parts[1]) - over], parts[1][len(parts[1]) - over :] + word[:over]])
            gap = np.concatenate([word[over:], np.zeros(int(rng.uniform(0.8, 2.5) * RATE), np.float32)])
        handover = sum(len(p) for p in parts) + len(gap)
        parts += [gap, _person(material, rng.uniform(4, 8), rng)]
    else:
        parts.append(np.zeros(int(rng.uniform(0.3, 2) * RATE), np.float32))
    ref = f"{row['text_id']}__{row['voice']}" if kind == "bot" else "-"
    return np.concatenate(parts), ref, len(opening) / RATE, None if handover is None else handover / RATE


def _spoken(y):
    """A clip without what is quiet before and after."""
    e = np.square(y[: len(y) // 160 * 160].reshape(-1, 160)).mean(1)
    loud = np.flatnonzero(e > e.max() * 1e-3)
    return y[loud[0] * 160: (loud[-1] + 1) * 160] if len(loud) else y


def _says(person, seconds, rng, pause=(0.15, 0.9)):
    """One person for so long, with pauses."""
    parts, total = [], 0
    while total < seconds * RATE:
        y = _spoken(read(person[int(rng.integers(len(person)))]["path"]))[: 6 * RATE]
        parts += [y, np.zeros(int(rng.uniform(*pause) * RATE), np.float32)]
        total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[: int(seconds * RATE)]


def _gain(y, db):
    return (y * 10 ** (db / 20)).astype(np.float32)


def _turns(a, b, seconds, rng, of_b=(0.4, 4.0)):
    """Two people in turn; `of_b`: length of what the second one says."""
    parts, total = [], 0
    while total < seconds * RATE:
        who, length = (a, (1.0, 5.0)) if len(parts) % 4 == 0 else (b, of_b)
        parts += [_says(who, rng.uniform(*length), rng), np.zeros(int(rng.uniform(0.1, 0.8) * RATE), np.float32)]
        total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[: int(seconds * RATE)]


def _line(y, rng, share, dbfs):
    """With a room or line noise of its own, in a share of the cases."""
    return y + sounds.room(len(y), int(rng.integers(2 ** 31)), rng.uniform(*dbfs)) if rng.random() < share else y


def make_varied_call(material, kind, rng):
    """As `make_call`, with more that real calls have: each person is one person; any part may have a line noise of its own, or the one
    called a room that is heard throughout; who is called says words while the machine speaks and after it; two people talk (`talk`), or one
    gives the call to another (`transfer`)."""
    silence = lambda low, high: np.zeros(int(rng.uniform(low, high) * RATE), np.float32)
    called, other = (material.people[int(i)] for i in rng.choice(len(material.people), 2, replace=False))
    short = lambda: _gain(_says(called, rng.uniform(0.3, 1.0), rng), rng.uniform(-8, 6))
    opening = [sounds.ringing(rng) if rng.random() < 0.6 else silence(0.5, 2.5), short(), silence(0.3, 1.2)]
    opening = _line(np.concatenate(opening), rng, 0.7, (-66, -42))
    onset = handover = None
    ref = "-"
    if kind == "human":
        rest = [_line(_says(called if rng.random() < 0.4 else other, rng.uniform(6, 18), rng), rng, 0.8, (-66, -42))]
    elif kind == "talk":
        rest = [_line(_turns(called, other, rng.uniform(8, 20), rng), rng, 0.8, (-66, -42))]
    elif kind == "transfer":
        first = _line(_says(called, rng.uniform(4, 12), rng), rng, 0.8, (-66, -42))
        rest = [first, silence(0.2, 2.5), _line(_gain(_says(other, rng.uniform(4, 8), rng), rng.uniform(-8, 6)), rng, 0.8, (-66, -42))]
    else:
        pool = material.indexed if kind == "bot" else material.siblings
        row = pool[int(rng.integers(len(pool)))]
        ref, onset = f"{row['text_id']}__{row['voice']}" if kind == "bot" else "-", len(opening) / RATE
        y = read(row["path"])
        over = rng.random() < 0.5
        y = y[: int(len(y) * rng.uniform(0.4, 1.0))] if over else y.copy()
        for _ in range(int(rng.integers(4)) if rng.random() < 0.5 else 0):
            word = short()[: len(y) // 2]
            at = int(rng.integers(len(y) - len(word)))
            y[at:at + len(word)] += word
        y = _line(y, rng, 0.5, (-76, -46))
        if over:
            gap = silence(0.15, 1.5)
            if rng.random() < 0.4:
                word = short()
                cut_in = min(int(rng.uniform(0.05, 0.4) * RATE), len(word))
                y[-cut_in:] += word[:cut_in]
                gap = np.concatenate([word[cut_in:], silence(0.8, 2.5)])
            handover = (len(opening) + len(y) + len(gap)) / RATE
            seconds = rng.uniform(4, 8)
            talk = _turns(other, called, seconds, rng, (0.3, 1.0)) if rng.random() < 0.3 else _says(other, seconds, rng)
            rest = [y, gap, _line(_gain(talk, rng.uniform(-8, 6)), rng, 0.8, (-66, -42))]
        else:
            rest = [y, silence(0.3, 2)]
            if rng.random() < 0.4:
                rest += [short(), silence(0.5, 3)]
            if rng.random() < 0.3:
                rest += [sounds.cadence(int(rng.uniform(1, 4) * RATE), ("busy-cn", "busy-us", "busy-eu")[int(rng.integers(3))])]
    y = np.concatenate([opening, *rest])
    return _line(y, rng, 0.5, (-72, -48)), ref, onset, handover


def _surroundings(y, material, handover, rng):
    """With voices, music or an environment 8 to 25 dB below the speech: around who was called, throughout, or, of some hand-overs, where the
    person sits who takes over, from shortly before the first word on."""
    noise = conditions.noisy(y, conditions.ANY, rng.uniform(8, 25), int(rng.integers(2 ** 31)), material.pools) - y
    if handover is not None and rng.random() < 0.3:
        noise[: int(max(handover - rng.uniform(0.1, 1.2), 0) * RATE)] = 0
    return y + noise


def make_calls(material, out, count, seed, interrupted=0, varied=False, surroundings=0):
    rng, rows, made = np.random.default_rng([seed, 2]), [], []
    for i in range(count):
        kinds = VARIED_KINDS if varied else CALL_KINDS
        kind = kinds[i % len(kinds)]
        y, ref, onset, handover = make_varied_call(material, kind, rng) if varied else make_call(material, kind, rng, interrupted)
        if surroundings and rng.random() < surroundings:
            y = _surroundings(y, material, handover, rng)
        condition = CALL_CONDITIONS[int(rng.integers(len(CALL_CONDITIONS)))]
        text = lambda v: "-" if v is None else f"{v:.2f}"
        rows.append([f"c{i:05d}", ref, condition, text(onset), text(handover), f"{len(y) / RATE:.2f}", kind])
        made.append(y)
    for condition in CALL_CONDITIONS:
        some = [i for i, r in enumerate(rows) if r[2] == condition]
        if some:
            done = conditions.run(condition, [made[i] for i in some], [seed * 104729 + i for i in some], [1.0] * len(some), material.pools)
            for i, y in zip(some, done):
                write(out / "calls" / f"{rows[i][0]}.flac", y)
    write_table(out / "calls.tsv", "id ref condition script_onset handover seconds kind", rows)


def add_beginnings(out, count, seed):
    """Adds to the snippets `count` beginnings of the calls, cut where a live listener may decide: 1.2 to 6 s after the script's onset, before
    a person takes over, or anywhere where there is no known script."""
    rng = np.random.default_rng([seed, 5])
    with open(out / "calls.tsv", encoding="utf-8") as f:
        calls = list(csv.DictReader(f, delimiter="\t"))
    with open(out / "snippets.tsv", encoding="utf-8") as f:
        rows = [list(r.values()) for r in csv.DictReader(f, delimiter="\t")]
    for i in range(count):
        call = calls[i % len(calls)]
        y = read(str(out / "calls" / f"{call['id']}.flac"))
        last = len(y) / RATE if call["handover"] == "-" else float(call["handover"])
        known = call["ref"] != "-"
        first = float(call["script_onset"]) + 1.2 if known else 2.0
        end = min(last, first + float(rng.uniform(0, 4.8 if known else 12.0)))
        name = f"b{i:05d}"
        rows.append([name, call["ref"], f"call {call['condition']}", f"{end:.2f}", "0.00" if known else "nan", "1.000", "positive" if known else call["kind"]])
        write(out / "snippets" / f"{name}.flac", y[: int(end * RATE)])
    write_table(out / "snippets.tsv", "id ref condition seconds ref_offset speed kind", rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache")
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--positives", type=int, default=1000)
    parser.add_argument("--negatives", type=int, default=1500)
    parser.add_argument("--calls", type=int, default=150)
    parser.add_argument("--negative-kinds", default=tuple(KINDS), type=lambda s: s.split(","), help="kinds of negative snippets")
    parser.add_argument("--anywhere", type=float, default=0, help="share of sibling negatives that are cut anywhere, though an indexed script may say all of it")
    parser.add_argument("--beginnings", type=int, default=0, help="beginnings of calls among the snippets")
    parser.add_argument("--interrupted", type=float, default=0, help="share of hand-overs before which the called person interrupts the machine")
    parser.add_argument("--varied", action="store_true", help="calls with more that real ones have: see make_varied_call")
    parser.add_argument("--surroundings", type=float, default=0, help="share of calls with noise around who was called, or around who takes over")
    parser.add_argument("--calls-only", action="store_true", help="neither references nor snippets")
    parser.add_argument("--prompts", type=int, default=100, help="recorded prompts in the index")
    parser.add_argument("--prompt-share", type=float, default=0, help="share of positives that are cut from recorded prompts")
    parser.add_argument("--voices", default="", type=lambda s: {v for v in s.split(",") if v})
    parser.add_argument("--without-near-public", action="store_true", help="leave out voices that resemble a reported set's (MATERIAL.md)")
    a = parser.parse_args()
    if (a.out / "snippets.tsv").exists() or (a.out / "calls.tsv").exists():
        sys.exit(f"{a.out} holds a set already; remove it first")
    os.nice(5)
    material = Material(a.cache, a.split, a.seed, a.voices, a.prompts, not a.without_near_public)
    if a.calls_only:
        return make_calls(material, a.out, a.calls, a.seed, a.interrupted, a.varied, a.surroundings)
    refs = make_refs(material, a.out, a.seed)
    snippets = Snippets(material, a.seed)
    snippets.positives(a.positives, a.prompt_share)
    snippets.negatives(a.negatives, a.negative_kinds, a.anywhere)
    snippets.render(a.out, a.seed)
    make_calls(material, a.out, a.calls, a.seed, a.interrupted, a.varied, a.surroundings)
    add_beginnings(a.out, a.beginnings, a.seed)
    print(f"{a.out}: {refs} references, {len(snippets.rows)} snippets, {a.calls} calls", file=sys.stderr)


if __name__ == "__main__":
    main()
