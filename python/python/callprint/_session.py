"""Live calls: audio in as it comes, events out as they become known."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from callprint import _core
from callprint._corpus import as_seconds
from callprint._errors import ArgumentError
from callprint._far import MAX_FAR, as_far
from callprint._index import Index, as_index
from callprint._results import ScanResult, scan_result
from callprint._signal import StrPath, as_rate, as_signal

PIECE_SECONDS = 5
"""Longest stretch that is heard without a pause, s."""


@dataclass(frozen=True, slots=True)
class SessionMatch:
    """A script heard in a live call, as known at one moment.

    Attributes
    ----------
    script, rendering : str
        The script, and the recording of it that fits best.
    score : float
        Log-likelihood ratio, nats.
    false_alarms_per_hour : float
        Expected wrong matches of this score or higher in an hour of audio, against this index.
    ber : float
        Bit error rate of the aligned codes.
    query_start, query_end : float
        Where it is in the call so far, s.
    script_start, script_end : float
        Which part of the rendering was heard so far, s.
    speed : float
        Speed relative to the rendering.
    rivals : tuple of str
        Other scripts that fit about as well.
    """

    script: str
    rendering: str
    score: float
    false_alarms_per_hour: float
    ber: float
    query_start: float
    query_end: float
    script_start: float
    script_end: float
    speed: float
    rivals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something that became known about a live call.

    Attributes
    ----------
    type : str
        ``answered``, ``match``, ``ambiguous``, ``match_revoked``, ``unmatched``, ``machine_voice``, ``handover`` or
        ``ended``.
    at : float
        Audio time, s from the first sample. Of ``answered`` it is when the first loud sound began that is neither a
        tone of 0.3 s or more nor a steady noise.
    match : SessionMatch or None
        What ``match``, ``ambiguous`` and ``match_revoked`` speak of.
    probability : float or None
        That of ``machine_voice``, or how sure a ``handover`` is.
    """

    type: str
    at: float
    match: SessionMatch | None = None
    probability: float | None = None


class Session:
    """One leg of a live call: push samples as they come, in pieces of any size, and take the events.

    The result does not depend on the pieces, and is that of `scan` on the whole. Sessions share an index; each belongs
    to one call.

    As a context manager it ends the call when the block is left. The last events, ``ended`` at least, are those that
    `finish` returns: call it at the end of the block, or after it.

    Parameters
    ----------
    index : Index or path, optional
        Scripts to look for; by default those of the corpus that comes with callprint. Later changes of it do not count.
    sr : int, optional
        Samples a second, 1000 to 384000.
    max_far : float, optional
        Largest false-alarm rate of a match, per hour of audio.
    unmatched_after : float, optional
        Seconds of sound, without tones and steady noise, after which a call without a match is declared ``unmatched``.
    stop_when_decided : bool, optional
        Whether to stop searching once the call is decided, to save time: unmatched, or matched without rivals for 2 s.
    machine_voice : bool, optional
        Whether the voice is judged, machine or human; without it a session is smaller and a little faster.

    Examples
    --------
    >>> import numpy as np
    >>> with Session(sr=8000) as session:
    ...     for block in np.zeros((50, 160), np.int16):  # 20 ms each
    ...         for event in session.push(block):
    ...             print(event.type, event.at)
    ...     for event in session.finish():
    ...         print(event.type, event.at)
    ended 1.0
    >>> session.seconds
    1.0
    """

    __slots__ = ("_core", "_sr")

    def __init__(
        self,
        index: Index | StrPath | None = None,
        *,
        sr: int = _core.SAMPLE_RATE,
        max_far: float = MAX_FAR,
        unmatched_after: float = 12.0,
        stop_when_decided: bool = False,
        machine_voice: bool = True,
    ) -> None:
        after = as_seconds(unmatched_after, "unmatched_after")
        self._sr = as_rate(sr)
        known = as_index(index)._core
        far = as_far(max_far)
        self._core = _core.Session(known, self._sr, far, after, bool(stop_when_decided), bool(machine_voice))

    def push(self, y: ArrayLike) -> list[SessionEvent]:
        """Take samples, and return the events that became known.

        Parameters
        ----------
        y : array_like, shape (n,)
            The next samples of the call, as `fingerprint` takes them; any number, also none.

        Returns
        -------
        list of SessionEvent
            In order of time; mostly empty.
        """
        samples = as_signal(np.empty(0, np.float32) if isinstance(y, (list, tuple)) and not y else y)
        events: list[SessionEvent] = []
        # In pieces: between two of them Ctrl-C is noticed, and no event is dropped for want of room.
        piece = PIECE_SECONDS * self._sr
        for start in range(0, max(len(samples), 1), piece):
            self._core.push(samples[start : start + piece])
            events += self._events()
        return events

    def finish(self) -> list[SessionEvent]:
        """End the call, and return the last events; samples pushed after it are ignored.

        Returns
        -------
        list of SessionEvent
            What became known by the end, and ``ended``. If the call has ended already, as by leaving a ``with`` block,
            those of its last events that were not returned yet.
        """
        self._core.finish()
        return self._events()

    def reset(self) -> None:
        """Forget the call; the next sample begins another."""
        self._core.reset()

    @property
    def seconds(self) -> float:
        """Length of what was pushed, s."""
        return self._core.seconds()

    def result(self) -> ScanResult:
        """Return what `scan` says of the call so far."""
        return scan_result(self._core.report())

    def _events(self) -> list[SessionEvent]:
        return [_event(*event) for event in self._core.poll()]

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._core.finish()

    def __reduce__(self) -> NoReturn:
        raise ArgumentError("a Session is one live call, which can't be copied or pickled; make another")

    def __repr__(self) -> str:
        return f"<callprint.Session: {self.seconds:.1f} s at {self._sr} Hz>"


def _event(kind: str, at: float, probability: float | None, found: Any) -> SessionEvent:
    if found is None:
        return SessionEvent(kind, at, None, probability)
    rendering, score, far, ber, query_start, query_end, script_start, script_end, speed, rivals = found
    match = SessionMatch(
        script=rendering.partition("__")[0],
        rendering=rendering,
        score=score,
        false_alarms_per_hour=far,
        ber=ber,
        query_start=query_start,
        query_end=query_end,
        script_start=script_start,
        script_end=script_end,
        speed=speed,
        rivals=tuple(rivals),
    )
    return SessionEvent(kind, at, match, probability)
