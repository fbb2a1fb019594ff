"""Bounds in footers that were read together, as values of their columns' types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from pyarrow import types as pt

from parquetry.model.plain_numbers import array_of

if TYPE_CHECKING:
    import pyarrow as pa

    from parquetry.files.footer_table import FooterTable
    from parquetry.files.lockstep import Spans

_UNITS: dict[str, Literal["ms", "us", "ns"]] = {
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
}


def decode_bounds(
    table: FooterTable, spans: Spans, chunk: Any, stored: pa.DataType
) -> pl.Series | None:
    """Return lower or upper bounds, one a footer; NULL for NaN and for what is no text.

    Moments come as they are stored: in UTC, where the column has a time zone, and without saying so.

    Args:
        table: The footers.
        spans: Where the bounds stand in them.
        chunk: What PyArrow says of the column in the example of the table.
        stored: The column's type in the files, in normal form.

    Returns:
        None for a type whose bounds are more than their bytes, such as decimals and times of day.
    """
    if pt.is_string(stored) or pt.is_binary(stored):
        values = pl.Series(table.texts(spans), dtype=pl.Binary)
        return values.cast(pl.String, strict=False) if pt.is_string(stored) else values
    form = _form(chunk.physical_type, stored)
    numbers = None if form is None else table.numbers(spans, form)
    if numbers is None:
        return None
    if pt.is_boolean(stored):
        return pl.Series(array_of(numbers != 0))
    found = pl.Series(array_of(np.ascontiguousarray(numbers)))
    if pt.is_floating(stored):
        return found.fill_nan(None)
    if pt.is_date32(stored):
        return found.cast(pl.Date)
    if not pt.is_timestamp(stored):
        return found
    unit = json.loads(chunk.statistics.logical_type.to_json()).get("timeUnit")
    return found.cast(pl.Datetime(_UNITS[unit])) if unit in _UNITS else None


def _form(physical: str, stored: pa.DataType) -> str | None:
    """Return NumPy's type for the bytes of a bound, None if it is no plain number."""
    if pt.is_boolean(stored) and physical == "BOOLEAN":
        return "u1"
    if physical in {"FLOAT", "DOUBLE"} and pt.is_floating(stored):
        return "<f4" if physical == "FLOAT" else "<f8"
    is_whole = pt.is_integer(stored) or pt.is_date32(stored) or pt.is_timestamp(stored)
    if physical not in {"INT32", "INT64"} or not is_whole:
        return None
    sign = "u" if pt.is_unsigned_integer(stored) else "i"
    return f"<{sign}{4 if physical == 'INT32' else 8}"
