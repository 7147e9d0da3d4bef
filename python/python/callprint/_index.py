"""The index of known scripts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import ArrayLike

from callprint import _core
from callprint._batch import Recording, expand, is_batch, recordings_of, refuse_batch, run
from callprint._corpus import as_channel
from callprint._errors import ArgumentError, CallprintWarning
from callprint._far import MAX_FAR, as_far
from callprint._fingerprint import Fingerprint
from callprint._html import index_html
from callprint._renderings import Rendering, read_labels
from callprint._results import Match, ScanResult, scan_result
from callprint._signal import StrPath, as_path, as_rate, as_signal, as_text, is_path, refuse_rate

MAX_CLIP_SECONDS = 600.0
"""Longest clip that an index takes: scripts last a minute or two, a longer file is a whole call by mistake."""


class Index:
    """An index of known scripts that can be searched, changed and saved.

    It holds renderings, that is recordings of scripts, each under a name such as ``dental-01__voice``: the part before
    ``__`` is the script. Threads may share an index; searching releases the GIL.

    Iterating gives the names of the renderings in order, `len` their number; ``name in index`` is true for the name of
    a rendering or of a script. As a context manager it is closed at the end, which releases the file.

    The first call that reads after a change builds the index anew: a search, ``in``, iterating, `renderings`,
    `scripts`, `codes`, `stats`, `verify`, showing it, or making a `Session` or `Wording` of it; `len` does not. So make
    all changes first, and in a loop of `add` ask a set of the names, not ``name in index``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(7)
    >>> time = np.arange(32000) / 8000
    >>> def robot():  # any sound that changes as speech does: 24 tones, four syllables a second
    ...     levels = rng.uniform(0, 1, (24, 80)).repeat(400, axis=1) ** 2
    ...     tones = np.sin(2 * np.pi * np.outer(np.linspace(250, 3300, 24), time))
    ...     return 0.05 * np.sin(4 * np.pi * time) ** 2 * (levels * tones).sum(axis=0)
    >>> y = robot()
    >>> index = Index()
    >>> index.add("loan-01__mine", y, sr=8000)
    >>> "loan-01" in index, len(index)
    (True, 1)
    >>> index.search(y, sr=8000)[0].script
    'loan-01'
    """

    __slots__ = ("_categories", "_core", "_path", "_restore")

    def __init__(self) -> None:
        self._set(_core.Index())

    def _set(self, core: _core.Index, path: str | None = None) -> None:
        self._core = core
        self._path = path
        # How an unchanged index is made again in another process.
        self._restore: tuple[Any, tuple[Any, ...]] | None = None
        # By script, the category of each rendering, kept from the first change on: to ask a changed index builds it.
        self._categories: dict[str, dict[str, str]] | None = None

    @classmethod
    def open(cls, path: StrPath) -> Index:
        """Open an index file by mapping it into memory.

        Parameters
        ----------
        path : str or path-like
            File that `save` or ``callprint index build`` wrote.

        Raises
        ------
        IndexFileError
            If it is no index, damaged, or of another version; the message says what to do.
        FileError
            If it can't be read (a `FileNotFoundError` if it is not there).
        """
        # Absolute, to be the same file from another working directory.
        name = str(Path(as_path(path)).absolute())
        self = cls.__new__(cls)
        self._set(_core.Index.open(name), name)
        self._restore = (Index.open, (name,))
        return self

    @classmethod
    def builtin(cls) -> Index:
        """Return the index of the corpus that comes with callprint.

        It may be changed and saved under a name; the built-in one stays as it is.
        """
        self = cls.__new__(cls)
        self._set(_core.Index.builtin())
        self._restore = (Index.builtin, ())
        return self

    @classmethod
    def build(
        cls,
        clips: StrPath | Iterable[StrPath],
        *,
        scripts: StrPath | None = None,
        channel: int | None = None,
    ) -> Index:
        """Build an index from audio files.

        Parameters
        ----------
        clips : path, or iterable of paths
            Files or folders, one rendering a file, named ``script__rendering.wav`` (or another extension).
        scripts : path, optional
            Tab-separated table with a header line and columns ``id``, ``category`` and ``language``, to label the
            scripts with; `corpus/scripts.tsv` of the project is one.
        channel : int, optional
            Channel that holds the script, from 0, in files with several.

        Raises
        ------
        CallprintError
            As `add` does, for the first file that can't be used.
        """
        labels = {} if scripts is None else read_labels(scripts)
        index = cls()
        if not is_path(clips) and not is_batch(clips, "clips"):
            raise ArgumentError(f"clips is {type(clips).__name__}; want paths; for samples there is add()")
        for clip in expand(clips):
            if not is_path(clip):
                raise ArgumentError(f"clips holds {type(clip).__name__}; want paths; for samples there is add()")
            name = Path(clip).stem
            category, language = labels.get(name.partition("__")[0], ("", ""))
            index.add(name, clip, category=category, language=language, channel=channel)
        return index

    @property
    def path(self) -> str | None:
        """File that it was opened from or saved to last, as an absolute path, or None."""
        return self._path

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        try:
            len(self._core)
        except ArgumentError:
            return True
        return False

    @property
    def renderings(self) -> list[Rendering]:
        """All renderings, in the order of their names."""
        return [Rendering(*row) for row in self._core.renderings()]

    @property
    def scripts(self) -> list[str]:
        """Names of all scripts, sorted."""
        return sorted({rendering.script for rendering in self.renderings})

    def add(
        self,
        id: str,  # noqa: A002 - the field's word, also the table's column
        y: ArrayLike | StrPath,
        *,
        sr: int | None = None,
        category: str = "",
        language: str = "",
        channel: int | None = None,
    ) -> None:
        """Add a rendering.

        Parameters
        ----------
        id : str
            Its name, ``script__rendering``: letters, digits, ``-``, ``_`` and ``.``; at most 255 bytes.
        y : array_like of shape (n,), or path
            Samples of one channel as `fingerprint` takes them, or an audio file of at most 600 s. Cut it to the
            robot's speech: whatever else is there becomes part of what is searched.
        sr : int
            Sample rate of the samples; not for files.
        category, language : str, optional
            Labels of the script.
        channel : int, optional
            Channel of the file to take, from 0, if it has several that differ.

        Raises
        ------
        DuplicateError
            If there is a rendering of this name.
        TooShortError
            If there is less than 1.1 s of sound.
        ArgumentError
            If another argument can't be used.
        AudioError, FileError
            If the file can't be read.

        Warns
        -----
        CallprintWarning
            If another rendering of the script has another category.
        """
        if not isinstance(id, str):
            raise ArgumentError(f"id is {id!r}; want a name such as 'dental-01__voice'")
        labels = as_text(id, "id"), as_text(category, "category"), as_text(language, "language")
        categories = self._known_categories().setdefault(_script_of(id), {})
        if is_path(y):
            refuse_rate(sr)
            self._core.add_file(*labels, as_path(y), as_channel(channel), MAX_CLIP_SECONDS)
        else:
            if channel is not None:
                raise ArgumentError("channel is for files; pass one channel of the samples, as in y[:, 0]")
            self._core.add(*labels, as_signal(y), as_rate(sr))
        self._restore = None
        others = set(categories.values()) - {"", category}
        categories[id] = category
        if category and others:
            script, other = _script_of(id), min(others)
            told = f"script {script!r} has two categories now, {other!r} and {category!r}; give all its renderings one"
            warnings.warn(told, CallprintWarning, stacklevel=2)

    def _known_categories(self) -> dict[str, dict[str, str]]:
        if self._categories is None:
            self._categories = {}
            for rendering in self.renderings:
                self._categories.setdefault(rendering.script, {})[rendering.id] = rendering.category
        return self._categories

    def remove(self, name: str) -> int:
        """Remove a rendering, or all renderings of a script.

        Parameters
        ----------
        name : str
            Name of the rendering or the script.

        Returns
        -------
        int
            How many renderings went.

        Raises
        ------
        NotFoundError
            If there is none of this name (also a `KeyError`).
        """
        as_text(name, "name")
        categories = self._known_categories()
        count = self._core.remove(name)
        self._restore = None
        categories.pop(name, None)
        categories.get(_script_of(name), {}).pop(name, None)
        return count

    def search(
        self,
        y: ArrayLike | StrPath,
        *,
        sr: int | None = None,
        max_far: float = MAX_FAR,
        candidates: bool = False,
    ) -> list[Match]:
        """Find known scripts in a signal.

        Parameters
        ----------
        y : array_like of shape (n,), or path
            Samples of one channel, as `fingerprint` takes them, or an audio file, of which all channels are searched; a
            second or two of speech is the least that can decide.
        sr : int
            Sample rate of the samples, Hz; not for files.
        max_far : float, optional
            Largest false-alarm rate of a match, per hour of audio.
        candidates : bool, optional
            Also list the best places above `max_far`, which are no matches: their `decided_at` is None.

        Returns
        -------
        list of Match
            Best first; empty if nothing is known.

        Raises
        ------
        ArgumentError
            If an argument can't be used.
        AudioError, FileError
            If the file can't be read.

        See Also
        --------
        callprint.scan : for files and folders, with events and more.
        """
        refuse_batch(y, "search_many() or scan()")
        if is_path(y):
            refuse_rate(sr)
            return list(self._scan_file(y, max_far, candidates, None).matches)
        return list(self._scan_array(y, sr, max_far, candidates, None).matches)

    def search_many(
        self,
        ys: Iterable[ArrayLike | StrPath],
        *,
        sr: int | None = None,
        max_far: float = MAX_FAR,
        candidates: bool = False,
        jobs: int | None = None,
    ) -> list[list[Match]]:
        """Find known scripts in many signals, in several threads; the GIL is released.

        Parameters
        ----------
        ys : iterable of array_like of shape (n,), or of paths
            Signals, as `search` takes them one by one.
        sr : int
            Sample rate of all signals that are samples, Hz; not for files.
        max_far, candidates
            As for `search`.
        jobs : int, optional
            Signals to search at the same time; by default as many as there are processors.

        Returns
        -------
        list of list of Match
            What `search` gives for each, in their order.

        Raises
        ------
        ArgumentError, AudioError, FileError
            As `search` does, for the first signal that can't be used.
        """
        rows = getattr(ys, "ndim", 1) > 1 and not hasattr(ys, "columns")  # of an array: a signal each
        if is_path(ys) or not (rows or is_batch(ys, "ys")):
            raise ArgumentError("ys is one signal; want several: a list of them, or search() for one")
        as_far(max_far)

        def one_by_one() -> Iterator[ArrayLike | StrPath]:
            for y in ys:
                refuse_batch(y, "scan()")
                yield y

        recordings, _ = recordings_of(one_by_one() if isinstance(ys, Iterator) else list(one_by_one()), sr)

        def search_one(recording: Recording, cancel: _core.CancelFlag) -> list[Match]:
            if is_path(recording.audio):
                return list(self._scan_file(recording.audio, max_far, candidates, cancel).matches)
            return list(self._scan_array(recording.audio, sr, max_far, candidates, cancel).matches)

        return run(search_one, recordings, jobs=jobs, on_error="raise")[0]

    def codes(self, rendering: str) -> Fingerprint:
        """Return the codes that are stored of a rendering.

        Parameters
        ----------
        rendering : str
            Its name, ``script__rendering``.

        Returns
        -------
        Fingerprint
            A code every 40 ms, as from `fingerprint`.

        Raises
        ------
        NotFoundError
            If there is no rendering of this name.
        """
        return Fingerprint(*self._core.codes(as_text(rendering, "rendering")))

    def _scan_array(
        self,
        y: ArrayLike,
        sr: Any,
        max_far: float,
        candidates: bool,
        cancel: _core.CancelFlag | None,
        name: str | None = None,
    ) -> ScanResult:
        scanned = self._core.scan(as_signal(y), as_rate(sr), as_far(max_far), bool(candidates), cancel)
        return scan_result(scanned, name)

    def _scan_file(
        self, path: StrPath, max_far: float, candidates: bool, cancel: _core.CancelFlag | None
    ) -> ScanResult:
        return scan_result(self._core.scan_file(as_path(path), as_far(max_far), bool(candidates), cancel))

    def save(self, path: StrPath | None = None) -> None:
        """Write the index to a file.

        The file is replaced at once or not at all, so readers never see half of it. The same renderings give the same
        bytes, in whatever order they were added.

        Parameters
        ----------
        path : str or path-like, optional
            File to write; by default the one it was opened from or saved to last.

        Raises
        ------
        ArgumentError
            If there is no path, or there is a file at `path` that is no index.
        FileError
            If the file can't be written; the old one is untouched then.
        """
        target = self._path if path is None else str(Path(as_path(path)).absolute())
        if target is None:
            raise ArgumentError("the index has no file yet; give save() a path")
        self._core.save(target)
        self._path = target
        self._restore = (Index.open, (target,))

    def stats(self) -> dict[str, Any]:
        """Return the sizes of the index.

        Returns
        -------
        dict
            ``renderings``, ``scripts``, ``categories``, ``seconds`` of audio, ``codes``, ``bytes`` of the file,
            ``format_version``, and ``configuration``, the hash of the fingerprint's.
        """
        stats: dict[str, Any] = json.loads(self._core.stats())
        stats["seconds"] += 0.0  # a sum of nothing is -0.0
        return stats

    def verify(self) -> None:
        """Read everything and check all sums; opening a file checks its header only.

        Raises
        ------
        IndexFileError
            Naming what is damaged.
        """
        self._core.verify()

    def close(self) -> None:
        """Release the file and the memory; all but this method raise `ArgumentError` then."""
        self._core.close()
        self._restore = None

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._core)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and name in self._core
        except UnicodeEncodeError:
            return False

    def __bool__(self) -> bool:
        return not self.closed and len(self) > 0

    def __iter__(self) -> Iterator[str]:
        return iter([rendering.id for rendering in self.renderings])

    def __repr__(self) -> str:
        if self.closed:
            return "<callprint.Index: closed>"
        held = f"{len(self)} renderings of {len(self.scripts)} scripts"
        return f"<callprint.Index: {held}{f', {self._path}' if self._path else ''}>"

    def _repr_html_(self) -> str:
        return index_html(self)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._restore or (_from_bytes, (self._core.to_bytes(), self._path))


def as_index(index: Index | StrPath | None) -> Index:
    """Return the index that an argument stands for; None is the built-in one."""
    if index is None:
        return Index.builtin()
    if isinstance(index, Index):
        return index
    if is_path(index):
        return Index.open(index)
    raise ArgumentError(f"index is {type(index).__name__}; want an Index, a path, or None for the built-in one")


def _script_of(rendering: str) -> str:
    return rendering.partition("__")[0]


def _from_bytes(data: bytes, path: str | None) -> Index:
    index = Index.__new__(Index)
    index._set(_core.Index.from_bytes(data), path)
    return index
