"""Scanning: files, folders, lists and arrays."""

from __future__ import annotations

import dataclasses
import json
import operator
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES, stopped_by_a_signal
from numpy.typing import NDArray

Call = tuple[NDArray[np.int16], int]


def test_the_right_script_is_named_on_every_sample_with_a_robot_we_know(
    results: callprint.ScanResults, truth: dict[str, dict[str, str]]
) -> None:
    found = {Path(result.file).name: result for result in results}
    assert found.keys() == truth.keys()
    known = {name: row for name, row in truth.items() if row["script"] != "-"}
    assert len(known) == 8
    for name, row in known.items():
        match = found[name].matches[0]
        assert match.script == row["script"], name
        assert match.rendering.startswith(f"{row['script']}__")
        assert match.channel == int(row["channel"]), name
        assert match.false_alarms_per_hour <= 0.01
        # It lies within the robot's speech, and takes most of it.
        onset, end = float(row["script_onset"]), float(row["script_end"])
        assert onset - 0.7 <= match.query_start < match.query_end <= end + 0.7, name
        assert match.query_end - match.query_start > 0.5 * (end - onset), name
        assert match.decided_at is not None and onset < match.decided_at <= end + 0.7, name


def test_a_person_and_an_unknown_robot_match_nothing(results: callprint.ScanResults) -> None:
    by_name = {Path(result.file).name: result for result in results}
    assert by_name["human.flac"].matches == ()
    assert by_name["unknown-robot.ogg"].matches == ()
    assert by_name["human.flac"].decided_at is None


def test_speed_is_that_of_the_recording(results: callprint.ScanResults) -> None:
    speeds = {Path(result.file).name: result.matches[0].speed for result in results if result.matches}
    assert speeds["solar-fast.mp3"] == pytest.approx(1.04, abs=0.01)
    assert speeds["dental-gsm.wav"] == pytest.approx(1.0, abs=0.01)


def test_the_dict_has_the_keys_of_the_command_line(results: callprint.ScanResults) -> None:
    report = next(report for report in results.to_dict() if report["matches"])
    assert {"file", "seconds", "matches", "machine_voice", "events", "decided_at"} <= report.keys()
    assert {
        *("script", "rendering", "category", "score", "false_alarms_per_hour", "ber", "speed"),
        *("query_start", "query_end", "script_start", "script_end"),
    } <= report["matches"][0].keys()
    assert {"probability", "abstained", "seconds"} <= report["machine_voice"].keys()
    assert {"type", "at"} <= report["events"][0].keys()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    report["matches"].clear()
    assert results.to_dict() != [report], "a copy, not the result's own"


def test_matches_make_a_table(results: callprint.ScanResults) -> None:
    table = results.to_dataframe()
    assert len(table) == sum(len(result.matches) for result in results)
    best = table.groupby("file").first()
    assert best.loc[str(SAMPLES / "loan-amr.flac"), "script"] == "loan-02"
    assert results[0].to_dataframe()["script"].tolist() == [match.script for match in results[0].matches]
    nothing = callprint.scan(np.zeros(800, np.float32), sr=8000).to_dataframe()
    assert list(nothing.columns) == list(table.columns) and nothing.empty


def test_results_are_a_sequence_and_pickle(results: callprint.ScanResults) -> None:
    assert [result.file for result in results] == sorted(result.file for result in results)
    assert results[-1] is list(results)[-1]
    assert len(results[2:4]) == 2
    assert results[:] == results and results[2:4] != results[3:5]
    assert pickle.loads(pickle.dumps(results)) == results
    assert "10 scanned" in repr(results)


def test_samples_give_the_matches_of_their_file(results: callprint.ScanResults, call: Call) -> None:
    y, sr = call
    as_file = next(result for result in results if result.file.endswith("dental-gsm.wav"))
    for samples in (y, (y / 32768).astype(np.float32), y / 32768):
        as_array = callprint.scan(samples, sr=sr)
        assert as_array.file == "<array>"
        assert as_array.matches == as_file.matches
        assert as_array.events == as_file.events
        assert as_array.seconds == as_file.seconds == len(y) / sr


