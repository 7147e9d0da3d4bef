"""Which scripts of an index share audio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from callprint._errors import ArgumentError
from callprint._index import Index, as_index
from callprint._signal import StrPath
from callprint.plot._style import panels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAME_BITS = 20
"""Bits of 128 in which codes of the same sound differ at most, if no channel lies between."""

MOST = 80
"""Scripts that a map can show legibly."""


def shared_audio(index: Index | StrPath | None = None) -> tuple[list[str], NDArray[np.float64]]:
    """Measure how much audio each pair of scripts of an index shares.

    Parameters
    ----------
    index : Index or path, optional
        By default the built-in one. The time grows with the square of its size: a minute for 1000 renderings.

    Returns
    -------
    scripts : list of str
        Scripts, sorted.
    seconds : ndarray of float64, shape (n, n)
        ``seconds[i, j]``: sound of script `i`'s renderings, s, that is nearly equal to some sound of script `j`, the
        most of any rendering. 0 on the diagonal.
    """
    known = as_index(index)
    renderings = known.renderings
    scripts = sorted({rendering.script for rendering in renderings})
    number = {script: i for i, script in enumerate(scripts)}
    owners: list[NDArray[Any]] = []
    codes: list[NDArray[np.uint64]] = []
    for rendering in renderings:
        stored = known.codes(rendering.id)
        codes.append(stored.codes[stored.active])
        owners.append(np.full(int(stored.active.sum()), number[rendering.script]))
    if not codes:
        raise ArgumentError("the index is empty")
    everything, owner = np.concatenate(codes), np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    everything, owner = everything[order], owner[order]
    starts = np.searchsorted(owner, np.arange(len(scripts)))
    seconds = np.zeros((len(scripts), len(scripts)))
    low, high = np.ascontiguousarray(everything[:, 0]), np.ascontiguousarray(everything[:, 1])
    for rendering, own in zip(renderings, codes, strict=True):
        # Every second code is enough: 80 ms.
        nearest = np.full(len(scripts), 0.0)
        for start in range(0, len(own), 64):
            part = own[start : start + 64 : 2]
            differing = np.bitwise_count(part[:, 0, None] ^ low) + np.bitwise_count(part[:, 1, None] ^ high)
            nearest += (np.minimum.reduceat(differing, starts, axis=1) <= SAME_BITS).sum(axis=0)
        row = seconds[number[rendering.script]]
        np.maximum(row, 0.08 * nearest, out=row)
    np.fill_diagonal(seconds, 0)
    return scripts, seconds


def index_map(index: Index | StrPath | None = None, *, scripts: Iterable[str] | None = None) -> Figure:
    """Draw which scripts share audio, such as a greeting by the same voice.

    What scripts share can't tell them apart: a call that plays only that is ambiguous between them.

    Parameters
    ----------
    index : Index or path, optional
        By default the built-in one.
    scripts : iterable of str, optional
        Scripts to show; by default those that share most, at most 80.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If the index is empty, or a script is not in it.
    MissingDependencyError
        If matplotlib is not installed.
    """
    names, seconds = shared_audio(index)
    both = np.maximum(seconds, seconds.T)
    if isinstance(scripts, str) or not (scripts is None or isinstance(scripts, Iterable)):
        raise ArgumentError(f"scripts is {scripts!r}; want a list of scripts, as in [{scripts!r}]")
    if scripts is None:
        most = np.argsort(-both.max(axis=1), kind="stable")[:MOST]
        chosen = [names[i] for i in sorted(most)]
    else:
        chosen = list(scripts)
        unknown = [script for script in chosen if script not in names]
        if unknown:
            raise ArgumentError(f"scripts holds {unknown[0]!r}, which is not in the index")
        if not chosen:
            raise ArgumentError("scripts is empty; want at least one, or None for those that share most")
    at = [names.index(name) for name in chosen]
    # A few scripts still leave room for the words beside the colours.
    size = max(3.4, 2.0 + 0.13 * len(chosen))
    with style() as colours:
        figure, (ax,) = panels([size], width=size + 1.0)
        image = ax.imshow(seconds[np.ix_(at, at)], cmap=colours.shades(), vmin=0, vmax=max(0.5, float(both.max())))
        figure.colorbar(image, ax=ax, label="sound of the row's script\nthat the column's has, s", shrink=0.7)
        ax.set_xticks(range(len(chosen)), chosen, rotation=90, fontsize=6)
        ax.set_yticks(range(len(chosen)), chosen, fontsize=6)
        ax.set_title("Audio that scripts share")
    return figure
