"""Results of several recordings as a sequence, whatever was asked of the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Self

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that could not be read.

    Attributes
    ----------
    file : str
        Path as given or found; of samples ``<array 2>``, if they are the third recording.
    error : Exception
        Why not.
    """

    file: str
    error: Exception

    @property
    def told(self) -> str:
        """What the error says, with the recording's name."""
        said = str(self.error)
        return said if self.file in said else f"{self.file}: {said}"


def arrays_equal(one: Iterable[Any], other: Iterable[Any]) -> bool:
    """Whether two tuples of arrays or numbers hold the same: ``==`` of arrays would be an array."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class Results(Sequence[_T]):
    """A result for each recording, in their order; those that failed are in `failures`.

    A slice of some holds no failures. Two are equal if their results are, and what is said of their failures.
    """

    __slots__ = ("_results", "failures")

    def __init__(self, results: Sequence[_T], failures: Sequence[Failure] = ()) -> None:
        self._results = tuple(results)
        self.failures = tuple(failures)

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[_T]:
        return iter(self._results)

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> _T | Self:
        if isinstance(index, slice):
            # Failures have no place among the results, so a part can't tell which are its own.
            failures = self.failures if index == slice(None) else ()
            return type(self)(self._results[index], failures)
        return self._results[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        # Exceptions are the same only as objects; what they say is enough.
        told = [[(failure.file, str(failure.error)) for failure in results.failures] for results in (self, other)]
        return self._results == other._results and told[0] == told[1]

    __hash__ = None  # type: ignore[assignment]
