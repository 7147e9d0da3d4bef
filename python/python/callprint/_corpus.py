"""The corpus: the scripts whose renderings are in the built-in index, and audio files as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callprint import _core
from callprint._errors import ArgumentError
from callprint._signal import StrPath, as_path

MAX_CHANNELS = 32
"""Channels that a file may have."""


@dataclass(frozen=True, slots=True)
class Script:
    """A scripted message.

    Attributes
    ----------
    id : str
        Its name, such as ``dental-01``.
    category : str
        What it is about, such as ``dental-implant``.
    language : str
        ``zh`` or ``en``.
    text : str
        The words.
    source : str
        Where the words come from.
    """

    id: str
    category: str
    language: str
    text: str
    source: str


def scripts() -> list[Script]:
    """List the scripts of the corpus that comes with callprint.

    Returns
    -------
    list of Script
        In the order of the corpus. ``pandas.DataFrame(callprint.scripts())`` makes a table.

    Examples
    --------
    >>> {script.id: script for script in scripts()}["dental-01"].category
    'dental-implant'
    """
    lines = _core.scripts_table().splitlines()
    columns = lines[0].split("\t")
    rows = (dict(zip(columns, line.split("\t"), strict=True)) for line in lines[1:] if line)
    return [Script(**{name: row[name] for name in Script.__slots__}) for row in rows]


def load(path: StrPath, *, channel: int | None = None, max_seconds: float = 3600.0) -> tuple[NDArray[np.float32], int]:
    """Load one channel of an audio file as samples at 8000 Hz, the rate at which callprint works.

    Parameters
    ----------
    path : str or path-like
        WAV (PCM, float, A-law, mu-law, GSM, ADPCM), .au, FLAC, MP3, Ogg (Vorbis, Opus), AAC, ALAC, AIFF, CAF, Matroska
        or WebM: the content decides, not the name. Files without a header go by their names, as switchboards give them:
        mono A-law (``.alaw``, ``.al``, ``.pcma``), mu-law (``.ulaw``, ``.ul``, ``.mulaw``, ``.pcmu``), 16-bit samples
        (``.sln`` at 8 kHz, ``.sln12`` to ``.sln192`` at that many kHz), GSM 06.10 (``.gsm``) and G.722 (``.g722``).
    channel : int, optional
        Channel to take, from 0. Not needed if there is one only, or if all hold the same.
    max_seconds : float, optional
        Longest file to take; an hour takes 115 MB. (`scan` takes files of any length.)

    Returns
    -------
    y : ndarray of float32, shape (n,)
        Samples, nominally in [-1, 1].
    sr : int
        8000.

    Raises
    ------
    AudioError
        If the file is no audio that callprint reads, or damaged.
    FileError
        If it can't be read.
    ArgumentError
        If it has no such channel, channels that differ and none is chosen, or is longer than `max_seconds`.
    """
    seconds = as_seconds(max_seconds, "max_seconds")
    return _core.load(as_path(path), as_channel(channel), seconds), _core.SAMPLE_RATE


def as_channel(channel: Any) -> int | None:
    """Check the number of a channel."""
    if channel is not None and (
        isinstance(channel, bool) or not isinstance(channel, (int, np.integer)) or not 0 <= channel < MAX_CHANNELS
    ):
        raise ArgumentError(f"channel is {channel!r}; want a whole number from 0 to {MAX_CHANNELS - 1}")
    return None if channel is None else int(channel)


def as_seconds(seconds: Any, name: str) -> float:
    """Check a length of time."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float, np.integer, np.floating)) or not seconds > 0:
        raise ArgumentError(f"{name} is {seconds!r}; want a positive number of seconds, such as 12")
    return float(seconds)
