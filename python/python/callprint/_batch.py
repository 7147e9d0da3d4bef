"""Many recordings at once: what an argument stands for, threads, and what becomes of those that fail."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias, TypeVar

import numpy as np

from callprint import _core
from callprint._errors import ArgumentError, AudioError, CallprintError, CallprintWarning, MissingDependencyError
from callprint._sequence import Failure
from callprint._signal import as_path, as_rate, is_path, refuse_containers, refuse_rate

OnError: TypeAlias = Literal["warn", "raise", "ignore"]
"""What to do about a recording of several that can't be read."""

_T = TypeVar("_T")


class Recording(NamedTuple):
    """A recording to work on, and what results and failures call it."""

    name: str
    """Path as given or found, or ``<array>``; of several, ``<array 2>`` is the third."""
    audio: Any


def is_batch(audio: Any, name: str = "audio") -> bool:
    """Whether `audio` is a folder, or a list or other iterable of recordings, rather than one recording.

    `name` is what the argument is called.

    Raises
    ------
    ArgumentError
        If it holds audio in a way that is never taken, such as an open file.
    """
    if is_path(audio):
        return Path(as_path(audio, name)).is_dir()
    refuse_containers(audio, name)
    if hasattr(audio, "__array__"):
        return _holds_objects(audio)
    if _is_buffer(audio):
        return False
    if isinstance(audio, (list, tuple)):
        # A list of numbers is a signal.
        return not audio or not _is_number(audio[0])
    return isinstance(audio, Iterable)


def refuse_batch(y: Any, instead: str) -> None:
    """Refuse several recordings, or a folder, where one is wanted; `instead` takes them."""
    if is_path(y) and is_batch(y, "y"):
        raise ArgumentError(f"{as_path(y)} is a folder; want one recording: {instead} takes several")
    # What an iterator holds can't be seen without taking it; it is no signal in any case.
    if not isinstance(y, Iterator) and is_batch(y, "y") and not _is_number(next(iter(y), None)):
        raise ArgumentError(f"y is {type(y).__name__} of recordings; want one: {instead} takes several")


def _holds_objects(array: Any) -> bool:
    """Whether an array, or what can become one, holds paths or signals rather than samples."""
    kind = getattr(getattr(array, "dtype", None), "kind", None)
    dimensions = getattr(array, "ndim", 1)
    if dimensions == 0 or (kind is not None and kind not in "OUT"):
        return False
    # Arrays of other libraries name their types in their own way, so the first item decides; in those of more than one
    # dimension it would be a row.
    if kind is None and (dimensions > 1 or not isinstance(array, Iterable)):
        return False
    first = next(iter(array), None)
    # A column of paths may begin with a missing one, which is NaN.
    return is_path(first) if kind is None else not _is_number(first) or first != first


def _is_number(item: object) -> bool:
    return isinstance(item, (int, float, complex, np.number))


def _items(audio: Any) -> Iterator[Any]:
    """Go through the recordings that `audio` stands for: folders become the audio files below them."""
    if is_path(audio):
        folder = as_path(audio, "audio")
        if not Path(folder).is_dir():
            yield audio
            return
        files = _core.find_audio(folder)
        if not files:
            raise AudioError(
                None,
                "no audio files in this folder or below, by their extensions; "
                "name a file to try it whatever it is called",
                folder,
            )
        yield from (str(file) for file in files)
    elif not is_batch(audio):
        yield audio
    else:
        for number, item in enumerate(audio):
            if item is None or _is_number(item):
                _refuse_item(audio, number, item)
            yield from _items(item)


def _refuse_item(audio: Any, number: int, item: Any) -> NoReturn:
    if number == 0 and item is not None and item == item:
        raise ArgumentError(
            f"audio is {type(audio).__name__} of numbers; a signal is an array: np.asarray(audio), or "
            "np.fromiter(audio, np.float32) of a generator"
        )
    raise ArgumentError(f"item {number} of audio is {item!r}; want a path or samples: leave it out")


