"""The false-alarm rate as an argument."""

from __future__ import annotations

from typing import Any

from callprint._errors import ArgumentError

MAX_FAR = 0.01
"""Default for the largest false-alarm rate of a match, per hour of audio."""


def as_far(max_far: Any) -> float:
    """Check a false-alarm rate."""
    try:
        far = float(max_far)
    except (TypeError, ValueError):
        far = 0.0
    if not 0.0 < far < float("inf"):
        raise ArgumentError(f"max_far is {max_far!r}; want a positive number of false alarms per hour, such as 0.01")
    return far
