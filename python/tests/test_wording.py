"""The same words by another voice."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pytest
from conftest import RENDERINGS, SAMPLES, stopped_by_a_signal
from numpy.typing import NDArray


@pytest.fixture(scope="module")
def index() -> callprint.Index:
    """All Mandarin scripts in one voice, that of no other recording here but where a test says so."""
    return callprint.Index.build(sorted(RENDERINGS.glob("*__fs2.flac")))


@pytest.fixture(scope="module")
def wording(index: callprint.Index) -> callprint.Wording:
    return callprint.Wording(index)


@pytest.fixture(scope="module")
def clip() -> NDArray[np.float32]:
    """A bank-loan robot in another voice than the index holds, 9.9 s at 8 kHz."""
    return callprint.load(RENDERINGS / "loan-02__taco.flac")[0]


@pytest.mark.parametrize("voice", ["taco", "espk-cmn-m"])
def test_a_script_is_found_when_another_voice_says_it(wording: callprint.Wording, voice: str) -> None:
    for script in ("dental-01", "loan-02", "settle-01"):
        found = wording.search(RENDERINGS / f"{script}__{voice}.flac")
        assert found is not None, script
        assert (found.script, found.rendering, found.channel) == (script, f"{script}__fs2", 0)
        assert found.score > 0 and 0.001 <= found.false_alarms_per_hour <= 0.1
        # From its beginning, and most of it.
        assert found.query_start < 1.5 and found.script_start < 1.5
        assert found.query_end - found.query_start > 5 and found.script_end - found.script_start > 5


def test_samples_of_any_type_and_rate_give_what_their_file_gives(
    wording: callprint.Wording, clip: NDArray[np.float32]
) -> None:
    found = wording.search(RENDERINGS / "loan-02__taco.flac")
    assert found is not None and found.script == "loan-02"
    assert wording.search(clip, sr=8000) == found
    times = np.arange(2 * len(clip)) / 2
    forms: list[tuple[NDArray[Any], int]] = [
        (clip.astype(np.float64), 8000),
        ((clip * 32767).astype(np.int16), 8000),
        (np.interp(times, np.arange(len(clip)), clip), 16_000),
    ]
    for y, sr in forms:
        other = wording.search(y, sr=sr)
        assert other is not None and other.script == "loan-02"
        assert other.query_end == pytest.approx(found.query_end, abs=0.5)


def test_silence_and_no_samples_at_all_say_nothing(wording: callprint.Wording) -> None:
    for y in (np.zeros(80_000, np.float32), np.full(80_000, np.nan), np.zeros(80_000, np.int16), np.zeros(0)):
        assert wording.search(y, sr=8000, max_far=1000) is None
        result = wording.scan(y, sr=8000, max_far=1000)
        assert (result.seconds, result.same_words) == (len(y) / 8000, ())


def test_the_rate_decides_what_is_told(wording: callprint.Wording, clip: NDArray[np.float32]) -> None:
    begin = clip[: 4 * 8000]
    assert wording.search(begin, sr=8000) is None, "four seconds are not enough to be sure"
    unsure = wording.search(begin, sr=8000, max_far=1000)
    assert unsure is not None and 0.1 < unsure.false_alarms_per_hour <= 1000
    rate = unsure.false_alarms_per_hour
    assert wording.search(begin, sr=8000, max_far=rate) == unsure
    assert wording.scan(begin, sr=8000, max_far=rate).same_words == (unsure,)
    assert wording.scan(begin, sr=8000, max_far=0.99 * rate).same_words == ()


def test_a_long_recording_tells_which_channel_says_it_and_when(
    wording: callprint.Wording, truth: dict[str, dict[str, str]]
) -> None:
    file = SAMPLES / "insure-stereo.wav"
    result: callprint.WordingResult = wording.scan(file)
    assert result.file == str(file) and result.seconds == pytest.approx(16.4, abs=0.1)
    (found,) = result.same_words
    assert (found.script, found.channel) == ("insure-01", 0) == (truth[file.name]["script"], 0)
    # The two voices speak at tempi of their own.
    onset = float(truth[file.name]["script_onset"])
    assert found.query_start - found.script_start == pytest.approx(onset, abs=1)
    # The dict is the line of the command line.
    assert result.to_dict() == {
        "file": result.file,
        "seconds": result.seconds,
        "same_words": [dataclasses.asdict(found)],
    }
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()

    y, sr = callprint.load(file, channel=0)
    tail = np.concatenate([np.zeros(60 * sr, np.float32), y])
    (later,) = wording.scan(tail, sr=sr).same_words
    assert later.query_start - later.script_start == pytest.approx(60 + onset, abs=1)


def test_one_channel_of_a_file_is_searched_and_named(wording: callprint.Wording) -> None:
    file = SAMPLES / "insure-stereo.wav"
    with pytest.raises(callprint.ArgumentError, match="channels that differ; choose one with channel=0 to 1"):
        wording.search(file)
    robot, callee = wording.search(file, channel=0), wording.search(file, channel=1, max_far=1000)
    assert robot is not None and (robot.script, robot.channel) == ("insure-01", 0)
    assert callee is None or (callee.channel == 1 and callee.false_alarms_per_hour > 0.1)


def test_several_recordings_make_a_table_without_those_that_can_not_be_read(
    wording: callprint.Wording, clip: NDArray[np.float32], tmp_path: Path
) -> None:
    for name in ("human.flac", "unknown-robot.ogg", "insure-stereo.wav", "settle-alaw-noise.wav"):
        shutil.copy(SAMPLES / name, tmp_path / name)
    (tmp_path / "words.wav").write_text("these are words, not sound\n" * 10)
    with pytest.warns(callprint.CallprintWarning, match=r"words\.wav"):
        results: callprint.WordingResults = wording.scan(tmp_path, jobs=2)
    found = {Path(result.file).name: [words.script for words in result.same_words] for result in results}
    assert found == {
        "human.flac": [],
        "insure-stereo.wav": ["insure-01"],
        "settle-alaw-noise.wav": ["settle-01"],
        "unknown-robot.ogg": [],
    }
    assert [Path(failure.file).name for failure in results.failures] == ["words.wav"]
    assert "4 scanned, 2 with known words, 1 failed" in repr(results)
    table = results.to_dataframe()
    assert table["script"].tolist() == ["insure-01", "settle-01"]
    assert list(table.columns) == ["file", *(field.name for field in dataclasses.fields(callprint.SameWords))]
    nothing = results[0].to_dataframe()
    assert nothing.empty and list(nothing.columns) == list(table.columns)
    assert nothing.dtypes.equals(table.dtypes)
    html = results._repr_html_()
    assert "no known words" in html and "insure-01" in html and "words.wav" in html
    assert "insure-01" in results[1]._repr_html_() and "no known words" in results[0]._repr_html_()
    assert pickle.loads(pickle.dumps(results)) == results and len(results[1:3]) == 2
    assert results.to_dict() == [result.to_dict() for result in results]

    both = wording.scan([clip, tmp_path / "human.flac"], sr=8000)
    assert [len(result.same_words) for result in both] == [1, 0]
    with pytest.raises(callprint.AudioError):
        wording.scan(tmp_path, on_error="raise")


def test_it_holds_the_index_as_it_was(clip: NDArray[np.float32]) -> None:
    index = callprint.Index.build(RENDERINGS / f"{script}__fs2.flac" for script in ("dental-01", "loan-02"))
    wording = callprint.Wording(index)
    index.remove("loan-02")
    found = wording.search(clip, sr=8000)
    assert found is not None and found.script == "loan-02"
    other = callprint.Wording(index).search(clip, sr=8000)
    assert other is None, "the script that is left is not what it says"
    assert callprint.Wording(callprint.Index()).search(clip, sr=8000, max_far=1000) is None
    index.close()
    with pytest.raises(callprint.ArgumentError, match="closed"):
        callprint.Wording(index)


def test_what_can_not_be_read_raises_what_open_would(wording: callprint.Wording, tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("these are words, not sound\n" * 10)
    for work in (wording.search, wording.scan):
        with pytest.raises(FileNotFoundError):
            work(tmp_path / "nowhere.wav")
        with pytest.raises(callprint.AudioError):
            work(tmp_path / "words.wav")
    with pytest.raises(FileNotFoundError):
        callprint.Wording(tmp_path / "nowhere.cpi")


def test_a_clip_that_is_a_whole_call_is_for_scan(wording: callprint.Wording, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 21))
    with pytest.raises(callprint.ArgumentError, match=r"long\.wav: longer than 20 s; scan\(\) takes"):
        wording.search(tmp_path / "long.wav")
    assert wording.scan(tmp_path / "long.wav").seconds == 21
    with pytest.raises(callprint.ArgumentError, match=r"21\.0 s long; want at most 20 s: scan\(\) takes"):
        wording.search(np.zeros(21 * 8000, np.int16), sr=8000)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda wording: wording.search(np.zeros(8000)), "sr is missing"),
        (lambda wording: wording.search(np.zeros((8000, 2)), sr=8000), "one channel"),
        (lambda wording: wording.search(np.zeros(8000, np.int64), sr=8000), "int64"),
        (lambda wording: wording.search(np.zeros(8000), sr=8000, channel=0), "channel is for files"),
        (lambda wording: wording.search(SAMPLES / "human.flac", sr=8000), "tells its own rate"),
        (lambda wording: wording.search(SAMPLES / "human.flac", channel=1), "channel 1 of 1"),
        (lambda wording: wording.search(np.zeros(8000), sr=8000, max_far=0), "max_far is 0"),
        (lambda wording: wording.search(np.zeros(8000), sr=8000, max_far=0.0009), "no rate under 0.001 per hour"),
        (lambda wording: wording.scan(np.zeros(8000), sr=8000, max_far=1e-9), "no rate under 0.001 per hour"),
        (lambda wording: wording.scan(np.zeros(8000)), "sr is missing"),
        (lambda wording: wording.scan(SAMPLES, jobs=0), "jobs is 0"),
        (lambda wording: callprint.Wording(index=wording), "index is Wording"),
    ],
)
def test_arguments_that_can_not_be_used_are_value_errors(
    wording: callprint.Wording, work: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        work(wording)
    assert isinstance(error.value, callprint.CallprintError)


@pytest.mark.parametrize("several", [False, True])
def test_a_signal_stops_long_work(hours: NDArray[np.float32], several: bool) -> None:
    wording = callprint.Wording()
    with stopped_by_a_signal():
        wording.scan([hours, hours] if several else hours, sr=8000)


def test_it_pickles_as_its_index_does(clip: NDArray[np.float32], tmp_path: Path) -> None:
    index = callprint.Index.build(RENDERINGS / f"{script}__fs2.flac" for script in ("dental-01", "loan-02"))
    in_memory = callprint.Wording(index)
    index.save(tmp_path / "x.cpi")
    index.remove("loan-02")
    of_file = callprint.Wording(tmp_path / "x.cpi")
    assert len(pickle.dumps(of_file)) < 300
    for wording in (in_memory, of_file):
        again = pickle.loads(pickle.dumps(wording))
        assert again.search(clip, sr=8000) == wording.search(clip, sr=8000) is not None


def test_it_says_what_it_holds(wording: callprint.Wording, index: callprint.Index) -> None:
    assert repr(wording) == f"<callprint.Wording: {len(index)} renderings>"
