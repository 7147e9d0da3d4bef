"""What the tests share: the recordings of the repository, and speech as samples."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import callprint
import numpy as np
import pytest
from numpy.typing import NDArray

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
SAMPLES = CORPUS / "samples"
RENDERINGS = CORPUS / "renderings"


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
