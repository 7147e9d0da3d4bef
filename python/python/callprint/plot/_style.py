"""What all pictures share: the style, and how a signal becomes samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint._corpus import load
from callprint._errors import ArgumentError, MissingDependencyError
from callprint._results import Match
from callprint._signal import StrPath, as_rate, as_signal, is_path, refuse_rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

BLUE, SKY, ORANGE, GREEN, RED, PURPLE = "#0072b2", "#56b4e9", "#e69f00", "#009e73", "#d55e00", "#cc79a7"
"""Okabe and Ito's colours, which the colour-blind can tell apart."""


class Palette(NamedTuple):
    """What depends on the ground: light as on paper, or dark as on a screen at night."""

    ground: str
    ink: str
    grey: str
    """Lines and words of less weight."""
    pale: str
    """Areas behind everything."""
    blue: str
    """For lines; the blue of paper is too dark on black."""
    bits: str
    """Colour map in which 0 is the ground and 1 the ink."""
    errors: str
    """Colour map in which 0 is far from the ground."""

    def shades(self) -> Colormap:
        """Return a colour map from the ground to a strong blue."""
        from matplotlib.colors import LinearSegmentedColormap

        return LinearSegmentedColormap.from_list("shades", [self.ground, self.blue, self.ink])


# Differing bits of 128 below which two codes are surely of the same sound; unrelated ones differ in 64.
SURE_DISTANCE = 20

_LIGHT = Palette("#ffffff", "#222222", "#6e6e6e", "#c4c4c4", BLUE, "Greys", "viridis")
_DARK = Palette("#111111", "#e8e8e8", "#9a9a9a", "#4a4a4a", SKY, "Greys_r", "viridis_r")


def pyplot() -> Any:
    """Import matplotlib, or say what to do: the functions can be named, listed and read about without it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = "callprint.plot needs matplotlib: pip install 'callprint[plot]'"
        raise MissingDependencyError(message, name="matplotlib") from error
    return plt


def palette() -> Palette:
    """Return the colours that suit matplotlib's present setting of a figure's ground."""
    plt = pyplot()
    from matplotlib.colors import to_rgb

    setting = plt.rcParams["figure.facecolor"]
    red, green, blue = (1.0, 1.0, 1.0) if setting == "none" else to_rgb(setting)
    return _DARK if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else _LIGHT


def _settings(colours: Palette) -> dict[Any, Any]:
    return {
        "figure.facecolor": colours.ground,
        "savefig.facecolor": colours.ground,
        "axes.facecolor": colours.ground,
        "axes.edgecolor": colours.ink,
        "axes.labelcolor": colours.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "axes.titlecolor": colours.ink,
        "axes.labelsize": 9,
        "xtick.color": colours.ink,
        "ytick.color": colours.ink,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "text.color": colours.ink,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "font.size": 9,
        "figure.dpi": 110,
        "font.family": ["DejaVu Sans", "sans-serif"],
        "image.interpolation": "nearest",
    }


@contextmanager
def style() -> Iterator[Palette]:
    """Draw in the style of these pictures, light or dark; settings made elsewhere come back after it."""
    colours = palette()
    with pyplot().rc_context(_settings(colours)):
        yield colours


WIDTH = 9.0
"""Width of a figure, inches."""


def panels(heights: list[float], *, width: float = WIDTH, sharex: bool = True) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels under each other; heights in inches."""
    plt = pyplot()
    figure, axes = plt.subplots(
        len(heights),
        1,
        figsize=(width, sum(heights)),
        sharex=sharex,
        squeeze=False,
        height_ratios=heights,
        layout="constrained",
    )
    for ax in axes.flat:
        # Ticks are made when a figure is drawn, which is after this style has ended.
        ax.tick_params(colors=plt.rcParams["xtick.color"], labelsize=plt.rcParams["xtick.labelsize"])
    # The notebook shows what is returned; pyplot need not show it again.
    plt.close(figure)
    return figure, list(axes[:, 0])


def samples(y: ArrayLike | StrPath, sr: int | None, channel: int | None = None) -> tuple[NDArray[Any], int]:
    """Return float or int16 samples and their rate for an argument that is samples or a path."""
    if is_path(y):
        refuse_rate(sr)
        return load(y, channel=channel)
    return as_signal(y), as_rate(sr)


def as_match(match: object) -> Match:
    """Check that `match` is one, and say what to pass in place of what holds some."""
    if not isinstance(match, Match):
        held = ", as in matches[0]" if isinstance(match, Sequence) and not isinstance(match, str) else ""
        raise ArgumentError(f"match is {type(match).__name__}; want one of those that scan() or search() returns{held}")
    return match


def until(signal: NDArray[Any], rate: int) -> float:
    """Return where the axis of time ends, s: of no samples, too, it has a length."""
    return max(len(signal) / rate, 0.01)


class Frames(NamedTuple):
    """How a spectrogram lies over time."""

    length: int
    """Samples of a frame."""
    hop: int
    """Samples from one frame to the next."""
    sr: int

    def times(self, count: int) -> NDArray[np.float64]:
        """Return the times of the middles of the first frames, s."""
        return (np.arange(count) * self.hop + 0.5 * self.length) / self.sr


def frames_of(sr: int) -> Frames:
    """Return frames of 32 ms each 10 ms, as the fingerprint takes them."""
    return Frames(round(0.032 * sr), round(0.010 * sr), sr)


def decibels(y: NDArray[Any], sr: int) -> tuple[NDArray[np.float64], float]:
    """Return a power spectrogram ``(frequencies, frames)`` in dB of full scale, and its top, Hz.

    The frames are those of `frames_of`, with a Hann window. What is not finite counts as 0, as everywhere.
    """
    scale = 1.0 / 32768 if y.dtype == np.int16 else 1.0
    x = np.nan_to_num(np.asarray(y, np.float64) * scale, nan=0.0, posinf=0.0, neginf=0.0)
    length, hop, _ = frames_of(sr)
    if len(x) < length:
        x = np.pad(x, (0, length - len(x)))
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[::hop]
    window = np.hanning(length + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * window) / window.sum() * 2) ** 2
    top = min(4000.0, sr / 2)
    kept = power[:, : int(top * length / sr) + 1]
    return 10 * np.log10(kept.T + 1e-12), top


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
    # The alignment is of the last seconds, and its ends may hang loose. From where it is sure straight lines lead to
    # where the match begins and ends.
    sure = np.flatnonzero(path.distances[order] < SURE_DISTANCE)
    order = order[sure[0] : sure[-1] + 1] if len(sure) else order
    script, query = path.script_times[order], path.query_times[order]
    if match.script_start < script[0]:
        script, query = np.r_[match.script_start, script], np.r_[match.query_start, query]
    if match.script_end > script[-1]:
        script, query = np.r_[script, match.script_end], np.r_[query, match.query_end]
    times = np.interp(script_times, script, query)
    before, after = script_times < script[0], script_times > script[-1]
    times[before] = query[0] + (script_times[before] - script[0]) / match.speed
    times[after] = query[-1] + (script_times[after] - script[-1]) / match.speed
    return times


def bits(codes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Unpack codes ``(n, 2)`` into bits ``(128, n)``."""
    octets = np.ascontiguousarray(codes).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little").T
