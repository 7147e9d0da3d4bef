"""What a comparison of words says: plain, immutable objects with the keys of ``callprint words --format json``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from callprint._html import words_html, words_results_html
from callprint._pandas import table_of
from callprint._sequence import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SameWords:
    """One place where the words of a known script are said, in whatever voice.

    Attributes
    ----------
    script : str
        Script, the part of the rendering's name before ``__``.
    rendering : str
        The recording of the script whose sounds come nearest.
    channel : int
        Channel of the recording, from 0.
    score : float
        How much more speaks for this script than for any other, summed up over what is said; above 0, without a unit.
    false_alarms_per_hour : float
        Expected wrong answers of this score or higher in an hour of calls that say no known script. It rests on a few
        hours of calls, so nothing under 0.001 is stated: 0.001 means that or fewer.
    query_start, query_end : float
        Where it is in the recording, s.
    script_start, script_end : float
        Which part of the rendering is said, s.
    """

    script: str
    rendering: str
    channel: int
    score: float
    false_alarms_per_hour: float
    query_start: float
    query_end: float
    script_start: float
    script_end: float


@dataclass(frozen=True, slots=True)
class WordingResult:
    """The scripts that one recording says, whoever says them.

    Attributes
    ----------
    file : str
        Path as given, or ``<array>``; of several, ``<array 2>`` is the third.
    seconds : float
        Length, s.
    same_words : tuple of SameWords
        Best first; of each channel and script the place where it says most of it.
    """

    file: str
    seconds: float
    same_words: tuple[SameWords, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``callprint words --format json`` prints for this recording.

        Returns
        -------
        dict
            Of strings, numbers, lists and dicts; a copy.
        """
        same_words = [asdict(found) for found in self.same_words]
        return {"file": self.file, "seconds": self.seconds, "same_words": same_words}

    def to_dataframe(self) -> pd.DataFrame:
        """Return what was found as a table.

        Returns
        -------
        pandas.DataFrame
            A row a script and channel, best first; columns ``file`` and the attributes of `SameWords`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return _table([self])

    def _repr_html_(self) -> str:
        return words_html(self)


class WordingResults(Results[WordingResult]):
    """The results of several recordings, in their order; those that failed are in `failures`.

    Attributes
    ----------
    failures : tuple of Failure
        Recordings that could not be read.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        said = sum(bool(result.same_words) for result in self)
        return f"<WordingResults: {len(self)} scanned, {said} with known words, {len(self.failures)} failed>"

    def to_dict(self) -> list[dict[str, Any]]:
        """Return a list of what `WordingResult.to_dict` gives for each."""
        return [result.to_dict() for result in self]

    def to_dataframe(self) -> pd.DataFrame:
        """Return all that was found as one table.

        Returns
        -------
        pandas.DataFrame
            As from `WordingResult.to_dataframe`; a recording that says no known script has no row.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return _table(self)

    def _repr_html_(self) -> str:
        return words_results_html(self)


def same_words(text: str) -> SameWords | None:
    """Make what was found of the compiled part's JSON."""
    found: dict[str, Any] | None = json.loads(text)
    return None if found is None else SameWords(**found)


def wording_result(text: str, name: str | None = None) -> WordingResult:
    """Make the result of the compiled part's JSON; `name` is what its recording is called, if it knows no file."""
    report: dict[str, Any] = json.loads(text)
    if name is not None:
        report["file"] = name
    return WordingResult(**report | {"same_words": tuple(SameWords(**found) for found in report["same_words"])})


def _table(results: Iterable[WordingResult]) -> pd.DataFrame:
    return table_of(SameWords, ((result.file, found) for result in results for found in result.same_words))
