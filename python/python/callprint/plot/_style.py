"""What all pictures share: the style, and how a signal becomes samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._corpus import load
from callprint._errors import MissingDependencyError
from callprint._results import Match
from callprint._signal import StrPath, as_rate, as_signal, is_path, refuse_rate

try:
    import matplotlib.pyplot as plt
except ImportError as error:
    message = "callprint.plot needs matplotlib: pip install 'callprint[plot]'"
    raise MissingDependencyError(message, name="matplotlib") from error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#777777"
"""Okabe and Ito's colours, and a grey."""

INK = "#222222"

_STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "font.size": 9,
    "figure.dpi": 110,
    # Scripts may be Chinese; of these whichever is installed.
    "font.family": ["DejaVu Sans", "sans-serif"],
    "image.interpolation": "nearest",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of these pictures; settings made elsewhere come back after it."""
    with plt.rc_context(_STYLE):
        yield


def panels(heights: list[float], *, width: float = 9.0, sharex: bool = True) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels under each other; heights in inches."""
    figure, axes = plt.subplots(
        len(heights),
        1,
        figsize=(width, sum(heights)),
        sharex=sharex,
        squeeze=False,
        height_ratios=heights,
        layout="constrained",
    )
    # The notebook shows what is returned; pyplot need not show it again.
    plt.close(figure)
    return figure, list(axes[:, 0])


def samples(y: ArrayLike | StrPath, sr: int | None, channel: int | None = None) -> tuple[NDArray[Any], int]:
    """Return float or int16 samples and their rate for an argument that is samples or a path."""
    if is_path(y):
        refuse_rate(sr)
        return load(y, channel=channel)
    return as_signal(y), as_rate(sr)


def decibels(y: NDArray[Any], sr: int) -> tuple[NDArray[np.float64], float, float]:
    """Return a power spectrogram ``(frequencies, frames)`` in dB of full scale, its hop, s, and its top, Hz.

    Frames of 32 ms each 10 ms with a Hann window, as the fingerprint takes them.
    """
    scale = 1.0 / 32768 if y.dtype == np.int16 else 1.0
    x = np.asarray(y, np.float64) * scale
    length, hop = round(0.032 * sr), round(0.010 * sr)
    if len(x) < length:
        x = np.pad(x, (0, length - len(x)))
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[::hop]
    window = np.hanning(length + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * window) / window.sum() * 2) ** 2
    top = min(4000.0, sr / 2)
    kept = power[:, : int(top * length / sr) + 1]
    return 10 * np.log10(kept.T + 1e-12), hop / sr, top


def assumed_speed(match: Match | None) -> float:
    """Return the speed at which the recording's codes agree best with those of the match."""
    if match is None:
        return 1.0
    return match.speed if match.alignment is None else match.alignment.speed


def heard_at(script_times: NDArray[np.float64], match: Match) -> NDArray[np.float64]:
    """Return when each time of the rendering is heard: along the alignment, and on the match's line beyond it."""
    line = match.query_start + (script_times - match.script_start) / match.speed
    path = match.alignment
    if path is None:
        return line
    order = np.argsort(path.script_times, kind="stable")
    script, query = path.script_times[order], path.query_times[order]
    times = np.interp(script_times, script, query)
    before, after = script_times < script[0], script_times > script[-1]
    times[before] = query[0] + (script_times[before] - script[0]) / match.speed
    times[after] = query[-1] + (script_times[after] - script[-1]) / match.speed
    return times


def bits(codes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Unpack codes ``(n, 2)`` into bits ``(128, n)``."""
    octets = np.ascontiguousarray(codes).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little").T
