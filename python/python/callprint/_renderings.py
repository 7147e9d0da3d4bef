"""What an index knows of its renderings, and the table that labels them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from callprint._errors import ArgumentError
from callprint._signal import StrPath


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
    name = os.fspath(path)
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{name}: is not UTF-8 text: {error}") from error
    columns = lines[0].split("\t") if lines else []
    missing = {"id", "category", "language"} - set(columns)
    if missing:
        raise ArgumentError(f"{name}: has no column {sorted(missing)[0]!r} in its header line {columns}")
    labels = {}
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ArgumentError(f"{name}: line {number} has {len(cells)} cells; the header has {len(columns)}")
        row = dict(zip(columns, cells, strict=True))
        labels[row["id"]] = (row["category"], row["language"])
    return labels
