"""What the tests share: the recordings of the repository, and speech as samples."""

from __future__ import annotations

import csv
import signal
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import callprint
import numpy as np
import pytest
from numpy.typing import NDArray

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
SAMPLES = CORPUS / "samples"
RENDERINGS = CORPUS / "renderings"


@contextmanager
def stopped_by_a_signal() -> Iterator[None]:
    """Work that would take minutes, and has to end soon after a signal half a second from now, by its exception."""

    class StopNowError(Exception):
        pass

    def stop(number: int, frame: FrameType | None) -> None:
        raise StopNowError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        begun = time.monotonic()
        with pytest.raises(StopNowError):
            yield
        assert time.monotonic() - begun < 60, "it went on to the end"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def hours() -> NDArray[np.float32]:
    """Hours of a robot's speech at 8 kHz: many times longer to work on than a test may take."""
    rendering, _ = callprint.load(RENDERINGS / "bank-11__slt.flac")
    return np.tile(rendering, 1000)


@pytest.fixture(scope="session")
def truth() -> dict[str, dict[str, str]]:
    """What is true of each call in corpus/samples, by file name."""
    with (SAMPLES / "samples.tsv").open(encoding="utf-8", newline="") as table:
        return {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}


@pytest.fixture(scope="session")
def results() -> callprint.ScanResults:
    """The calls in corpus/samples, scanned."""
    results: callprint.ScanResults = callprint.scan(SAMPLES, jobs=2)
    return results


@pytest.fixture(scope="session")
def call() -> tuple[NDArray[np.int16], int]:
    """A call with a dental-implant robot over GSM, as samples, read by the standard library."""
    with wave.open(str(SAMPLES / "dental-gsm.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


@pytest.fixture(scope="session")
def speech() -> NDArray[np.float32]:
    """Ten seconds of a rendering at 8 kHz."""
    y, sr = callprint.load(RENDERINGS / "dental-01__taco.flac")
    assert sr == 8000
    return y[:80_000]


@pytest.fixture
def small_index() -> callprint.Index:
    """Five renderings of four scripts."""
    names = ["dental-01__taco", "dental-02__taco", "loan-02__fs2", "loan-02__taco", "settle-01__fs2"]
    return callprint.Index.build(RENDERINGS / f"{name}.flac" for name in names)
