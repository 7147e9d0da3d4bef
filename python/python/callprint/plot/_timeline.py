"""A call from its beginning to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._results import ScanResult
from callprint._signal import StrPath
from callprint.plot._style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, decibels, panels, samples, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"answered": GREEN, "match": RED, "machine_voice": PURPLE, "handover": BLUE, "ended": GREY}


def timeline(result: ScanResult, y: ArrayLike | StrPath | None = None, *, sr: int | None = None) -> Figure:
    """Draw what a scan says of a call along its time: level, matches with their script, and events.

    Parameters
    ----------
    result : ScanResult
        From `scan`.
    y : array_like of shape (n,), or path, optional
        The recording, for its level; by default the file that was scanned, if it is there.
    sr : int, optional
        Sample rate of samples, Hz; not for files.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each channel.
    """
    if y is None and Path(result.file).is_file():
        y = result.file
    with style():
        figure, axes = panels([1.9] * len(result.channels))
        for number, (channel, ax) in enumerate(zip(result.channels, axes, strict=True)):
            if y is not None:
                signal, rate = samples(y, sr, None if sr is not None else number)
                _level(ax, signal, rate)
            _matches(ax, result, number)
            _events(ax, result, number)
            spoken = f"{channel.name}: {channel.active_seconds:.1f} s of sound"
            voice = channel.machine_voice
            if voice.probability is not None:
                spoken += f", machine voice {voice.probability:.0%}"
            ax.set_title(spoken if number or len(axes) > 1 else f"{Path(result.file).name}, {spoken}")
            ax.set_xlim(0, max(result.seconds, 0.1))
            ax.set_ylim(-72, 22)
            ax.set_yticks([-60, -40, -20, 0])
            ax.set_ylabel("level, dBFS")
        axes[-1].set_xlabel("time, s")
    return figure


def _level(ax: Axes, signal: NDArray[Any], rate: int) -> None:
    power, hop, _ = decibels(signal, rate)
    level = np.maximum(10 * np.log10((10 ** (power / 10)).sum(axis=0) + 1e-12), -70)
    times = (np.arange(len(level)) + 0.5) * hop
    ax.fill_between(times, -70, level, color="0.75", linewidth=0)


def _matches(ax: Axes, result: ScanResult, channel: int) -> None:
    for match in result.matches:
        if match.channel != channel or match.decided_at is None:
            continue
        length = match.query_end - match.query_start
        ax.barh(6, length, left=match.query_start, height=9, color=ORANGE, edgecolor="none")
        words = f"{match.script}" + (f" or {', '.join(match.rivals)}" if match.rivals else "")
        words += f" · {match.speed:.2f} x · {match.false_alarms_per_hour:.0e} false alarms/h"
        ax.annotate(words, (match.query_start, 6), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)


def _events(ax: Axes, result: ScanResult, channel: int) -> None:
    answered = next((e.at for e in result.events if e.type == "answered" and e.channel == channel), None)
    if answered:
        ax.axvspan(0, answered, color=GREEN, alpha=0.08, linewidth=0)
        if answered > 0.2 * result.seconds:
            ax.annotate(
                "before the answer",
                (0, 20),
                xytext=(2, 0),
                textcoords="offset points",
                va="top",
                fontsize=7,
                color=GREEN,
            )
    for event in result.events:
        if event.channel != channel and event.type != "ended":
            continue
        colour = _COLOURS.get(event.type, GREY)
        late = event.at > 0.85 * result.seconds
        ax.axvline(event.at, color=colour, linewidth=1)
        ax.annotate(
            event.type.replace("_", " "),
            (event.at, 20),
            xytext=(-2 if late else 2, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="top",
            fontsize=7,
            color=colour,
        )
