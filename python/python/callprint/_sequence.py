"""Results of several recordings as a sequence, whatever was asked of the recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, overload

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


class Results(Sequence[_T]):
    """A result for each recording, in their order; those that failed are in `failures`."""

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
            return type(self)(self._results[index], self.failures)
        return self._results[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._results == other._results

    __hash__ = None  # type: ignore[assignment]
