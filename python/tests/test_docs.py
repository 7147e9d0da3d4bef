"""The documentation: its examples run, its site builds without a warning, its links lead somewhere."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import callprint
import pytest
from conftest import RENDERINGS, SAMPLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "python" / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").symlink_to(ROOT / "corpus")
    names: dict[str, object] = {}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "python" / "README.md"], ids=["project", "package"])
def test_the_examples_of_a_readme_run_on_calls_and_an_index(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("calls", "recordings"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "call.wav").symlink_to(SAMPLES / "dental-gsm.wav")
    y, sr = callprint.load(RENDERINGS / "loan-02__fs2.flac")
    callprint.Index.build([RENDERINGS / "loan-02__fs2.flac"]).save("mine.cpi")
    names: dict[str, object] = {"y": y, "other": y[sr : 5 * sr], "samples": y, "sr": sr}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), names)
    assert "dental-01" in capsys.readouterr().out


def test_the_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "-f",
        "python/mkdocs.yml",
        "--site-dir",
        str(site),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(site.rglob("*.html"))) > len(PAGES)
    for name in ("timeline", "handover", "spectrogram", "alignment", "prosody", "index_map"):
        assert all((site / "figures" / f"{name}{ground}.png").is_file() for ground in ("", "-dark")), name
    # The Rust reference is beside the site when python/docs/build.sh has built both; it checks those links, too.
    reference = re.search(r'href="(\S+doc/callprint/index.html)"', (site / "reference/rust/index.html").read_text())
    assert reference and (site / "reference" / "rust" / reference[1]).resolve() == tmp_path / "doc/callprint/index.html"
    assert "../../site/index.html" in (ROOT / "core" / "src" / "lib.rs").read_text(encoding="utf-8")
    sys.path.insert(0, str(ROOT / "python" / "docs"))
    links = importlib.import_module("links")
    assert links.dead_links([site], leave_out="doc/callprint/index.html$") == []
    (site / "broken.html").write_text('<a href="reference/python/#callprint.Nothing">x</a><a href="gone.html">y</a>')
    assert len(links.dead_links([site], leave_out="doc/callprint/index.html$")) == 2
