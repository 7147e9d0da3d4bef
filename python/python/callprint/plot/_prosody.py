"""How something is said, on one card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from callprint._features import feature_catalogue, features
from callprint._signal import StrPath
from callprint.plot._style import BLUE, GREEN, ORANGE, panels, samples, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 12
"""Statistics that a card shows."""


def prosody(y: ArrayLike | StrPath, *, sr: int | None = None, channel: int | None = None) -> Figure:
    """Draw the melody, voicing and loudness of speech, and the statistics of `features`.

    Parameters
    ----------
    y : array_like of shape (n,), or path
        Samples of one channel, or an audio file.
    sr : int
        Sample rate of the samples, Hz; not for files.
    channel : int, optional
        Channel of the file.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingDependencyError
        If pandas is not installed.
    """
    signal, rate = samples(y, sr, channel)
    frames = features(signal, sr=rate, level="lld")
    totals = features(signal, sr=rate).iloc[0]
    times = 0.01 * np.arange(len(frames)) + 0.005
    with style():
        figure, axes = panels([1.7, 1.2, 1.2, 2.4], sharex=False)
        voiced = frames["F0_Hz"].where(frames["F0_Hz"] > 0).to_numpy(dtype=float)
        axes[0].plot(times, voiced, color=BLUE, linewidth=1.5)
        axes[0].set_ylabel("F0, Hz")
        axes[1].plot(times, frames["voicing"].to_numpy(dtype=float), color=ORANGE, linewidth=1)
        axes[1].set_ylabel("voicing, 0 to 1")
        level = np.maximum(frames["level_dB"].to_numpy(dtype=float), -80)
        axes[2].fill_between(times, -80, level, color=GREEN, alpha=0.5, linewidth=0)
        axes[2].set_ylabel("level, dBFS")
        for ax in axes[:3]:
            ax.set_xlim(0, len(signal) / rate)
        axes[2].set_xlabel("time, s")
        _statistics(axes[3], totals)
    return figure


def _statistics(ax: Axes, totals: pd.Series) -> None:
    ax.axis("off")
    units = {feature.name: feature.unit for feature in feature_catalogue()}
    shown = [(name, value) for name, value in totals.items() if np.isfinite(value)][: 2 * _SHOWN]
    for i, (name, value) in enumerate(shown):
        column, row = divmod(i, _SHOWN)
        unit = units.get(str(name), "")
        x, y = 0.02 + 0.5 * column, 1 - (row + 1) / (_SHOWN + 1)
        ax.text(x, y, str(name), transform=ax.transAxes, fontsize=7)
        ax.text(x + 0.33, y, f"{value:.3g} {'' if unit == '1' else unit}", transform=ax.transAxes, fontsize=7)
