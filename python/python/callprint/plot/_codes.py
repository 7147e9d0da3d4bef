"""What codes look like in a notebook."""

from __future__ import annotations

from io import BytesIO

from callprint._fingerprint import Fingerprint
from callprint.plot._spectrogram import draw_bits
from callprint.plot._style import bits, panels, style


def codes_png(heard: Fingerprint) -> bytes | None:
    """Draw the bits of codes along their times as a PNG image; None if there are none."""
    if len(heard.times) == 0:
        return None
    image = BytesIO()
    with style() as colours:
        figure, (ax,) = panels([1.7])
        draw_bits(ax, bits(heard.codes), heard.times, heard.active, "bit of code", colours)
        ax.set_xlabel("time, s")
        ax.set_title(f"{len(heard.times)} codes, {heard.active.mean():.0%} of sound")
        figure.savefig(image, format="png")
    return image.getvalue()
