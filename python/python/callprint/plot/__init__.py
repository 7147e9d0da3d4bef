"""Pictures with matplotlib: what a call sounds like, what was found in it, and why.

Each function draws a figure of its own and returns it. Signals are samples with their rate, or a path. Colours can be
told apart by the colour-blind (after Okabe and Ito). Figures are white, for paper; where matplotlib's own setting of a
figure's ground is dark, as after ``matplotlib.pyplot.style.use("dark_background")``, they are dark as well.
"""

from __future__ import annotations

from callprint.plot._alignment import alignment
from callprint.plot._index_map import index_map, shared_audio
from callprint.plot._prosody import prosody
from callprint.plot._spectrogram import spectrogram
from callprint.plot._timeline import timeline

__all__ = ["alignment", "index_map", "prosody", "shared_audio", "spectrogram", "timeline"]
