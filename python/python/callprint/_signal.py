"""Arguments brought into the one form that the compiled part takes."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Mapping
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

MAX_FLOAT = 8.0
"""Largest magnitude of a float sample that is believed: 18 dB over full scale, more than resampling, a filter or a sum
of channels adds, and far under what integers have that were made floats without being scaled."""

_SCALES = {"16-bit": 2**15, "24-bit": 2**23, "32-bit": 2**31}
"""Full scales of integers."""


def is_path(audio: object) -> TypeIs[StrPath]:
    """Whether `audio` names a file or folder."""
    return isinstance(audio, (str, os.PathLike))


def as_path(path: Any, name: str = "path") -> str:
    """Check a path.

    Parameters
    ----------
    path : str or path-like
        The argument.
    name : str, optional
        What it is called.

    Raises
    ------
    ArgumentError
        If it is something else, or holds characters that no file's name has.
    """
    if not is_path(path):
        as_str = f", as from os.fsdecode({name})" if isinstance(path, bytes) else ""
        raise ArgumentError(f"{name} is {type(path).__name__}; want a path as str or path-like{as_str}")
    try:
        decoded = os.fsdecode(path)
        os.fsencode(decoded)
    except UnicodeError as error:
        raise ArgumentError(f"{name} is {path!r}, which no file can be called: {error}") from error
    return decoded


def as_text(text: Any, name: str) -> str:
    """Check a name or label, which has to be text that can be stored."""
    if not isinstance(text, str):
        raise ArgumentError(f"{name} is {text!r}; want a str")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ArgumentError(f"{name} is {text!r}, which is no text: {error.reason}") from error
    return text


def as_signal(y: ArrayLike) -> Signal:
    """Bring samples into the form that the compiled part takes, without a copy where that is possible.

    Parameters
    ----------
    y : array_like, shape (n,)
        Samples of one channel. Contiguous float32 and int16 are passed on as they are; other floating-point types are
        converted to float32. Floats have full scale 1, and none that is finite may lie beyond `MAX_FLOAT`.

    Returns
    -------
    ndarray, shape (n,)
        float32 or int16.

    Raises
    ------
    ArgumentError
        For more than one dimension, a type whose full scale is not known, or floats that were not scaled to 1.
    """
    refuse_containers(y, "y")
    if isinstance(y, np.ma.MaskedArray):
        raise ArgumentError("y is a masked array; fill the gaps first, as in y.filled(0)")
    if isinstance(y, Iterator):
        raise ArgumentError(f"y is {type(y).__name__}; want an array: np.fromiter(y, np.float32) makes one of samples")
    try:
        array = np.asarray(y)
    except MemoryError:
        raise
    except Exception as error:  # whatever the object's own conversion raises, such as RuntimeError of a tensor
        raise ArgumentError(f"y can't be made an array of samples: {error}") from error
    if array.ndim == 0:
        raise ArgumentError(f"y has shape (): {type(y).__name__}; want the samples of one channel, (n,)")
    if array.ndim != 1:
        raise ArgumentError(
            f"y has shape {array.shape}; want the samples of one channel, (n,): pass channels one by one, as in y[:, 0]"
        )
    if array.dtype.kind == "f":
        _check_scale(array)
        return np.require(array, np.float32, ["C", "A"])
    if array.dtype.kind == "i" and array.dtype.itemsize == 2:
        return np.require(array, np.int16, ["C", "A"])
    raise ArgumentError(
        f"y has type {array.dtype}; want float32 (full scale 1) or int16 (full scale 32768): "
        "other types do not tell their full scale, so scale to floats first"
    )


def refuse_containers(audio: object, name: str) -> None:
    """Refuse what holds audio in a way that is never taken, and say what to pass in its place.

    Parameters
    ----------
    audio : object
        The argument.
    name : str
        What it is called.

    Raises
    ------
    ArgumentError
        For None, bytes, open files, mappings and tables.
    """
    kind = type(audio).__name__
    if audio is None:
        raise ArgumentError(f"{name} is None; want a path or samples")
    if isinstance(audio, (bytes, bytearray)):
        raise ArgumentError(
            f"{name} is {kind}; want samples, as from np.frombuffer({name}, np.int16), or a path as str, as from "
            f"os.fsdecode({name})"
        )
    if hasattr(audio, "read") and not is_path(audio):
        raise ArgumentError(f"{name} is a file object ({kind}); pass a path, or samples from soundfile.read")
    if hasattr(audio, "columns"):
        raise ArgumentError(f"{name} is a table ({kind}); pass one of its columns, as in {name}['file']")
    if isinstance(audio, Mapping):
        raise ArgumentError(f"{name} is a mapping ({kind}); pass its values, as in list({name}.values())")


def _check_scale(y: NDArray[np.floating[Any]]) -> None:
    """Refuse floats at the scale of integers, which would be heard as one loud crackle."""
    with np.errstate(invalid="ignore"):
        # Without NaN, and without a copy: an hour of samples takes some ms.
        reached = max(np.fmax.reduce(y, initial=0.0), -np.fmin.reduce(y, initial=0.0))
    if np.isinf(reached):
        finite = np.abs(y[np.isfinite(y)])
        reached = finite.max(initial=0.0)
    if reached > MAX_FLOAT:
        # A little over full scale is still of it.
        bits = next((name for name, scale in _SCALES.items() if 128 <= reached <= 1.5 * scale), None)
        todo = "scale them to -1 to 1" if bits is None else f"divide by {_SCALES[bits]} if it was {bits}"
        raise ArgumentError(f"y reaches {reached:.6g}; floats have full scale 1: {todo}")


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
