"""The exceptions of callprint: one root, and beside it the built-in class that fits."""

from __future__ import annotations

from typing import Any

__all__ = [
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
]


class CallprintError(Exception):
    """Root of all exceptions that callprint raises on purpose."""


class ArgumentError(CallprintError, ValueError):
    """An argument can't be used; the message quotes it and says what is accepted."""


class DuplicateError(ArgumentError):
    """The index already holds a rendering of this name."""


class TooShortError(ArgumentError):
    """A recording holds too little sound to be recognised again."""


class NotFoundError(CallprintError, KeyError):
    """The index holds no rendering or script of this name."""

    # KeyError shows the representation of its argument; this is a sentence.
    __str__ = Exception.__str__


class FileError(CallprintError, OSError):
    """A file can't be read or written.

    Where Python has a class of its own for the reason, the exception is of that class too: one can catch
    `FileNotFoundError`, `PermissionError` or `IsADirectoryError` as after `open`.

    Attributes
    ----------
    filename : str
        The file.
    strerror : str
        The reason.
    errno : int or None
        The system's number for the reason, if it was the system that refused.
    """

    def __new__(cls, errno: int | None, strerror: str, filename: str) -> FileError:
        """Choose the class by `errno`, as `OSError` does."""
        if cls is FileError and errno is not None:
            cls = _BY_ERRNO.get(errno, cls)
        error: FileError = super().__new__(cls, errno, strerror, filename)
        return error

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errno, self.strerror, self.filename)


class AudioError(FileError):
    """A file is not audio that callprint reads, or it is damaged; the message says which."""


class IndexFileError(FileError):
    """A file is no index that this version can use; the message says why and what to do."""


class InternalError(CallprintError, RuntimeError):
    """A bug of callprint."""


class MissingDependencyError(CallprintError, ImportError):
    """Something needs an optional package that is not installed."""


class CallprintWarning(UserWarning):
    """Something was left out, such as a file that can't be read."""


class MissingFileError(FileError, FileNotFoundError):
    """There is no such file."""


class DeniedFileError(FileError, PermissionError):
    """The system does not allow it."""


class FolderFileError(FileError, IsADirectoryError):
    """It is a folder."""


# The numbers are the same on all systems.
_BY_ERRNO: dict[int, type[FileError]] = {
    2: MissingFileError,
    13: DeniedFileError,
    21: FolderFileError,
}
