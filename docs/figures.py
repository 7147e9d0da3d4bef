"""Makes the figures of the site with the package itself, before the site is built.

What a figure shows is thus what the package draws; none is stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import callprint

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
SAMPLES = ROOT / "corpus" / "samples"


def on_pre_build(config: Any) -> None:
    """Draw what is not there yet."""
    FIGURES.mkdir(exist_ok=True)
    wanted = ["timeline", "spectrogram", "alignment", "prosody"]
    if all((FIGURES / f"{name}.png").is_file() for name in wanted):
        return
    call: callprint.ScanResult = callprint.scan(SAMPLES / "solar-fast.mp3")
    stereo: callprint.ScanResult = callprint.scan(SAMPLES / "insure-stereo.wav")
    match = call.matches[0]
    callprint.plot.timeline(stereo).savefig(FIGURES / "timeline.png")
    callprint.plot.spectrogram(call.file, match=match).savefig(FIGURES / "spectrogram.png")
    callprint.plot.alignment(call.file, match=match).savefig(FIGURES / "alignment.png")
    callprint.plot.prosody(SAMPLES / "human.flac").savefig(FIGURES / "prosody.png")
