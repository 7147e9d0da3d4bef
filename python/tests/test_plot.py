"""Pictures: what they show is read back from them; what they look like is for people to judge."""

from __future__ import annotations

import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pytest
from conftest import RENDERINGS, SAMPLES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

MATCHED = SAMPLES / "solar-fast.mp3"


@pytest.fixture(scope="module")
def result(results: callprint.ScanResults) -> callprint.ScanResult:
    return next(result for result in results if result.file.endswith(MATCHED.name))


def test_bits_that_differ_are_few_where_the_match_is(result: callprint.ScanResult) -> None:
    exact: callprint.ScanResult = callprint.scan(MATCHED, candidates=True)
    match = exact.matches[0]
    figure = callprint.plot.spectrogram(MATCHED, match=match)
    power, heard, reference, differing, rate = figure.axes[:5]
    assert power.get_ylabel() == "frequency, kHz" and rate.get_xlabel() == "time, s"
    shares = np.asarray(rate.lines[0].get_ydata(), float)
    assert np.nanmean(shares) == pytest.approx(match.ber, abs=0.02)
    left, right, *_ = differing.images[0].get_extent()
    assert left == pytest.approx(match.query_start, abs=0.5) and right == pytest.approx(match.query_end, abs=0.5)
    assert heard.images and reference.images
    assert len(callprint.plot.spectrogram(MATCHED).axes) == 3
    # Without an alignment the match is taken for a straight line.
    straight = callprint.plot.spectrogram(MATCHED, match=result.matches[0]).axes[4].lines[0].get_ydata()
    assert np.nanmean(np.asarray(straight, float)) < 0.2


def test_votes_peak_where_the_script_begins(result: callprint.ScanResult) -> None:
    match = result.matches[0]
    figure = callprint.plot.alignment(MATCHED, match=match)
    plane, votes = figure.axes[:2]
    highest = max(votes.patches, key=lambda bar: bar.get_height())  # type: ignore[attr-defined]
    begin = match.query_start - match.script_start / match.speed
    assert highest.get_x() == pytest.approx(begin, abs=0.3)  # type: ignore[attr-defined]
    assert match.rendering in plane.get_ylabel()
    with pytest.raises(callprint.ArgumentError, match="match is str"):
        callprint.plot.alignment(MATCHED, match="solar-11")  # type: ignore[arg-type]


def test_a_timeline_has_a_panel_for_each_channel_and_names_what_happened(results: callprint.ScanResults) -> None:
    stereo = next(result for result in results if "stereo" in result.file)
    figure = callprint.plot.timeline(stereo)
    assert len(figure.axes) == 2
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "insure-01" in words and "answered" in words and "match" in words and "machine" in words


def bars(ax: Axes) -> dict[str, float]:
    """Where the labelled bars of a timeline begin, s; how sure something is may follow its name."""
    return {text.get_text().partition(",")[0]: text.xy[0] for text in ax.texts}  # type: ignore[attr-defined]


def test_a_timeline_shows_when_a_machine_was_heard(results: callprint.ScanResults) -> None:
    call = next(result for result in results if result.file.endswith("insure-stereo.wav"))
    known = next(event.at for event in call.events if event.type == "machine_voice")
    assert any(bars(ax).get("machine voice") == known for ax in callprint.plot.timeline(call).axes)


def test_a_timeline_tells_ringing_from_voices_and_shows_the_hand_over(results: callprint.ScanResults) -> None:
    by_name = {result.file.rpartition("/")[2]: result for result in results}
    # Ringing from 0 to 1 s, a voice from 1.8 s, busy tone from 9 s on (corpus/samples/samples.tsv).
    ax = callprint.plot.timeline(by_name["estate-hangup.wav"]).axes[0]
    areas = {area.get_label(): [path.get_extents() for path in area.get_paths()] for area in ax.collections}
    assert areas["tone"][0].x0 < 0.1 and areas["tone"][-1].x1 > 12
    assert all(area.x1 < 1.1 or area.x0 > 8.9 for area in areas["tone"])
    assert 1.5 < areas["sound that can be a voice"][0].x0 < 2
    taken = by_name["dental-handover.flac"]
    handover = next(event.at for event in taken.events if event.type == "handover")
    ax = callprint.plot.timeline(taken).axes[0]
    assert handover == bars(ax)["person"] == bars(ax)["hand-over"]
    # Nothing in the person's vowels is taken for a tone.
    assert "tone" not in {area.get_label() for area in ax.collections}


