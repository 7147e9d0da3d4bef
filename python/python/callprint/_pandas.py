"""pandas, where it is installed."""

from __future__ import annotations

from typing import Any

from callprint._errors import MissingDependencyError


def import_pandas(who: str) -> Any:
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
