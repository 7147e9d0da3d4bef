"""Live calls in pieces."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import callprint
import numpy as np
import pytest
from conftest import SAMPLES
from numpy.typing import NDArray


def run(session: callprint.Session, y: NDArray[Any], size: int) -> list[callprint.SessionEvent]:
    events = [event for start in range(0, len(y), size) for event in session.push(y[start : start + size])]
    return events + session.finish()


def test_a_session_tells_what_a_scan_tells_whatever_the_pieces(call: tuple[NDArray[np.int16], int]) -> None:
    y, sr = call
    index = callprint.Index.builtin()
    scanned: callprint.ScanResult = callprint.scan(y, sr=sr, index=index)
    session = callprint.Session(index, sr=sr)
    told = run(session, y, 160)
    assert session.result().matches == scanned.matches
    assert session.seconds == pytest.approx(scanned.seconds)
    assert [event.type for event in told] == ["answered", "match", "ended"]
    match = told[1].match
    assert match is not None and match.script == "dental-01" and told[1].at == scanned.decided_at
    assert match.query_start == pytest.approx(scanned.matches[0].query_start, abs=0.3)

    session.reset()
    assert session.seconds == 0
    assert run(session, y, 4001) == told
    assert session.push(y) == [], "samples after the end are ignored"


def test_a_scan_says_how_sure_a_machine_voice_and_a_hand_over_are_as_a_session_does() -> None:
    y, sr = callprint.load(SAMPLES / "dental-handover.flac")
    scanned = {event.type: event.probability for event in callprint.scan(y, sr=sr).events}
    told = {event.type: event.probability for event in run(callprint.Session(sr=sr), y, 160)}
    assert scanned == told
    assert 0.5 < (scanned["machine_voice"] or 0) <= 1 and 0.5 < (scanned["handover"] or 0) <= 1
    assert scanned["answered"] is None and scanned["match"] is None


def test_a_session_finds_nothing_in_a_person() -> None:
    y, sr = callprint.load(SAMPLES / "human.flac")
    with callprint.Session(sr=sr, unmatched_after=4) as session:
        events = session.push(y)
    assert [event.type for event in events] == ["answered", "unmatched"]


def test_the_last_events_are_told_once_whoever_ends_the_call(call: tuple[NDArray[np.int16], int]) -> None:
    y, sr = call
    with callprint.Session(sr=sr) as session:
        session.push(y)
        assert [event.type for event in session.finish()] == ["ended"]
    assert session.finish() == []
    with callprint.Session(sr=sr) as session:
        session.push(y)
    assert [event.type for event in session.finish()] == ["ended"], "leaving the block does not lose them"


def test_a_session_refuses_what_it_cannot_use() -> None:
    with pytest.raises(callprint.ArgumentError, match="sr is 10"):
        callprint.Session(sr=10)
    with pytest.raises(callprint.ArgumentError, match="unmatched_after is 0"):
        callprint.Session(unmatched_after=0)
    with pytest.raises(callprint.ArgumentError, match="max_far is -1"):
        callprint.Session(max_far=-1)
    of_any_type: list[Any] = [12, 12.5, np.int64(12), np.float32(12)]
    for seconds in of_any_type:
        callprint.Session(unmatched_after=seconds)
    session = callprint.Session()
    for take in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(callprint.ArgumentError, match="can't be copied or pickled; make another"):
            take(session)
    with pytest.raises(callprint.ArgumentError, match="shape"):
        session.push(np.zeros((2, 160), np.int16))
    assert session.push([]) == []