def test_pictures_are_dark_where_matplotlib_is(results: callprint.ScanResults) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.colors import to_rgb

    grounds = []
    for name in ("default", "dark_background"):
        with plt.style.context(name):
            figure = callprint.plot.timeline(results[0])
            grounds.append(sum(to_rgb(figure.get_facecolor())))
            label = figure.axes[0].xaxis.label
            assert abs(sum(to_rgb(label.get_color())) - grounds[-1]) > 2, "it stands out"
    assert grounds[0] == 3 and grounds[1] < 0.5


def test_codes_show_themselves_in_a_notebook(speech: NDArray[np.float32]) -> None:
    image = callprint.fingerprint(speech, sr=8000)._repr_png_()
    assert image is not None and image.startswith(b"\x89PNG")
    assert callprint.fingerprint(speech[:100], sr=8000)._repr_png_() is None


def test_a_prosody_card_and_samples_of_any_type(speech: NDArray[np.float32]) -> None:
    figure = callprint.plot.prosody(speech, sr=8000)
    assert figure.axes[0].get_ylabel() == "F0, Hz"
    assert any("F0semitone" in text.get_text() for text in figure.axes[-1].texts)
    for y in (speech[:16_000], (speech[:16_000] * 32767).astype(np.int16), speech[:100]):
        assert callprint.plot.spectrogram(y, sr=8000).axes


