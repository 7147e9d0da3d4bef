"""pandas, where it is installed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from callprint._errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {"str": str, "int": "int64", "float": "float64", "float | None": "float64"}
"""Types of columns by those of attributes; others are objects."""


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


def table_of(kind: type, rows: Iterable[tuple[str, Any]], leave_out: tuple[str, ...] = ()) -> pd.DataFrame:
    """Make a table of objects, each with the file that it was found in.

    The type of a column does not depend on the rows, nor on whether there are any, so that tables can be put together.

    Parameters
    ----------
    kind : type
        Dataclass of the objects, whose attributes are the columns after ``file``.
    rows : iterable of (str, object)
        Files and objects.
    leave_out : tuple of str, optional
        Attributes that make no column.

    Raises
    ------
    MissingDependencyError
        If pandas is not installed.
    """
    pandas = import_pandas("to_dataframe")
    held = list(rows)
    columns = {"file": pandas.Series([file for file, _ in held], dtype=str)}
    for attribute in fields(kind):
        if attribute.name not in leave_out:
            values = [getattr(row, attribute.name) for _, row in held]
            columns[attribute.name] = pandas.Series(values, dtype=_TYPES.get(str(attribute.type), object))
    table: pd.DataFrame = pandas.DataFrame(columns)
    return table
