"""Tables of the corpus and what can be checked about its files without decoding them.

Everything here needs the standard library only. The tables are tab-separated UTF-8 with one header line and no
quoting; a field therefore holds neither a tab nor a line break.

- ``scripts.tsv``: id, category, language, text, source
- ``voices.tsv``: voice, language, scripts, engine, version, settings, licence, provenance
- ``renderings.tsv``: file, script, rendering, engine, settings, licence, provenance, sha256, seconds
- ``samples/samples.tsv`` and ``sample-sources/sources.tsv``: see ``README.md``
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
RENDERINGS = ROOT / "renderings"

SCRIPT_COLUMNS = ["id", "category", "language", "text", "source"]
VOICE_COLUMNS = ["voice", "language", "scripts", "engine", "version", "settings", "licence", "provenance"]
RENDERING_COLUMNS = [
    "file", "script", "rendering", "engine", "settings", "licence", "provenance", "sha256", "seconds",
]

# `script__rendering` is split at the double underscore, so neither half may contain one.
SCRIPT_ID = re.compile(r"[a-z]+(?:-[a-z]+)*-[0-9]{2}\Z")
VOICE_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")

SAMPLE_RATE = 8000  # Hz, the telephone's


class CorpusError(Exception):
    """Something in the corpus, or asked of it, is wrong; the message says where and what to do."""


def read_table(path: Path, columns: list[str]) -> list[dict[str, str]]:
    """Rows of a table as dictionaries; the header must name exactly `columns`, in order."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}") from error
    if not lines or lines[0].split("\t") != columns:
        raise CorpusError(f"{path}:1: the header must be: {' '.join(columns)} (separated by tabs)")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != len(columns):
            raise CorpusError(f"{path}:{number}: {len(fields)} fields instead of {len(columns)}")
        rows.append(dict(zip(columns, fields)))
    return rows


def write_table(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    """Replaces the table in one step, so that a reader never sees half of it."""
    for row in rows:
        for column in columns:
            if re.search(r"[\t\r\n]", row[column]):
                raise CorpusError(f"{path.name}: a tab or line break in {column} of {row[columns[0]]}")
    lines = ["\t".join(columns)] + ["\t".join(row[c] for c in columns) for row in rows]
    write_atomically(path, ("\n".join(lines) + "\n").encode("utf-8"))


def write_atomically(path: Path, data: bytes) -> None:
    """Temporary file in the same folder, flushed to disk, then renamed over `path`."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def scripts() -> list[dict[str, str]]:
    return read_table(ROOT / "scripts.tsv", SCRIPT_COLUMNS)


def voices() -> list[dict[str, str]]:
    return read_table(ROOT / "voices.tsv", VOICE_COLUMNS)


def renderings() -> list[dict[str, str]]:
    return read_table(ROOT / "renderings.tsv", RENDERING_COLUMNS)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class FlacInfo:
    """The STREAMINFO block of a FLAC file (RFC 9639, section 8.2)."""

    sample_rate: int
    channels: int
    bits: int
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate


def flac_info(path: Path) -> FlacInfo:
    """Reads STREAMINFO: the marker, a 4-byte block header, then 10 bytes of sizes and one packed 64-bit field."""
    with path.open("rb") as file:
        head = file.read(42)
    if len(head) < 42 or head[:4] != b"fLaC" or head[4] & 0x7F != 0:
        raise CorpusError(f"{path}: not a FLAC file")
    packed = int.from_bytes(head[18:26], "big")
    info = FlacInfo(packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1, packed & (1 << 36) - 1)
    if info.sample_rate == 0 or info.samples == 0:
        raise CorpusError(f"{path}: the FLAC header gives no sample rate or no length")
    return info


def speech_units(language: str, text: str) -> int:
    """What a speaking rate counts: characters of a Chinese text (one syllable each), words of an English one."""
    if language == "zh":
        return len(re.findall(r"[\u4e00-\u9fff]", text))
    return len(re.findall(r"[A-Za-z']+", text))


# Plausible speaking rates, pauses included, in units of `speech_units` a second. Wide on purpose: they catch a
# synthesiser that spells, skips or stops, not one that hurries. (espeak-ng reading tone numbers aloud gives 2.5.)
RATE_LIMITS = {"zh": (3.0, 7.0), "en": (1.8, 4.5)}


def rate_problem(language: str, text: str, seconds: float) -> str | None:
    """A complaint if a rendering is too short or too long for its text, else None."""
    low, high = RATE_LIMITS[language]
    rate = speech_units(language, text) / seconds
    if low <= rate <= high:
        return None
    unit = "syllables" if language == "zh" else "words"
    return f"{rate:.1f} {unit}/s is outside {low}-{high}: was all of the text spoken?"
