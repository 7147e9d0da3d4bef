"""How something is said, on one card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from callprint._features import feature_catalogue, features
from callprint._signal import StrPath
from callprint.plot._style import GREEN, ORANGE, panels, samples, style, until

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = [
    "F0semitoneFrom27.5Hz_sma3nz_percentile50.0",
    "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2",
    "F0pitch_stddev",
    "jitterLocal_sma3nz_amean",
    "shimmerLocaldB_sma3nz_amean",
    "HNRdBACF_sma3nz_amean",
    "logRelF0-H1-H2_sma3nz_amean",
    "slopeV0-500_sma3nz_amean",
    "slopeV500-1500_sma3nz_amean",
    "alphaRatio4k_amean",
    "hammarberg4k_amean",
    "flux_amean",
    "voicedShare",
    "VoicedSegmentsPerSec",
    "MeanVoicedSegmentLengthSec",
    "speechSec",
    "speechRate",
    "articulationRate",
    "pausesPerMin",
    "pauseLengthSec_amean",
    "nPVI",
    "level_percentile50.0",
    "level_pctlrange5-95",
    "digitalSilenceShare",
]
"""Statistics that a card shows, in two columns: melody and voice quality, then timing and level."""


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
        If pandas or matplotlib is not installed.
    """
    signal, rate = samples(y, sr, channel)
    frames = features(signal, sr=rate, level="lld")
    totals = features(signal, sr=rate).iloc[0]
    times = 0.01 * np.arange(len(frames)) + 0.005
    with style() as colours:
        figure, axes = panels([1.7, 1.2, 1.2, 2.4], sharex=False)
        voiced = frames["F0_Hz"].where(frames["F0_Hz"] > 0).to_numpy(dtype=float)
        axes[0].plot(times, voiced, color=colours.blue, linewidth=1.5)
        axes[0].set_ylabel("F0, Hz")
        axes[1].plot(times, frames["voicing"].to_numpy(dtype=float), color=ORANGE, linewidth=1)
        axes[1].set_ylabel("voicing, 0 to 1")
        level = np.maximum(frames["level_dB"].to_numpy(dtype=float), -80)
        axes[2].fill_between(times, -80, level, color=GREEN, alpha=0.5, linewidth=0)
        axes[2].set_ylabel("level, dBFS")
        for ax in axes[:3]:
            ax.set_xlim(0, until(signal, rate))
        axes[2].set_xlabel("time, s")
        _statistics(axes[3], totals)
    return figure


def _statistics(ax: Axes, totals: pd.Series) -> None:
    ax.axis("off")
    units = {feature.name: feature.unit for feature in feature_catalogue()}
    rows = len(_SHOWN) // 2
    for i, name in enumerate(_SHOWN):
        column, row = divmod(i, rows)
        unit, value = units[name], totals[name]
        words = f"{value:.3g} {'' if unit == '1' else unit}" if np.isfinite(value) else "not defined"
        x, y = 0.02 + 0.54 * column, 1 - (row + 1) / (rows + 1)
        ax.text(x, y, name, transform=ax.transAxes, fontsize=7)
        ax.text(x + (0.24 if column else 0.34), y, words, transform=ax.transAxes, fontsize=7)
