"""The documentation: its examples run, its site builds without a warning, its links lead somewhere."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").symlink_to(ROOT / "corpus")
    names: dict[str, object] = {}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), names)


def test_the_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(site.rglob("*.html"))) > len(PAGES)
    for name in ("timeline", "handover", "spectrogram", "alignment", "prosody", "index_map"):
        assert all((site / "figures" / f"{name}{ground}.png").is_file() for ground in ("", "-dark")), name
    # The Rust reference is beside the site when docs/build.sh has built both; it checks those links, too.
    reference = re.search(r'href="(\S+doc/callprint/index.html)"', (site / "reference/rust/index.html").read_text())
    assert reference and (site / "reference" / "rust" / reference[1]).resolve() == tmp_path / "doc/callprint/index.html"
    assert "../../site/index.html" in (ROOT / "core" / "src" / "lib.rs").read_text(encoding="utf-8")
    sys.path.insert(0, str(ROOT / "docs"))
    links = importlib.import_module("links")
    assert links.dead_links([site], leave_out="doc/callprint/index.html$") == []
    (site / "broken.html").write_text('<a href="reference/python/#callprint.Nothing">x</a><a href="gone.html">y</a>')
    assert len(links.dead_links([site], leave_out="doc/callprint/index.html$")) == 2