def test_scripts_by_one_voice_with_one_greeting_share_audio() -> None:
    names = ["dental-01__fs2", "dental-02__fs2", "settle-01__fs2"]
    index = callprint.Index.build(RENDERINGS / f"{name}.flac" for name in names)
    scripts, seconds = callprint.plot.shared_audio(index)
    assert scripts == ["dental-01", "dental-02", "settle-01"]
    assert seconds[0, 1] > 1 and seconds[1, 0] > 1 and seconds[0, 2] < 0.5
    assert (np.diag(seconds) == 0).all()
    figure = callprint.plot.index_map(index, scripts=["dental-02", "settle-01"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["dental-02", "settle-01"]
    with pytest.raises(callprint.ArgumentError, match="no-such"):
        callprint.plot.index_map(index, scripts=["no-such"])


def test_drawing_leaves_the_settings_and_figures_of_others_alone(speech: NDArray[np.float32]) -> None:
    import matplotlib.pyplot as plt

    before = dict(plt.rcParams)
    callprint.plot.spectrogram(speech[:8000], sr=8000)
    assert dict(plt.rcParams) == before and plt.get_fignums() == []


def test_without_matplotlib_only_drawing_fails_and_says_what_to_do() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
from callprint import *
import callprint, pydoc
assert hasattr(callprint, "plot") and "timeline" in dir(callprint.plot) and pydoc.render_doc(callprint)
assert fingerprint([0.0] * 8000, sr=8000)._repr_png_() is None
plot.prosody([0.0] * 8000, sr=8000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingDependencyError: callprint.plot needs matplotlib: pip install 'callprint[plot]'" in done.stderr


def many(result: callprint.ScanResult, count: int, seconds: float, **changes: Any) -> callprint.ScanResult:
    """A long call with many matches, of 20 s each, that lie over each other."""
    starts = np.linspace(0, seconds - 30, count)
    matches = [
        replace(result.matches[0], script=f"script-{i:03}", query_start=s, query_end=s + 20, decided_at=s + 3)
        for i, s in enumerate(starts.tolist())
    ]
    events = [callprint.Event("match", start + 3, 0) for start in starts.tolist()]
    usual: dict[str, Any] = {
        "file": "x.wav",
        "seconds": seconds,
        "matches": tuple(matches),
        "events": tuple(events),
    }
    return replace(result, **usual | changes)


def outline(ax: Axes, number: int = 0) -> NDArray[np.float64]:
    """Corners ``(n, 2)`` of an area of a timeline: times, s, and levels, dB."""
    return np.asarray(ax.collections[number].get_paths()[0].vertices, float)


def overlapping(ax: Axes) -> list[tuple[str, str]]:
    """Pairs of words that lie over each other, and words that reach out of the axes."""
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    frame = ax.get_window_extent()
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts]
    both = [(a, b) for i, (a, one) in enumerate(boxes) for b, two in boxes[:i] if one.overlaps(two)]
    return both + [(a, "outside") for a, box in boxes if box.x0 < frame.x0 - 1 or box.x1 > frame.x1 + 1]


@pytest.mark.parametrize(("count", "seconds"), [(3, 60), (12, 600), (150, 3600)])
def test_words_of_many_matches_stay_apart_and_leave_the_axes_their_width(
    result: callprint.ScanResult, count: int, seconds: float
) -> None:
    figure = callprint.plot.timeline(many(result, count, seconds))
    (ax,) = figure.axes
    assert overlapping(ax) == []
    assert ax.get_position().width > 0.8
    # Bars of matches at the same time lie in rows of their own.
    shown = [(bar.get_y(), bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]  # type: ignore[attr-defined]
    assert len(shown) == count
    together = [(a, b) for i, a in enumerate(shown) for b in shown[:i] if a[0] == b[0] and b[2] > a[1] + 1e-6]
    assert together == []
    assert count > 100 or any("script-000" in text.get_text() for text in ax.texts)


def test_a_person_speaks_until_the_next_script(result: callprint.ScanResult) -> None:
    kinds = [("machine_voice", 5.0), ("handover", 20.0), ("handover", 70.0), ("ended", 100.0)]
    events = [callprint.Event(kind, at, 0) for kind, at in kinds]
    calls = many(result, 2, 100, events=tuple(events))
    second = replace(calls.matches[1], query_start=50.0, query_end=65.0, decided_at=53.0)
    (ax,) = callprint.plot.timeline(replace(calls, matches=(calls.matches[0], second))).axes
    at: dict[str, list[float]] = {}
    for text in ax.texts:
        at.setdefault(text.get_text(), []).append(text.xy[0])  # type: ignore[attr-defined]
    assert at["machine"] == [5, 50] and at["person"] == [20, 70] == at["hand-over"]


def test_a_long_name_is_cut_in_the_middle_and_never_read_as_a_formula(result: callprint.ScanResult) -> None:
    for name in ("a-call-" * 30 + "end.wav", "$" * 9 + "_^{.wav"):
        figure = callprint.plot.timeline(replace(result, file=name))
        figure.draw_without_rendering()
        title = figure.axes[0].get_title(loc="left")
        assert title.startswith(name[:6]) and f"{name[-6:]}, mono" in title
        assert figure.axes[0].get_position().width > 0.8


def test_a_result_of_several_channels_wants_the_signals_of_all(results: callprint.ScanResults) -> None:
    stereo = next(result for result in results if "stereo" in result.file)
    left, right = (callprint.load(stereo.file, channel=channel)[0] for channel in (0, 1))

    def areas(y: Any) -> list[float]:
        figure = callprint.plot.timeline(stereo, y, sr=None if isinstance(y, str) else 8000)
        return [float(np.ptp(outline(ax, 1)[:, 0])) for ax in figure.axes]

    expected = areas(stereo.file)
    assert expected[0] != expected[1]
    assert areas([left, right]) == areas((left, right)) == areas(np.stack([left, right], axis=1)) == expected
    wrong: dict[str, Any] = {
        "y is 1 channel, but the result has 2 channels": left,
        "y is 3 channels, but the result has 2": [left, right, right],
        r"want \(n, 2\); pass y.T": np.stack([left, right]),
        r"y is 5.0 s long, but the result 16\.": [left[:40_000], right],
    }
    for message, y in wrong.items():
        with pytest.raises(callprint.ArgumentError, match=message):
            callprint.plot.timeline(stereo, y, sr=8000)


def test_what_is_no_result_or_match_is_refused_with_what_to_pass(
    results: callprint.ScanResults, speech: NDArray[np.float32]
) -> None:
    timeline: Any = callprint.plot.timeline
    for several in (results, list(results)):
        with pytest.raises(callprint.ArgumentError, match=r"pass one of them, as in results\[0\]"):
            timeline(several)
    with pytest.raises(callprint.ArgumentError, match=r"result is str; pass what scan\(\) returns for one"):
        timeline("call.wav")
    drawings: list[Any] = [callprint.plot.spectrogram, callprint.plot.alignment]
    for draw in drawings:
        with pytest.raises(callprint.ArgumentError, match=r"match is tuple; .* as in matches\[0\]"):
            draw(speech, sr=8000, match=results[0].matches)
        with pytest.raises(callprint.ArgumentError, match=r"y (is|has) "):
            draw(results, sr=8000, match=next(result for result in results if result.matches).matches[0])


def test_a_file_over_an_hour_has_a_timeline(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(bytes(2 * 1000 * 61 * 60))
    result: callprint.ScanResult = callprint.scan(tmp_path / "long.wav", index=callprint.Index())
    (ax,) = callprint.plot.timeline(result).axes
    times = outline(ax)[:, 0]
    assert times.max() == pytest.approx(3660, abs=0.1), "the level of no minute is shorter than it"
    for work in (callprint.fingerprint, callprint.plot.spectrogram, callprint.plot.prosody):
        with pytest.raises(callprint.ArgumentError, match=r"load\(\) takes more with max_seconds, and its samples"):
            work(tmp_path / "long.wav")


def test_what_is_not_finite_counts_as_silence_in_pictures(speech: NDArray[np.float32]) -> None:
    broken, zeros = speech[:24_000].copy(), speech[:24_000].copy()
    broken[[100, 5000, 9000]] = np.nan, np.inf, -np.inf
    zeros[[100, 5000, 9000]] = 0
    result: callprint.ScanResult = callprint.scan(broken, sr=8000)
    drawings: list[Callable[[NDArray[np.float32]], Any]] = [
        lambda y: callprint.plot.spectrogram(y, sr=8000).axes[0].images[0].get_array(),
        lambda y: outline(callprint.plot.timeline(result, y, sr=8000).axes[0]),
    ]
    for draw in drawings:
        assert np.array_equal(draw(broken), draw(zeros)) and np.isfinite(draw(broken)).all()
    callprint.plot.prosody(broken, sr=8000).draw_without_rendering()


@pytest.mark.parametrize("length", [0, 1, 100, 3000])
def test_signals_too_short_for_a_code_are_drawn(length: int, result: callprint.ScanResult) -> None:
    y = np.zeros(length, np.float32)
    match = result.matches[0]
    for figure in (
        callprint.plot.spectrogram(y, sr=8000),
        callprint.plot.spectrogram(y, sr=8000, match=match),
        callprint.plot.alignment(y, sr=8000, match=match),
        callprint.plot.prosody(y, sr=8000),
        callprint.plot.timeline(callprint.scan(y, sr=8000), y, sr=8000),
    ):
        figure.draw_without_rendering()


def test_silence_is_dark_and_frames_lie_around_their_middles() -> None:
    image: Any = callprint.plot.spectrogram(np.zeros(16_000, np.float32), sr=8000).axes[0].images[0]
    assert image.norm(image.get_array()).max() < 0.2
    click = np.zeros(16_000, np.float32)
    click[8000] = 0.9
    result: callprint.ScanResult = callprint.scan(click, sr=8000)
    image = callprint.plot.spectrogram(click, sr=8000).axes[0].images[0]
    power = np.asarray(image.get_array(), float).sum(axis=0)
    left, right, *_ = image.get_extent()
    middles = left + (np.arange(len(power)) + 0.5) * (right - left) / len(power)
    assert middles[power > power.mean()].mean() == pytest.approx(1.0, abs=0.006)
    area = outline(callprint.plot.timeline(result, click, sr=8000).axes[0])
    assert area[area[:, 1] > -60, 0].mean() == pytest.approx(1.0, abs=0.006)


def test_a_map_of_a_few_scripts_has_room_for_its_words(small_index: callprint.Index) -> None:
    for scripts in (["loan-02"], ["loan-02", "dental-01"]):
        figure = callprint.plot.index_map(small_index, scripts=scripts)
        figure.draw_without_rendering()
        label = figure.axes[1].yaxis.label.get_window_extent()
        assert label.y0 >= 0 and label.y1 <= figure.bbox.y1 and label.x1 <= figure.bbox.x1
    for wrong, message in (("loan-02", r"as in \['loan-02'\]"), ([], "scripts is empty"), (3, "scripts is 3")):
        with pytest.raises(callprint.ArgumentError, match=message):
            callprint.plot.index_map(small_index, scripts=wrong)  # type: ignore[arg-type]
