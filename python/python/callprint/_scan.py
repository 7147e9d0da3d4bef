"""Scanning recordings: the main job."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, ValuesView
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from callprint import _core
from callprint._batch import OnError, Recording, check_on_error, recordings_of, run
from callprint._far import MAX_FAR, as_far
from callprint._index import Index, as_index
from callprint._results import ScanResult, ScanResults
from callprint._signal import StrPath, is_path

if TYPE_CHECKING:
    import pandas as pd

Samples: TypeAlias = "NDArray[np.floating[Any]] | NDArray[np.int16]"
"""Samples of one channel, ``(n,)``."""

Batch: TypeAlias = (
    "list[Any] | tuple[Any, ...] | Iterator[Any] | AbstractSet[Any] | ValuesView[Any] | deque[Any]"
    " | NDArray[np.str_] | NDArray[np.object_] | pd.Series[str] | pd.Index[str]"
)
"""Paths, samples, or both. (``Iterable[Any]`` would take in strings and signals themselves.)"""


@overload
def scan(
    audio: StrPath,
    *,
    sr: None = ...,
    index: Index | StrPath | None = ...,
    max_far: float = ...,
    candidates: bool = ...,
    on_error: OnError = ...,
    jobs: int | None = ...,
    progress: bool = ...,
) -> Any: ...
@overload
def scan(
    audio: Samples,
    *,
    sr: int,
    index: Index | StrPath | None = ...,
    max_far: float = ...,
    candidates: bool = ...,
    on_error: OnError = ...,
    jobs: int | None = ...,
    progress: bool = ...,
) -> ScanResult: ...
@overload
def scan(
    audio: Batch,
    *,
    sr: int | None = ...,
    index: Index | StrPath | None = ...,
    max_far: float = ...,
    candidates: bool = ...,
    on_error: OnError = ...,
    jobs: int | None = ...,
    progress: bool = ...,
) -> ScanResults: ...
def scan(
    audio: Any,
    *,
    sr: int | None = None,
    index: Index | StrPath | None = None,
    max_far: float = MAX_FAR,
    candidates: bool = False,
    on_error: OnError = "warn",
    jobs: int | None = None,
    progress: bool = False,
) -> Any:
    """Say which known scripts play in recordings, where, and how sure that is.

    Parameters
    ----------
    audio : path, array_like of shape (n,), or iterable of these
        An audio file, a folder (with all audio files below it), the samples of one channel as `fingerprint` takes
        them, or several of these: a list, a column of a table, a generator (which is read only a little ahead). A
        file's channels are scanned each by itself.
    sr : int, optional
        Sample rate of samples, Hz; files tell their own.
    index : Index or path, optional
        Scripts to look for; by default those of the corpus that comes with callprint.
    max_far : float, optional
        What decides that something is a match: the largest rate of false alarms, per hour of audio.
    candidates : bool, optional
        Also list the best places above `max_far`, which are no matches: their `decided_at` is None.
    on_error : {'warn', 'raise', 'ignore'}, optional
        What to do about a recording of several that can't be read. It is in `ScanResults.failures` unless raised. For
        a single recording the error is always raised.
    jobs : int, optional
        Recordings to scan at the same time; by default as many as there are processors.
    progress : bool, optional
        Whether to show a bar that counts the recordings of several (needs tqdm).

    Returns
    -------
    ScanResult
        For one file or signal.
    ScanResults
        For a folder or several: a sequence of results in the order of the recordings. Samples are called by their
        place among them, ``<array 0>`` and so on. (What a path names is not known to a type checker; it takes
        ``result: ScanResult = scan(path)``.)

    Raises
    ------
    ArgumentError
        If an argument can't be used.
    AudioError
        If a file is no audio that callprint reads, or damaged, or a folder holds none.
    FileError
        If a file can't be read.

    Warns
    -----
    CallprintWarning
        For each recording of several that was left out.

    Notes
    -----
    Memory does not grow with the length of a file. The GIL is released; Ctrl-C stops the scan.

    Examples
    --------
    >>> results = callprint.scan("corpus/samples")  # doctest: +SKIP
    >>> results.to_dataframe()[["file", "script", "query_start"]]  # doctest: +SKIP
    """
    far = as_far(max_far)
    check_on_error(on_error)
    recordings, batch = recordings_of(audio, sr)
    known = as_index(index)

    def scan_one(recording: Recording, cancel: _core.CancelFlag | None = None) -> ScanResult:
        if is_path(recording.audio):
            return known._scan_file(recording.audio, far, candidates, cancel)
        return known._scan_array(recording.audio, sr, far, candidates, cancel, recording.name)

    if not batch:
        return scan_one(next(iter(recordings)))
    return ScanResults(*run(scan_one, recordings, jobs=jobs, on_error=on_error, progress=progress))
