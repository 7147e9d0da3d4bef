"""The index: building, changing, searching, files."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pytest
from conftest import CORPUS, RENDERINGS, SAMPLES
from numpy.typing import NDArray

Call = tuple[NDArray[np.int16], int]


def test_search_names_the_script_of_every_sample(truth: dict[str, dict[str, str]]) -> None:
    index = callprint.Index.builtin()
    for name, row in truth.items():
        if row["script"] != "-":
            y, sr = callprint.load(SAMPLES / name, channel=int(row["channel"]))
            assert index.search(y, sr=sr)[0].script == row["script"], name


def test_search_finds_nothing_in_what_a_person_says() -> None:
    y, sr = callprint.load(SAMPLES / "human.flac")
    assert callprint.Index.builtin().search(y, sr=sr) == []


def test_search_takes_files_with_all_their_channels(small_index: callprint.Index, tmp_path: Path) -> None:
    path = SAMPLES / "dental-gsm.wav"
    y, sr = callprint.load(path)
    assert small_index.search(path) == small_index.search(y, sr=sr) != []
    found = callprint.Index.builtin().search(str(SAMPLES / "insure-stereo.wav"))
    assert [(match.script, match.channel) for match in found] == [("insure-01", 0)]
    with pytest.raises(callprint.ArgumentError, match="tells its own rate"):
        small_index.search(path, sr=8000)
    with pytest.raises(callprint.ArgumentError, match="sr is missing"):
        small_index.search(y)
    with pytest.raises(FileNotFoundError):
        small_index.search(tmp_path / "missing.wav")


def test_a_script_of_ones_own_is_found_in_another_channel(call: Call) -> None:
    y, sr = call
    index = callprint.Index()
    assert index.search(y, sr=sr) == []
    index.add("other-01__taco", RENDERINGS / "loan-02__taco.flac")
    index.add("mine-01__taco", RENDERINGS / "dental-01__taco.flac", category="dental", language="zh")
    match = index.search(y, sr=sr)[0]
    assert (match.script, match.rendering, match.category) == ("mine-01", "mine-01__taco", "dental")
    assert index.remove("mine-01") == 1
    assert all(match.script != "mine-01" for match in index.search(y, sr=sr, candidates=True))


def test_samples_and_file_give_the_same_rendering(speech: NDArray[np.float32], tmp_path: Path) -> None:
    y, sr = callprint.load(RENDERINGS / "dental-01__taco.flac")
    one, two = callprint.Index(), callprint.Index()
    one.add("a__b", y, sr=sr)
    two.add("a__b", RENDERINGS / "dental-01__taco.flac")
    one.save(tmp_path / "one.cpi")
    two.save(tmp_path / "two.cpi")
    assert (tmp_path / "one.cpi").read_bytes() == (tmp_path / "two.cpi").read_bytes()


def test_it_is_a_collection_of_names(small_index: callprint.Index) -> None:
    names = ["dental-01__taco", "dental-02__taco", "loan-02__fs2", "loan-02__taco", "settle-01__fs2"]
    assert list(small_index) == names
    assert len(small_index) == 5
    assert small_index.scripts == ["dental-01", "dental-02", "loan-02", "settle-01"]
    assert "loan-02" in small_index and "loan-02__fs2" in small_index
    assert "loan" not in small_index and "loan-02__joe" not in small_index
    assert 3 not in small_index and "\ud800" not in small_index
    assert small_index and not small_index.closed and not callprint.Index()
    assert small_index.renderings[2].script == "loan-02"
    assert small_index.renderings[2].seconds == pytest.approx(
        len(callprint.load(RENDERINGS / "loan-02__fs2.flac")[0]) / 8000
    )
    assert small_index.remove("loan-02") == 2
    assert len(small_index) == 3
    assert "5" not in repr(small_index)


def test_the_built_in_index_holds_the_corpus() -> None:
    index = callprint.Index.builtin()
    assert set(index) == {path.stem for path in RENDERINGS.glob("*.flac")}
    assert set(index.scripts) == {script.id for script in callprint.scripts()}
    index.verify()
    assert index.stats()["renderings"] == len(index)


def test_labels_come_from_the_table_of_scripts() -> None:
    index = callprint.Index.build(RENDERINGS / "dental-01__taco.flac", scripts=CORPUS / "scripts.tsv")
    (rendering,) = index.renderings
    assert (rendering.category, rendering.language) == ("dental-implant", "zh")


def test_a_saved_index_answers_as_before(small_index: callprint.Index, call: Call, tmp_path: Path) -> None:
    y, sr = call
    path = tmp_path / "small.cpi"
    small_index.save(path)
    expected = small_index.search(y, sr=sr)
    with callprint.Index.open(path) as index:
        index.verify()
        assert index.search(y, sr=sr) == expected
        assert index.path == str(path)
    assert callprint.scan(y, sr=sr, index=path).matches == tuple(expected)


def test_the_bytes_do_not_depend_on_the_order(tmp_path: Path) -> None:
    paths = [RENDERINGS / f"{name}.flac" for name in ("settle-01__fs2", "dental-01__taco", "loan-02__fs2")]
    callprint.Index.build(paths).save(tmp_path / "a.cpi")
    index = callprint.Index.build(paths[::-1])
    index.add("later__x", paths[0])
    index.remove("later__x")
    index.save(tmp_path / "b.cpi")
    assert (tmp_path / "a.cpi").read_bytes() == (tmp_path / "b.cpi").read_bytes()


def test_an_opened_index_can_be_changed_and_saved_in_its_place(small_index: callprint.Index, tmp_path: Path) -> None:
    path = tmp_path / "small.cpi"
    small_index.save(path)
    index, reader = callprint.Index.open(path), callprint.Index.open(path)
    index.remove("settle-01")
    index.save()
    assert len(callprint.Index.open(path)) == 4
    assert len(reader) == 5, "a reader keeps the old file"
    reader.verify()
    assert [found.name for found in tmp_path.iterdir()] == ["small.cpi"]


def test_a_closed_index_says_so(small_index: callprint.Index) -> None:
    with small_index:
        assert len(small_index) == 5
    for use in (lambda: len(small_index), lambda: small_index.search(np.zeros(8000), sr=8000), small_index.verify):
        with pytest.raises(callprint.ArgumentError, match="closed"):
            use()
    assert "closed" in repr(small_index) and "closed" in small_index._repr_html_()
    assert not small_index and small_index.closed
    small_index.close()


def test_it_pickles_by_path_and_otherwise_by_content(small_index: callprint.Index, tmp_path: Path) -> None:
    again = pickle.loads(pickle.dumps(small_index))
    assert list(again) == list(small_index)
    small_index.save(tmp_path / "small.cpi")
    opened = callprint.Index.open(tmp_path / "small.cpi")
    assert len(pickle.dumps(opened)) < 300
    assert list(pickle.loads(pickle.dumps(opened))) == list(small_index)
    opened.remove("loan-02")
    assert len(pickle.loads(pickle.dumps(opened))) == 3
    builtin = callprint.Index.builtin()
    assert len(pickle.dumps(builtin)) < 300 and len(pickle.loads(pickle.dumps(builtin))) == len(builtin)


def test_threads_share_an_index(small_index: callprint.Index, call: Call) -> None:
    y, sr = call
    expected = small_index.search(y, sr=sr)
    assert expected[0].script == "dental-01"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: small_index.search(y, sr=sr), range(4)))
    assert found == [expected] * 4


def test_names_and_sounds_that_can_not_be_added(small_index: callprint.Index, speech: NDArray[np.float32]) -> None:
    with pytest.raises(callprint.DuplicateError, match="loan-02__fs2"):
        small_index.add("loan-02__fs2", speech, sr=8000)
    with pytest.raises(callprint.TooShortError, match=r"at least 1\.1 s"):
        small_index.add("silence__x", np.zeros(80_000, np.int16), sr=8000)
    with pytest.raises(callprint.TooShortError):
        small_index.add("short__x", speech[:4000], sr=8000)
    for name in ("", "a b", "a/b", "__x", "x" * 256):
        with pytest.raises(callprint.ArgumentError, match="name"):
            small_index.add(name, speech, sr=8000)
    with pytest.raises(callprint.ArgumentError, match="differ"):
        small_index.add("stereo__x", SAMPLES / "insure-stereo.wav")
    with pytest.raises(callprint.ArgumentError, match="channel 2 of 2"):
        small_index.add("stereo__x", SAMPLES / "insure-stereo.wav", channel=2)
    with pytest.raises(callprint.ArgumentError, match="tells its own rate"):
        small_index.add("file__x", RENDERINGS / "loan-02__fs2.flac", sr=8000)
    assert len(small_index) == 5
    small_index.add("stereo__x", SAMPLES / "insure-stereo.wav", channel=0)
    assert "stereo" in small_index


def test_what_is_not_there_can_not_be_removed(small_index: callprint.Index) -> None:
    with pytest.raises(KeyError, match="no rendering or script") as error:
        small_index.remove("nothing")
    assert isinstance(error.value, callprint.NotFoundError)
    assert not str(error.value).startswith("'")


def test_files_that_are_no_index(small_index: callprint.Index, tmp_path: Path) -> None:
    path = tmp_path / "x.cpi"
    small_index.save(path)
    good = path.read_bytes()
    cases: dict[str, bytes] = {
        "not a callprint index": b"RIFF" + good[4:],
        "truncated": good[:-1],
        "version": good[:8] + b"\xff" + good[9:],
    }
    for message, data in cases.items():
        path.write_bytes(data)
        with pytest.raises(callprint.IndexFileError, match=message) as error:
            callprint.Index.open(path)
        assert isinstance(error.value, OSError) and error.value.filename == str(path)
    path.write_bytes(good[:-1000] + bytes([good[-1000] ^ 1]) + good[-999:])
    with pytest.raises(callprint.IndexFileError, match="damaged"):
        callprint.Index.open(path).verify()
    with pytest.raises(FileNotFoundError):
        callprint.Index.open(tmp_path / "nowhere.cpi")
    with pytest.raises(IsADirectoryError):
        callprint.Index.open(tmp_path)


def test_a_recording_is_not_overwritten_by_mistake(small_index: callprint.Index, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes((SAMPLES / "dental-gsm.wav").read_bytes())
    with pytest.raises(callprint.ArgumentError, match="is no index"):
        small_index.save(path)
    assert path.read_bytes() == (SAMPLES / "dental-gsm.wav").read_bytes()
    with pytest.raises(FileNotFoundError):
        small_index.save(tmp_path / "nowhere" / "x.cpi")
    with pytest.raises(callprint.ArgumentError, match="no file yet"):
        small_index.save()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name\ttext\n", "no column 'category'"),
        ("id\tcategory\tlanguage\na\tb\n", "line 2 has 2 cells"),
        (b"id\tcategory\tlanguage\n\xff", "not UTF-8"),
    ],
)
def test_a_bad_table_of_scripts_is_told(table: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "scripts.tsv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(callprint.ArgumentError, match=message):
        callprint.Index.build(RENDERINGS / "dental-01__taco.flac", scripts=path)


def test_a_table_that_can_not_be_read_raises_what_open_would(tmp_path: Path) -> None:
    clip = RENDERINGS / "dental-01__taco.flac"
    with pytest.raises(FileNotFoundError) as missing:
        callprint.Index.build(clip, scripts=tmp_path / "nowhere.tsv")
    with pytest.raises(IsADirectoryError) as folder:
        callprint.Index.build(clip, scripts=tmp_path)
    assert isinstance(missing.value, callprint.FileError) and isinstance(folder.value, callprint.FileError)
    # As a spreadsheet and an editor leave it.
    (tmp_path / "scripts.tsv").write_text("\ufeffid\tcategory\tlanguage\r\ndental-01\tdental\tzh\r\n\r\n", "utf-8")
    (rendering,) = callprint.Index.build(clip, scripts=tmp_path / "scripts.tsv").renderings
    assert (rendering.category, rendering.language) == ("dental", "zh")


def test_it_is_saved_where_it_came_from_whatever_the_working_directory(
    small_index: callprint.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    small_index.save("small.cpi")
    opened = callprint.Index.open("small.cpi")
    monkeypatch.chdir(tmp_path / "other")
    for index in (small_index, opened):
        assert index.path == str(tmp_path / "small.cpi")
        index.remove(next(iter(index)))
        index.save()
    assert len(callprint.Index.open(tmp_path / "small.cpi")) == 4 and not list(Path().iterdir())


def test_a_script_with_two_categories_is_told(speech: NDArray[np.float32]) -> None:
    index = callprint.Index()
    index.add("a-01__x", speech, sr=8000, category="loan")
    index.add("a-01__y", speech, sr=8000, category="loan")
    index.add("b-01__x", speech, sr=8000, category="bank")
    index.add("b-01__y", speech, sr=8000)
    with pytest.warns(callprint.CallprintWarning, match="'a-01' has two categories now, 'loan' and 'bank'"):
        index.add("a-01__z", speech, sr=8000, category="bank")
    index.remove("a-01")
    index.add("a-01__z", speech, sr=8000, category="bank")
    with pytest.warns(callprint.CallprintWarning, match="dental-01"):
        callprint.Index.builtin().add("dental-01__mine", speech, sr=8000, category="teeth")


def test_an_empty_index_holds_no_seconds() -> None:
    assert str(callprint.Index().stats()["seconds"]) == "0.0"


def test_many_signals_are_searched_in_order(small_index: callprint.Index, speech: NDArray[np.float32]) -> None:
    silence = np.zeros(16_000, np.float32)
    ys: list[Any] = [speech, silence, speech[16_000:], np.ascontiguousarray(speech[::-1])]
    expected = [small_index.search(y, sr=8000) for y in ys]
    assert expected[0] and expected[2] and not expected[1]
    for jobs in (1, 2, None):
        assert small_index.search_many(ys, sr=8000, jobs=jobs) == expected
    files = [RENDERINGS / "loan-02__fs2.flac", RENDERINGS / "settle-01__fs2.flac"]
    assert [found[0].script for found in small_index.search_many(files)] == ["loan-02", "settle-01"]
    assert small_index.search_many([], sr=8000) == []
    with pytest.raises(callprint.ArgumentError, match="one signal"):
        small_index.search_many(speech, sr=8000)
    with pytest.raises(callprint.ArgumentError, match="sr is missing"):
        small_index.search_many(ys)
    with pytest.raises(callprint.FileError):
        small_index.search_many([*files, "no such file.wav"])


def test_codes_of_a_rendering_are_its_fingerprint(small_index: callprint.Index) -> None:
    stored = small_index.codes("loan-02__fs2")
    heard = callprint.fingerprint(RENDERINGS / "loan-02__fs2.flac")
    for name in ("codes", "times", "active"):
        assert np.array_equal(getattr(stored, name), getattr(heard, name)), name
    with pytest.raises(callprint.NotFoundError):
        small_index.codes("loan-02")


def test_an_alignment_follows_the_match(small_index: callprint.Index, speech: NDArray[np.float32]) -> None:
    assert small_index.search(speech[16_000:], sr=8000)[0].alignment is None
    match = small_index.search(speech[16_000:], sr=8000, candidates=True)[0]
    alignment = match.alignment
    assert alignment is not None and alignment.speed == 1.0
    assert np.allclose(alignment.script_times - alignment.query_times, 2.0, atol=0.05)
    share = alignment.distances[alignment.active].mean() / 128
    assert share == pytest.approx(match.ber, abs=0.01)
    heard = callprint.fingerprint(speech[16_000:], sr=8000, hop=1, speed=alignment.speed)
    stored = small_index.codes(match.rendering)
    here = np.searchsorted(heard.times, alignment.query_times - 1e-6)
    there = np.searchsorted(stored.times, alignment.script_times - 1e-6)
    differing = np.bitwise_count(heard.codes[here] ^ stored.codes[there]).sum(axis=1)
    assert np.array_equal(differing, alignment.distances)


def test_in_a_notebook_an_index_is_a_table(small_index: callprint.Index) -> None:
    html = small_index._repr_html_()
    assert "5 renderings of 4 scripts" in html and "<td" in html and "dental-01" in html
