"""Makes the figures of the site with the package itself, before the site is built.

What a figure shows is thus what the package draws; none is stored.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import callprint
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "python" / "docs" / "figures"
NAMES = ["timeline", "handover", "spectrogram", "alignment", "prosody", "index_map"]
CALLS = ["solar-fast.mp3", "insure-stereo.wav", "dental-handover.flac"]
SAMPLES = ROOT / "corpus" / "samples"


def draw(call: callprint.ScanResult, stereo: callprint.ScanResult, taken: callprint.ScanResult) -> dict[str, Figure]:
    """Draw every figure, by name."""
    match = call.matches[0]
    person, sr = callprint.load(SAMPLES / "human.flac")
    return {
        "timeline": callprint.plot.timeline(stereo),
        "handover": callprint.plot.timeline(taken),
        "spectrogram": callprint.plot.spectrogram(call.file, match=match),
        "alignment": callprint.plot.alignment(call.file, match=match),
        "prosody": callprint.plot.prosody(person[round(6.5 * sr) :], sr=sr),
        "index_map": callprint.plot.index_map(),
    }


def on_pre_build(config: Any) -> None:
    """Draw the figures, light and dark, unless all are newer than the package."""
    FIGURES.mkdir(exist_ok=True)
    drawn = [file.stat().st_mtime for file in FIGURES.glob("*.png")]
    package = max(file.stat().st_mtime for file in Path(callprint.__file__).parent.rglob("*.py"))
    if len(drawn) == 2 * len(NAMES) and min(drawn) > package:
        return
    calls: list[Any] = [callprint.scan(SAMPLES / name) for name in CALLS]
    for ground, suffix in (("default", ""), ("dark_background", "-dark")):
        with plt.style.context(ground):
            for name, figure in draw(*calls).items():
                figure.savefig(FIGURES / f"{name}{suffix}.png")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Show each figure in the colours of the page: light or dark."""
    return re.sub(
        r"!\[([^]]*)\]\(([./]*figures/\w+)\.png\)",
        r"![\1](\2.png#only-light) ![\1](\2-dark.png#only-dark)",
        markdown,
    )
