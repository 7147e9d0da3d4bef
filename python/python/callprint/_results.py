"""What a scan says: plain, immutable objects with the keys of ``callprint scan --format json``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from callprint._html import results_html, scan_html
from callprint._pandas import table_of
from callprint._sequence import Results, arrays_equal

if TYPE_CHECKING:
    import pandas as pd


class Alignment(NamedTuple):
    """How a match lies over the recording, code by code; at most the last 8 s before it was decided best.

    Attributes
    ----------
    speed : float
        Assumed speed at which the recording's codes were made; ``fingerprint(y, sr=sr, hop=1, speed=speed)`` gives
        them.
    query_times : ndarray of float64, shape (n,)
        Time in the recording of the middle of each code, s.
    script_times : ndarray of float64, shape (n,)
        Time in the rendering of the middle of the code that it is compared with, s.
    distances : ndarray of uint8, shape (n,)
        Bits of 128 in which the two differ.
    active : ndarray of bool, shape (n,)
        Whether both hold sound.
    """

    speed: float
    query_times: NDArray[np.float64]
    script_times: NDArray[np.float64]
    distances: NDArray[np.uint8]
    active: NDArray[np.bool_]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alignment) and arrays_equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other


@dataclass(frozen=True, slots=True)
class Match:
    """One place where a known script was heard.

    Attributes
    ----------
    script : str
        Script, the part of the rendering's name before ``__``.
    rendering : str
        The recording of the script that fits best.
    category : str
        Category of the script, empty if the index does not tell.
    channel : int
        Channel of the recording, from 0.
    score : float
        Log-likelihood ratio of "this plays here" against "something else does", nats.
    false_alarms_per_hour : float
        Expected wrong matches of this score or higher in an hour of audio, against this index.
    ber : float
        Bit error rate of the aligned codes: 0 for the same, about 0.5 for unrelated sound.
    query_start, query_end : float
        Where it is in the recording, s.
    script_start, script_end : float
        Which part of the rendering was heard, s.
    speed : float
        Speed relative to the rendering; 1.03 is 3 % faster.
    decided_at : float or None
        Audio time at which a live listener would have known, s; None for a candidate that is no match.
    rivals : tuple of str
        Other scripts that fit the same audio about as well; empty for a match that is unambiguous.
    alignment : Alignment or None
        Code by code, how the rendering lies over the recording; kept only with ``candidates=True``.
    """

    script: str
    rendering: str
    category: str
    channel: int
    score: float
    false_alarms_per_hour: float
    ber: float
    query_start: float
    query_end: float
    script_start: float
    script_end: float
    speed: float
    decided_at: float | None
    rivals: tuple[str, ...] = ()
    alignment: Alignment | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a call.

    Attributes
    ----------
    type : str
        ``answered``, ``match``, ``machine_voice``, ``handover`` or ``ended``.
    at : float
        Audio time, s. Of ``answered`` it is when the first loud sound began that is neither a tone of 0.3 s or more nor
        a steady noise.
    channel : int
        Channel, from 0.
    probability : float or None
        How sure it is, 0 to 1, of ``machine_voice`` and ``handover``; None for the others.
    """

    type: str
    at: float
    channel: int
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class MachineVoice:
    """How sure it is that a voice is synthetic or recorded.

    Attributes
    ----------
    probability : float or None
        0 to 1; None when abstained.
    abstained : bool
        True when there was too little speech, or no model, to say anything.
    seconds : float
        Speech that it rests on, s.
    """

    probability: float | None
    abstained: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Channel:
    """What one channel of a recording holds.

    Attributes
    ----------
    name : str
        ``mono``, ``left``, ``right``, or ``channel 3`` and so on.
    active_seconds : float
        Sound that is neither silence, nor a tone of 0.3 s or more, nor a steady noise, s.
    machine_voice : MachineVoice
        Score of this channel.
    """

    name: str
    active_seconds: float
    machine_voice: MachineVoice


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything a scan says about one recording.

    Attributes
    ----------
    file : str
        Path as given, or ``<array>``; of several, ``<array 2>`` is the third.
    seconds : float
        Length, s.
    matches : tuple of Match
        Best first. With ``candidates=True``, those with ``decided_at`` None are no matches.
    machine_voice : MachineVoice
        Score of the channel that speaks most like a machine.
    events : tuple of Event
        In order of time.
    decided_at : float or None
        Audio time at which a live listener would have known the best match, s.
    channels : tuple of Channel
        The channels, each scanned by itself.
    """

    file: str
    seconds: float
    matches: tuple[Match, ...]
    machine_voice: MachineVoice
    events: tuple[Event, ...]
    decided_at: float | None
    channels: tuple[Channel, ...]
    _report: dict[str, Any] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``callprint scan --format json`` prints for this recording.

        Returns
        -------
        dict
            Of strings, numbers, lists and dicts; a copy.
        """
        copy: dict[str, Any] = json.loads(json.dumps(self._report))
        # One may have replaced it.
        return copy | {"file": self.file}

    def to_dataframe(self) -> pd.DataFrame:
        """Return the matches as a table.

        Returns
        -------
        pandas.DataFrame
            A row a match, best first; columns ``file`` and the attributes of `Match`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return _match_table([self])

    def _repr_html_(self) -> str:
        return scan_html(self)


class ScanResults(Results[ScanResult]):
    """The results of several recordings, in their order; those that failed are in `failures`.

    Attributes
    ----------
    failures : tuple of Failure
        Recordings that could not be scanned.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        matched = sum(any(m.decided_at is not None for m in result.matches) for result in self)
        return f"<ScanResults: {len(self)} scanned, {matched} with a match, {len(self.failures)} failed>"

    def to_dict(self) -> list[dict[str, Any]]:
        """Return a list of what `ScanResult.to_dict` gives for each."""
        return [result.to_dict() for result in self]

    def to_dataframe(self) -> pd.DataFrame:
        """Return all matches as one table.

        Returns
        -------
        pandas.DataFrame
            A row a match, as from `ScanResult.to_dataframe`; a recording without a match has no row.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return _match_table(self)

    def _repr_html_(self) -> str:
        return results_html(self)


def scan_result(scanned: tuple[str, list[Any]], name: str | None = None) -> ScanResult:
    """Make the result of the compiled part's JSON, and alignments in the order of its matches.

    `name` is what its recording is called, if it knows no file.
    """
    text, alignments = scanned
    report: dict[str, Any] = json.loads(text)
    if name is not None:
        report["file"] = name
    paths = [Alignment(*alignment) for alignment in alignments]
    return ScanResult(
        file=report["file"],
        seconds=report["seconds"],
        matches=tuple(_match(match, path) for match, path in zip(report["matches"], paths, strict=True)),
        machine_voice=_known(MachineVoice, report["machine_voice"]),
        events=tuple(_known(Event, event) for event in report["events"]),
        decided_at=report["decided_at"],
        channels=tuple(_channel(channel) for channel in report["channels"]),
        _report=report,
    )


_T = TypeVar("_T")


def _known(kind: type[_T], values: dict[str, Any]) -> _T:
    """Make an object of the keys that it has attributes for; `to_dict` has them all."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: values[name] for name in names if name in values})


def _match(values: dict[str, Any], path: Alignment) -> Match:
    alignment = path if len(path.query_times) else None
    return _known(Match, values | {"rivals": tuple(values.get("rivals", ())), "alignment": alignment})


def _channel(values: dict[str, Any]) -> Channel:
    return _known(Channel, values | {"machine_voice": _known(MachineVoice, values["machine_voice"])})


def _match_table(results: Iterable[ScanResult]) -> pd.DataFrame:
    rows = ((result.file, match) for result in results for match in result.matches)
    return table_of(Match, rows, leave_out=("alignment",))