def recordings_of(audio: Any, sr: Any) -> tuple[Iterable[Recording], bool]:
    """Name the recordings that `audio` stands for, and say whether they are a batch; checks the rate.

    What exists already is listed, and checked before any work; of a generator no more is taken than is worked on.
    """
    if not is_batch(audio):
        check_rate([audio], sr)
        return [Recording(as_path(audio, "audio") if is_path(audio) else "<array>", audio)], False
    if isinstance(audio, Iterator):
        return _named(_checked(_items(audio), sr)), True
    items = list(_items(audio))
    check_rate(items, sr)
    return list(_named(items)), True


def _named(items: Iterable[Any]) -> Iterator[Recording]:
    for number, item in enumerate(items):
        yield Recording(as_path(item, "audio") if is_path(item) else f"<array {number}>", item)


def _checked(items: Iterator[Any], sr: Any) -> Iterator[Any]:
    """Do what `check_rate` does while items are taken, one by one."""
    waiting = []
    if sr is not None:
        # A rate is refused if there are only files: whether there are can't be known of the first ones.
        for item in items:
            waiting.append(item)
            if not is_path(item):
                break
        check_rate(waiting, sr)
    for item in chain(waiting, items):
        if not is_path(item):
            as_rate(sr)
        yield item


def expand(audio: Any) -> list[Any]:
    """List the recordings that `audio` stands for: folders become the audio files below them."""
    return list(_items(audio))


def check_rate(recordings: list[Any], sr: Any) -> None:
    """Check that there is a sample rate if there are samples, and none if there are only files."""
    files = sum(is_path(recording) for recording in recordings)
    if files < len(recordings):
        as_rate(sr)
    elif files > 0:
        refuse_rate(sr)


def check_on_error(on_error: object) -> None:
    """Check what to do about a recording that can't be read."""
    if on_error not in ("warn", "raise", "ignore"):
        raise ArgumentError(f"on_error is {on_error!r}; want 'warn', 'raise' or 'ignore'")


def run(
    work: Callable[[Recording, _core.CancelFlag], _T],
    recordings: Iterable[Recording],
    *,
    jobs: int | None,
    on_error: OnError,
    progress: bool = False,
) -> tuple[list[_T], list[Failure]]:
    """Run `work` on all recordings in threads; results and failures in the order of the recordings.

    Of recordings that are not there yet, as of a generator, two for each thread are held at a time. When the caller is
    interrupted, work in progress is cancelled. With `progress`, a bar on standard error or in the notebook counts
    recordings.
    """
    check_on_error(on_error)
    count = len(recordings) if isinstance(recordings, Sized) else None
    threads = _threads(jobs, count)
    most = 2 * threads if count is None else count
    bar = _bar(count) if progress else None
    results: list[_T] = []
    failures: list[Failure] = []
    cancel = _core.CancelFlag()
    pending: deque[tuple[str, Future[_T]]] = deque()

    def take() -> None:
        name, future = pending.popleft()
        try:
            results.append(future.result())
        except CallprintError as error:
            if on_error == "raise":
                raise
            failures.append(Failure(name, error))
            if on_error == "warn":
                warnings.warn(f"left out: {failures[-1].told}", CallprintWarning, stacklevel=4)
        if bar is not None:
            bar.update()

    with ThreadPoolExecutor(threads) as pool:
        try:
            for recording in recordings:
                pending.append((recording.name, pool.submit(work, recording, cancel)))
                # The name is kept, not the recording: its samples can go as soon as they were worked on.
                del recording
                if len(pending) >= most:
                    take()
            while pending:
                take()
        except BaseException:
            cancel.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            if bar is not None:
                bar.close()
    return results, failures


def _bar(total: int | None) -> Any:
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


def _threads(jobs: int | None, most: int | None) -> int:
    if jobs is None:
        affinity = getattr(os, "sched_getaffinity", None)
        jobs = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    elif isinstance(jobs, bool) or not isinstance(jobs, (int, np.integer)) or jobs < 1:
        raise ArgumentError(f"jobs is {jobs!r}; want a number of threads, at least 1")
    return max(1, int(jobs) if most is None else min(int(jobs), most))
