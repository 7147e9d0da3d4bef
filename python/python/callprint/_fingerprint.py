"""Binary codes of a signal."""

from __future__ import annotations

from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint import _core
from callprint._corpus import load
from callprint._errors import ArgumentError, MissingDependencyError
from callprint._sequence import arrays_equal
from callprint._signal import StrPath, as_rate, as_signal, is_path, refuse_rate


class _CodesAndTimes(NamedTuple):
    codes: NDArray[np.uint64]
    times: NDArray[np.float64]


class Fingerprint(_CodesAndTimes):
    """Codes of a signal and their times: ``codes, times = fingerprint(y, sr=sr)``.

    Attributes
    ----------
    codes : ndarray of uint64, shape (n, 2)
        The codes (sub-fingerprints), 128 bits each: bit `d` is bit ``d % 64`` of word ``d // 64``.
    times : ndarray of float64, shape (n,)
        Time of the middle of the 0.4 s that each code describes, s.
    active : ndarray of bool, shape (n,)
        Whether these 0.4 s hold sound that can be a voice. The code of silence, of a steady tone or of steady noise is
        there as well, but says nothing.

    Two are equal if all three are.
    """

    active: NDArray[np.bool_]

    def __new__(
        cls,
        codes: NDArray[np.uint64],
        times: NDArray[np.float64],
        active: NDArray[np.bool_],
    ) -> Fingerprint:
        """Hold arrays of equal length."""
        self = super().__new__(cls, codes, times)
        self.active = active
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprint) and arrays_equal((*self, self.active), (*other, other.active))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def _asdict(self) -> dict[str, Any]:
        """Return all three arrays by their names."""
        return {"codes": self.codes, "times": self.times, "active": self.active}

    def _replace(self, **arrays: Any) -> Fingerprint:
        """Return a copy with other arrays in the place of those named."""
        unknown = arrays.keys() - self._asdict().keys()
        if unknown:
            raise ArgumentError(f"no array {sorted(unknown)[0]!r}; there are {sorted(self._asdict())}")
        return Fingerprint(**self._asdict() | arrays)

    def __getnewargs__(self) -> tuple[NDArray[np.uint64], NDArray[np.float64], NDArray[np.bool_]]:
        return self.codes, self.times, self.active

    def _repr_png_(self) -> bytes | None:
        from callprint.plot._codes import codes_png

        try:
            return codes_png(self)
        except MissingDependencyError:
            return None


@overload
def fingerprint(
    y: StrPath, *, sr: None = ..., channel: int | None = ..., hop: int = ..., speed: float = ...
) -> Fingerprint: ...


@overload
def fingerprint(y: ArrayLike, *, sr: int, hop: int = ..., speed: float = ...) -> Fingerprint: ...


def fingerprint(
    y: ArrayLike | StrPath,
    *,
    sr: int | None = None,
    channel: int | None = None,
    hop: int = _core.CODE_HOP,
    speed: float = 1.0,
) -> Fingerprint:
    """Compute the binary codes of a signal.

    Two signals that sound the same have codes that differ in few bits, whatever the channel between them; codes of
    unrelated speech differ in half of their bits.

    Parameters
    ----------
    y : array_like of shape (n,), or path
        An audio file as `load` takes it, or samples of one channel: float32 with full scale 1 or int16, used without a
        copy if contiguous; other floating-point types are converted. NaN and infinity count as 0. Other threads must
        not write to them meanwhile.
    sr : int
        Sample rate of the samples, 1000 to 384000 Hz; not for files. It is converted to 8000 Hz.
    channel : int, optional
        Channel of the file to take, from 0, if it has several that differ.
    hop : int, optional
        Frames of 10 ms from one code to the next, 1 to 100; by default 4, as in an index.
    speed : float, optional
        Speed at which the signal is assumed to be played: codes made at 1.05 of a signal that is played 5 % faster
        agree with those of the original. Of 0.907, 0.952, 1, 1.05 and 1.1025 the nearest is taken.

    Returns
    -------
    Fingerprint
        A pair of codes ``(n, 2)`` and times ``(n,)``, with an attribute `active`; empty for a signal under 0.43 s.

    Raises
    ------
    ArgumentError
        If an argument can't be used.
    AudioError, FileError
        If the file can't be read.

    See Also
    --------
    Index.search : find known scripts in a signal.

    Notes
    -----
    Dense binary sub-fingerprints go back to [1]_; here a learned projection takes the place of differences of bands.

    References
    ----------
    .. [1] J. Haitsma and T. Kalker, "A highly robust audio fingerprinting system", ISMIR 2002.

    Examples
    --------
    Bit error rates of a signal with itself at half the level, and with its own samples in another order:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> levels = np.repeat(rng.uniform(0.05, 0.5, 40), 400)
    >>> y = levels * rng.standard_normal(16000)
    >>> codes, times = fingerprint(y, sr=8000)
    >>> codes.shape, codes.dtype
    ((40, 2), dtype('uint64'))
    >>> for other in (y / 2, rng.permutation(y)):
    ...     differing = np.bitwise_count(codes ^ fingerprint(other, sr=8000).codes)
    ...     print(f"{differing.sum() / (128 * len(codes)):.1f}")
    0.0
    0.5
    """
    if isinstance(hop, bool) or not isinstance(hop, (int, np.integer)) or not 1 <= hop <= 100:
        raise ArgumentError(f"hop is {hop!r}; want a whole number of 10 ms frames from 1 to 100")
    if is_path(y):
        refuse_rate(sr)
        y, sr = load(y, channel=channel)
    elif channel is not None:
        raise ArgumentError("channel is for files; pass one channel of the samples, as in y[:, 0]")
    if isinstance(speed, bool) or not isinstance(speed, (int, float, np.number)) or not 0.85 <= speed <= 1.18:
        raise ArgumentError(f"speed is {speed!r}; want 0.85 to 1.18")
    return Fingerprint(*_core.fingerprint(as_signal(y), as_rate(sr), int(hop), float(speed)))
