"""A call from its beginning to its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._corpus import load
from callprint._errors import ArgumentError
from callprint._fingerprint import fingerprint
from callprint._results import Match, ScanResult
from callprint._signal import StrPath, as_rate, as_signal, is_path, refuse_rate
from callprint.plot._labels import GAP, POINTS, Labels, shortened, width
from callprint.plot._style import (
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Palette,
    decibels,
    frames_of,
    panels,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FLOOR = -70.0
"""Lowest level that is drawn, dB of full scale."""

_ROW = 15.0
"""Height of a row of bars above the level, on its axis; the lowest is centred at 11."""

_ROWS_FOR_WORDS = 3
"""Rows that matches may take for their names to have room."""

_MOST_ROWS = 6
"""Rows that matches at the same time may take; more of them lie over each other."""

_TITLE = 10.0
"""Size of a title, points."""

_LONGEST = 4 * 3600.0
"""Longest file whose level is drawn, s: an hour of samples takes 115 MB."""

_APART = 0.5
"""Difference between the lengths of a result and its signal that decoders of the same file may make, s."""

_Channel = tuple[NDArray[Any], int]
"""Samples of one channel and their rate."""


def timeline(
    result: ScanResult, y: ArrayLike | StrPath | Sequence[ArrayLike] | None = None, *, sr: int | None = None
) -> Figure:
    """Draw what a scan says of a call along its time.

    Beneath is the level, coloured where it is a tone (ringing, busy) and where it can be a voice. Above it lie the
    scripts that matched; then who speaks: a machine, pale until that was known, and a person from each hand-over to the
    next script; and the events. Words are left out where there is no room for them.

    Parameters
    ----------
    result : ScanResult
        From `scan`.
    y : array_like of shape (n,) or (n, c), sequence of c array_like, or path, optional
        The recording, for its level: of a result of several channels, all of them. By default the file that was
        scanned, if it is there, and no longer than 4 h.
    sr : int, optional
        Sample rate of samples, Hz; not for files.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each channel.

    Raises
    ------
    ArgumentError
        If an argument can't be used, such as a signal of another length or with other channels than the result.
    AudioError, FileError
        If the file can't be read.
    MissingDependencyError
        If matplotlib is not installed.
    """
    _check_result(result)
    if y is None and Path(result.file).is_file() and result.seconds <= _LONGEST:
        y = result.file
    given = None if y is None or is_path(y) else _channels(y, sr, len(result.channels))
    placed = [_rows(result, number) for number in range(len(result.channels))]
    rows = [max((row for row, _ in bars), default=0) + 1 for bars in placed]
    with style() as colours:
        figure, axes = panels([2.3 + 0.25 * (count - 1) for count in rows])
        for number, (channel, ax) in enumerate(zip(result.channels, axes, strict=True)):
            ax.set_xlim(0, max(result.seconds, 0.1))
            labels = Labels(ax)
            last, legend = result.seconds, 0.0
            if y is not None:
                signal, rate = given[number] if given else _of_file(y, sr, number)
                _check_length(result, signal, rate, given is None)
                heard, legend = _level(ax, signal, rate, colours)
                last = heard or last
            voice_at = 11.0 + _ROW * rows[number]
            _matches(labels, placed[number], colours)
            _voices(labels, result, number, last, voice_at, colours)
            _events(labels, result, number, voice_at + 22.0, colours)
            sound = f"{channel.name}: {channel.active_seconds:.1f} s of sound"
            if len(axes) == 1:
                room = POINTS - legend - width(f", {sound}", _TITLE)
                sound = f"{shortened(Path(result.file).name, room, _TITLE)}, {sound}"
            # A file may be called as a formula.
            ax.set_title(sound, parse_math=False)
            ax.set_ylim(_FLOOR, voice_at + 23.0)
            levels = [-60, -40, -20, 0]
            lanes = {11.0 + _ROW * 0.5 * (rows[number] - 1): "script", voice_at: "voice"}
            ax.set_yticks([*levels, *lanes], [*(f"{level}" for level in levels), *lanes.values()])
            ax.set_ylabel("level, dBFS", y=0.3)
        axes[-1].set_xlabel("time, s")
    return figure


def _check_result(result: object) -> None:
    if not isinstance(result, ScanResult):
        several = isinstance(result, Sequence) and not isinstance(result, str)
        instead = "one of them, as in results[0]" if several else "what scan() returns for one recording"
        raise ArgumentError(f"result is {type(result).__name__}; pass {instead}")


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


def _channels(y: Any, sr: int | None, count: int) -> list[_Channel]:
    """Return the channels of a signal, as many as the result has."""
    rate = as_rate(sr)
    if isinstance(y, (list, tuple)) and y and not isinstance(y[0], (int, float, np.number)):
        several = list(y)
    elif getattr(y, "ndim", 1) == 2:
        table = np.asarray(y)
        if table.shape[1] != count:
            turned = "; pass y.T" if table.shape[0] == count else ""
            raise ArgumentError(
                f"y has shape {table.shape}; the result has {_number(count)}: want (n, {count}){turned}"
            )
        several = list(table.T)
    else:
        several = [y]
    if len(several) != count:
        want = "as in [left, right]" if count > 1 else "as samples of shape (n,)"
        raise ArgumentError(f"y is {_number(len(several))}, but the result has {_number(count)}; pass all, {want}")
    return [(as_signal(channel), rate) for channel in several]


def _number(count: int) -> str:
    return f"{count} channel{'s' if count != 1 else ''}"


def _of_file(path: Any, sr: int | None, channel: int) -> _Channel:
    refuse_rate(sr)
    return load(path, channel=channel, max_seconds=float("inf"))


def _check_length(result: ScanResult, signal: NDArray[Any], rate: int, of_file: bool) -> None:
    """Refuse a signal that is not that of the result."""
    seconds = len(signal) / rate
    if abs(seconds - result.seconds) > _APART:
        what, instead = ("the file", "scan it again") if of_file else ("y", "pass the recording that was scanned")
        raise ArgumentError(f"{what} is {seconds:.1f} s long, but the result {result.seconds:.1f} s; {instead}")


def _level(ax: Axes, signal: NDArray[Any], rate: int, colours: Palette) -> tuple[float | None, float]:
    """Draw the level; return when the last sound that can be a voice ends, s, and how wide the legend is, points."""
    frames = frames_of(rate)
    levels, pure = [np.empty(0)], [np.empty(0, bool)]
    # In blocks of a minute, for an hour of spectra would take gigabytes; the last frame of one ends in the next.
    block = 6000 * frames.hop
    for start in range(0, max(len(signal) - frames.length, 0) + 1, block):
        power, _ = decibels(signal[start : start + block + frames.length - frames.hop], rate)
        levels.append(np.maximum(10 * np.log10((10 ** (power / 10)).sum(axis=0) + 1e-12), _FLOOR))
        pure.append(tones(power))
    level, tone = np.concatenate(levels), np.concatenate(pure)
    tone &= level > level.max() - 40
    times = frames.times(len(level))
    heard = fingerprint(signal, sr=rate, hop=1)
    voice = np.zeros(len(level), bool)
    if len(heard.times):
        nearest = np.clip(np.searchsorted(heard.times, times), 0, len(heard.times) - 1)
        voice = heard.active[nearest] & ~tone & (np.abs(heard.times[nearest] - times) < 0.25)
    ax.fill_between(times, _FLOOR, level, color=colours.pale, linewidth=0)
    for kind, where, colour in (("tone", tone, GREEN), ("sound that can be a voice", voice, colours.blue)):
        if where.any():
            ax.fill_between(times, _FLOOR, level, where=where, color=colour, alpha=0.75, linewidth=0, label=kind)
    legend = 0.0
    if tone.any() or voice.any():
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2, handlelength=1)
        legend = 50.0 + 25.0 * tone.any() + 120.0 * voice.any()
    return (float(times[voice][-1]) if voice.any() else None), legend


class _Bar(NamedTuple):
    """A stretch of time in a lane, pale until it was known."""

    start: float
    end: float
    colour: str
    words: list[str]
    """What it may be called, the longest first: the first that there is room for."""
    known: float | None = None


def _draw(labels: Labels, bars: list[_Bar], height: float, colours: Palette) -> None:
    """Draw bars of one row, in order of time, each with words on it, or beside it if there is more room."""
    for number, bar in enumerate(bars):
        solid = bar.start if bar.known is None else min(max(bar.known, bar.start), bar.end)
        for left, right, alpha in ((bar.start, solid, 0.4), (solid, bar.end, 1.0)):
            if right > left:
                labels.ax.barh(
                    height, right - left, left=left, height=11, color=bar.colour, alpha=alpha, linewidth=0, zorder=2
                )
        free = bars[number + 1].start if number + 1 < len(bars) else labels.end
        # The bars are bright, whatever the ground.
        ink = "black" if bar.known is None else colours.ink
        for words in bar.words:
            if labels.on(words, bar.start, bar.end, height, ink) or labels.on(
                words, bar.end, free, height, colours.ink
            ):
                break


def _rows(result: ScanResult, channel: int) -> list[tuple[int, Match]]:
    """Place the matches of a channel in rows so that none lies over another, nor on its name; in order of time."""
    matches = [match for match in result.matches if match.channel == channel and match.decided_at is not None]
    ends: list[float] = []  # of each row: where its last bar ends, and where the name beside it does
    words: list[float] = []
    placed = []
    for match in sorted(matches, key=lambda match: match.query_start):
        start, end = match.query_start, match.query_end
        name = (width(match.script) + 2 * GAP) * result.seconds / POINTS
        row = next((row for row, taken in enumerate(words) if taken <= start), len(ends))
        if row == len(ends) >= _ROWS_FOR_WORDS:
            row = next((row for row, taken in enumerate(ends) if taken <= start), min(len(ends), _MOST_ROWS - 1))
        if row == len(ends):
            ends.append(0.0)
            words.append(0.0)
        ends[row] = max(ends[row], end)
        words[row] = ends[row] if name <= end - start else ends[row] + name
        placed.append((row, match))
    return placed


def _matches(labels: Labels, placed: list[tuple[int, Match]], colours: Palette) -> None:
    rows: dict[int, list[_Bar]] = {}
    for row, match in placed:
        name = match.script + (f" or {', '.join(match.rivals)}" if match.rivals else "")
        sure = f"{name} · {match.speed:.2f} x · {match.false_alarms_per_hour:.0e} false alarms/h"
        rows.setdefault(row, []).append(
            _Bar(
                match.query_start, match.query_end, ORANGE, [sure, name, match.script] if match.rivals else [sure, name]
            )
        )
    for row, bars in rows.items():
        _draw(labels, bars, 11.0 + _ROW * row, colours)


def _voices(labels: Labels, result: ScanResult, channel: int, last: float, height: float, colours: Palette) -> None:
    """Draw who speaks: a machine, pale until that was known, and a person from each hand-over to the next script."""
    events = [event for event in result.events if event.channel == channel]
    when = {kind: [e.at for e in events if e.type == kind] for kind in ("answered", "machine_voice", "handover")}
    taken = sorted(when["handover"])
    scripts = sorted(
        (match.query_start, match.decided_at)
        for match in result.matches
        if match.channel == channel and match.decided_at is not None
    )
    bars = []
    for known in when["machine_voice"][:1]:
        start, end = min([*when["answered"], known]), taken[0] if taken else max(known, last)
        # The channel's probability is one of all its speech: with a person in it, it says nothing about the machine.
        probability = None if taken else result.channels[channel].machine_voice.probability
        words = "machine" if probability is None else f"machine, {probability:.0%}"
        bars.append(_Bar(start, max(end, start), PURPLE, [words, "machine"], known))
    for number, at in enumerate(taken):
        following = taken[number + 1] if number + 1 < len(taken) else max(at, last)
        script = next(((start, decided) for start, decided in scripts if at < start < following), None)
        bars.append(_Bar(at, following if script is None else script[0], SKY, ["person"]))
        if script is not None:
            # Somebody put through to the next robot.
            bars.append(_Bar(script[0], following, PURPLE, ["machine"], script[1]))
    _draw(labels, bars, height, colours)


def _events(labels: Labels, result: ScanResult, channel: int, top: float, colours: Palette) -> None:
    """Draw a line for each event, and its name in one of two rows where there is room."""
    shades = {"answered": GREEN, "match": RED, "machine_voice": PURPLE, "handover": colours.blue}
    names = {"machine_voice": "machine voice", "handover": "hand-over"}
    free = [-1.0, -1.0]  # until when each of the two rows is taken
    for event in sorted(result.events, key=lambda event: event.at):
        if event.channel != channel and event.type != "ended":
            continue
        colour = shades.get(event.type, colours.grey)
        labels.ax.axvline(event.at, color=colour, linewidth=1, zorder=1)
        words = names.get(event.type, event.type)
        for row, taken in enumerate(free):
            begin, end = labels.extent(words, event.at)
            if begin >= taken:
                ink = colour if event.type in shades else colours.ink
                labels.write(words, event.at, top - 9.0 * row, ink, late=begin < event.at, above=True)
                free[row] = end
                break
