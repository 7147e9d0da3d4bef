"""Codes of a signal."""

from __future__ import annotations

import operator
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pytest
from callprint._signal import as_signal
from conftest import RENDERINGS, SAMPLES
from numpy.typing import NDArray


def ber(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> float:
    """Bit error rate of aligned codes."""
    return float(np.bitwise_count(a ^ b).sum() / (128 * len(a)))


def test_codes_and_times(speech: NDArray[np.float32]) -> None:
    codes, times = callprint.fingerprint(speech, sr=8000)
    assert codes.dtype == np.uint64 and codes.shape == (len(times), 2)
    assert times.dtype == np.float64
    assert np.allclose(np.diff(times), 0.04)
    # The first code describes the first 0.4 s; the last one ends with the signal.
    assert 0.15 < times[0] < 0.25
    assert 9.7 < times[-1] < 9.9
    active = callprint.fingerprint(speech, sr=8000).active
    assert active.shape == times.shape and active.mean() > 0.8


def test_every_frame_holds_every_fourth(speech: NDArray[np.float32]) -> None:
    coarse = callprint.fingerprint(speech, sr=8000)
    fine = callprint.fingerprint(speech, sr=8000, hop=1)
    assert np.array_equal(fine.codes[::4], coarse.codes)
    assert np.array_equal(fine.times[::4], coarse.times)


def test_all_types_and_layouts_of_the_same_samples_give_the_same_codes(speech: NDArray[np.float32]) -> None:
    pcm = np.round(speech * 32767).astype(np.int16)
    expected = callprint.fingerprint(pcm, sr=8000)
    floats = pcm / 32768
    same: list[Any] = [
        floats,
        floats.astype(np.float32),
        floats.astype(">f4"),
        pcm.astype(">i2"),
        np.repeat(pcm, 3)[::3],
        list(floats),
        np.frombuffer(pcm.tobytes(), np.int16),  # read-only
        np.frombuffer(b"x" + floats.astype(np.float32).tobytes(), np.float32, offset=1),  # not aligned
    ]
    for samples in same:
        codes, times = callprint.fingerprint(samples, sr=8000)
        assert np.array_equal(codes, expected.codes)
        assert np.array_equal(times, expected.times)


def test_contiguous_float32_and_int16_are_not_copied(speech: NDArray[np.float32]) -> None:
    pcm = np.round(speech * 32767).astype(np.int16)
    for samples in (speech, pcm, speech[1000:2000]):
        assert np.shares_memory(as_signal(samples), samples)
        assert as_signal(samples).__array_interface__["data"] == samples.__array_interface__["data"]


def test_an_hour_is_not_copied() -> None:
    """The memory that the process ever took grows by the codes (1.4 MB), not by another hour of samples (115 MB)."""
    code = """
import resource, numpy as np, callprint
y = np.random.default_rng(0).standard_normal(3600 * 8000, np.float32)
callprint.fingerprint(y[:80000], sr=8000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
codes, _ = callprint.fingerprint(y, sr=8000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(codes))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(said[0]) < 40_000 and int(said[1]) > 89_000, said


def test_the_rate_does_not_matter(speech: NDArray[np.float32]) -> None:
    """The same sound at 16 kHz, by an ideal interpolation over the spectrum."""
    spectrum = np.fft.rfft(speech)
    wide = np.fft.irfft(np.concatenate([spectrum, np.zeros(len(speech) // 2)]), 2 * len(speech)) * 2
    narrow, resampled = callprint.fingerprint(speech, sr=8000), callprint.fingerprint(wide, sr=16000)
    assert len(narrow.codes) == len(resampled.codes)
    assert ber(narrow.codes[narrow.active], resampled.codes[narrow.active]) < 0.03


def test_level_hardly_matters_and_other_speech_is_unrelated(speech: NDArray[np.float32]) -> None:
    codes, _ = callprint.fingerprint(speech, sr=8000)
    quieter, _ = callprint.fingerprint(speech * 0.1, sr=8000)
    assert ber(codes, quieter) < 0.02
    other, _ = callprint.fingerprint(callprint.load(RENDERINGS / "card-11__joe.flac")[0][: len(speech)], sr=8000)
    count = min(len(codes), len(other))
    assert 0.4 < ber(codes[:count], other[:count]) < 0.6


def test_silence_has_codes_that_are_not_active() -> None:
    silence = callprint.fingerprint(np.zeros(16_000, np.int16), sr=8000)
    assert len(silence.codes) > 0
    assert not silence.active.any()


def test_a_signal_too_short_for_a_code_gives_none() -> None:
    for length in (0, 1, 100, 3000):
        fingerprint = callprint.fingerprint(np.zeros(length, np.float32), sr=8000)
        assert fingerprint.codes.shape == (0, 2)
        assert fingerprint.times.shape == fingerprint.active.shape == (0,)


def test_what_is_not_finite_counts_as_zero(speech: NDArray[np.float32]) -> None:
    broken, zeros = speech.copy(), speech.copy()
    broken[5000:5100:3] = np.nan
    broken[6000] = np.inf
    zeros[5000:5100:3] = 0
    zeros[6000] = 0
    assert np.array_equal(callprint.fingerprint(broken, sr=8000).codes, callprint.fingerprint(zeros, sr=8000).codes)


def test_a_fingerprint_pickles(speech: NDArray[np.float32]) -> None:
    fingerprint = callprint.fingerprint(speech, sr=8000)
    again = pickle.loads(pickle.dumps(fingerprint))
    assert np.array_equal(again.codes, fingerprint.codes) and np.array_equal(again.active, fingerprint.active)


def test_a_fingerprint_is_compared_and_changed_as_a_whole(speech: NDArray[np.float32]) -> None:
    one, two = (callprint.fingerprint(speech, sr=8000) for _ in range(2))
    assert one == two
    assert not operator.ne(one, two)
    assert one != callprint.fingerprint(speech[:40_000], sr=8000) and one != 3
    silent = one._replace(active=np.zeros_like(one.active))
    assert silent != one and silent.codes is one.codes and not silent.active.any()
    assert list(one._asdict()) == ["codes", "times", "active"]
    with pytest.raises(callprint.ArgumentError, match="no array 'bits'"):
        one._replace(bits=3)


def test_threads_get_the_same_codes(speech: NDArray[np.float32]) -> None:
    expected = callprint.fingerprint(speech, sr=8000).codes
    codes: list[NDArray[np.uint64]] = []
    threads = [
        threading.Thread(target=lambda: codes.append(callprint.fingerprint(speech, sr=8000).codes)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(codes) == 4 and all(np.array_equal(found, expected) for found in codes)


class Broken:
    """An object whose conversion fails, as that of a tensor that needs a gradient does."""

    def __array__(self, *_: Any, **__: Any) -> NDArray[np.float32]:
        raise RuntimeError("no array today")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((2, 8000), np.float32), r"shape \(2, 8000\); want the samples of one channel"),
        (np.float32(0.5), r"shape \(\)"),
        (np.zeros(8000, np.int32), "type int32"),
        ([1, 2, 3], "type int64"),
        (np.zeros(8000, np.uint8), "type uint8"),
        (np.zeros(8000, np.complex64), "type complex64"),
        (np.zeros(8000, bool), "type bool"),
        (["a", "b"], "type <U1"),
        ([[1.0], [1.0, 2.0]], "can't be made an array"),
        (b"\0\0\0\0", "np.frombuffer"),
        (b"x.wav", "or a path as str, as from os.fsdecode"),
        (None, "y is None"),
        (BytesIO(b"RIFF"), r"file object \(BytesIO\); pass a path, or samples from soundfile.read"),
        ({"y": [0.1]}, r"y is a mapping \(dict\); pass its values"),
        ((0.1 for _ in range(9)), "y is generator; want an array"),
        (Broken(), "can't be made an array of samples: no array today"),
        (np.ma.masked_invalid([0.1, np.nan]), "masked"),
    ],
)
def test_what_is_no_signal_is_refused_with_the_reason(y: Any, message: str) -> None:
    with pytest.raises(callprint.ArgumentError, match=message):
        callprint.fingerprint(y, sr=8000)


@pytest.mark.parametrize(
    ("scale", "todo"),
    [
        (32767, "y reaches 32767; floats have full scale 1: divide by 32768 if it was 16-bit"),
        (2**31 - 1, "divide by 2147483648"),
        (127, "y reaches 127; .* scale them to -1 to 1"),
        (1e30, "scale them to -1 to 1"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_at_the_scale_of_integers_are_refused(dtype: type, scale: float, todo: str, tmp_path: Path) -> None:
    y: NDArray[Any] = (scale * np.sin(np.arange(16_000) * np.pi / 8)).astype(dtype)
    y[5], y[6] = np.inf, np.nan
    works: list[Callable[[], object]] = [
        lambda: callprint.fingerprint(y, sr=8000),
        lambda: callprint.scan(y, sr=8000),
        lambda: callprint.features(y, sr=8000),
        lambda: callprint.Index().search(y, sr=8000),
        lambda: callprint.Index().add("a__b", y, sr=8000),
        lambda: callprint.Session().push(y),
    ]
    for work in works:
        with pytest.raises(callprint.ArgumentError, match=todo):
            work()


def test_floats_that_are_only_loud_are_taken(speech: NDArray[np.float32]) -> None:
    loud = speech * np.float32(7.9 / np.abs(speech).max())
    loud[100] = -np.inf
    assert len(callprint.fingerprint(loud, sr=8000).times) > 200


def test_a_file_has_the_codes_of_its_samples(tmp_path: Path) -> None:
    path = RENDERINGS / "dental-01__taco.flac"
    y, sr = callprint.load(path)
    expected = callprint.fingerprint(y, sr=sr)
    for name in (path, str(path)):
        assert np.array_equal(callprint.fingerprint(name).codes, expected.codes)
    stereo = SAMPLES / "insure-stereo.wav"
    right, _ = callprint.load(stereo, channel=1)
    found = callprint.fingerprint(stereo, channel=1, hop=2)
    assert np.array_equal(found.codes, callprint.fingerprint(right, sr=8000, hop=2).codes)
    with pytest.raises(callprint.ArgumentError, match="channels that differ"):
        callprint.fingerprint(stereo)
    with pytest.raises(callprint.ArgumentError, match="tells its own rate"):
        callprint.fingerprint(path, sr=8000)  # type: ignore[call-overload]
    with pytest.raises(callprint.ArgumentError, match="channel is for files"):
        callprint.fingerprint(y, sr=sr, channel=0)  # type: ignore[call-overload]
    with pytest.raises(FileNotFoundError):
        callprint.fingerprint(tmp_path / "missing.wav")


@pytest.mark.parametrize("sr", [0, -8000, 999, 384_001, 10**30, 8000.5, float("nan"), float("inf"), "8000", None, True])
def test_what_is_no_rate_is_refused(sr: Any) -> None:
    with pytest.raises(callprint.ArgumentError, match="sr is"):
        callprint.fingerprint(np.zeros(8000, np.float32), sr=sr)


def test_whole_rates_of_any_type_will_do() -> None:
    for sr in (8000.0, np.int64(8000), np.float32(8000)):
        assert len(callprint.fingerprint(np.zeros(8000, np.float32), sr=sr).codes) > 0  # type: ignore[call-overload]


@pytest.mark.parametrize("hop", [0, -1, 101, 1.5, True])
def test_what_is_no_hop_is_refused(hop: Any) -> None:
    with pytest.raises(callprint.ArgumentError, match="hop is"):
        callprint.fingerprint(np.zeros(8000, np.float32), sr=8000, hop=hop)
