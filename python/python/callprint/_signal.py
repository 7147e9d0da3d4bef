"""Arguments brought into the one form that the compiled part takes."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint import _core
from callprint._errors import ArgumentError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

StrPath: TypeAlias = "str | os.PathLike[str]"
"""A path, as the standard library takes it."""

Signal: TypeAlias = "NDArray[np.float32] | NDArray[np.int16]"
"""Samples of one channel `(n,)`, aligned and contiguous."""


def is_path(audio: object) -> TypeIs[StrPath]:
    """Whether `audio` names a file or folder."""
    return isinstance(audio, (str, os.PathLike))


def as_signal(y: ArrayLike) -> Signal:
    """Bring samples into the form that the compiled part takes, without a copy where that is possible.

    Parameters
    ----------
    y : array_like, shape (n,)
        Samples of one channel. Contiguous float32 and int16 are passed on as they are; other floating-point types are
        converted to float32.

    Returns
    -------
    ndarray, shape (n,)
        float32 or int16.

    Raises
    ------
    ArgumentError
        For more than one dimension, or a type whose full scale is not known.
    """
    if isinstance(y, (bytes, bytearray)):
        raise ArgumentError("y is bytes; want samples, as from np.frombuffer(y, np.int16)")
    if isinstance(y, np.ma.MaskedArray):
        raise ArgumentError("y is a masked array; fill the gaps first, as in y.filled(0)")
    try:
        array = np.asarray(y)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"y can't be made an array of samples: {error}") from error
    if array.ndim != 1:
        raise ArgumentError(
            f"y has shape {array.shape}; want the samples of one channel, (n,): pass channels one by one, as in y[:, 0]"
        )
    if array.dtype.kind == "f":
        if array.dtype.itemsize != 4:
            # What does not fit becomes infinite, and counts as 0 like anything not finite.
            with np.errstate(over="ignore"):
                array = array.astype(np.float32)
        return np.require(array, np.float32, ["C", "A"])
    if array.dtype.kind == "i" and array.dtype.itemsize == 2:
        return np.require(array, np.int16, ["C", "A"])
    raise ArgumentError(
        f"y has type {array.dtype}; want float32 (full scale 1) or int16 (full scale 32768): "
        "other types do not tell their full scale, so scale to floats first"
    )


def as_rate(sr: Any) -> int:
    """Check a sample rate.

    Parameters
    ----------
    sr : int
        Samples a second; a float that is whole will do.

    Raises
    ------
    ArgumentError
        If it is no whole number from 1000 to 384000.
    """
    low, high = _core.MIN_SAMPLE_RATE, _core.MAX_SAMPLE_RATE
    if sr is None:
        raise ArgumentError("sr is missing; samples need their rate, as in sr=8000")
    try:
        rate = int(sr) if isinstance(sr, (float, np.floating)) and sr == int(sr) else operator.index(sr)
    except (TypeError, ValueError, OverflowError):
        rate = None
    if rate is None or isinstance(sr, bool) or not low <= rate <= high:
        raise ArgumentError(f"sr is {sr!r}; want a whole number of Hz from {low} to {high}")
    return rate


def refuse_rate(sr: Any) -> None:
    """Refuse a sample rate where only files are given, which tell their own."""
    if sr is not None:
        raise ArgumentError(f"sr is {sr!r}, but a file tells its own rate; leave sr out")
