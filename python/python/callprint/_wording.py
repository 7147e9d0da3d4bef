"""The same words by another voice: which script is being said, whoever says it."""

from __future__ import annotations

from typing import Any, overload

from numpy.typing import ArrayLike

from callprint import _core
from callprint._batch import OnError, Recording, check_on_error, recordings_of, refuse_batch, run
from callprint._corpus import as_channel
from callprint._errors import ArgumentError
from callprint._far import as_far
from callprint._index import Index, as_index
from callprint._same_words import SameWords, WordingResult, WordingResults, same_words, wording_result
from callprint._scan import Batch, Samples
from callprint._signal import StrPath, as_path, as_rate, as_signal, is_path, refuse_rate

MAX_CLIP_SECONDS = 20.0
"""Longest clip that is compared as one; `scan` cuts what is longer into windows of 12 s."""

MAX_WORDS_FAR = 0.1
"""Default for the largest false-alarm rate of words, per hour of calls, as for ``callprint words``."""


class Wording:
    """The words of an index's renderings, to find a script that another voice or engine says.

    `scan` and `Index` recognise a recording; a campaign that is rendered anew is new to them. Here the sounds of the
    words are compared, and who says them hardly matters. Ten seconds of speech tell surely, three often not. Every
    rendering is compared in full: a second of audio takes 50 ms against 200 of them. It is a hint that an unknown robot
    says a known script; listen to it, and add the recording to the index, which then recognises it.

    Threads may share it; searching releases the GIL. It pickles as its index does.

    Parameters
    ----------
    index : Index or path, optional
        Scripts to look for; by default those of the corpus that comes with callprint. It takes 20 kB of memory for 12 s
        of each rendering, and an index that no file holds is kept with it. Later changes of the index do not count.

    Raises
    ------
    ArgumentError
        If `index` is neither, or closed.
    IndexFileError, FileError
        If the index can't be opened.

    Examples
    --------
    >>> wording = callprint.Wording("mine.cpi")  # doctest: +SKIP
    >>> wording.scan("unmatched/").to_dataframe()[["file", "script", "query_start"]]  # doctest: +SKIP
    """

    __slots__ = ("_core", "_held", "_restore")

    def __init__(self, index: Index | StrPath | None = None) -> None:
        known = as_index(index)
        self._core = _core.Wording(known._core)
        self._held = len(known)
        # The index as it is now, whatever becomes of it.
        self._restore = known.__reduce__()

    def search(
        self,
        y: ArrayLike | StrPath,
        *,
        sr: int | None = None,
        max_far: float = MAX_WORDS_FAR,
        channel: int | None = None,
    ) -> SameWords | None:
        """Say which script a clip says more than any other.

        Parameters
        ----------
        y : array_like of shape (n,), or path
            Samples of one channel, as `fingerprint` takes them, or an audio file: 3 to 20 s, best the first 12 s of
            what the robot says. Less says little, and is rarely sure enough.
        sr : int
            Sample rate of the samples, Hz, 1000 to 384000; not for files.
        max_far : float, optional
            Largest false-alarm rate, per hour of calls, from 0.001; with 1000 the best is told however unsure it is.
        channel : int, optional
            Channel of the file to take, from 0, if it has several that differ.

        Returns
        -------
        SameWords or None
            None if no script leads by enough, as in silence.

        Raises
        ------
        ArgumentError
            If an argument can't be used, or the clip is longer than 20 s: for that there is `scan`.
        AudioError, FileError
            If the file can't be read.
        """
        far = _as_words_far(max_far)
        if is_path(y):
            refuse_rate(sr)
            found = same_words(self._core.search_file(as_path(y), as_channel(channel), MAX_CLIP_SECONDS))
        else:
            refuse_batch(y, "scan()")
            if channel is not None:
                raise ArgumentError("channel is for files; pass one channel of the samples, as in y[:, 0]")
            samples, rate = as_signal(y), as_rate(sr)
            seconds = len(samples) / rate
            if seconds > MAX_CLIP_SECONDS:
                most = f"{MAX_CLIP_SECONDS:g} s"
                raise ArgumentError(f"y is {seconds:.1f} s long; want at most {most}: scan() takes any length")
            found = same_words(self._core.search(samples, rate))
        return found if found is not None and found.false_alarms_per_hour <= far else None

    @overload
    def scan(
        self,
        audio: StrPath,
        *,
        sr: None = ...,
        max_far: float = ...,
        on_error: OnError = ...,
        jobs: int | None = ...,
        progress: bool = ...,
    ) -> Any: ...
    @overload
    def scan(
        self,
        audio: Samples,
        *,
        sr: int,
        max_far: float = ...,
        on_error: OnError = ...,
        jobs: int | None = ...,
        progress: bool = ...,
    ) -> WordingResult: ...
    @overload
    def scan(
        self,
        audio: Batch,
        *,
        sr: int | None = ...,
        max_far: float = ...,
        on_error: OnError = ...,
        jobs: int | None = ...,
        progress: bool = ...,
    ) -> WordingResults: ...
    def scan(
        self,
        audio: Any,
        *,
        sr: int | None = None,
        max_far: float = MAX_WORDS_FAR,
        on_error: OnError = "warn",
        jobs: int | None = None,
        progress: bool = False,
    ) -> Any:
        """Say which scripts recordings of any length say, and where, as ``callprint words`` does.

        Parameters
        ----------
        audio : path, array_like of shape (n,), or iterable of these
            An audio file, a folder (with all audio files below it), the samples of one channel as `fingerprint` takes
            them, or several of these, as `callprint.scan` takes them. Each channel of a file is heard by itself, in
            windows of 12 s.
        sr : int, optional
            Sample rate of samples, Hz, 1000 to 384000; files tell their own.
        max_far : float, optional
            Largest false-alarm rate of what is told, per hour of calls, from 0.001.
        on_error : {'warn', 'raise', 'ignore'}, optional
            What to do about a recording of several that can't be read. It is in `WordingResults.failures` unless
            raised. For a single recording the error is always raised.
        jobs : int, optional
            Recordings to hear at the same time; by default as many as there are processors.
        progress : bool, optional
            Whether to show a bar that counts the recordings of several (needs tqdm).

        Returns
        -------
        WordingResult
            For one file or signal.
        WordingResults
            For a folder or several: a sequence of results in the order of the recordings. (What a path names is not
            known to a type checker; it takes ``result: WordingResult = wording.scan(path)``.)

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
        """
        far = _as_words_far(max_far)
        check_on_error(on_error)
        recordings, batch = recordings_of(audio, sr)

        def scan_one(recording: Recording, cancel: _core.CancelFlag | None = None) -> WordingResult:
            if is_path(recording.audio):
                return wording_result(self._core.scan_file(as_path(recording.audio), far, cancel))
            text = self._core.scan(as_signal(recording.audio), as_rate(sr), far, cancel)
            return wording_result(text, recording.name)

        if not batch:
            return scan_one(next(iter(recordings)))
        return WordingResults(*run(scan_one, recordings, jobs=jobs, on_error=on_error, progress=progress))

    def __repr__(self) -> str:
        return f"<callprint.Wording: {self._held} renderings>"

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _from_index, self._restore


def _from_index(make: Any, arguments: tuple[Any, ...]) -> Wording:
    return Wording(make(*arguments))


def _as_words_far(max_far: Any) -> float:
    """Check a false-alarm rate of words: with less than the least that is stated, nothing would ever be found."""
    far, least = as_far(max_far), _core.Wording.LEAST_RATE
    if far < least:
        raise ArgumentError(f"max_far is {max_far!r}; no rate under {least:g} per hour is stated for words")
    return far
