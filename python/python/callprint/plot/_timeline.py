"""A call from its beginning to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._fingerprint import fingerprint
from callprint._results import ScanResult
from callprint._signal import StrPath
from callprint.plot._style import GREEN, ORANGE, PURPLE, RED, SKY, Palette, decibels, panels, samples, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FLOOR = -70.0
"""Lowest level that is drawn, dB of full scale."""

_LANES = {"script": 11.0, "voice": 26.0, "events": 37.0}
"""Heights of what lies above the level, on its axis."""


def timeline(result: ScanResult, y: ArrayLike | StrPath | None = None, *, sr: int | None = None) -> Figure:
    """Draw what a scan says of a call along its time.

    Beneath is the level, coloured where it is a tone (ringing, busy) and where it can be a voice. Above it lie the
    scripts that matched; then who speaks: a machine, pale until that was known, and a person from the hand-over on; and
    the events.

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
    with style() as colours:
        figure, axes = panels([2.3] * len(result.channels))
        for number, (channel, ax) in enumerate(zip(result.channels, axes, strict=True)):
            last = result.seconds
            if y is not None:
                signal, rate = samples(y, sr, None if sr is not None else number)
                last = _level(ax, signal, rate, colours) or last
            _matches(ax, result, number)
            _voices(ax, result, number, last)
            _events(ax, result, number, colours)
            heard = f"{channel.name}: {channel.active_seconds:.1f} s of sound"
            ax.set_title(heard if len(axes) > 1 else f"{Path(result.file).name}, {heard}")
            ax.set_xlim(0, max(result.seconds, 0.1))
            ax.set_ylim(_FLOOR, _LANES["events"] + 12)
            levels = [-60, -40, -20, 0]
            ax.set_yticks(
                [*levels, _LANES["script"], _LANES["voice"]], [*(f"{level}" for level in levels), "script", "voice"]
            )
            ax.set_ylabel("level, dBFS", y=0.3)
        axes[-1].set_xlabel("time, s")
    return figure


def tones(power: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell for each frame of a power spectrogram, dB, whether it lies in one or two steady tones and little else."""
    linear = 10 ** (power / 10)
    total = linear.sum(axis=0)
    # A tone fills five lines of the spectrum under a Hann window; ringing has two tones, which may touch.
    most = np.partition(linear, -8, axis=0)[-8:].sum(axis=0) if len(linear) > 8 else total
    pure = most > 0.97 * total
    # Vowels have frames as pure as that, but their level does not stay within 1.5 dB for that long.
    length = 22
    found = np.zeros(len(total), bool)
    if len(total) >= length:
        level = np.lib.stride_tricks.sliding_window_view(10 * np.log10(total + 1e-12), length)
        steady = np.ptp(level, axis=1) < 1.5
        steady &= np.lib.stride_tricks.sliding_window_view(pure, length).all(axis=1)
        for start in np.flatnonzero(steady):
            found[start : start + length] = True
    return found


def _level(ax: Axes, signal: NDArray[Any], rate: int, colours: Palette) -> float | None:
    """Draw the level; return when the last sound that can be a voice ends, s."""
    levels, pure = [np.empty(0)], [np.empty(0, bool)]
    for start in range(0, max(len(signal), 1), 60 * rate):
        power, hop, _ = decibels(signal[start : start + 60 * rate], rate)
        levels.append(np.maximum(10 * np.log10((10 ** (power / 10)).sum(axis=0) + 1e-12), _FLOOR))
        pure.append(tones(power))
    level, tone = np.concatenate(levels), np.concatenate(pure)
    tone &= level > level.max() - 40
    times = (np.arange(len(level)) + 0.5) * hop
    heard = fingerprint(signal, sr=rate, hop=1)
    voice = np.zeros(len(level), bool)
    if len(heard.times):
        nearest = np.clip(np.searchsorted(heard.times, times), 0, len(heard.times) - 1)
        voice = heard.active[nearest] & ~tone & (np.abs(heard.times[nearest] - times) < 0.25)
    ax.fill_between(times, _FLOOR, level, color=colours.pale, linewidth=0)
    for kind, where, colour in (("tone", tone, GREEN), ("sound that can be a voice", voice, colours.blue)):
        if where.any():
            ax.fill_between(times, _FLOOR, level, where=where, color=colour, alpha=0.75, linewidth=0, label=kind)
    if tone.any() or voice.any():
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2, handlelength=1)
    return float(times[voice][-1]) if voice.any() else None


def _bar(ax: Axes, start: float, end: float, lane: str, colour: str, words: str, known: float | None = None) -> None:
    """Draw a bar in a lane, pale until `known`, and words at its beginning."""
    height, solid = _LANES[lane], start if known is None else known
    for left, right, alpha in ((start, solid, 0.4), (solid, end, 1.0)):
        ax.barh(height, right - left, left=left, height=11, color=colour, alpha=alpha, linewidth=0, zorder=2)
    # The bars are bright, whatever the ground.
    ink = "black" if known is None else plt.rcParams["text.color"]
    text = ax.annotate(words, (start, height), xytext=(3, 0), textcoords="offset points", va="center")
    text.set(fontsize=7.5, color=ink, zorder=3)


def _matches(ax: Axes, result: ScanResult, channel: int) -> None:
    for match in result.matches:
        if match.channel != channel or match.decided_at is None:
            continue
        words = f"{match.script}" + (f" or {', '.join(match.rivals)}" if match.rivals else "")
        words += f" · {match.speed:.2f} x · {match.false_alarms_per_hour:.0e} false alarms/h"
        _bar(ax, match.query_start, match.query_end, "script", ORANGE, words)


def _voices(ax: Axes, result: ScanResult, channel: int, last: float) -> None:
    """Draw who speaks: a machine, pale until that was known, and a person from the hand-over on."""
    events = [event for event in result.events if event.channel == channel]
    when = {kind: [e.at for e in events if e.type == kind] for kind in ("answered", "machine_voice", "handover")}
    taken = when["handover"][:1]
    for known in when["machine_voice"][:1]:
        start, end = min([*when["answered"], known]), max(known, *taken, 0.0 if taken else last)
        # The channel's probability is one of all its speech: with a person in it, it says nothing about the machine.
        probability = None if taken else result.channels[channel].machine_voice.probability
        words = "machine" if probability is None else f"machine, {probability:.0%}"
        _bar(ax, start, end, "voice", PURPLE, words, known)
    for at in taken:
        _bar(ax, at, max(at, last), "voice", SKY, "person")


def _events(ax: Axes, result: ScanResult, channel: int, colours: Palette) -> None:
    shades = {"answered": GREEN, "match": RED, "machine_voice": PURPLE, "handover": colours.blue}
    free = {0: -1.0, 1: -1.0}  # until when each of two rows of labels is taken
    for event in result.events:
        if event.channel != channel and event.type != "ended":
            continue
        colour = shades.get(event.type, colours.grey)
        late = event.at > 0.85 * result.seconds
        row = 0 if free[0] <= event.at or late else 1
        free[row] = event.at + 0.1 * result.seconds
        ax.axvline(event.at, color=colour, linewidth=1, zorder=1)
        ax.annotate(
            {"machine_voice": "machine voice", "handover": "hand-over"}.get(event.type, event.type),
            (event.at, _LANES["events"] + 11 - 9 * row),
            xytext=(-3 if late else 3, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="top",
            fontsize=7.5,
            color=colour if event.type in shades else colours.ink,
        )
