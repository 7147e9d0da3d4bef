"""Prosody as tables."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, Literal

import callprint
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES
from numpy.typing import NDArray


def pulses(f0: float, seconds: float, sr: int) -> NDArray[np.float32]:
    """A pulse train, band-limited: the sum of its harmonics up to 3.4 kHz."""
    time = np.arange(round(seconds * sr)) / sr
    harmonics = np.arange(1, int(3400 // f0) + 1)
    y: NDArray[np.float32] = (0.02 * np.cos(2 * np.pi * f0 * np.outer(harmonics, time)).sum(axis=0)).astype(np.float32)
    return y


@pytest.mark.parametrize("sr", [8000, 16000, 44100])
@pytest.mark.parametrize("f0", [110.0, 220.0])
def test_f0_is_that_of_the_signal(f0: float, sr: int) -> None:
    table = callprint.features(pulses(f0, 2.0, sr), sr=sr)
    semitones = 12 * math.log2(f0 / 27.5)
    assert table["F0pitch_amean"].item() == pytest.approx(semitones, abs=0.02)
    # openSMILE's method, subharmonic summation, reads F0 off a spectrum and is less exact.
    assert table["F0semitoneFrom27.5Hz_sma3nz_amean"].item() == pytest.approx(semitones, abs=0.1)
    assert table["voicedShare"].item() > 0.95


def test_the_index_is_that_of_opensmile() -> None:
    table = callprint.features(SAMPLES / "dental-gsm.wav")
    assert list(table.index.names) == ["file", "start", "end"]
    file, start, end = table.index[0]
    assert file == str(SAMPLES / "dental-gsm.wav")
    assert start == pd.Timedelta(0)
    assert end == pd.Timedelta(seconds=15.7125)
    assert list(table.columns) == callprint.feature_names()
    assert table.attrs["feature_set"] == "TtsProsodyV1"
    assert all(dtype == np.float64 for dtype in table.dtypes)


def test_each_channel_has_a_row() -> None:
    table = callprint.features([SAMPLES / "dental-gsm.wav", SAMPLES / "insure-stereo.wav"])
    assert list(table.index.names) == ["file", "start", "end", "channel"]
    assert table.index.get_level_values("channel").tolist() == [0, 0, 1]
    robot, callee = table["speechSec"].iloc[1], table["speechSec"].iloc[2]
    assert robot > 3 * callee > 0, "the robot talks, the callee says a word"


def test_descriptors_have_a_row_each_10_ms() -> None:
    y = np.concatenate([pulses(200.0, 1.0, 8000), np.zeros(8001, np.float32)])
    table = callprint.features(y, sr=8000, level="lld")
    assert len(table) == math.ceil(len(y) / 80)
    starts = table.index.get_level_values("start")
    assert starts[1] == pd.Timedelta(milliseconds=10) and starts[100] == pd.Timedelta(seconds=1)
    assert (table.index.get_level_values("end") - starts == pd.Timedelta(milliseconds=10)).all()
    assert table["F0_Hz"].iloc[20:80].median() == pytest.approx(200, abs=0.5)
    assert (table["F0_Hz"].iloc[120:] == 0).all()


def test_int16_and_float32_give_the_same() -> None:
    pcm = np.round(pulses(150.0, 1.0, 8000) * 32768).astype(np.int16)
    one, two = callprint.features(pcm, sr=8000), callprint.features((pcm / 32768).astype(np.float32), sr=8000)
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_what_is_not_defined_is_nan() -> None:
    for y in (np.zeros(8000, np.float32), np.zeros(0, np.float32)):
        table = callprint.features(y, sr=8000)
        assert len(table) == 1
        assert math.isnan(table["F0semitoneFrom27.5Hz_sma3nz_amean"].item())


def test_a_bad_file_among_several_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no sound")
    with pytest.warns(callprint.CallprintWarning, match=r"bad\.wav"):
        table = callprint.features([tmp_path / "bad.wav", SAMPLES / "human.flac"])
    assert len(table) == 1
    with pytest.warns(callprint.CallprintWarning):
        assert callprint.features(tmp_path).empty
    with pytest.raises(callprint.AudioError):
        callprint.features(tmp_path / "bad.wav")


def test_every_column_is_documented() -> None:
    catalogue = callprint.feature_catalogue()
    assert all(all(feature) for feature in catalogue)
    assert len({feature.name for feature in catalogue}) == len(catalogue)


def test_bad_arguments() -> None:
    with pytest.raises(callprint.ArgumentError, match="level is 'frames'"):
        callprint.features(np.zeros(8000), sr=8000, level="frames")  # type: ignore[arg-type]
    with pytest.raises(callprint.ArgumentError, match="sr is missing"):
        callprint.features(np.zeros(8000))


def test_without_pandas_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(callprint.MissingDependencyError, match=r"callprint\[pandas\]") as error:
        callprint.features(np.zeros(8000, np.float32), sr=8000)
    assert isinstance(error.value, ImportError) and error.value.name == "pandas"


def test_an_extractor_gives_the_tables_of_features(speech: NDArray[np.float32], tmp_path: Path) -> None:
    extractor = callprint.FeatureExtractor(sr=8000)
    table = callprint.features(speech, sr=8000)
    pd.testing.assert_frame_equal(extractor.process_signal(speech, 8000), table)
    values = extractor.fit_transform([speech, speech[:40_000]])
    assert values.shape == (2, len(extractor.get_feature_names_out()))
    assert np.array_equal(values[0], table.iloc[0].to_numpy(), equal_nan=True)
    assert list(extractor.get_feature_names_out()) == list(table.columns)

    for name in ("human.flac", "dental-gsm.wav"):
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    folder = extractor.process_folder(tmp_path)
    files = extractor.process_files(sorted(tmp_path.iterdir()))
    pd.testing.assert_frame_equal(folder, files)
    pd.testing.assert_frame_equal(extractor.process_file(tmp_path / "human.flac"), folder.iloc[1:])
    assert extractor.set_params(level="lld").get_params()["level"] == "lld"
    with pytest.raises(callprint.ArgumentError, match="functionals"):
        extractor.transform([speech])
    with pytest.raises(callprint.ArgumentError, match="is a folder"):
        extractor.process_file(tmp_path)
    with pytest.raises(callprint.ArgumentError, match="no setting 'levels'"):
        extractor.set_params(levels="lld")


def test_what_is_one_recording_is_not_taken_apart(speech: NDArray[np.float32]) -> None:
    extractor = callprint.FeatureExtractor(sr=8000)
    one: dict[str, Any] = {
        "X is one path": "calls/human.flac",
        "X is one path; want a list": SAMPLES,
        "X is ndarray of samples; want a list of recordings": speech,
        "X is list of samples": [0.1, 0.2],
        "X holds a folder": [SAMPLES / "human.flac", SAMPLES],
        "X holds a list of recordings": [[speech, speech]],
        "mapping": {"a": speech},
        "X is a table": pd.DataFrame({"file": [str(SAMPLES / "human.flac")]}),
        "masked": np.ma.masked_invalid(np.stack([speech, speech])),
    }
    for message, recordings in one.items():
        with pytest.raises(callprint.ArgumentError, match=message):
            extractor.transform(recordings)
    assert len(extractor.transform(np.stack([speech, speech]))) == 2
    assert len(extractor.transform(pd.Series([str(SAMPLES / "human.flac")]))) == 1
    with pytest.raises(callprint.ArgumentError, match="masked"):
        extractor.process_signal(np.ma.masked_invalid(speech), 8000)
    with pytest.raises(callprint.ArgumentError, match=r"process_file\(\) takes one"):
        extractor.process_signal("human.flac", 8000)
    for work in (extractor.process_file, extractor.process_folder):
        with pytest.raises(callprint.ArgumentError, match="is list; want a path"):
            work([SAMPLES / "human.flac"])  # type: ignore[arg-type]


def test_an_extractor_tells_its_settings_and_gives_tables_on_demand(speech: NDArray[np.float32]) -> None:
    extractor = callprint.FeatureExtractor(sr=8000, jobs=2)
    assert repr(extractor) == "FeatureExtractor(sr=8000, jobs=2)"
    assert repr(callprint.FeatureExtractor()) == "FeatureExtractor()"
    values = extractor.transform([speech])
    table = extractor.set_output(transform="pandas").set_output().transform([speech])
    assert list(table.columns) == list(extractor.get_feature_names_out()) and table.index.tolist() == [0]
    assert np.array_equal(table.to_numpy(), values, equal_nan=True)
    assert set(extractor.get_params()) == {"level", "sr", "on_error", "jobs", "progress"}
    with pytest.raises(callprint.ArgumentError, match="transform is 'polars'"):
        extractor.set_output(transform="polars")  # type: ignore[arg-type]


def test_tables_of_mono_and_stereo_keep_their_channels_when_put_together(speech: NDArray[np.float32]) -> None:
    mono = callprint.features(speech, sr=8000, channel_level=True)
    stereo = callprint.features(SAMPLES / "insure-stereo.wav", channel_level=True)
    both = pd.concat([mono, stereo])
    assert both.index.get_level_values("channel").tolist() == [0, 0, 1]
    assert both.attrs["feature_set"] == "TtsProsodyV1"
    without = callprint.features(SAMPLES / "insure-stereo.wav", channel_level=False)
    assert without.index.names == ["file", "start", "end"] and np.array_equal(without, stereo, equal_nan=True)


@pytest.mark.parametrize("level", ["functionals", "lld"])
def test_a_table_without_rows_has_the_types_of_one_with_some(
    level: Literal["functionals", "lld"], speech: NDArray[np.float32]
) -> None:
    full = callprint.features(speech, sr=8000, level=level, channel_level=True)
    empty = callprint.features([], level=level, channel_level=True)
    assert empty.empty
    assert empty.dtypes.equals(full.dtypes)
    assert empty.index.to_frame().dtypes.equals(full.index.to_frame().dtypes)
    pd.testing.assert_frame_equal(pd.concat([empty, full]), full)
