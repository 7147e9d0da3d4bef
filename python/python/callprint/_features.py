"""Prosody as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callprint import _core
from callprint._batch import OnError, Recording, check_on_error, recordings_of, run
from callprint._errors import ArgumentError
from callprint._pandas import import_pandas
from callprint._scan import Batch, Samples
from callprint._signal import StrPath, as_path, as_rate, as_signal, is_path

if TYPE_CHECKING:
    import pandas as pd

HOP_NS = 10_000_000
"""Step of the low-level descriptors, ns."""


class Feature(NamedTuple):
    """What a column of `features` means.

    Attributes
    ----------
    name : str
        Column; the same as in eGeMAPSv02 where it is the same quantity.
    unit : str
        Unit, ``1`` for a ratio.
    formula : str
        How it is computed.
    source : str
        Publication or set that defines it.
    """

    name: str
    unit: str
    formula: str
    source: str


def feature_names() -> list[str]:
    """List the columns of `features`, in order."""
    return [feature.name for feature in feature_catalogue()]


def feature_catalogue() -> list[Feature]:
    """List the columns of `features` with their units, formulas and sources.

    Examples
    --------
    >>> feature_catalogue()[0].unit
    'semitone'
    """
    return [Feature(*row) for row in _core.feature_table()[1]]


class _Rows(NamedTuple):
    """The rows of one channel."""

    file: str
    channel: int
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    values: NDArray[np.floating[Any]]


def features(
    audio: StrPath | Samples | Batch,
    *,
    sr: int | None = None,
    level: Literal["functionals", "lld"] = "functionals",
    on_error: OnError = "warn",
    jobs: int | None = None,
    progress: bool = False,
    channel_level: bool | None = None,
) -> pd.DataFrame:
    """Measure prosody: pitch, voicing, level, pauses, speech rate.

    Parameters
    ----------
    audio : path, array_like of shape (n,), or iterable of these
        An audio file, a folder (with all audio files below it), the samples of one channel as `fingerprint` takes
        them, or several of these, as `scan` takes them.
    sr : int, optional
        Sample rate of samples, Hz; files tell their own.
    level : {'functionals', 'lld'}, optional
        One row of statistics for a channel, the feature set ``TtsProsodyV1``, or a row of low-level descriptors each
        10 ms.
    on_error : {'warn', 'raise', 'ignore'}, optional
        What to do about a recording of several that can't be read. For a single one the error is always raised.
    jobs : int, optional
        Recordings to analyse at the same time; by default as many as there are processors.
    progress : bool, optional
        Whether to show a bar that counts the recordings of several (needs tqdm).
    channel_level : bool, optional
        Whether the index has a fourth level, ``channel``, from 0; by default only if a recording has several. Tables to
        be put together, some of stereo files, want it in all: ``pandas.concat`` drops a level that one does not have.
        Without it the rows of a recording's channels are in their order, but have the same index.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``file``, ``start`` and ``end`` (`Timedelta`), as from opensmile, and ``channel`` as
        `channel_level` says. Samples are called ``<array>``, of several ``<array 0>``, ``<array 1>`` and so on. A value
        is NaN where it is not defined, such as the mean F0 of silence. ``attrs["feature_set"]`` names the feature set,
        ``attrs["failures"]`` says of each recording that was left out why, by its name.

    Raises
    ------
    MissingDependencyError
        If pandas is not installed.
    ArgumentError
        If an argument can't be used.
    AudioError, FileError
        If a file can't be read.

    See Also
    --------
    feature_catalogue : units, formulas and sources of the columns.

    Notes
    -----
    The F0 agrees with Praat's autocorrelation method [1]_.

    References
    ----------
    .. [1] P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
       sampled sound", IFA Proceedings 17, 1993.

    Examples
    --------
    A pulse train of 200 Hz:

    >>> import numpy as np
    >>> y = np.zeros(8000, np.float32)
    >>> y[::40] = 0.5
    >>> table = features(y, sr=8000)
    >>> float(27.5 * 2 ** (table["F0semitoneFrom27.5Hz_sma3nz_amean"].iloc[0] / 12)).__round__()
    200
    """
    import_pandas("features")
    if level not in ("functionals", "lld"):
        raise ArgumentError(f"level is {level!r}; want 'functionals' or 'lld'")
    check_on_error(on_error)
    recordings, batch = recordings_of(audio, sr)
    measure = _functionals if level == "functionals" else _frames

    def measure_one(recording: Recording, cancel: _core.CancelFlag | None = None) -> list[_Rows]:
        return measure(recording, sr, cancel)

    if batch:
        rows, failures = run(measure_one, recordings, jobs=jobs, on_error=on_error, progress=progress)
    else:
        rows, failures = [measure_one(next(iter(recordings)))], []
    names = feature_names() if level == "functionals" else _core.feature_table()[0]
    several = [channel for channels in rows for channel in channels]
    if channel_level is None:
        channel_level = any(channel.channel > 0 for channel in several)
    dtype = np.float64 if level == "functionals" else np.float32
    table = _table(several, names, dtype, channel_level)
    table.attrs["feature_set"] = _core.FEATURE_SET
    # As text: attributes are written to Parquet, and compared when tables are put together.
    table.attrs["failures"] = {failure.file: str(failure.error) for failure in failures}
    return table


def _functionals(recording: Recording, sr: int | None, cancel: _core.CancelFlag | None) -> list[_Rows]:
    name, audio = recording
    if is_path(audio):
        seconds, values = _core.features_of_file(as_path(audio), cancel)
    else:
        seconds, values = _core.features_of_array(as_signal(audio), as_rate(sr), cancel)
    start = np.zeros(1, np.int64)
    end = np.array([round(seconds * 1e9)], np.int64)
    return [_Rows(name, channel, start, end, values[channel : channel + 1]) for channel in range(len(values))]


def _frames(recording: Recording, sr: int | None, cancel: _core.CancelFlag | None) -> list[_Rows]:
    name, audio = recording
    if is_path(audio):
        channels = _core.frames_of_file(as_path(audio), cancel)
    else:
        channels = _core.frames_of_array(as_signal(audio), as_rate(sr), cancel)
    rows = []
    for channel, values in enumerate(channels):
        start = np.arange(len(values), dtype=np.int64) * HOP_NS
        rows.append(_Rows(name, channel, start, start + HOP_NS, values))
    return rows


def _table(rows: list[_Rows], names: list[str], dtype: type[np.floating[Any]], channel_level: bool) -> pd.DataFrame:
    """Make the table; without rows each column and level has the type that it has with some."""
    pandas = import_pandas("features")
    counts = [len(channel.start) for channel in rows]
    levels: dict[str, Any] = {
        "file": pandas.Index(np.repeat(np.array([channel.file for channel in rows], object), counts), dtype=str),
        "start": pandas.to_timedelta(_joined([channel.start for channel in rows]), unit="ns"),
        "end": pandas.to_timedelta(_joined([channel.end for channel in rows]), unit="ns"),
    }
    if channel_level:
        levels["channel"] = np.repeat(np.array([channel.channel for channel in rows], np.int64), counts)
    values = np.concatenate([channel.values for channel in rows]) if rows else np.empty((0, len(names)), dtype)
    index = pandas.MultiIndex.from_arrays(list(levels.values()), names=list(levels))
    table: pd.DataFrame = pandas.DataFrame(values, index=index, columns=names)
    return table


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
