"""Where a rendering lies in a recording: every code against every code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._fingerprint import Fingerprint, fingerprint
from callprint._index import Index, as_index
from callprint._results import Match
from callprint._signal import StrPath
from callprint.plot._style import RED, as_match, assumed_speed, heard_at, panels, samples, style, until

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIT_BITS = 40
"""Bits of 128 in which two codes may differ to vote; unrelated ones differ in 64 ± 6."""


def alignment(
    y: ArrayLike | StrPath,
    *,
    sr: int | None = None,
    channel: int | None = None,
    match: Match,
    index: Index | StrPath | None = None,
) -> Figure:
    """Draw the codes of a recording against those of the rendering that was found in it, and their votes.

    Above, each pair of codes that nearly agree is a point at its time in the recording and in the script. A recording
    of the script makes a line, whose slope is the speed; words that come twice make short parallels. Beneath, the votes
    for each offset: the line makes a peak.

    Parameters
    ----------
    y : array_like of shape (n,), or path
        Samples of one channel, or an audio file.
    sr : int
        Sample rate of the samples, Hz; not for files.
    channel : int, optional
        Channel of the file.
    match : Match
        What `Index.search` or `scan` found in this very signal. One found with ``candidates=True`` knows its alignment
        code by code; another is taken for a straight line.
    index : Index or path, optional
        The index that it was found in; by default the built-in one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If an argument can't be used.
    AudioError, FileError
        If the file can't be read.
    NotFoundError
        If the index does not hold the match's rendering.
    MissingDependencyError
        If matplotlib is not installed.
    """
    as_match(match)
    signal, rate = samples(y, sr, channel)
    speed = assumed_speed(match)
    heard = fingerprint(signal, sr=rate, hop=1, speed=speed)
    stored = as_index(index).codes(match.rendering)
    rows, columns, distances = hits(heard, stored)
    query, script = heard.times[columns], stored.times[rows]
    with style() as colours:
        figure, (plane, votes) = panels([3.6, 1.4], sharex=False)
        weight = (HIT_BITS - distances) / HIT_BITS
        points = plane.scatter(
            query,
            script,
            c=distances / 128,
            s=2 + 14 * weight,
            cmap=colours.errors,
            vmin=0,
            vmax=HIT_BITS / 112,  # The pale end of the colours would not be seen.
            linewidths=0,
        )
        figure.colorbar(points, ax=plane, label="bit error rate of the pair", pad=0.01)
        shown = stored.times[(stored.times >= match.script_start) & (stored.times <= match.script_end)]
        plane.plot(heard_at(shown, match), shown, color=RED, linewidth=1, label="alignment")
        plane.legend(loc="upper left")
        plane.set_xlim(0, until(signal, rate))
        plane.set_ylim(0, stored.times[-1] + 0.3 if len(stored.times) else 1)
        plane.set_xlabel("time in the recording, s")
        plane.set_ylabel(f"time in {match.rendering}, s")
        # The script's time passes as fast as that of its codes; the recording's `speed` times as fast.
        offsets = query - script / speed
        edges = np.arange(-2.0, len(signal) / rate + 0.04, 0.04)
        votes.hist(offsets, bins=edges.tolist(), weights=weight, color=colours.blue)
        begin = match.query_start - match.script_start / match.speed
        votes.axvline(begin, color=colours.grey, linewidth=0.8, linestyle="--")
        votes.annotate(
            f"{begin:.2f} s",
            (begin, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=7,
            va="top",
        )
        votes.set_xlabel("when the script would begin in the recording, s")
        votes.set_ylabel("votes")
    return figure


def hits(heard: Fingerprint, stored: Fingerprint) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]:
    """Return which stored code (row) and heard code (column) nearly agree, and in how many bits they differ."""
    rows, columns, distances = [], [], []
    for start in range(0, len(stored.codes), 64):
        block = stored.codes[start : start + 64, None, :] ^ heard.codes[None, :, :]
        differing = np.bitwise_count(block).sum(axis=2, dtype=np.int64)
        near = (differing <= HIT_BITS) & stored.active[start : start + 64, None] & heard.active[None, :]
        row, column = np.nonzero(near)
        rows.append(row + start)
        columns.append(column)
        distances.append(differing[row, column])
    if not rows:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.int64)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(distances)
