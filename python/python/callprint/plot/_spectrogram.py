"""A signal's spectrogram and its code bits; with a match, the reference beneath and where the bits differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._fingerprint import Fingerprint, fingerprint
from callprint._index import Index, as_index
from callprint._results import Match
from callprint._signal import StrPath
from callprint.plot._style import (
    RED,
    Palette,
    as_match,
    assumed_speed,
    bits,
    decibels,
    frames_of,
    heard_at,
    panels,
    samples,
    style,
    until,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LEAST_TOP = -60.0
"""Least power that is drawn bright, dB of full scale: that of 16-bit noise under any speech."""


def spectrogram(
    y: ArrayLike | StrPath,
    *,
    sr: int | None = None,
    channel: int | None = None,
    match: Match | None = None,
    index: Index | StrPath | None = None,
) -> Figure:
    """Draw a signal's spectrogram with its code bits beneath.

    With `match`, the bits of the rendering that was found lie beneath those of the signal, each at the time at which it
    is heard, and then where the two differ: little where they are the same recording, half where they are not.

    Parameters
    ----------
    y : array_like of shape (n,), or path
        Samples of one channel, or an audio file; a stretch of a minute at most is legible.
    sr : int
        Sample rate of the samples, Hz; not for files.
    channel : int, optional
        Channel of the file.
    match : Match, optional
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
    MissingDependencyError
        If matplotlib is not installed.
    """
    if match is not None:
        as_match(match)
    signal, rate = samples(y, sr, channel)
    heard = fingerprint(signal, sr=rate, hop=1, speed=assumed_speed(match))
    with style() as colours:
        figure, axes = panels([2.2, 1.5] if match is None else [2.2, 1.2, 1.2, 1.2, 1.0])
        _power(axes[0], signal, rate)
        draw_bits(axes[1], bits(heard.codes), heard.times, heard.active, "recording,\nbit of code", colours)
        if match is not None:
            axes[0].set_title(
                f"{match.rendering}: {match.query_start:.1f} s to {match.query_end:.1f} s, {match.speed:.2f} x"
            )
            _compare(axes[2:], heard, as_index(index).codes(match.rendering), match, colours)
        axes[-1].set_xlabel("time, s")
        axes[0].set_xlim(0, until(signal, rate))
    return figure


def _power(ax: Axes, signal: NDArray[Any], rate: int) -> None:
    level, top = decibels(signal, rate)
    # Silence is dark, however little else there is.
    highest = max(float(level.max()), _LEAST_TOP)
    # Each column lies around the middle of its frame.
    times = frames_of(rate).times(level.shape[1])
    half = 0.5 * frames_of(rate).hop / rate
    image = ax.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(times[0] - half, times[-1] + half, 0, top / 1000),
        vmin=highest - 70,
        vmax=highest,
        cmap="magma",
    )
    ax.set_ylabel("frequency, kHz")
    ax.figure.colorbar(image, ax=ax, label="power, dB", pad=0.01)


def draw_bits(
    ax: Axes,
    image: NDArray[Any],
    times: NDArray[np.float64],
    active: NDArray[np.bool_],
    label: str,
    colours: Palette,
) -> None:
    """Draw bits ``(128, n)`` along their times."""
    ax.set_ylabel(label)
    ax.set_yticks([0, 64, 128])
    ax.set_ylim(0, image.shape[0])
    if image.shape[1] == 0:
        return
    # Bits without sound say nothing: pale.
    shade = np.where(active, image.astype(float), 0.35 + 0.1 * image)
    half = 0.5 * float(np.median(np.diff(times))) if len(times) > 1 else 0.005
    extent = (times[0] - half, times[-1] + half, 0, image.shape[0])
    ax.imshow(shade, origin="lower", aspect="auto", extent=extent, vmin=0, vmax=1, cmap=colours.bits)


def _compare(axes: list[Axes], heard: Fingerprint, stored: Fingerprint, match: Match, colours: Palette) -> None:
    """Draw the reference where it is heard, the bits that differ, and their share."""
    axes[2].set_ylim(0, 0.62)
    axes[2].set_ylabel("bit error\nrate")
    query_times = heard_at(stored.times, match)
    shown = (query_times >= match.query_start) & (query_times <= match.query_end)
    # A signal that is too short for a code has none to compare with.
    shown &= len(heard.times) > 0
    query_times, codes = query_times[shown], stored.codes[shown]
    here = np.clip(np.searchsorted(heard.times, query_times - 0.005), 0, len(heard.times) - 1)
    reference = bits(codes)
    differing = reference ^ bits(heard.codes[here])
    active = stored.active[shown] & heard.active[here]
    draw_bits(axes[0], reference, query_times, active, "reference,\nbit of code", colours)
    draw_bits(axes[1], differing, query_times, active, "differing\nbits", colours)
    share = np.where(active, differing.mean(axis=0), np.nan)
    axes[2].step(query_times, share, where="mid", color=RED)
    axes[2].axhline(0.5, color=colours.grey, linewidth=0.8, linestyle="--")
    axes[2].annotate("unrelated", (0, 0.5), textcoords="offset points", xytext=(2, 2), fontsize=7)
