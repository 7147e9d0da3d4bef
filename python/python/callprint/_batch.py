"""Many recordings at once: what an argument stands for, threads, and what becomes of those that fail."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from callprint import _core
from callprint._errors import ArgumentError, AudioError, CallprintError, CallprintWarning, MissingDependencyError
from callprint._sequence import Failure
from callprint._signal import as_rate, is_path, refuse_rate

OnError: TypeAlias = Literal["warn", "raise", "ignore"]
"""What to do about a recording of several that can't be read."""

_T = TypeVar("_T")


def is_batch(audio: object) -> bool:
    """Whether `audio` is a folder, or a list or other iterable of recordings, rather than one recording."""
    if is_path(audio):
        return Path(audio).is_dir()
    if hasattr(audio, "__array__") or _is_buffer(audio):
        return False
    if isinstance(audio, (list, tuple)):
        # A list of numbers is a signal.
        return not audio or not isinstance(audio[0], (int, float, complex, np.number))
    return isinstance(audio, Iterable)


def expand(audio: Any) -> list[Any]:
    """List the recordings that `audio` stands for: folders become the audio files below them."""
    if is_path(audio):
        if not Path(audio).is_dir():
            return [audio]
        files = _core.find_audio(os.fspath(audio))
        if not files:
            raise AudioError(
                None,
                "no audio files in this folder or below, by their extensions; "
                "name a file to try it whatever it is called",
                os.fspath(audio),
            )
        return [str(file) for file in files]
    if not is_batch(audio):
        return [audio]
    return [recording for item in audio for recording in expand(item)]


def recordings_of(audio: Any, sr: Any) -> tuple[list[Any], bool]:
    """List the recordings that `audio` stands for, and whether they are a batch; checks the rate."""
    batch = is_batch(audio)
    recordings = expand(audio)
    check_rate(recordings, sr)
    return recordings, batch


def check_rate(recordings: list[Any], sr: Any) -> None:
    """Check that there is a sample rate if there are samples, and none if there are only files."""
    files = sum(is_path(recording) for recording in recordings)
    if files < len(recordings):
        as_rate(sr)
    elif files > 0:
        refuse_rate(sr)


def run(
    work: Callable[[Any, _core.CancelFlag], _T],
    recordings: list[Any],
    *,
    jobs: int | None,
    on_error: OnError,
    progress: bool = False,
) -> tuple[list[_T], list[Failure]]:
    """Run `work` on all recordings in threads; results and failures in the order of the recordings.

    When the caller is interrupted, work in progress is cancelled. With `progress`, a bar on standard error or in the
    notebook counts recordings.
    """
    if on_error not in ("warn", "raise", "ignore"):
        raise ArgumentError(f"on_error is {on_error!r}; want 'warn', 'raise' or 'ignore'")
    bar = _bar(len(recordings)) if progress else None
    results: list[_T] = []
    failures: list[Failure] = []
    cancel = _core.CancelFlag()
    with ThreadPoolExecutor(_threads(jobs, len(recordings))) as pool:
        try:
            futures: list[Future[_T]] = [pool.submit(work, item, cancel) for item in recordings]
            for recording, future in zip(recordings, futures, strict=True):
                try:
                    results.append(future.result())
                except CallprintError as error:
                    if on_error == "raise":
                        raise
                    name = os.fspath(recording) if is_path(recording) else "<array>"
                    failures.append(Failure(name, error))
                    if on_error == "warn":
                        warnings.warn(f"left out: {error}", CallprintWarning, stacklevel=3)
                if bar is not None:
                    bar.update()
        except BaseException:
            cancel.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            if bar is not None:
                bar.close()
    return results, failures


def _bar(total: int) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        message = "progress needs tqdm: pip install 'callprint[all]'"
        raise MissingDependencyError(message, name="tqdm") from error
    return tqdm(total=total, unit="recording")


def _is_buffer(audio: Any) -> bool:
    """Whether `audio` is memory, such as bytes or an `array.array`."""
    try:
        memoryview(audio)
    except TypeError:
        return False
    return True


def _threads(jobs: int | None, most: int) -> int:
    if jobs is None:
        affinity = getattr(os, "sched_getaffinity", None)
        jobs = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    elif isinstance(jobs, bool) or not isinstance(jobs, (int, np.integer)) or jobs < 1:
        raise ArgumentError(f"jobs is {jobs!r}; want a number of threads, at least 1")
    return max(1, min(int(jobs), most))
