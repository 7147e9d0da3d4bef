"""The package as a whole: errors, corpus access, documentation."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import callprint
import numpy as np
import pytest
from conftest import CORPUS, SAMPLES


def test_every_exception_has_the_root_and_the_class_that_fits() -> None:
    public = [getattr(callprint, name) for name in callprint.__all__]
    kinds = [kind for kind in public if inspect.isclass(kind) and issubclass(kind, Exception)]
    errors = [kind for kind in kinds if not issubclass(kind, Warning)]
    assert len(errors) == 10
    assert all(issubclass(kind, callprint.CallprintError) for kind in errors)
    assert issubclass(callprint.ArgumentError, ValueError)
    assert issubclass(callprint.AudioError, OSError)
    assert issubclass(callprint.IndexFileError, OSError)
    assert issubclass(callprint.NotFoundError, KeyError)


def test_errors_of_files_pickle_with_what_they_know(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        callprint.load(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(callprint.AudioError) as unreadable:
        callprint.load(tmp_path / "b.wav")
    for error in (missing.value, unreadable.value):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert str(again).startswith(str(tmp_path))
        assert (again.errno, again.filename) == (error.errno, error.filename)
    assert missing.value.errno == 2


def test_scripts_are_those_of_the_corpus() -> None:
    lines = (CORPUS / "scripts.tsv").read_text(encoding="utf-8").splitlines()
    scripts = callprint.scripts()
    assert ["\t".join((s.id, s.category, s.language, s.text, s.source)) for s in scripts] == lines[1:]


def test_load_gives_one_channel_at_8_khz() -> None:
    y, sr = callprint.load(SAMPLES / "dental-gsm.wav")
    assert sr == 8000 and y.dtype == np.float32 and y.shape == (125_700,)
    robot, _ = callprint.load(SAMPLES / "insure-stereo.wav", channel=0)
    callee, _ = callprint.load(SAMPLES / "insure-stereo.wav", channel=1)
    assert robot.shape == callee.shape and not np.array_equal(robot, callee)
    with pytest.raises(callprint.ArgumentError, match="channels that differ; choose one with channel=0 to 1"):
        callprint.load(SAMPLES / "insure-stereo.wav")
    with pytest.raises(callprint.ArgumentError, match="channel is -1"):
        callprint.load(SAMPLES / "insure-stereo.wav", channel=-1)
    with pytest.raises(callprint.ArgumentError, match=r"longer than 5 s; load\(\) takes more with max_seconds"):
        callprint.load(SAMPLES / "dental-gsm.wav", max_seconds=5)
    for seconds in (0, None, float("nan")):
        with pytest.raises(callprint.ArgumentError, match=f"max_seconds is {seconds}"):
            callprint.load(SAMPLES / "dental-gsm.wav", max_seconds=seconds)  # type: ignore[arg-type]
    with pytest.raises(callprint.ArgumentError, match="channel is 32; want a whole number from 0 to 31"):
        callprint.load(SAMPLES / "dental-gsm.wav", channel=32)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda any_: any_.Index().add("a__b", np.zeros(8000), sr=8000, category=5), "category is 5; want a str"),
        (lambda any_: any_.Index().remove(5), "name is 5; want a str"),
        (lambda any_: any_.Index().remove("\ud800"), "which is no text"),
        (lambda any_: any_.Index().codes(None), "rendering is None; want a str"),
        (lambda any_: any_.Index.open(None), "path is NoneType; want a path"),
        (lambda any_: any_.Index().save(3), "path is int; want a path"),
        (lambda any_: any_.Index.build(None), "clips is None"),
        (lambda any_: any_.Index.build(5), "clips is int; want paths"),
        (lambda any_: any_.Index.build(np.zeros(8000)), "clips is ndarray; want paths; for samples there is add"),
        (lambda any_: any_.Index.build([], scripts=5), "scripts is int; want a path"),
        (lambda any_: any_.load(np.zeros(8000)), "path is ndarray; want a path"),
        (lambda any_: any_.load(b"x.wav"), r"path is bytes; want a path .* os.fsdecode\(path\)"),
        (lambda any_: any_.scan("\ud800.wav"), "which no file can be called"),
        (lambda any_: any_.Wording(b"x"), "index is bytes"),
        (lambda any_: any_.FeatureExtractor().process_file(["x.wav"]), "file is list; want a path"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused_with_what_is_wanted(work: Any, message: str) -> None:
    with pytest.raises(callprint.ArgumentError, match=message):
        work(callprint)


def test_opus_and_files_without_a_header_are_read(tmp_path: Path) -> None:
    # Two sines of half a second, left 500 Hz (core/tests/data/README.md).
    y, sr = callprint.load(CORPUS.parent / "core" / "tests" / "data" / "tone-opus.ogg", channel=0)
    assert np.argmax(np.abs(np.fft.rfft(y[:4000]))) * sr / len(y[:4000]) == pytest.approx(500, abs=3)
    samples = (np.arange(4000) % 256).astype("<i2")
    (tmp_path / "a.sln").write_bytes(samples.tobytes())
    assert np.array_equal(callprint.load(tmp_path / "a.sln")[0] * 32768, samples)


def test_the_build_tells_what_it_is() -> None:
    info = callprint.build_info()
    assert info["version"] == callprint.__version__
    assert info["fingerprint"] == callprint.Index.builtin().stats()["configuration"]
    assert info["feature_set"] == "TtsProsodyV1"


def test_examples_in_the_documentation_are_true() -> None:
    names = [f"callprint.{module.name}" for module in pkgutil.iter_modules(callprint.__path__)]
    tried = 0
    for name in names:
        if name == "callprint._core":
            continue
        failed, attempted = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
        assert failed == 0, name
        tried += attempted
    assert tried > 10


def test_everything_public_is_documented() -> None:
    for name in callprint.__all__:
        thing = getattr(callprint, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name
    for kind in (callprint.Index, callprint.Wording):
        for name, method in vars(kind).items():
            if not name.startswith("_"):
                assert inspect.getdoc(method), name


def test_importing_loads_nothing_that_is_not_used_yet() -> None:
    code = "import callprint, sys; print([m for m in ('numpy', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    assert run(code) == "[]"
    code = "import callprint, sys; callprint.fingerprint([0.0], sr=8000); print('pandas' in sys.modules)"
    assert run(code) == "False"


def test_every_public_name_is_found_when_asked_for() -> None:
    assert run("from callprint import *; print(scan.__name__, Index.__name__, plot.__name__)") == (
        "scan Index callprint.plot"
    )
    assert dir(callprint) == sorted(callprint.__all__)
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        callprint.scam  # noqa: B018
    assert not hasattr(callprint, "numpy")


def test_without_matplotlib_everything_but_drawing_works_and_drawing_says_what_to_install() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
import callprint
y = [0.1] * 16000
result = callprint.scan(y, sr=8000)
assert hasattr(callprint, "plot") and "timeline" in dir(callprint.plot)
draw = [
    lambda: callprint.plot.timeline(result),
    lambda: callprint.plot.timeline(result, y, sr=8000),
    lambda: callprint.plot.spectrogram(y, sr=8000),
    lambda: callprint.plot.prosody(y, sr=8000),
    lambda: callprint.plot.index_map(),
]
for work in draw:
    try:
        work()
    except callprint.MissingDependencyError as error:
        print("pip install 'callprint[plot]'" in str(error))
"""
    assert run(code).split() == ["True"] * 5


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
