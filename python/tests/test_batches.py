"""Several recordings at once: what counts as several, what they are called, and how many are held."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES
from numpy.typing import NDArray

HUMAN = str(SAMPLES / "human.flac")


@pytest.fixture(scope="module")
def short() -> NDArray[np.float32]:
    return callprint.load(HUMAN)[0][:16_000]


@pytest.fixture(scope="module")
def empty_wording() -> callprint.Wording:
    return callprint.Wording(callprint.Index())


@pytest.fixture(params=["scan", "features", "wording"])
def names(request: pytest.FixtureRequest, empty_wording: callprint.Wording) -> Callable[..., list[str]]:
    """Names of what each function returns for several recordings."""

    def of_features(*args: Any, **options: Any) -> list[str]:
        return callprint.features(*args, **options).index.get_level_values("file").tolist()

    def of_results(*args: Any, **options: Any) -> list[str]:
        work: Any = empty_wording.scan if request.param == "wording" else callprint.scan
        results = work(*args, **options)
        assert isinstance(results, (callprint.ScanResults, callprint.WordingResults))
        return [result.file for result in results]

    return of_features if request.param == "features" else of_results


@pytest.mark.parametrize(
    "several",
    [
        np.array([HUMAN]),
        np.array([HUMAN], object),
        pd.Series([HUMAN]),
        pd.Series([HUMAN], dtype=object),
        pd.Series([HUMAN], dtype="category"),
        pd.Index([HUMAN]),
        {HUMAN},
        deque([HUMAN]),
        {"a": HUMAN}.values(),
    ],
    ids=lambda several: type(several).__name__,
)
def test_all_that_holds_paths_is_several_recordings(names: Callable[..., list[str]], several: Any) -> None:
    assert names(several) == [HUMAN]


def test_samples_are_called_by_their_place(names: Callable[..., list[str]], short: NDArray[np.float32]) -> None:
    assert names([short, HUMAN, short], sr=8000) == ["<array 0>", HUMAN, "<array 2>"]
    bad = short.astype(np.int32)
    with pytest.warns(callprint.CallprintWarning, match="left out: <array 1>: y has type int32"):
        assert names((y for y in (short, bad, short)), sr=8000) == ["<array 0>", "<array 2>"]
    column = pd.Series([short, short])
    assert names(column, sr=8000) == ["<array 0>", "<array 1>"]


def test_what_failed_has_the_name_of_its_place(short: NDArray[np.float32]) -> None:
    bad = short.astype(np.int32)
    results = callprint.scan([short, bad], sr=8000, on_error="ignore")
    assert [failure.file for failure in results.failures] == ["<array 1>"]
    table = callprint.features([short, bad, HUMAN], sr=8000, on_error="ignore")
    assert table.index.is_unique and len(table) == 2
    assert table.attrs["failures"].keys() == {"<array 1>"} and "int32" in table.attrs["failures"]["<array 1>"]
    assert callprint.scan(short, sr=8000).to_dict()["file"] == "<array>"


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (BytesIO(b"RIFF"), r"file object \(BytesIO\); pass a path, or samples from soundfile.read"),
        ({"a": HUMAN}, r"mapping \(dict\); pass its values"),
        (pd.DataFrame({"file": [HUMAN]}), r"table \(DataFrame\); pass one of its columns, as in audio\['file'\]"),
        (deque([0.1] * 9), r"deque of numbers; a signal is an array: np.asarray"),
        ((0.1 for _ in range(9)), r"generator of numbers; .*np.fromiter"),
        (b"x.wav", "bytes; .*os.fsdecode"),
        ([b"x.wav"], "bytes; .*os.fsdecode"),
        (pd.Series([HUMAN, None]), "item 1 of audio is (nan|None); want a path or samples: leave it out"),
        (pd.Series([None, HUMAN]), "item 0 of audio is (nan|None)"),
        (None, "audio is None"),
    ],
)
def test_what_is_no_recording_is_told_once(audio: Any, message: str, empty_wording: callprint.Wording) -> None:
    works: list[Any] = [callprint.scan, callprint.features, empty_wording.scan]
    for work in works if not isinstance(audio, Iterator) else works[:1]:
        with pytest.raises(callprint.ArgumentError, match=message):
            work(audio)


def test_one_recording_is_wanted_where_one_is_searched(
    small_index: callprint.Index, empty_wording: callprint.Wording
) -> None:
    one_of: list[Any] = [small_index.search, empty_wording.search]
    for search in one_of:
        for several in ([HUMAN], np.array([HUMAN]), pd.Series([HUMAN])):
            with pytest.raises(callprint.ArgumentError, match=r"of recordings; want one: .*scan\(\) takes several"):
                search(several)
    with pytest.raises(callprint.ArgumentError, match="is a folder; want one recording"):
        small_index.search(SAMPLES)
    assert small_index.search_many(pd.Series([HUMAN])) == small_index.search_many(np.array([HUMAN])) == [[]]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_generator_is_read_only_a_little_ahead(jobs: int, short: NDArray[np.float32]) -> None:
    alive, most = 0, 0
    lock = threading.Lock()

    class Samples:
        """Samples that count how many of their kind there are."""

        def __init__(self) -> None:
            nonlocal alive, most
            with lock:
                alive += 1
                most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            with lock:
                alive -= 1

        def __array__(self, *_: Any, **__: Any) -> NDArray[np.float32]:
            return short

    several: Iterator[Any] = (Samples() for _ in range(30))
    assert len(callprint.scan(several, sr=8000, jobs=jobs)) == 30
    assert most <= 3 * jobs + 1


def test_a_generator_is_checked_as_a_list_is(short: NDArray[np.float32]) -> None:
    with pytest.raises(callprint.ArgumentError, match="tells its own rate"):
        callprint.scan(iter([HUMAN]), sr=8000)
    with pytest.raises(callprint.ArgumentError, match="sr is missing"):
        callprint.scan(iter([HUMAN, short]))
    assert len(callprint.scan(iter([HUMAN, short]), sr=8000)) == 2
    with pytest.raises(ZeroDivisionError):
        callprint.scan(HUMAN if number < 3 else str(1 // 0) for number in itertools.count())


def test_what_to_do_about_errors_is_checked_for_one_recording_too(empty_wording: callprint.Wording) -> None:
    works: list[Any] = [callprint.scan, callprint.features, empty_wording.scan]
    for work in works:
        with pytest.raises(callprint.ArgumentError, match="on_error is 'skip'"):
            work(HUMAN, on_error="skip")


def test_a_bar_counts_what_a_generator_gives(capfd: pytest.CaptureFixture[str]) -> None:
    callprint.scan(iter([Path(HUMAN)]), progress=True)
    assert "1recording" in capfd.readouterr().err
