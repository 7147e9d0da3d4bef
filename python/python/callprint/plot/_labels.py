"""Words on an axis of time, only where there is room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callprint.plot._style import WIDTH, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 7.5
"""Size of the words, points."""

GAP = 3.0
"""Space between words and what they speak of, points."""

POINTS = 0.85 * 72 * WIDTH
"""About how wide the axis of time of a figure is, points; the labels of the other axis take the rest."""


def width(words: str, size: float = SIZE) -> float:
    """Return how wide words are, points."""
    pyplot()
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return float(text_to_path.get_text_width_height_descent(words, FontProperties(size=size), ismath=False)[0])


def shortened(text: str, room: float, size: float) -> str:
    """Leave out the middle of a text until it takes no more than `room`, points; both ends stay."""
    if width(text, size) <= room:
        return text
    for kept in range(len(text) - 1, 7, -1):
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if width(short, size) <= room:
            return short
    return f"{text[:4]}…{text[-4:]}"


class Labels:
    """Words on an axis of time whose limits are set.

    They are clipped, and the layout takes no account of them, so that they can't shrink the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes, in a figure as `panels` makes it.

    Attributes
    ----------
    end : float
        Where the axis ends, s.
    """

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        self.end = ax.get_xlim()[1]

    def seconds(self, words: str) -> float:
        """Return how much of the axis words take with the space around them, s."""
        return (width(words) + 2 * GAP) * self.end / POINTS

    def extent(self, words: str, at: float) -> tuple[float, float]:
        """Return from when to when words lie that begin at a time, or end there if the axis ends before them, s."""
        length = self.seconds(words)
        return (at, at + length) if at + length <= self.end else (at - length, at)

    def on(self, words: str, start: float, end: float, height: float, ink: str) -> bool:
        """Write words on a bar, or on free ground, if they fit between its ends, and say whether they do."""
        fits = self.seconds(words) <= min(end, self.end) - start
        if fits:
            self.write(words, start, height, ink)
        return fits

    def write(self, words: str, at: float, height: float, ink: str, *, late: bool = False, above: bool = False) -> None:
        """Write words from a time on, or, if `late`, up to it; `height` is that of their middle, or top if `above`."""
        text = self.ax.annotate(
            words,
            (at, height),
            xytext=(-GAP if late else GAP, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="top" if above else "center",
            fontsize=SIZE,
            color=ink,
            zorder=3,
            clip_on=True,
        )
        text.set_in_layout(False)
