"""pandas, where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callprint._errors import MissingDependencyError

if TYPE_CHECKING:
    import types


def import_pandas(who: str) -> types.ModuleType:
    """Import pandas, or say what to do.

    Parameters
    ----------
    who : str
        What needs it.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        message = f"{who} needs pandas: pip install 'callprint[pandas]'"
        raise MissingDependencyError(message, name="pandas") from error
    return pandas