def test_several_recordings_of_any_kind(small_index: callprint.Index, call: Call) -> None:
    y, sr = call
    both = callprint.scan([y, SAMPLES / "loan-amr.flac"], sr=sr, index=small_index)
    assert [result.matches[0].script for result in both] == ["dental-01", "loan-02"]
    assert len(callprint.scan([])) == 0


def test_candidates_are_listed_on_demand_and_are_no_matches(small_index: callprint.Index) -> None:
    path = SAMPLES / "warranty-loss.wav"
    sure = callprint.scan(path, index=small_index, max_far=1e-9)
    assert sure.matches == ()
    likely = callprint.scan(path, index=small_index, max_far=1e-9, candidates=True)
    assert all(match.decided_at is None for match in likely.matches)
    scores = [match.score for match in likely.matches]
    assert scores == sorted(scores, reverse=True)


def test_silence_and_no_samples_at_all_match_nothing() -> None:
    for y in (np.zeros(0, np.float32), np.zeros(1, np.int16), np.zeros(80_000, np.int16)):
        result = callprint.scan(y, sr=8000)
        assert result.matches == ()
        assert result.seconds == len(y) / 8000


def test_nan_counts_as_silence(speech: NDArray[np.float32], small_index: callprint.Index) -> None:
    y = np.concatenate([np.full(4000, np.nan, np.float32), speech])
    with_zeros = np.nan_to_num(y)
    assert callprint.scan(y, sr=8000, index=small_index) == callprint.scan(with_zeros, sr=8000, index=small_index)


def test_a_bad_file_among_several_is_reported_and_left_out(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "loan-amr.flac", tmp_path / "a.flac")
    (tmp_path / "b.wav").write_text("these are words, not sound\n" * 10)
    with pytest.warns(callprint.CallprintWarning, match=r"b\.wav"):
        results = callprint.scan(tmp_path)
    assert [Path(result.file).name for result in results] == ["a.flac"]
    (failure,) = results.failures
    assert failure.file == str(tmp_path / "b.wav")
    assert isinstance(failure.error, callprint.AudioError)
    assert len(callprint.scan(tmp_path, on_error="ignore").failures) == 1
    with pytest.raises(callprint.AudioError):
        callprint.scan(tmp_path, on_error="raise")


def test_a_file_that_can_not_be_read_raises_what_open_would(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        callprint.scan(tmp_path / "nowhere.wav")
    assert isinstance(missing.value, callprint.FileError)
    assert missing.value.filename == str(tmp_path / "nowhere.wav")
    (tmp_path / "empty.wav").touch()
    with pytest.raises(callprint.AudioError, match="empty"):
        callprint.scan(tmp_path / "empty.wav")
    half = tmp_path / "half.flac"
    half.write_bytes((SAMPLES / "loan-amr.flac").read_bytes()[:50_000])
    with pytest.raises(callprint.AudioError, match="damaged"):
        callprint.scan(half)


def test_a_folder_without_audio_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(callprint.AudioError, match="no audio files"):
        callprint.scan(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"audio": np.zeros(8000, np.float32)}, "sr is missing"),
        ({"audio": SAMPLES / "human.flac", "sr": 8000}, "tells its own rate"),
        ({"audio": np.zeros((8000, 2), np.float32), "sr": 8000}, "one channel"),
        ({"audio": np.zeros(8000, np.float32), "sr": 8000, "max_far": 0}, "max_far is 0"),
        ({"audio": np.zeros(8000, np.float32), "sr": 8000, "max_far": float("nan")}, "max_far is nan"),
        ({"audio": np.zeros(8000, np.float32), "sr": 8000, "index": 3}, "index is int"),
        ({"audio": SAMPLES, "jobs": 0}, "jobs is 0"),
        ({"audio": SAMPLES, "on_error": "skip"}, "on_error is 'skip'"),
    ],
)
def test_arguments_that_can_not_be_used_are_value_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        callprint.scan(**arguments)
    assert isinstance(error.value, callprint.CallprintError)


