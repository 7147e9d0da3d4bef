"""What an index knows of its renderings, and the table that labels them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from callprint._errors import ArgumentError, FileError
from callprint._signal import StrPath, as_path


@dataclass(frozen=True, slots=True)
class Rendering:
    """What an index knows of one recording of a script.

    Attributes
    ----------
    id : str
        Its name, ``script__rendering``.
    script : str
        The part before ``__``.
    category, language : str
        Of the script; may be empty.
    seconds : float
        Length, s.
    codes : int
        Codes that are stored for it.
    """

    id: str
    script: str
    category: str
    language: str
    seconds: float
    codes: int


def read_labels(path: StrPath) -> dict[str, tuple[str, str]]:
    """Read category and language of each script."""
    name = as_path(path, "scripts")
    try:
        # Some editors begin a file with a byte-order mark, or end it with an empty line.
        lines = Path(name).read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{name}: is not UTF-8 text: {error}") from error
    except OSError as error:
        raise FileError(error.errno, error.strerror or str(error), name) from error
    columns = lines[0].split("\t")
    missing = {"id", "category", "language"} - set(columns)
    if missing:
        raise ArgumentError(f"{name}: has no column {sorted(missing)[0]!r} in its header line {columns}")
    labels = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ArgumentError(f"{name}: line {number} has {len(cells)} cells; the header has {len(columns)}")
        row = dict(zip(columns, cells, strict=True))
        labels[row["id"]] = (row["category"], row["language"])
    return labels
