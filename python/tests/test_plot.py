"""Pictures: what they show is read back from them; what they look like is for people to judge."""

from __future__ import annotations

import subprocess
import sys

import callprint
import numpy as np
import pytest
from conftest import RENDERINGS, SAMPLES
from matplotlib.axes import Axes
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


def test_without_matplotlib_it_says_what_to_do() -> None:
    code = "import sys; sys.modules['matplotlib'] = None; import callprint; callprint.plot"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'callprint[plot]'" in done.stderr
