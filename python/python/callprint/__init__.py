"""Recognise scripted robot calls by their sound.

Caller IDs rotate; the recorded or synthesised opening does not. Callprint turns telephone audio into binary spectral
fingerprints and prosody features and matches them against an index of known scripts.

- `scan` says which scripts play in files, folders or arrays.
- `Index` holds the scripts: built-in ones, or your own.
- `Wording` says which script is being said, also by another voice.
- `Session` takes a live call in pieces and tells what becomes known.
- `fingerprint` gives the codes of a signal, `features` its prosody.
- `load` reads an audio file, `scripts` lists the corpus.
- `callprint.plot` draws it (with matplotlib).

Samples are NumPy arrays of one channel, ``(n,)``, float32 with full scale 1 or int16, at any rate from 1000 to
384000 Hz.
All times are in seconds.
"""

from __future__ import annotations

from callprint._core import __version__

TYPE_CHECKING = False  # as type checkers understand it, without importing `typing`

if TYPE_CHECKING:
    from callprint import plot
    from callprint._corpus import Script, load, scripts
    from callprint._errors import (
        ArgumentError,
        AudioError,
        CallprintError,
        CallprintWarning,
        DuplicateError,
        FileError,
        IndexFileError,
        InternalError,
        MissingDependencyError,
        NotFoundError,
        TooShortError,
    )
    from callprint._extractor import FeatureExtractor
    from callprint._features import Feature, feature_catalogue, feature_names, features
    from callprint._fingerprint import Fingerprint, fingerprint
    from callprint._index import Index
    from callprint._info import build_info
    from callprint._renderings import Rendering
    from callprint._results import (
        Alignment,
        Channel,
        Event,
        MachineVoice,
        Match,
        ScanResult,
        ScanResults,
    )
    from callprint._same_words import SameWords, WordingResult, WordingResults
    from callprint._scan import scan
    from callprint._sequence import Failure
    from callprint._session import Session, SessionEvent, SessionMatch
    from callprint._wording import Wording

__all__ = [
    "Alignment",
    "ArgumentError",
    "AudioError",
    "CallprintError",
    "CallprintWarning",
    "Channel",
    "DuplicateError",
    "Event",
    "Failure",
    "Feature",
    "FeatureExtractor",
    "FileError",
    "Fingerprint",
    "Index",
    "IndexFileError",
    "InternalError",
    "MachineVoice",
    "Match",
    "MissingDependencyError",
    "NotFoundError",
    "Rendering",
    "SameWords",
    "ScanResult",
    "ScanResults",
    "Script",
    "Session",
    "SessionEvent",
    "SessionMatch",
    "TooShortError",
    "Wording",
    "WordingResult",
    "WordingResults",
    "__version__",
    "build_info",
    "feature_catalogue",
    "feature_names",
    "features",
    "fingerprint",
    "load",
    "plot",
    "scan",
    "scripts",
]

# Importing this costs little: what a name needs (NumPy, most of all) is imported when the name is first used.
_HOME = {
    "_corpus": ["Script", "load", "scripts"],
    "_errors": [
        "ArgumentError",
        "AudioError",
        "CallprintError",
        "CallprintWarning",
        "DuplicateError",
        "FileError",
        "IndexFileError",
        "InternalError",
        "MissingDependencyError",
        "NotFoundError",
        "TooShortError",
    ],
    "_extractor": ["FeatureExtractor"],
    "_features": ["Feature", "feature_catalogue", "feature_names", "features"],
    "_fingerprint": ["Fingerprint", "fingerprint"],
    "_index": ["Index"],
    "_info": ["build_info"],
    "_renderings": ["Rendering"],
    "_results": ["Alignment", "Channel", "Event", "MachineVoice", "Match", "ScanResult", "ScanResults"],
    "_same_words": ["SameWords", "WordingResult", "WordingResults"],
    "_scan": ["scan"],
    "_sequence": ["Failure"],
    "_session": ["Session", "SessionEvent", "SessionMatch"],
    "_wording": ["Wording"],
}
_HOME_OF = {name: home for home, names in _HOME.items() for name in names}


def __getattr__(name: str) -> object:
    if name != "plot" and name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "plot":
        return import_module("callprint.plot")
    home = import_module(f"callprint.{_HOME_OF[name]}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