@pytest.mark.parametrize(
    "work",
    [
        lambda y: callprint.scan(y, sr=8000),
        lambda y: callprint.scan([y, y, y], sr=8000),
        lambda y: callprint.Index.builtin().search_many([y, y], sr=8000),
        lambda y: callprint.fingerprint(y, sr=8000, hop=1),
        lambda y: callprint.features([y, y], sr=8000),
        lambda y: callprint.Session(sr=8000).push(y),
    ],
    ids=["scan", "scan several", "search_many", "fingerprint", "features", "session"],
)
def test_a_signal_stops_long_work(work: Callable[[NDArray[np.float32]], object], hours: NDArray[np.float32]) -> None:
    with stopped_by_a_signal():
        work(hours)


def test_table_without_pandas_says_what_to_install(
    results: callprint.ScanResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pd is not None
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"callprint\[pandas\]") as error:
        results.to_dataframe()
    assert isinstance(error.value, callprint.CallprintError)


def test_in_a_notebook_results_are_tables_with_timelines(results: callprint.ScanResults) -> None:
    html = results._repr_html_()
    assert html.count("<svg") == len(results) and "solar-11" in html and "no match" in html
    one = results[0]._repr_html_()
    assert results[0].matches[0].script in one and "<svg" in one and "false alarms" in one
    hostile = callprint.ScanResult(
        "<script>alert(1)</script>", 1.0, (), results[0].machine_voice, (), None, results[0].channels, {}
    )
    assert "<script>" not in hostile._repr_html_()


def test_a_bar_counts_recordings(capfd: pytest.CaptureFixture[str]) -> None:
    callprint.scan([SAMPLES / "human.flac", SAMPLES / "dental-gsm.wav"], progress=True)
    assert "2/2" in capfd.readouterr().err


def test_failures_are_compared_and_a_part_of_the_results_has_none(results: callprint.ScanResults) -> None:
    failures = [callprint.Failure("a.wav", ValueError("no sound"))]
    with_one = callprint.ScanResults(list(results), failures)
    assert with_one != results and with_one == callprint.ScanResults(list(results), failures)
    assert pickle.loads(pickle.dumps(with_one)) == with_one
    assert with_one[1:].failures == () and with_one[:] == with_one
    assert with_one != list(results)


def test_a_result_under_another_name_says_so_everywhere(results: callprint.ScanResults) -> None:
    renamed = dataclasses.replace(results[0], file="call 7")
    assert renamed.to_dict()["file"] == "call 7" and renamed.to_dict().keys() == results[0].to_dict().keys()


def test_a_table_without_rows_has_the_types_of_one_with_some(results: callprint.ScanResults) -> None:
    full, empty = results.to_dataframe(), callprint.ScanResults([]).to_dataframe()
    assert len(full) > 5 and empty.empty
    assert empty.dtypes.equals(full.dtypes)
    assert [str(full[name].dtype) for name in ("score", "channel", "decided_at")] == ["float64", "int64", "float64"]
    pd.testing.assert_frame_equal(pd.concat([empty, full]), full)


def test_matches_with_alignments_are_equal_if_those_are(small_index: callprint.Index, call: Call) -> None:
    y, sr = call
    one, two = (small_index.search(y, sr=sr, candidates=True)[0] for _ in range(2))
    assert one == two and one.alignment is not None
    assert one.alignment == two.alignment
    assert not operator.ne(one.alignment, two.alignment)
    assert one.alignment != one.alignment._replace(speed=2.0) and one.alignment != 3
